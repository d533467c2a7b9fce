/*
 * tests/sim/check.c - I1 to I10, when all has drained. What a client receives
 * is checked as it comes (client.c): I2, I3, I5, I6; what it may have, when it
 * is sent (I7), and what is committed, when it is (I8, txn.c).
 */
#include <stdio.h>
#include <string.h>

#include "base/rule.h"
#include "client.h"
#include "kafka.h"
#include "pair.h"
#include "pg.h"
#include "sends.h"
#include "wire/dlt.h"

/* ---- what is in Kafka and PostgreSQL ------------------------------------- */

struct found {
	const struct row *row;
	int rows;
	bool refused, letter, event;
	bool event_now; /* .. of this life */
	bool marked;	/* its letter's row says that it was replayed */
};

static struct found found[SENDS_MAX];

static bool
contains(struct str text, const char *word)
{
	return text.len && memmem(text.data, text.len, word, strlen(word));
}

static void
look_at_event(const struct record *record)
{
	int n = send_of(record->value);
	int64_t seq = number_in(record->value, "\"seq\":");
	int room = (int)number_in(record->value, "\"roomId\":") - 1;
	const struct row *row;
	char epoch[24];

	if (!contains(record->value, "\"event\":\"message\""))
		return;
	row = pg_row(room, seq);
	if (n >= 0) {
		found[n].event = true;
		pg_epoch_print(pg.epoch, epoch);
		found[n].event_now |= contains(record->value, epoch);
		if (!pg_had_row(room, seq, w.plan.send[n].id,
			    client_user(w.plan.send[n].client)))
			wrong("I3", "an event names send%d as room%d seq %lld",
				n, room, (long long)seq);
	} else if (!row && seq < ROWS_MAX && !pg_had_row(room, seq, 0, -1)) {
		wrong("I3", "an event of room%d seq %lld, which is nothing",
			room, (long long)seq);
	}
}

/* Each letter has become one row; what was replayed says so, once it is
 * decided. */
static void
look_at_letter(const struct record *letter, int n)
{
	const struct letter_row *row, *other;
	struct dlt_info info;

	dlt_read(&info, letter);
	row = pg_letter(info.origin.partition, info.origin.offset,
		info.origin.timestamp);
	if (!row || row->unread) {
		if (letter->offset >= kafka.log[DLT][letter->partition].before)
			wrong("I1", "the letter of send%d has no row", n);
		return;
	}
	for (other = row + 1; other < pg.letter + pg.letters; other++)
		if (other->part == row->part && other->offset == row->offset &&
			other->timestamp == row->timestamp)
			wrong("I2", "the letter of send%d has two rows", n);
	if (n >= 0)
		found[n].marked |= row->replayed;
	if (row->timestamp != info.origin.timestamp)
		wrong("I2", "the letter of send%d has another's row", n);
}

static void
look_at_logs(void)
{
	int64_t at;
	struct krec *rec;
	int p, n;

	for (p = 0; p < w.plan.parts; p++) {
		for (at = 0; (rec = kafka_fetch(EVENTS, p, &at)); at++)
			look_at_event(&rec->record);
		for (at = 0; (rec = kafka_fetch(DLT, p, &at)); at++) {
			n = send_of(rec->record.value);
			if (n >= 0)
				found[n].letter = true;
			look_at_letter(&rec->record, n);
		}
	}
}

static bool
is_of_aborted(const struct row *row)
{
	const struct log *log = &kafka.log[MESSAGES][row->part];
	const struct krec *rec =
		row->offset < log->end ? log->rec[row->offset] : NULL;

	return rec && rec->record.timestamp == row->timestamp &&
	       rec->state == K_ABORTED;
}

static void
look_at_row(const struct row *row, const bool member[USERS])
{
	int n = send_of_id(row->cmid);
	const struct send *send = n < 0 ? NULL : &w.plan.send[n];

	if (!row->cmid)
		return;
	if (!send || !send->invoked || send->room != row->room ||
		client_user(send->client) != row->user ||
		strcmp(send->content, row->content)) {
		wrong("I3", "room%d seq %lld was never sent", row->room,
			(long long)row->seq);
		return;
	}
	if (is_of_aborted(row))
		wrong("I3", "send%d is stored from an aborted record", n);
	if (!member[row->user])
		wrong("I7", "send%d is stored at seq %lld, user%d being out", n,
			(long long)row->seq, row->user);
	found[n].rows++;
	found[n].row = row;
}

static void
check_room(int r)
{
	const struct room *room = &pg.room[r];
	bool member[USERS];
	int64_t seq;
	int u;

	for (u = 0; u < USERS; u++)
		member[u] = true;
	if (room->rows != room->last_seq)
		wrong("I5", "room%d has %d messages, its head is %lld", r,
			room->rows, (long long)room->last_seq);
	for (seq = 1; seq <= room->last_seq; seq++) {
		const struct row *row = pg_row(r, seq);

		if (!row) {
			wrong("I5", "room%d has no seq %lld of %lld", r,
				(long long)seq, (long long)room->last_seq);
			return;
		}
		look_at_row(row, member);
		if (row->type != ROW_TEXT)
			member[row->target] = row->type == ROW_INVITE;
	}
}

static void
look_at_outcomes(void)
{
	int i, n;

	for (i = 0; i < pg.outcomes; i++) {
		n = send_of_id(pg.outcome[i].cmid);
		if (n >= 0 && pg.outcome[i].state == STORE_REFUSED)
			found[n].refused = true;
	}
}

/* ---- the sends ----------------------------------------------------------- */

/* It may be a dead letter: it is poison itself; or filters were killed for
 * their silence so often that any record may be blamed. */
static bool
may_die(const struct send *send)
{
	if (send->temper == PLAIN || send->temper == BIG ||
		(send->temper == MUTE && send->first_left < 2))
		return w.silence_kills >= 5;
	return true;
}

/* No record of that room can die of its retries. */
static bool
patient(int room)
{
	int i;

	for (i = 0; i < w.plan.sends; i++)
		if (w.plan.send[i].room == room &&
			((w.plan.send[i].temper == MISSING &&
				 w.plan.send[i].first_left > 3) ||
				w.plan.send[i].temper == CRASHER))
			return false;
	return true;
}

static void
check_end(int n)
{
	const struct send *send = &w.plan.send[n];
	const struct found *f = &found[n];

	if (send->temper == MUTE && f->row && !f->event && !f->letter &&
		!send->log_lost)
		wrong("I1", "send%d's event was refused, and it is no letter",
			n);
	if (send->state == S_DEAD && send->first_left < 2)
		wrong("I1",
			"send%d is not accepted, and only one refusal was "
			"its own",
			n);
	if (send->temper == MISSING && f->letter && patient(send->room) &&
		w.silence_kills < 5)
		wrong("I1", "send%d is dead, and would have been stored", n);
	if (send->after_live && f->row && !send->copied && pg.epoch == 1 &&
		f->row->seq <= send->live_head)
		wrong("I1", "send%d is not shown to its sender, who was there",
			n);
	if (send->replayed && send->temper == MUTE && f->row && !f->event &&
		!send->log_lost)
		wrong("I1", "send%d was replayed, and nobody was told", n);
	if (send->replayed && (f->row || f->refused) && f->letter &&
		!f->marked && !send->log_lost && pg.epoch == 1)
		wrong("I1",
			"send%d was replayed, and its letter's row does not "
			"say so",
			n);
}

static bool
never_out(const struct send *send)
{
	const struct room *room = &pg.room[send->room];
	int i;

	for (i = 0; i < room->rows; i++)
		if (room->row[i]->type != ROW_TEXT &&
			room->row[i]->target == client_user(send->client))
			return false;
	return true;
}

static void
check_send(int n)
{
	const struct send *send = &w.plan.send[n];
	const struct found *f = &found[n];

	if (f->rows > 1)
		wrong("I2", "send%d is stored %d times", n, f->rows);
	if (send->was_ok && !f->row && !f->letter && !f->refused &&
		!send->log_lost)
		wrong("I1", "send%d had its RECEIPT and is nowhere", n);
	/* A letter is an outcome, too: a store that slept may still have stored
	 * it, and the clock shows it. */
	if (f->row && !f->event && !send->log_lost && send->temper != MUTE &&
		(!f->letter || send->replayed))
		wrong(send->was_ok ? "I1" : "I10",
			"send%d is stored, and nobody was told", n);
	if (f->letter && !may_die(send))
		wrong("I1",
			"send%d is a dead letter, and nothing is wrong "
			"with it",
			n);
	/* A database that was set back knows of no refusal after that time. */
	if (f->row && pg.epoch == 1 && (f->refused || send->told))
		wrong("I3", "send%d is stored, and was refused for good", n);
	if (!f->row && f->event_now && !send->log_lost)
		wrong("I10", "send%d has an event, and is not stored", n);
	if (f->refused && pg.epoch == 1 && never_out(send))
		wrong("I1", "send%d is refused, whose sender was always in", n);
	check_end(n);
	w.untold += f->refused && !send->told;
}

/* I4: of one client, in one room, in the order of sending. What was dead once,
 * and is stored because a crash had it read again, has no place in it; nor has
 * what had a copy. */
static bool
has_place(int n)
{
	const struct send *send = &w.plan.send[n];

	return found[n].row && !send->copied && !send->log_lost && !send->died;
}

static void
check_order(int n)
{
	const struct send *a = &w.plan.send[n];
	int m;

	if (!has_place(n))
		return;
	for (m = n + 1; m < w.plan.sends; m++) {
		const struct send *b = &w.plan.send[m];

		if (b->client != a->client || b->room != a->room ||
			!has_place(m))
			continue;
		if (found[m].row->seq < found[n].row->seq)
			wrong("I4",
				"send%d (seq %lld) is before send%d "
				"(seq %lld)",
				m, (long long)found[m].row->seq, n,
				(long long)found[n].row->seq);
		return;
	}
}

void
check_all(void)
{
	int i;

	memset(found, 0, sizeof(found));
	for (i = 0; i < w.plan.rooms; i++)
		check_room(i);
	look_at_outcomes();
	look_at_logs();
	for (i = 0; i < w.plan.sends; i++)
		check_send(i);
	for (i = 0; i < w.plan.sends; i++)
		check_order(i);
}
