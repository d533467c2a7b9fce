/* tests/sim/pg_store.c - see pg.h: chat_store(), of sql/functions-store.sql. */
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "pg_inner.h"
#include "sends.h"

/* What it sees of a room. */
static int
seen(const struct pgcall *call, int room)
{
	return call->snapshot[room] >= 0 ? call->snapshot[room]
					 : pg.room[room].rows;
}

static const struct row *
find(int room, int user, int64_t cmid, int rows)
{
	int i;

	for (i = 0; i < rows; i++)
		if (pg.room[room].row[i]->user == user &&
			pg.room[room].row[i]->cmid == cmid)
			return pg.room[room].row[i];
	return NULL;
}

static struct outcome *
find_refusal(const struct pgarg *a)
{
	int i;

	for (i = 0; i < pg.outcomes; i++)
		if (pg.outcome[i].state == STORE_REFUSED &&
			pg.outcome[i].room == a->room &&
			pg.outcome[i].user == a->user &&
			pg.outcome[i].cmid == a->cmid)
			return &pg.outcome[i];
	return NULL;
}

static void
add_outcome(const struct pgarg *a)
{
	if (a->state == STORE_REFUSED && find_refusal(a))
		return;
	if (pg.outcomes == OUTCOMES_MAX)
		abort();
	pg.outcome[pg.outcomes++] =
		(struct outcome){a->state, a->room, a->user, a->cmid};
}

static struct pgarg *
first_of(struct pgcall *call, const struct pgarg *a)
{
	struct pgarg *b = call->arg;

	while (b->room != a->room || b->user != a->user || b->cmid != a->cmid)
		b++;
	return b;
}

static void
copy_of(struct pgarg *a, const struct row *row)
{
	bool same = row->part == a->part && row->offset == a->offset &&
		    row->timestamp == a->timestamp;

	a->id = row->id;
	a->seq = row->seq;
	a->row = row;
	if ((same && RULE(same_record_again)) ||
		(a->replayed && RULE(replay_again)))
		a->state = STORE_AGAIN;
	else if (strcmp(a->content, row->content))
		a->state = STORE_REUSED;
	else
		a->state = STORE_DUPLICATE;
}

/* The database has keys of its own: what would break one is a fault. */
static bool
breaks_key(const struct pgarg *a, int64_t seq)
{
	return pg_row(a->room, seq) ||
	       find(a->room, a->user, a->cmid, pg.room[a->room].rows);
}

static bool
store_one(struct pgcall *call, struct pgarg *a, int64_t seq[ROOMS])
{
	const struct pgarg *first = first_of(call, a);
	const struct row *known =
		find(a->room, a->user, a->cmid, seen(call, a->room));
	struct outcome *refusal =
		RULE(refused_for_ever) ? find_refusal(a) : NULL;
	struct row *row;

	if (!RULE(identity))
		known = NULL;
	if (first != a && first->row && !known)
		known = first->row;
	if (known) {
		copy_of(a, known);
	} else if (refusal || (!RULE(sim_no_wrong_refusal) && chance(5)) ||
		   (!pg.room[a->room].member[a->user] &&
			   RULE(store_decides_who_may_speak))) {
		a->state = STORE_REFUSED;
		a->reason = "NOT_A_MEMBER";
	} else {
		seq[a->room] += !RULE(sim_no_hole) && chance(5);
		if (breaks_key(a, ++seq[a->room]))
			return false;
		row = pg_add_row(a->room, seq[a->room]);
		row->user = a->user;
		row->cmid = a->cmid;
		row->part = a->part;
		row->offset = a->offset;
		row->timestamp = a->timestamp;
		memcpy(row->content, a->content, sizeof(row->content));
		a->state = STORE_STORED;
		a->id = row->id;
		a->seq = row->seq;
		a->row = row;
	}
	if (a->state == STORE_REFUSED || a->state == STORE_REUSED)
		add_outcome(a);
	return true;
}

static enum pg_verdict
fault_of(const struct pgcall *call)
{
	enum pg_verdict worst = PGV_OK;
	int i;

	for (i = 0; i < call->count; i++) {
		struct send *send = send_by_id(call->arg[i].cmid);

		if (!send ||
			(send->temper != POISON && send->temper != MISSING))
			continue;
		if (find(call->arg[i].room, call->arg[i].user,
			    call->arg[i].cmid, pg.room[call->arg[i].room].rows))
			continue;
		if (send->replayed)
			continue;
		if (send->temper == POISON)
			return PGV_RECORD;
		if (send->left > 0 && call->count == 1)
			send->left--;
		else if (send->left <= 0)
			continue;
		worst = PGV_MISSING;
	}
	return worst;
}

enum pg_verdict
pg_store(struct pgcall *call)
{
	enum pg_verdict fault = fault_of(call);
	int64_t seq[ROOMS];
	static struct pg before;
	int i, r;

	if (fault != PGV_OK)
		return fault;
	for (r = 0; r < ROOMS; r++) {
		seq[r] = pg.room[r].last_seq;
		if (call->snapshot[r] >= 0)
			seq[r] = call->snapshot[r]
					 ? pg.room[r]
						   .row[call->snapshot[r] - 1]
						   ->seq
					 : 0;
	}
	before = pg;
	for (i = 0; i < call->count; i++) {
		if (store_one(call, &call->arg[i], seq))
			continue;
		pg = before;
		return PGV_RECORD;
	}
	return PGV_OK;
}
