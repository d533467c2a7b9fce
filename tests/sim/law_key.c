/* tests/sim/law_key.c - see law.h: order within a key. */
#include "law.h"

enum { TRIES = 3, TRY_MS = 1000 };

struct law_key *
law_key_of(struct law *law, int part, struct str key)
{
	struct law_key *k = law->key;

	for (; k < law->key + law->keys; k++)
		if (k->part == part && str_eq(k->key, key))
			return k;
	if (law->keys++ == LAW_KEYS)
		wrong("BUG", "more keys than rooms");
	*k = (struct law_key){.part = part, .key = key};
	return k;
}

static bool
has(const struct law *law, const struct law_key *key, enum law_state state,
	int64_t before)
{
	const struct law_item *i;

	TAILQ_FOREACH (i, &law->items, link)
		if (!i->left && i->key == key && i->state == state &&
			i->offset < before)
			return true;
	return false;
}

static void
not_so(const struct law *law, const struct law_item *i, const char *why)
{
	wrong("LAW", "%s sends %s %s", law->actor->name, law_name(i), why);
}

/* The next of a key on hold goes alone, after a second, with `again`. */
void
law_send_key(struct law *law, struct law_item *i, bool again)
{
	struct law_key *key = i->key;
	bool out = has(law, key, LAW_SENT, INT64_MAX);

	if (again != key->hold)
		not_so(law, i,
			again ? "with `again`, and nothing is held"
			      : "though its key is on hold");
	if (has(law, key, LAW_WAITS, i->offset))
		not_so(law, i, "before an earlier one of its key");
	if (out && (key->hold || !law->control))
		not_so(law, i, "while others of its key are out");
	if (key->hold && w.now < key->due_ms)
		not_so(law, i, "again too soon");
	key->probing |= key->hold;
}

/* Only the first of a hold counts as a try, and what goes with `again`. */
bool
law_retry(struct law *law, struct law_item *i)
{
	struct law_key *key = i->key;
	struct law_item *other;
	bool counts = !key->hold || key->probing;

	i->state = LAW_WAITS;
	if (!counts)
		return false;
	key->hold = true;
	key->probing = false;
	key->due_ms = w.now + TRY_MS;
	if (++i->tries <= TRIES && !i->last_try)
		return false;
	key->due_ms = w.now;
	TAILQ_FOREACH (other, &law->items, link)
		if (other != i && !other->left && other->key == key &&
			other->state != LAW_ANSWERED)
			other->last_try = true;
	return true;
}

void
law_well(struct law *law, struct law_item *i)
{
	(void)law;
	if (i->key->probing)
		i->key->hold = false;
	i->key->probing = false;
}

/* The filter is new: it holds nothing, but what waited waits. */
void
law_keys_restart(struct law *law)
{
	struct law_key *key;

	for (key = law->key; key < law->key + law->keys; key++) {
		key->probing = false;
		key->hold &= has(law, key, LAW_WAITS, INT64_MAX);
	}
}

void
law_keys_forget(struct law *law, int part)
{
	struct law_key *key;

	for (key = law->key; key < law->key + law->keys; key++)
		if (key->part == part)
			key->hold = key->probing = false;
}
