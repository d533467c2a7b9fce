/* tests/sim/law_store.c - see store.h: which keys a filter holds, by a model of
 * its own. */
#include <string.h>

#include "sends.h"
#include "store.h"

static struct held_key *
key_of(struct store *s, int part, struct str key)
{
	struct held_key *k = s->keys;

	for (; k < s->keys + s->key_count; k++)
		if (k->part == part && str_eq(k->key, key))
			return k;
	if (s->key_count++ == (int)ARRAY_LEN(s->keys))
		wrong("BUG", "more keys than rooms");
	*k = (struct held_key){.part = part, .key = sim_copy(key)};
	return k;
}

/* A record has become the batch's last. */
void
law_store_read(struct store *s, struct str line)
{
	static const char again[] = "\"again\":true";

	s->again[s->batch.count - 1] =
		memmem(line.data, line.len, again, sizeof(again) - 1) != NULL;
}

void
law_store_revoked(struct store *s, int part)
{
	struct held_key *k;

	for (k = s->keys; k < s->keys + s->key_count; k++)
		k->held &= k->part != part;
}

void
law_store_answers(const struct actor *actor)
{
	struct store *s = actor->self;
	size_t i;

	for (i = 0; i < s->batch.count && s->batch.control; i++) {
		const struct store_item *item = &s->batch.items[i];
		struct held_key *k = key_of(s, item->partition, item->key);
		bool held = strcmp(item->error_class, "HELD") == 0 &&
			    item->state == STORE_RETRY;

		k->held &= !s->again[i];
		if (item->state == STORE_DEAD)
			continue; /* it was so when it was read */
		if (k->held ? item->state != STORE_RETRY : held)
			wrong("LAW",
				"%s answers %d@%lld with %s, the key is %s",
				actor->name, item->partition,
				(long long)item->offset,
				held ? "HELD" : "another word",
				k->held ? "on hold" : "not on hold");
		k->held |= item->state == STORE_RETRY;
	}
}
