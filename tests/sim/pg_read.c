/*
 * tests/sim/pg_read.c - see pg.h: what chat-api reads, each in one snapshot
 * (lib/api/follow.c), epochs, and the database of an earlier time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "flow/follow.h"
#include "pg_inner.h"
#include "store/outcomes.h"

static struct pg saved;

/* All rows there ever were: a restore takes some away again. */
static const struct row *every[4 * ROWS_MAX];
static int every_count;

const char *
pg_state_name(enum store_state state)
{
	return store_state_name(state);
}

void
pg_remember(const struct row *row)
{
	if (every_count < (int)ARRAY_LEN(every))
		every[every_count++] = row;
}

bool
pg_had_row(int room, int64_t seq, int64_t cmid, int user)
{
	int i;

	for (i = 0; i < every_count; i++)
		if (every[i]->room == room && every[i]->seq == seq &&
			every[i]->cmid == cmid && every[i]->user == user)
			return true;
	return false;
}

void
pg_epoch_print(int epoch, char out[24])
{
	snprintf(out, 24, "life-%d", epoch);
}

int
pg_epoch_parse(struct str text)
{
	return text.len > 5 ? text.data[5] - '0' : 0;
}

void
pg_forget(void)
{
	every_count = 0;
	saved = pg;
}

void
pg_snapshot(void)
{
	saved = pg;
}

/* Locks and calls died with the old one. */
void
pg_restore(void)
{
	int epoch = pg.epoch, r;

	pg = saved;
	pg.epoch = epoch + 1;
	pg.outbox_first = pg.outbox_end;
	for (r = 0; r < ROOMS; r++)
		pg.room[r].lock = 0;
}

/* Rows in (base, upto], as many as a page has. */
static void
page(struct pganswer *out, int room, int64_t base, int64_t upto)
{
	const struct row *row;
	int64_t seq;

	for (seq = base + 1; seq <= upto && out->count < w.plan.page; seq++) {
		row = seq > pg.room[room].expired ? pg_row(room, seq) : NULL;
		if (row)
			out->row[out->count++] = row;
	}
	out->more = out->count && out->row[out->count - 1]->seq < upto;
}

/* What is not there any more was expired. */
static void
truncate_it(struct pganswer *out, int64_t from)
{
	if (from >= out->head || (out->count && out->row[0]->seq == from + 1))
		return;
	out->status = FOLLOW_TRUNCATED;
	out->first = out->count ? out->row[0]->seq : out->head + 1;
}

void
pg_expire(int room, int count)
{
	struct room *r = &pg.room[room];

	r->expired += count;
	if (r->expired > r->last_seq)
		r->expired = r->last_seq;
}

void
pg_delete(int user, int room)
{
	struct room *r = &pg.room[room];
	int i;

	for (i = r->rows - 1; i >= 0; i--)
		if (r->row[i]->type == ROW_TEXT && !r->row[i]->deleted[user]) {
			r->row[i]->deleted[user] = w.steps;
			return;
		}
}

void
pg_follow(int user, int room, int64_t from, int epoch, struct pganswer *out)
{
	const struct room *r = &pg.room[room];

	*out = (struct pganswer){.epoch = pg.epoch,
		.step = w.steps,
		.head = r->last_seq,
		.member = r->member[user]};
	if (!out->member)
		return;
	if (from < 0) {
		out->status = FOLLOW_LIVE;
	} else if ((epoch && epoch != pg.epoch && RULE(other_epoch_resets)) ||
		   (from > r->last_seq && RULE(above_head_resets))) {
		out->status = FOLLOW_RESET;
	} else {
		out->status = FOLLOW_RECOVERED;
		page(out, room, from, r->last_seq);
		truncate_it(out, from);
	}
}

/* The last kick or leave of a user after that seq; 0: none. */
static int64_t
ended_after(int user, int room, int64_t after)
{
	const struct room *r = &pg.room[room];
	int64_t seq = 0;
	int i;

	for (i = 0; i < r->rows; i++)
		if ((r->row[i]->type == ROW_KICK ||
			    r->row[i]->type == ROW_LEAVE) &&
			r->row[i]->target == user && r->row[i]->seq > after &&
			r->row[i]->seq > seq)
			seq = r->row[i]->seq;
	return seq;
}

void
pg_page(int user, int room, int64_t after, struct pganswer *out)
{
	const struct room *r = &pg.room[room];

	*out = (struct pganswer){.epoch = pg.epoch,
		.step = w.steps,
		.head = r->last_seq,
		.member = r->member[user]};
	page(out, room, after,
		out->member || !RULE(page_ends_with_kick)
			? r->last_seq
			: ended_after(user, room, after));
	if (!out->member)
		out->head = 0;
}

void
pg_heads(unsigned rooms, struct pganswer *out)
{
	int r;

	*out = (struct pganswer){.epoch = pg.epoch};
	for (r = 0; r < w.plan.rooms; r++) {
		if (!(rooms >> r & 1))
			continue;
		out->heads[out->count][0] = r + 1;
		out->heads[out->count++][1] = pg.room[r].last_seq;
	}
}
