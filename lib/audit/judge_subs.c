/*
 * audit/judge_subs.c - what is to be said of subscribers: each got all numbers
 * from where he was told to begin (I5, I1) up to the end of his history (I1);
 * see audit.h.
 */
#include "audit/inner.h"

/* ---- on the way --------------------------------------------------------- */

/* Where his membership ends, if it does. */
static bool
is_out(const struct audit *audit, int64_t room_id, int64_t user_id,
	int64_t cursor, int64_t seq)
{
	const struct audit_change *c;
	size_t i;

	for (i = 0; i < audit->changes; i++) {
		c = &audit->change[i];
		if (!c->in && c->room_id == room_id && c->user_id == user_id &&
			c->seq > cursor && c->seq <= seq)
			return true;
	}
	return false;
}

/* His own kick: it is not sent to him. Whatever follows is I7's. */
static bool
is_own_end(const struct audit *audit, const struct audit_hole *gap)
{
	const struct audit_sub *sub = &audit->sub[gap->sub];

	return gap->from == gap->to && gap->epoch == audit->epoch &&
	       is_out(audit, sub->room_id, audit->worker[sub->worker].user_id,
		       gap->from - 1, gap->from);
}

static void
judge_gaps(struct audit *audit)
{
	const struct audit_hole *gap;
	uint32_t slot;
	size_t i;

	audit->verdicts.of[I5_DENSE].checked += audit->deliveries;
	for (i = 0; i < audit->gaps; i++) {
		gap = &audit->gap[i];
		if (!audit_time_is_due(audit, gap->ms) ||
			is_own_end(audit, gap))
			continue;
		slot = audit_slot_find(audit, gap->epoch,
			audit->sub[gap->sub].room_id, gap->from);
		verdict_against(&audit->verdicts, I5_DENSE,
			"%s did not get room %lld seq %lld%s, and was not told "
			"of a new beginning",
			audit_say_worker(audit, audit->sub[gap->sub].worker),
			(long long)audit->sub[gap->sub].room_id,
			(long long)gap->from,
			gap->to > gap->from ? " and more" : "");
		if (slot != TABLE_NONE && gap->next < gap->to - gap->from + 1)
			verdict_against(&audit->verdicts, I1_LOSS,
				"%s, %s, never came to %s",
				audit_say_slot(audit, slot),
				audit_say_msg(audit, audit->slot[slot].msg),
				audit_say_worker(
					audit, audit->sub[gap->sub].worker));
	}
}

/* What has that number was sent later, by the clock of his file. */
static bool
is_ahead(const struct audit *audit, const struct audit_run *run)
{
	const struct audit_sub *sub = &audit->sub[run->sub];
	uint32_t slot =
		audit_slot_find(audit, run->epoch, sub->room_id, run->head);
	const struct audit_msg *m;
	const struct audit_op *op;

	if (slot == TABLE_NONE || audit->slot[slot].msg == TABLE_NONE)
		return false;
	m = &audit->msg[audit->slot[slot].msg];
	op = m->op == TABLE_NONE ? NULL : &audit->op[m->op];
	return op && run->joined_ns >= 0 && op->invoke_ns > run->joined_ns &&
	       audit_same_run(audit, op->worker, sub->worker);
}

/* Who is told a head that the room has not reached misses what is said until
 * then, and nothing says so. */
static void
judge_heads(struct audit *audit)
{
	const struct audit_run *run;
	const struct audit_room *room;
	uint32_t at;
	size_t i;

	for (i = 0; i < audit->runs; i++) {
		run = &audit->run[i];
		if (run->head < 0 || run->epoch != audit->epoch)
			continue;
		at = audit_room_find(audit, audit->sub[run->sub].room_id);
		room = &audit->room[at];
		if (is_ahead(audit, run) ||
			(audit->has[AUDIT_ROWS] && run->head > room->highest &&
				run->head > room->last_seq))
			verdict_against(&audit->verdicts, I5_DENSE,
				"%s was told that room %lld is at its head, "
				"seq %lld, which it had not reached",
				audit_say_worker(
					audit, audit->sub[run->sub].worker),
				(long long)room->id, (long long)run->head);
	}
}

/* ---- to the end -----------------------------------------------------------
 */

/* The first number of the room, in its last epoch, above the cursor. */
static size_t
above(const struct audit *audit, const uint32_t *order,
	const struct audit_sub *sub)
{
	size_t low = 0, high = audit->slots, at;
	const struct audit_slot *s;

	while (low < high) {
		at = low + (high - low) / 2;
		s = &audit->slot[order[at]];
		if (s->room_id < sub->room_id ||
			(s->room_id == sub->room_id &&
				(s->epoch < sub->epoch ||
					(s->epoch == sub->epoch &&
						s->seq <= sub->cursor))))
			low = at + 1;
		else
			high = at;
	}
	return low;
}

/* A worker who has waited to his end has it: what the server said would follow,
 * of his own history what has a RECEIPT, and all that is older than his end by
 * more than the slack. */
static bool
must_have(const struct audit *audit, const struct audit_sub *sub,
	const struct audit_slot *s)
{
	const struct audit_worker *worker = &audit->worker[sub->worker];
	const struct audit_msg *m =
		s->msg == TABLE_NONE ? NULL : &audit->msg[s->msg];
	int64_t ms = m && m->ok_ms >= 0 ? m->ok_ms : s->ms;

	if (audit->has[AUDIT_ROWS] && !(s->flags & SLOT_ROW))
		return false;
	if (m && m->rows > 1)
		return false;
	if (s->seq <= sub->head)
		return audit_time_is_due(audit, s->ms);
	/* A server's clock may have been wrong. */
	if (m && m->op == TABLE_NONE && audit->opts.part)
		return false;
	if (m && m->op != TABLE_NONE &&
		audit->worker[audit->op[m->op].worker].file == worker->file &&
		audit->worker[audit->op[m->op].worker].run <= worker->run &&
		(m->flags & MSG_OK))
		return audit_is_due(audit, m);
	return ms >= 0 && audit_time_is_due(audit, ms) &&
	       worker->last_ms >= 0 &&
	       ms + audit->opts.slack_ms <= worker->last_ms;
}

static void
judge_tail(struct audit *audit, const uint32_t *order, uint32_t at)
{
	const struct audit_sub *sub = &audit->sub[at];
	const struct audit_worker *worker = &audit->worker[sub->worker];
	const struct audit_slot *s;
	size_t i;

	if (!worker->ended || !sub->joined || sub->over || sub->cursor < 0)
		return;
	for (i = above(audit, order, sub); i < audit->slots; i++) {
		s = &audit->slot[order[i]];
		if (s->room_id != sub->room_id || s->epoch != sub->epoch ||
			is_out(audit, sub->room_id, worker->user_id,
				sub->cursor, s->seq))
			return;
		if (!must_have(audit, sub, s))
			continue;
		verdict_against(&audit->verdicts, I1_LOSS,
			"%s, %s, never came to %s, who was there to the end",
			audit_say_slot(audit, order[i]),
			audit_say_msg(audit, s->msg),
			audit_say_worker(audit, sub->worker));
	}
}

void
audit_judge_delivery(struct audit *audit, const uint32_t *order)
{
	size_t i;

	judge_gaps(audit);
	judge_heads(audit);
	for (i = 0; i < audit->subs; i++)
		judge_tail(audit, order, (uint32_t)i);
}
