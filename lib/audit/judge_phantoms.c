/*
 * audit/judge_phantoms.c - I3: nothing is there that was refused for good, went
 * nowhere, was aborted, or was never sent; see audit.h.
 */
#include <stdlib.h>

#include "audit/inner.h"

/* An answer to its sender says that it is there, or was. */
static bool
is_answered(const struct audit *audit, const struct audit_msg *m)
{
	return !audit->opts.part && (m->flags & (MSG_DENIED | MSG_REPEATED)) &&
	       !m->records && audit->has[AUDIT_MESSAGES];
}

/* Of a part: a row of its time without the record that all messages of users
 * have, but those that were brought from an older system. */
static bool
is_from_nothing(const struct audit *audit, const struct audit_msg *m)
{
	const struct audit_slot *s =
		m->slot == TABLE_NONE ? NULL : &audit->slot[m->slot];

	return audit->opts.part && audit->opts.since_ms >= 0 && m->rows &&
	       !m->records && s && s->label == TABLE_NONE &&
	       s->ms >= audit->opts.since_ms + audit->opts.slack_ms;
}

static bool
is_present(const struct audit_msg *m)
{
	return m->rows || m->events || m->received;
}

static void
against(struct audit *audit, uint32_t at, const char *what)
{
	const struct audit_msg *m = &audit->msg[at];

	verdict_against(&audit->verdicts, I3_PHANTOM, "%s: %s, and it was %s",
		audit_say_msg(audit, at), what,
		m->rows	      ? "stored"
		: m->received ? "received"
		: m->events   ? "published"
			      : "committed");
}

/* ---- users whose every SEND is in a history ----------------------------- */

struct users {
	int64_t *id;
	size_t count;
};

static int
order_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int
known_users(const struct audit *audit, struct users *users)
{
	size_t i;

	users->count = audit->workers;
	users->id = calloc(audit->workers + 1, sizeof(*users->id));
	if (!users->id)
		return -1;
	for (i = 0; i < audit->workers; i++)
		users->id[i] = audit->worker[i].user_id;
	qsort(users->id, users->count, sizeof(*users->id), order_id);
	return 0;
}

static bool
is_known(const struct users *users, int64_t id)
{
	return users->count && bsearch(&id, users->id, users->count,
				       sizeof(*users->id), order_id);
}

/* ---- one message -------------------------------------------------------- */

static void
judge(struct audit *audit, uint32_t at, const struct users *users)
{
	const struct audit_msg *m = &audit->msg[at];
	bool logged = m->op != TABLE_NONE, whole = !audit->opts.part;

	if (!audit_is_due(audit, m))
		return;
	if (!is_present(m) && is_answered(audit, m))
		verdict_against(&audit->verdicts, I3_PHANTOM,
			"%s: an event %s it, and there is no record of it",
			audit_say_msg(audit, at),
			m->flags & MSG_DENIED ? "refuses"
					      : "tells a repeat of");
	if (!is_present(m) && !m->records)
		return;
	audit->verdicts.of[I3_PHANTOM].checked++;
	if ((m->flags & MSG_FINAL) && is_present(m))
		against(audit, at, "it was refused for good");
	else if ((m->flags & MSG_DENIED) && is_present(m) &&
		 audit->epochs.count < 2)
		against(audit, at, "an event refuses it");
	else if ((m->flags & MSG_NOWHERE) &&
		 !(m->flags & (MSG_OK | MSG_FINAL | MSG_OPEN)))
		against(audit, at, "an error said that it went nowhere");
	else if (is_present(m) && !m->records && m->aborted)
		against(audit, at, "its record was aborted");
	else if (is_present(m) && !m->records && audit->has[AUDIT_MESSAGES] &&
		 whole)
		against(audit, at, "there is no record of it");
	else if (is_from_nothing(audit, m))
		against(audit, at, "its row names no record");
	else if (!logged && whole && is_known(users, m->key.sender_id))
		against(audit, at, "no history of its sender has it");
}

/* What stands under a number, against what was sent. */
static void
judge_content(struct audit *audit, uint32_t at)
{
	const struct audit_slot *s = &audit->slot[at];
	const struct audit_msg *m =
		s->msg == TABLE_NONE ? NULL : &audit->msg[s->msg];

	if (!m || !s->crc || m->crc == s->crc || !(m->flags & MSG_CRC) ||
		(m->flags & MSG_REUSED) || m->reused)
		return;
	verdict_against(&audit->verdicts, I3_PHANTOM,
		"%s: its content has crc %08x %s, and %08x was sent",
		audit_say_msg(audit, s->msg), s->crc,
		s->flags & SLOT_ROW	   ? "in PostgreSQL"
		: s->flags & SLOT_RECEIVED ? "where it was received"
					   : "in chat-events",
		m->crc);
}

/* ---- a part of a living system ------------------------------------------ */

/* Of a room's sender, in the order of Kafka. */
struct said {
	const struct audit_msg *m;
	uint32_t msg, place;
};

static int
order_said(const void *a, const void *b)
{
	const struct said *x = a, *y = b;
	const struct key *p = &x->m->key, *q = &y->m->key;

	if (p->room_id != q->room_id)
		return p->room_id < q->room_id ? -1 : 1;
	if (p->sender_id != q->sender_id)
		return p->sender_id < q->sender_id ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static bool
same_speaker(const struct said *a, const struct said *b)
{
	return a->m->key.room_id == b->m->key.room_id &&
	       a->m->key.sender_id == b->m->key.sender_id;
}

/* What lies between two that the histories know is known to them too. What is
 * before or behind may be another run's. */
static void
judge_speaker(struct audit *audit, const struct said *said, size_t count)
{
	size_t first = 0, last = count, i;

	while (first < count && said[first].m->op == TABLE_NONE)
		first++;
	while (last > first && said[last - 1].m->op == TABLE_NONE)
		last--;
	for (i = first; i < last; i++)
		if (said[i].m->op == TABLE_NONE)
			against(audit, said[i].msg,
				"no history of its sender has it");
}

static int
judge_speakers(struct audit *audit, const struct users *users)
{
	struct said *said = calloc(audit->msgs + 1, sizeof(*said));
	const struct audit_msg *m;
	size_t count = 0, from, i;

	if (!said)
		return -1;
	for (i = 0; i < audit->msgs; i++) {
		m = &audit->msg[i];
		if (m->record != TABLE_NONE &&
			is_known(users, m->key.sender_id))
			said[count++] =
				(struct said){m, (uint32_t)i, m->record};
	}
	qsort(said, count, sizeof(*said), order_said);
	for (from = 0; from < count; from = i) {
		for (i = from; i < count; i++)
			if (!same_speaker(&said[i], &said[from]))
				break;
		judge_speaker(audit, said + from, i - from);
	}
	free(said);
	return 0;
}

int
audit_judge_phantoms(struct audit *audit)
{
	struct users users;
	size_t i;
	int rc;

	if (known_users(audit, &users) < 0)
		return -1;
	for (i = 0; i < audit->msgs; i++)
		judge(audit, (uint32_t)i, &users);
	for (i = 0; i < audit->slots; i++)
		judge_content(audit, (uint32_t)i);
	rc = audit->opts.part ? judge_speakers(audit, &users) : 0;
	free(users.id);
	return rc;
}
