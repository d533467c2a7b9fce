/*
 * audit/judge_rooms.c - what is to be said of a room's numbers: dense (I5), in
 * the order of the partition (I4), each published, and each at every subscriber
 * who was there (I1); see audit.h.
 */
#include "audit/inner.h"

/* ---- events ------------------------------------------------------------- */

/* A living system's may wait in the outbox. */
static void
judge_system(struct audit *audit, uint32_t at)
{
	if (!audit->opts.part)
		verdict_against(&audit->verdicts, I1_LOSS,
			"%s, a message of the system, is stored, and no event "
			"says so",
			audit_say_slot(audit, at));
}

void
audit_judge_events(struct audit *audit)
{
	const struct audit_slot *s;
	const struct audit_msg *m;
	size_t i;

	for (i = 0; i < audit->slots; i++) {
		s = &audit->slot[i];
		if (!(s->flags & SLOT_ROW) || (s->flags & SLOT_EVENT) ||
			!audit_event_is_due(audit, s))
			continue;
		if (s->msg == TABLE_NONE) {
			judge_system(audit, (uint32_t)i);
			continue;
		}
		if (audit->msg[s->msg].events) /* before a restore */
			continue;
		m = &audit->msg[s->msg];
		if (audit_is_pending(audit, m) || m->rows > 1)
			continue;
		verdict_against(&audit->verdicts,
			audit_is_open(m) ? I10_UNKNOWN : I1_LOSS,
			"%s is stored as seq %lld, and no event says so",
			audit_say_msg(audit, s->msg), (long long)s->seq);
	}
}

/* ---- seqs --------------------------------------------------------------- */

/* What was published, or received by somebody, and is not in the table: where
 * no other judge sees it. */
static void
judge_unstored(struct audit *audit, uint32_t at)
{
	const struct audit_slot *s = &audit->slot[at];
	const struct audit_msg *m =
		s->msg == TABLE_NONE ? NULL : &audit->msg[s->msg];

	if ((s->flags & SLOT_ROW) ||
		!(s->flags & (SLOT_RECEIVED | SLOT_EVENT)) ||
		!audit_time_is_due(audit, s->ms) || s->epoch != audit->epoch ||
		!audit_row_is_due(audit, s->room_id, s->seq) ||
		(m && (m->op != TABLE_NONE || m->records || m->rows)))
		return;
	if (m && !audit->opts.part && audit->has[AUDIT_MESSAGES])
		return; /* a phantom */
	verdict_against(&audit->verdicts, I3_PHANTOM,
		"%s, %s, was %s, and is not stored", audit_say_slot(audit, at),
		audit_say_msg(audit, s->msg),
		s->flags & SLOT_RECEIVED ? "received" : "published");
}

/* Walks the numbers of one room. */
struct walk {
	int64_t last; /* 0: none yet */
	const struct audit_place *record;
};

/* A room's first number is 1, where all of it was read. */
static bool
begins(const struct audit *audit, const struct audit_slot *s)
{
	return (s->flags & SLOT_ROW) && audit->opts.since_ms < 0;
}

static void
step(struct audit *audit, struct walk *walk, uint32_t at)
{
	const struct audit_slot *s = &audit->slot[at];
	const struct audit_place *record = audit_record_of(audit, s);

	audit->verdicts.of[I5_DENSE].checked++;
	if (s->seq > walk->last + 1 && audit_time_is_due(audit, s->ms) &&
		(walk->last > 0 || begins(audit, s)))
		verdict_against(&audit->verdicts, I5_DENSE,
			"room %lld seq %lld%s is nowhere: seq %lld is behind "
			"seq %lld",
			(long long)s->room_id, (long long)walk->last + 1,
			s->seq > walk->last + 2 ? " and more" : "",
			(long long)s->seq, (long long)walk->last);
	walk->last = s->seq;
	if (!record)
		return;
	if (walk->record && walk->record->part == record->part &&
		record->offset < walk->record->offset)
		verdict_against(&audit->verdicts, I4_ORDER,
			"%s is from record %s, and a lower seq from a later "
			"one",
			audit_say_slot(audit, at),
			audit_say_part(audit, record->part, record->offset));
	walk->record = record;
}

static void
end_of_room(struct audit *audit, const struct audit_slot *s, int64_t last)
{
	uint32_t at = audit_room_find(audit, s->room_id);
	int64_t said = at == TABLE_NONE ? -1 : audit->room[at].last_seq;

	if (said < 0 || !audit->has[AUDIT_ROWS] || s->epoch != audit->epoch)
		return;
	audit->room[at].judged = true;
	/* Of a part: what is before it has rows that were not read. */
	if (last < audit->room[at].row_from - 1)
		last = audit->room[at].row_from - 1;
	if (last < said || (last > said && !audit->opts.part))
		verdict_against(&audit->verdicts, I5_DENSE,
			"room %lld: last_seq is %lld, the last row has %lld",
			(long long)s->room_id, (long long)said,
			(long long)last);
}

/* Rooms that have a last number, and nothing else. */
static void
judge_empty(struct audit *audit)
{
	const struct audit_room *room;
	size_t i;

	for (i = 0; i < audit->rooms; i++) {
		room = &audit->room[i];
		if (!room->judged && room->last_seq > 0 &&
			audit->has[AUDIT_ROWS] && audit->opts.since_ms < 0)
			verdict_against(&audit->verdicts, I5_DENSE,
				"room %lld: last_seq is %lld, and it has no "
				"row",
				(long long)room->id, (long long)room->last_seq);
	}
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
		if (!audit_time_is_due(audit, gap->ms))
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

static bool
same_numbers(const struct audit_slot *a, const struct audit_slot *b)
{
	return a->room_id == b->room_id && a->epoch == b->epoch;
}

void
audit_judge_seqs(struct audit *audit, const uint32_t *order)
{
	/* Histories alone: nobody need have seen all. */
	uint8_t counts = audit->has[AUDIT_ROWS]	    ? SLOT_ROW
			 : audit->has[AUDIT_EVENTS] ? SLOT_EVENT
						    : 0;
	struct walk walk = {0, NULL};
	const struct audit_slot *s;
	size_t i;

	for (i = 0; i < audit->slots; i++) {
		s = &audit->slot[order[i]];
		if (i && !same_numbers(s, &audit->slot[order[i - 1]])) {
			end_of_room(
				audit, &audit->slot[order[i - 1]], walk.last);
			walk = (struct walk){0, NULL};
		}
		judge_unstored(audit, order[i]);
		if ((s->flags & counts) &&
			(!audit->has[AUDIT_ROWS] ||
				audit_row_is_due(audit, s->room_id, s->seq)))
			step(audit, &walk, order[i]);
	}
	if (i)
		end_of_room(audit, &audit->slot[order[i - 1]], walk.last);
	judge_empty(audit);
	judge_gaps(audit);
}

/* ---- delivery ----------------------------------------------------------- */

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

/* A worker who has waited to his end has it: of his own history what has a
 * RECEIPT, and all that is older than his end by more than the slack. */
static bool
must_have(const struct audit *audit, const struct audit_worker *worker,
	const struct audit_slot *s)
{
	const struct audit_msg *m =
		s->msg == TABLE_NONE ? NULL : &audit->msg[s->msg];
	int64_t ms = m && m->ok_ms >= 0 ? m->ok_ms : s->ms;

	if (audit->has[AUDIT_ROWS] && !(s->flags & SLOT_ROW))
		return false;
	if (m && m->rows > 1)
		return false;
	/* A server's clock may have been wrong. */
	if (m && m->op == TABLE_NONE && audit->opts.part)
		return false;
	if (m && m->op != TABLE_NONE &&
		audit->worker[audit->op[m->op].worker].file == worker->file &&
		(m->flags & MSG_OK))
		return audit_is_due(audit, m);
	return ms >= 0 && audit_time_is_due(audit, ms) &&
	       worker->last_ms >= 0 &&
	       ms + audit->opts.slack_ms <= worker->last_ms;
}

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
		if (!must_have(audit, worker, s))
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

	for (i = 0; i < audit->subs; i++)
		judge_tail(audit, order, (uint32_t)i);
}
