/* audit/say.c - messages, places and workers in words, for verdicts. */
#include "audit/inner.h"

/* A sentence has four of them at most. */
static struct buf *
next(struct audit *audit)
{
	struct buf first = audit->words[0], *out;
	size_t last = ARRAY_LEN(audit->words) - 1, i;

	for (i = 0; i < last; i++)
		audit->words[i] = audit->words[i + 1];
	audit->words[last] = first;
	out = &audit->words[last];
	buf_reset(out);
	return out;
}

static const char *
said(const struct buf *out)
{
	return out->data && !buf_bad(out) ? out->data : "?";
}

const char *
audit_say_msg(struct audit *audit, uint32_t msg)
{
	struct buf *out = next(audit);
	const struct key *key;

	if (msg == TABLE_NONE) {
		buf_add_c(out, "a message of the system");
		return said(out);
	}
	key = &audit->msg[msg].key;
	buf_add_c(out, "message ");
	ident_print(out, &audit->ids, &key->id);
	buf_printf(out, " of user %lld in room %lld", (long long)key->sender_id,
		(long long)key->room_id);
	return said(out);
}

const char *
audit_say_part(struct audit *audit, uint32_t part, int64_t offset)
{
	const struct audit_part *p = &audit->part[part];
	struct buf *out = next(audit);

	buf_printf(out, "%s/%d/%lld", audit->topics.text[p->topic],
		(int)p->partition, (long long)offset);
	return said(out);
}

const char *
audit_say_worker(struct audit *audit, uint32_t worker)
{
	const struct audit_worker *w = &audit->worker[worker];
	struct buf *out = next(audit);

	buf_printf(out, "worker %s (user %lld)",
		audit->workers_names.text[w->name], (long long)w->user_id);
	return said(out);
}

const char *
audit_say_slot(struct audit *audit, uint32_t slot)
{
	const struct audit_slot *s = &audit->slot[slot];
	struct buf *out = next(audit);

	buf_printf(out, "room %lld seq %lld", (long long)s->room_id,
		(long long)s->seq);
	return said(out);
}

const char *
audit_say_who(struct audit *audit, const struct audit_sight *sight)
{
	return sight->worker == TABLE_NONE
		       ? sight->who
		       : audit_say_worker(audit, sight->worker);
}
