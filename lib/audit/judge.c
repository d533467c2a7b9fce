/*
 * audit/judge.c - the verdicts, see audit.h: first what Kafka's records are
 * worth, then each message, then each room.
 */
#include <stdlib.h>

#include "audit/inner.h"

bool
audit_is_stored(const struct audit *audit, const struct audit_msg *m)
{
	return audit->has[AUDIT_ROWS] ? m->rows : m->events || m->received;
}

bool
audit_is_pending(const struct audit *audit, const struct audit_msg *m)
{
	return m->record != TABLE_NONE &&
	       audit_place_pending(audit, &audit->committed.at[m->record]);
}

bool
audit_is_due(const struct audit *audit, const struct audit_msg *m)
{
	int64_t ms = m->op != TABLE_NONE ? m->invoke_ms
		     : m->record != TABLE_NONE
			     ? audit->committed.at[m->record].timestamp
		     : m->slot != TABLE_NONE ? audit->slot[m->slot].ms
					     : -1;

	return audit_time_is_due(audit, ms);
}

bool
audit_time_is_due(const struct audit *audit, int64_t ms)
{
	return ms < 0 || ms >= audit->opts.since_ms;
}

/* ---- I1, I10: each message has one outcome ------------------------------ */

static bool
is_refused(const struct audit *audit, const struct audit_msg *m)
{
	return audit->has[AUDIT_OUTCOMES] ? m->refused : m->flags & MSG_FINAL;
}

/* What else it could have come to. Who was not given what would say so cannot
 * tell that from a loss, and must not keep that to himself. */
static const char *
nor_else(const struct audit *audit)
{
	if (audit->has[AUDIT_OUTCOMES])
		return "nor a letter, nor refused";
	if (audit->has[AUDIT_LETTERS])
		return "nor a letter (whether it was refused is not known: no "
		       "--outcomes)";
	return "and nothing says that it is a letter or was refused: neither "
	       "--letters nor --outcomes were given";
}

static void
no_outcome(struct audit *audit, uint32_t at, enum invariant invariant)
{
	const struct audit_msg *m = &audit->msg[at];
	const struct audit_place *place;

	if (m->record != TABLE_NONE) {
		place = &audit->committed.at[m->record];
		verdict_against(&audit->verdicts, invariant,
			"%s: %s, committed as %s, and not stored, %s",
			audit_say_msg(audit, at),
			m->flags & MSG_OK     ? "has a RECEIPT"
			: m->op == TABLE_NONE ? "is in no history"
			: audit_is_open(m)    ? "has an unknown outcome"
			: m->flags & MSG_FINAL
				? "was refused for good"
				: "went nowhere, as its sender was told",
			audit_say_part(audit, place->part, place->offset),
			nor_else(audit));
	} else {
		verdict_against(&audit->verdicts, invariant,
			"%s: %s, and %s, not stored, %s",
			audit_say_msg(audit, at),
			m->flags & MSG_OK ? "has a RECEIPT"
					  : "has an unknown outcome",
			m->aborted ? "its record was aborted"
				   : "there is no record of it",
			nor_else(audit));
	}
}

static void
count_outcome(struct audit *audit, const struct audit_msg *m, bool stored,
	bool refused, bool dead)
{
	if (stored) {
		audit->stored++;
		audit->stored_dead += dead;
	} else if (refused) {
		audit->refused++;
		audit->untold += (m->flags & MSG_OK) && !(m->flags & MSG_FINAL);
	} else {
		audit->dead++;
	}
}

static void
judge_outcome(struct audit *audit, uint32_t at, enum invariant invariant)
{
	const struct audit_msg *m = &audit->msg[at];
	bool stored = audit_is_stored(audit, m);
	bool refused = is_refused(audit, m);
	bool dead = m->letters || m->dead;

	audit->verdicts.of[invariant].checked++;
	if (!stored && !refused && !dead) {
		no_outcome(audit, at, invariant);
		return;
	}
	if (stored && m->refused)
		verdict_against(&audit->verdicts, invariant,
			"%s is stored, and refused too",
			audit_say_msg(audit, at));
	else if (audit->has[AUDIT_OUTCOMES] && (m->flags & MSG_TOLD) &&
		 !m->refused && !stored)
		verdict_against(&audit->verdicts, invariant,
			"%s: its sender was told that it is refused, and no "
			"row says so",
			audit_say_msg(audit, at));
	else if (stored && !m->rows && audit->has[AUDIT_ROWS])
		verdict_against(&audit->verdicts, invariant,
			"%s was published, and is not stored",
			audit_say_msg(audit, at));
	count_outcome(audit, m, stored, refused, dead);
}

static bool
anything_of(const struct audit_msg *m)
{
	return m->records || m->rows || m->events || m->received ||
	       m->letters || m->refused || m->dead;
}

static void
judge_msg(struct audit *audit, uint32_t at)
{
	const struct audit_msg *m = &audit->msg[at];

	if (!audit_is_due(audit, m))
		return;
	if (audit_is_pending(audit, m)) {
		audit->pending++;
	} else if (audit_is_open(m)) {
		audit->unknown_absent += !anything_of(m);
		audit->unknown_present += anything_of(m);
		if (anything_of(m))
			judge_outcome(audit, at, I10_UNKNOWN);
		else
			audit->verdicts.of[I10_UNKNOWN].checked++;
	} else if ((m->flags & MSG_OK) || m->records) {
		judge_outcome(audit, at, I1_LOSS);
	}
}

/* A record that is no message must be a letter. */
static void
judge_poison(struct audit *audit, const struct audit_place *p)
{
	if (audit_place_pending(audit, p)) {
		audit->pending++;
		return;
	}
	audit->verdicts.of[I1_LOSS].checked++;
	if (p->more & PLACE_LETTER)
		audit->dead++;
	else
		verdict_against(&audit->verdicts, I1_LOSS,
			"record %s is no message, and no letter either",
			audit_say_part(audit, p->part, p->offset));
}

/* So must be one under another room's key, and each of a message that has come
 * to nothing else: a copy of a letter, or its replay. */
static void
judge_one_of(struct audit *audit, const struct audit_place *p)
{
	const struct audit_msg *m = &audit->msg[p->msg];

	if ((p->more & PLACE_LETTER) || audit_place_pending(audit, p))
		return;
	if (p->more & PLACE_KEY)
		verdict_against(&audit->verdicts, I1_LOSS,
			"record %s, %s, has another room's key, and is no "
			"letter",
			audit_say_part(audit, p->part, p->offset),
			audit_say_msg(audit, p->msg));
	else if ((m->letters || m->dead) && !audit_is_stored(audit, m) &&
		 !is_refused(audit, m))
		verdict_against(&audit->verdicts,
			audit_is_open(m) ? I10_UNKNOWN : I1_LOSS,
			"%s: it is a letter, and its record %s has come to "
			"nothing",
			audit_say_msg(audit, p->msg),
			audit_say_part(audit, p->part, p->offset));
}

static void
judge_records(struct audit *audit)
{
	const struct audit_place *p;
	size_t i;

	for (i = 0; i < audit->committed.count; i++) {
		p = &audit->committed.at[i];
		if (!audit_time_is_due(audit, p->timestamp))
			continue;
		if (p->msg == TABLE_NONE)
			judge_poison(audit, p);
		else
			judge_one_of(audit, p);
	}
}

/* ---- I2 ----------------------------------------------------------------- */

static void
judge_twice(struct audit *audit, uint32_t at)
{
	const struct audit_msg *m = &audit->msg[at];

	if (m->rows || m->events || m->received || m->refused)
		audit->verdicts.of[I2_DUPLICATE].checked++;
	if (m->rows > 1)
		verdict_against(&audit->verdicts, I2_DUPLICATE,
			"%s is stored %d times", audit_say_msg(audit, at),
			(int)m->rows);
	if (m->refused > 1)
		verdict_against(&audit->verdicts, I2_DUPLICATE,
			"%s is refused in %d rows", audit_say_msg(audit, at),
			(int)m->refused);
}

/* ---- one id, one row ---------------------------------------------------- */

struct numbered {
	const struct audit *audit;
	const struct audit_slot *slot;
};

static bool
same_id(const void *ctx, uint32_t index)
{
	const struct numbered *wanted = ctx;
	const struct audit_slot *s = &wanted->audit->slot[index];

	return s->message_id == wanted->slot->message_id &&
	       s->epoch == wanted->slot->epoch;
}

int
audit_judge_ids(struct audit *audit)
{
	struct numbered wanted = {audit, NULL};
	struct table ids = {0};
	uint64_t hash;
	uint32_t at;
	size_t i;
	int rc = 0;

	for (i = 0; i < audit->slots && rc == 0; i++) {
		wanted.slot = &audit->slot[i];
		if (wanted.slot->message_id < 0)
			continue;
		hash = table_hash(
			(uint64_t)wanted.slot->message_id, wanted.slot->epoch);
		at = table_find(&ids, hash, same_id, &wanted);
		if (at == TABLE_NONE)
			rc = table_add(&ids, hash, (uint32_t)i);
		else
			verdict_against(&audit->verdicts, I2_DUPLICATE,
				"messageId %lld is %s, and %s too",
				(long long)wanted.slot->message_id,
				audit_say_slot(audit, at),
				audit_say_slot(audit, (uint32_t)i));
	}
	table_release(&ids);
	return rc;
}

void
audit_judge_outcomes(struct audit *audit)
{
	bool can = audit->has[AUDIT_ROWS] || audit->has[AUDIT_EVENTS] ||
		   audit->has[AUDIT_HISTORIES];
	size_t i;

	for (i = 0; i < audit->msgs; i++) {
		if (can)
			judge_msg(audit, (uint32_t)i);
		judge_twice(audit, (uint32_t)i);
	}
	if (audit->has[AUDIT_LETTERS] || audit->has[AUDIT_OUTCOMES])
		judge_records(audit);
}

int
audit_missing(struct audit *audit,
	int (*each)(void *arg, int64_t room_id, int64_t sender_id,
		struct str client_id),
	void *arg)
{
	const struct audit_msg *m;
	size_t i;

	for (i = 0; i < audit->msgs; i++) {
		m = &audit->msg[i];
		if (m->rows || m->refused || m->letters || m->dead ||
			!audit_is_due(audit, m) ||
			(m->op == TABLE_NONE && m->records == 0 &&
				audit->committed.count == 0))
			continue;
		buf_reset(&audit->text);
		ident_print(&audit->text, &audit->ids, &m->key.id);
		if (buf_bad(&audit->text) ||
			each(arg, m->key.room_id, m->key.sender_id,
				buf_str(&audit->text)) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ---------------------------------------------------------- */

static const struct audit *sorting;

static int
slot_order(const void *a, const void *b)
{
	const struct audit_slot *x = &sorting->slot[*(const uint32_t *)a];
	const struct audit_slot *y = &sorting->slot[*(const uint32_t *)b];

	if (x->room_id != y->room_id)
		return x->room_id < y->room_id ? -1 : 1;
	if (x->epoch != y->epoch)
		return x->epoch < y->epoch ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return 0;
}

static uint32_t *
sorted_slots(const struct audit *audit)
{
	uint32_t *order = calloc(audit->slots + 1, sizeof(*order));
	size_t i;

	if (!order)
		return NULL;
	for (i = 0; i < audit->slots; i++)
		order[i] = (uint32_t)i;
	sorting = audit;
	qsort(order, audit->slots, sizeof(*order), slot_order);
	return order;
}

int
audit_judge(struct audit *audit)
{
	uint32_t *order;
	int rc = -1;

	audit_ops_settle(audit);
	if (audit_subs_settle(audit) < 0)
		return -1;
	order = sorted_slots(audit);
	if (!order)
		return -1;
	audit_judge_places(audit);
	audit_judge_outcomes(audit);
	audit_judge_events(audit);
	if (audit_judge_ids(audit) < 0)
		goto out;
	if (audit_judge_phantoms(audit) < 0 || audit_judge_order(audit) < 0)
		goto out;
	audit_judge_seqs(audit, order);
	audit_judge_delivery(audit, order);
	audit_judge_isolation(audit);
	rc = 0;
out:
	free(order);
	return rc;
}
