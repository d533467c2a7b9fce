/*
 * audit/subs.c - what the subscriptions of a history got: one cursor for each
 * worker and room, holes until they are filled, runs without a hole; see
 * audit.h.
 *
 *	cursor + 1: the next. Above: a hole, then the next. At or below: out of
 *	a hole it is late (I4), else it is a repeat, which clients drop.
 */
#include "audit/inner.h"

#define MENDED_MAX 64

struct wanted {
	const struct audit *audit;
	uint32_t worker;
	int64_t room_id;
};

static bool
same_sub(const void *ctx, uint32_t index)
{
	const struct wanted *wanted = ctx;
	const struct audit_sub *sub = &wanted->audit->sub[index];

	return sub->worker == wanted->worker && sub->room_id == wanted->room_id;
}

uint32_t
audit_sub_of(struct audit *audit, uint32_t worker, int64_t room_id)
{
	struct wanted wanted = {audit, worker, room_id};
	uint64_t hash = table_hash(worker, (uint64_t)room_id);
	uint32_t at = table_find(&audit->sub_table, hash, same_sub, &wanted);

	if (at != TABLE_NONE)
		return at;
	at = (uint32_t)audit->subs;
	if (AUDIT_GROW(audit, sub, subs, sub_cap) < 0 ||
		table_add(&audit->sub_table, hash, at) < 0 ||
		audit_room_of(audit, room_id) == TABLE_NONE)
		return TABLE_NONE;
	audit->sub[audit->subs++] = (struct audit_sub){.worker = worker,
		.epoch = audit->epoch,
		.room_id = room_id,
		.cursor = -1,
		.head = -1,
		.run = TABLE_NONE,
		.holes = TABLE_NONE};
	return at;
}

/* ---- holes -------------------------------------------------------------- */

static int
open_hole(
	struct audit *audit, uint32_t sub, int64_t from, int64_t to, int64_t ms)
{
	uint32_t at = audit->free_hole;

	if (at != TABLE_NONE) {
		audit->free_hole = audit->hole[at].next;
	} else {
		if (AUDIT_GROW(audit, hole, holes, hole_cap) < 0)
			return -1;
		at = (uint32_t)audit->holes++;
	}
	audit->hole[at] = (struct audit_hole){sub, audit->sub[sub].epoch,
		audit->sub[sub].holes, from, to, ms};
	audit->sub[sub].holes = at;
	return 0;
}

static void
drop_hole(struct audit *audit, uint32_t *link)
{
	uint32_t at = *link;

	*link = audit->hole[at].next;
	audit->hole[at].next = audit->free_hole;
	audit->free_hole = at;
}

/* 1: seq was missing, and is no more; 0: it was not; -1. */
static int
fill_hole(struct audit *audit, uint32_t sub, int64_t seq)
{
	uint32_t *link = &audit->sub[sub].holes;
	struct audit_hole *hole;
	int64_t to;

	for (; *link != TABLE_NONE; link = &audit->hole[*link].next) {
		hole = &audit->hole[*link];
		if (seq < hole->from || seq > hole->to)
			continue;
		to = hole->to;
		if (hole->from == hole->to) {
			drop_hole(audit, link);
		} else if (seq == hole->from) {
			hole->from++;
		} else if (seq == hole->to) {
			hole->to--;
		} else {
			hole->to = seq - 1;
			if (open_hole(audit, sub, seq + 1, to, hole->ms) < 0)
				return -1;
		}
		return 1;
	}
	return 0;
}

/* What is missing when a subscription begins anew, or at the end, stays so. */
static int
close_holes(struct audit *audit, uint32_t sub)
{
	uint32_t *link = &audit->sub[sub].holes;

	while (*link != TABLE_NONE) {
		if (AUDIT_GROW(audit, gap, gaps, gap_cap) < 0)
			return -1;
		audit->gap[audit->gaps] = audit->hole[*link];
		audit->gap[audit->gaps++].next = 0;
		audit->sub[sub].gaps++;
		drop_hole(audit, link);
	}
	return 0;
}

/* It subscribed again, and got what was missing. Only newer gaps are looked at:
 * who has thousands has other troubles. */
static void
mend_gap(struct audit *audit, uint32_t sub, int64_t seq)
{
	size_t from = audit->gaps > MENDED_MAX ? audit->gaps - MENDED_MAX : 0;
	struct audit_hole *gap;

	for (; from < audit->gaps; from++) {
		gap = &audit->gap[from];
		if (gap->sub == sub && seq >= gap->from && seq <= gap->to)
			gap->next++;
	}
}

/* ---- runs --------------------------------------------------------------- */

static int
new_run(struct audit *audit, uint32_t sub, int64_t ms)
{
	if (AUDIT_GROW(audit, run, runs, run_cap) < 0)
		return -1;
	audit->sub[sub].run = (uint32_t)audit->runs;
	audit->run[audit->runs++] = (struct audit_run){
		sub, audit->sub[sub].epoch, 0, -1, ms, ms, -1, -1};
	return 0;
}

static int
extend_run(struct audit *audit, uint32_t sub, int64_t seq, int64_t ms)
{
	struct audit_run *run;

	if (audit->sub[sub].run == TABLE_NONE && new_run(audit, sub, ms) < 0)
		return -1;
	run = &audit->run[audit->sub[sub].run];
	if (run->from <= run->to && seq != run->to + 1) {
		if (new_run(audit, sub, ms) < 0)
			return -1;
		run = &audit->run[audit->sub[sub].run];
	}
	if (run->from > run->to) {
		run->from = seq;
		run->first_ms = ms;
	}
	run->to = seq;
	run->last_ms = ms;
	return 0;
}

/* ---- what a history says ------------------------------------------------ */

/* Where it goes on by what the server says; what lies between his last and the
 * from that he asked for himself is missing. */
static int
begin_at(struct audit *audit, uint32_t at, const struct audit_join *join,
	bool same_epoch, int64_t ms)
{
	struct audit_sub *sub = &audit->sub[at];
	int64_t last = sub->cursor;

	sub->head = -1;
	if (str_eq_c(join->status, "live") || str_eq_c(join->status, "reset")) {
		sub->cursor = join->head;
		audit->run[sub->run].head = join->head;
		return 0;
	}
	sub->head = join->head;
	if (str_eq_c(join->status, "truncated")) {
		sub->cursor = join->first > 0 ? join->first - 1 : -1;
	} else if (join->from >= 0) {
		sub->cursor = join->from;
		if (same_epoch && last >= 0 && last < join->from)
			return open_hole(audit, at, last + 1, join->from, ms);
	}
	return 0;
}

int
audit_joined(struct audit *audit, uint32_t worker,
	const struct audit_join *join, int64_t ns, int64_t ms)
{
	uint32_t at = audit_sub_of(audit, worker, join->room_id), epoch;
	struct audit_sub *sub;
	bool same;

	if (at == TABLE_NONE || close_holes(audit, at) < 0)
		return -1;
	sub = &audit->sub[at];
	epoch = audit_epoch_of(audit, join->epoch, EPOCH_JOIN, ms);
	same = epoch == sub->epoch;
	sub->epoch = epoch;
	if (new_run(audit, at, ms) < 0)
		return -1;
	sub->joined = true;
	sub->joins++;
	sub->over = false;
	audit->run[sub->run].joined_ns = ns;
	return begin_at(audit, at, join, same, ms);
}

int
audit_received(struct audit *audit, uint32_t at, int64_t seq, int64_t ms)
{
	struct audit_sub *sub = &audit->sub[at];
	int late;

	sub->received++;
	audit->deliveries++;
	if (!sub->joined && audit_time_is_due(audit, ms) && !sub->strays++)
		sub->stray_seq = seq;
	if (sub->gaps)
		mend_gap(audit, at, seq);
	if (sub->cursor >= 0 && seq <= sub->cursor) {
		late = fill_hole(audit, at, seq);
		if (late > 0)
			verdict_against(&audit->verdicts, I4_ORDER,
				"%s got room %lld seq %lld after seq %lld",
				audit_say_worker(audit, sub->worker),
				(long long)sub->room_id, (long long)seq,
				(long long)audit->sub[at].cursor);
		else
			audit->repeats++;
		return late < 0 ? -1 : extend_run(audit, at, seq, ms);
	}
	if (sub->cursor >= 0 && seq > sub->cursor + 1 &&
		open_hole(audit, at, sub->cursor + 1, seq - 1, ms) < 0)
		return -1;
	audit->sub[at].cursor = seq;
	return extend_run(audit, at, seq, ms);
}

int
audit_sub_over(struct audit *audit, uint32_t worker, int64_t room_id)
{
	uint32_t at = audit_sub_of(audit, worker, room_id);

	if (at == TABLE_NONE)
		return -1;
	audit->sub[at].over = true;
	audit->sub[at].joined = false;
	return 0;
}

void
audit_lost(struct audit *audit, uint32_t worker)
{
	size_t i;

	audit->worker[worker].high = 0;
	for (i = 0; i < audit->subs; i++)
		if (audit->sub[i].worker == worker)
			audit->sub[i].joined = false;
}

int
audit_subs_settle(struct audit *audit)
{
	size_t i;

	for (i = 0; i < audit->subs; i++)
		if (close_holes(audit, (uint32_t)i) < 0)
			return -1;
	return 0;
}
