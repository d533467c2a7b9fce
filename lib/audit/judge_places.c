/*
 * audit/judge_places.c - I6, that every reader sees the same at an offset, and
 * I3, that nobody took what was aborted; see audit.h. Goes before the other
 * judges: it counts the records of each message.
 */
#include "audit/inner.h"

/* The one of that place, by its timestamp too (offsets come back when a topic
 * is made anew); -1 is any. */
static const struct audit_place *
find(const struct audit_places *places, const struct audit_place *like)
{
	uint32_t at = audit_place_find(places, like->part, like->offset);

	for (; at < places->count && places->at[at].part == like->part &&
		places->at[at].offset == like->offset;
		at++)
		if (places->at[at].timestamp == like->timestamp ||
			places->at[at].timestamp < 0 || like->timestamp < 0)
			return &places->at[at];
	return NULL;
}

/* Of that kind: a letter's record may be refused, too. */
static const struct audit_place *
find_outcome(const struct audit_places *outcomes,
	const struct audit_place *like, uint32_t kind)
{
	const struct audit_place *p = find(outcomes, like);
	const struct audit_place *end = outcomes->at + outcomes->count;

	for (; p && p < end && p->part == like->part &&
		p->offset == like->offset;
		p++)
		if (p->more == kind &&
			(p->timestamp == like->timestamp || p->timestamp < 0 ||
				like->timestamp < 0))
			return p;
	return NULL;
}

static bool
same_place(const struct audit_place *a, const struct audit_place *b)
{
	return a->part == b->part && a->offset == b->offset &&
	       a->timestamp == b->timestamp;
}

static void
differs(struct audit *audit, const struct audit_place *p, const char *what)
{
	verdict_against(&audit->verdicts, I6_AGREEMENT, "record %s: %s",
		audit_say_part(audit, p->part, p->offset), what);
}

/* Read twice: once is kept. */
static void
drop_repeats(struct audit *audit, struct audit_places *places, bool agree)
{
	size_t i, kept = 0;

	audit_places_sort(places);
	for (i = 0; i < places->count; i++) {
		if (!kept || !same_place(&places->at[i], &places->at[kept - 1]))
			places->at[kept++] = places->at[i];
		else if (agree && places->at[i].sum != places->at[kept - 1].sum)
			differs(audit, &places->at[i],
				"two readers saw different values");
	}
	places->count = kept;
}

/* ---- committed and uncommitted ------------------------------------------ */

static void
count_record(struct audit *audit, size_t at)
{
	struct audit_place *p = &audit->committed.at[at];
	bool letter = find(&audit->letters, p) ||
		      find_outcome(&audit->outcomes, p, PLACE_DEAD);
	struct audit_msg *m;

	p->more |= letter ? PLACE_LETTER : 0;
	if (p->msg == TABLE_NONE)
		return;
	m = &audit->msg[p->msg];
	if (m->record == TABLE_NONE)
		m->record = (uint32_t)at;
	else
		audit->copies++;
	audit_count(&m->records);
	if (letter)
		audit_count(&m->dead);
}

/* It has the content that was sent. A copy may have another: then it is refused
 * as reused; and a letter may have been mended. */
static void
check_content(struct audit *audit, const struct audit_place *p)
{
	struct audit_msg *m = p->msg == TABLE_NONE ? NULL : &audit->msg[p->msg];

	if (!m || !p->crc || m->reused)
		return;
	if (!(m->flags & MSG_CRC)) {
		m->flags |= MSG_CRC;
		m->crc = p->crc;
	} else if (m->crc != p->crc && (m->flags & MSG_REPLAYED)) {
		m->flags |= MSG_REUSED;
	} else if (m->crc != p->crc && !(m->flags & MSG_REUSED)) {
		verdict_against(&audit->verdicts, I3_PHANTOM,
			"%s: its content has crc %08x in record %s, and %08x "
			"elsewhere",
			audit_say_msg(audit, p->msg), p->crc,
			audit_say_part(audit, p->part, p->offset), m->crc);
	}
}

/* Of a letter that is there, or may be where nothing was read. */
static void
note_replays(struct audit *audit)
{
	const struct audit_place *replay;
	size_t i;

	for (i = 0; i < audit->replays.count; i++) {
		replay = &audit->replays.at[i];
		if (audit->opts.part || !audit->has[AUDIT_LETTERS] ||
			find(&audit->letters, replay))
			audit->msg[replay->msg].flags |= MSG_REPLAYED;
	}
}

static void
judge_committed(struct audit *audit)
{
	struct audit_places *places = &audit->committed;
	const struct audit_place *raw;
	size_t i;

	for (i = 0; i < places->count; i++) {
		count_record(audit, i);
		check_content(audit, &places->at[i]);
		audit->verdicts.of[I6_AGREEMENT].checked++;
		if (!audit->has[AUDIT_UNCOMMITTED])
			continue;
		raw = find(&audit->raw, &places->at[i]);
		if (!raw)
			differs(audit, &places->at[i],
				"who reads uncommitted does not see it");
		else if (raw->sum != places->at[i].sum)
			differs(audit, &places->at[i],
				"committed and uncommitted differ");
	}
}

static void
count_aborted(struct audit *audit)
{
	const struct audit_place *p;
	size_t i;

	for (i = 0; i < audit->raw.count && audit->has[AUDIT_MESSAGES]; i++) {
		p = &audit->raw.at[i];
		if (p->msg != TABLE_NONE && !find(&audit->committed, p))
			audit_count(&audit->msg[p->msg].aborted);
	}
}

/* ---- what others say of a record ---------------------------------------- */

/* Something is said of a record that nobody may take, or that is not there. */
static void
judge_absent(
	struct audit *audit, const struct audit_place *place, const char *what)
{
	bool aborted = find(&audit->raw, place);

	if (!audit->has[AUDIT_MESSAGES] ||
		!audit_time_is_due(audit, place->timestamp))
		return;
	if (aborted || (!audit->opts.part && audit_place_covered(audit,
						     &audit->committed, place)))
		verdict_against(&audit->verdicts, I3_PHANTOM,
			"%s of record %s, which %s", what,
			audit_say_part(audit, place->part, place->offset),
			aborted ? "was aborted" : "is nowhere");
}

/* Sent with two contents: the record says which of them is meant. */
static void
judge_content(struct audit *audit, const struct audit_place *label,
	const struct audit_place *record)
{
	const struct audit_msg *m;

	if (label->msg == TABLE_NONE || label->msg != record->msg)
		return;
	m = &audit->msg[label->msg];
	if (((m->flags & MSG_REUSED) || m->reused) && label->crc &&
		record->crc && label->crc != record->crc)
		verdict_against(&audit->verdicts, I3_PHANTOM,
			"%s: its content has crc %08x in PostgreSQL, and %08x "
			"in record %s, which it is from",
			audit_say_msg(audit, label->msg), label->crc,
			record->crc,
			audit_say_part(audit, record->part, record->offset));
}

static void
judge_label(struct audit *audit, const struct audit_place *label)
{
	const struct audit_place *p = find(&audit->committed, label);

	if (p) {
		judge_content(audit, label, p);
		audit->verdicts.of[I6_AGREEMENT].checked++;
		if (p->msg != label->msg)
			verdict_against(&audit->verdicts, I6_AGREEMENT,
				"%s is %s, stored from record %s, which is %s",
				audit_say_slot(audit, label->more),
				audit_say_msg(audit, label->msg),
				audit_say_part(audit, p->part, p->offset),
				audit_say_msg(audit, p->msg));
	} else if (!audit->has[AUDIT_MESSAGES]) {
		return;
	} else if (find(&audit->raw, label)) {
		verdict_against(&audit->verdicts, I3_PHANTOM,
			"%s is stored as %s, from record %s, which was aborted",
			audit_say_msg(audit, label->msg),
			audit_say_slot(audit, label->more),
			audit_say_part(audit, label->part, label->offset));
	} else if (!audit->opts.part &&
		   audit_place_covered(audit, &audit->committed, label)) {
		verdict_against(&audit->verdicts, I6_AGREEMENT,
			"%s is stored from record %s, which is nowhere",
			audit_say_slot(audit, label->more),
			audit_say_part(audit, label->part, label->offset));
	}
}

/* Who makes the row was further: it was made, and is gone. */
static void
judge_row_of(struct audit *audit, const struct audit_place *letter)
{
	if (!(letter->more & PLACE_DONE) || !audit->has[AUDIT_OUTCOMES] ||
		!audit_time_is_due(audit, letter->timestamp) ||
		(letter->msg == TABLE_NONE && audit->opts.only_room >= 0) ||
		(letter->msg != TABLE_NONE && audit->msg[letter->msg].rows) ||
		find_outcome(&audit->outcomes, letter, PLACE_DEAD))
		return;
	verdict_against(&audit->verdicts, I1_LOSS,
		"record %s is a dead letter, and message_outcomes has no row "
		"of it",
		audit_say_part(audit, letter->part, letter->offset));
}

static void
judge_letter(struct audit *audit, const struct audit_place *letter)
{
	const struct audit_place *p = find(&audit->committed, letter);

	judge_row_of(audit, letter);
	if (!p)
		judge_absent(audit, letter, "there is a dead letter");
	if (!p || !letter->sum || letter->timestamp < 0)
		return;
	audit->verdicts.of[I6_AGREEMENT].checked++;
	if (p->sum != letter->sum)
		differs(audit, p, "its dead letter has another value");
}

/* The row is made from the letter; without it nobody can send it again. */
static void
judge_dead(struct audit *audit, const struct audit_place *outcome)
{
	if (audit->opts.part || !audit->has[AUDIT_LETTERS] ||
		find(&audit->letters, outcome) ||
		(outcome->msg != TABLE_NONE && audit->msg[outcome->msg].rows) ||
		!audit_time_is_due(audit, outcome->timestamp))
		return;
	verdict_against(&audit->verdicts, I1_LOSS,
		"record %s is a dead letter by message_outcomes, and there is "
		"no such letter",
		audit_say_part(audit, outcome->part, outcome->offset));
}

/* Refused because it has another content than the first: it has. */
static void
judge_reused(struct audit *audit, const struct audit_place *record)
{
	const struct audit_msg *m = &audit->msg[record->msg];

	if (m->slot != TABLE_NONE && record->crc && m->rows &&
		audit->slot[m->slot].crc == record->crc)
		verdict_against(&audit->verdicts, I3_PHANTOM,
			"%s: record %s was refused as another content, and it "
			"is the same",
			audit_say_msg(audit, record->msg),
			audit_say_part(audit, record->part, record->offset));
}

static void
judge_outcome_row(struct audit *audit, const struct audit_place *outcome)
{
	const struct audit_place *p = find(&audit->committed, outcome);

	if (!p)
		judge_absent(audit, outcome, "message_outcomes has a row");
	if (outcome->more == PLACE_DEAD)
		judge_dead(audit, outcome);
	if (outcome->more && outcome > audit->outcomes.at &&
		same_place(outcome, outcome - 1) &&
		outcome->more == outcome[-1].more)
		verdict_against(&audit->verdicts, I2_DUPLICATE,
			"record %s has two rows of message_outcomes",
			audit_say_part(audit, outcome->part, outcome->offset));
	if (!p || outcome->msg == TABLE_NONE)
		return;
	if (outcome->more == PLACE_REUSED && p->msg == outcome->msg)
		judge_reused(audit, p);
	audit->verdicts.of[I6_AGREEMENT].checked++;
	if (p->msg != outcome->msg)
		differs(audit, p, "message_outcomes has another message of it");
}

void
audit_judge_places(struct audit *audit)
{
	struct audit_places *labels = &audit->labels;
	size_t i;

	drop_repeats(audit, &audit->committed, true);
	drop_repeats(audit, &audit->raw, true);
	drop_repeats(audit, &audit->letters, false);
	audit_places_sort(&audit->outcomes);
	audit_places_sort(labels);
	for (i = 0; i < labels->count; i++)
		audit->slot[labels->at[i].more].label = (uint32_t)i;
	note_replays(audit);
	judge_committed(audit);
	count_aborted(audit);
	for (i = 0; i < labels->count; i++)
		judge_label(audit, &labels->at[i]);
	for (i = 0; i < audit->letters.count; i++)
		judge_letter(audit, &audit->letters.at[i]);
	for (i = 0; i < audit->outcomes.count; i++)
		judge_outcome_row(audit, &audit->outcomes.at[i]);
}
