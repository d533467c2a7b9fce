/*
 * audit/judge_rooms.c - what is to be said of a room's numbers: dense (I5), in
 * the order of the partition (I4), and each published (I1); see audit.h.
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
		m || (s->flags & SLOT_SYSTEM) ? audit_say_msg(audit, s->msg)
					      : "deleted for who received it",
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
	/* A letter, stored when its record was read again: where is not said.
	 */
	if (!record || (record->more & PLACE_LETTER))
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
	struct audit_room *room = &audit->room[at];

	if (at == TABLE_NONE || room->last_seq < 0 || !audit->has[AUDIT_ROWS] ||
		s->epoch != audit->epoch)
		return;
	room->judged = true;
	/* Of a part: what is before it has rows that were not read. */
	if (last < room->row_from - 1)
		last = room->row_from - 1;
	/* A living room's rises while its rows are read. */
	if (last < room->last_seq || last > room->last_after)
		verdict_against(&audit->verdicts, I5_DENSE,
			"room %lld: last_seq is %lld, the last row has %lld",
			(long long)s->room_id,
			(long long)(last < room->last_seq ? room->last_seq
							  : room->last_after),
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
}
