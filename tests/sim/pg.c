/* tests/sim/pg.c - see pg.h: calls, locks, memberships. */
#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "pg_inner.h"
#include "sends.h"
#include "wire/event.h"
#include "wire/shown.h"

struct pg pg;
static struct pgcall calls[CALLS];

struct pgcall *
pg_calls(void)
{
	return calls;
}

void
pg_init(void)
{
	memset(&pg, 0, sizeof(pg));
	memset(calls, 0, sizeof(calls));
	pg.epoch = 1;
	pg.next_id = 1;
	pg_forget();
}

struct pgcall *
pg_call(struct actor *actor, enum pg_call kind)
{
	struct pgcall *call = calls;
	int r;

	while (call->used)
		if (++call == calls + CALLS)
			abort();
	*call = (struct pgcall){.used = true, .kind = kind, .room = -1};
	if (actor) {
		call->actor = actor_id(actor);
		call->inc = actor->inc;
	}
	call->orphan = !actor;
	for (r = 0; r < ROOMS; r++)
		call->snapshot[r] = -1;
	return call;
}

/* ---- locks --------------------------------------------------------------- */

static int
next_lock(const struct pgcall *call)
{
	int r;

	for (r = 0; r < ROOMS; r++)
		if ((call->want & ~call->have) >> r & 1)
			return r;
	return -1;
}

bool
pg_can_step(const struct pgcall *call)
{
	int room = next_lock(call);

	return call->used && w.pg_up && (room < 0 || !pg.room[room].lock);
}

static void
unlock(struct pgcall *call)
{
	int r;

	for (r = 0; r < ROOMS; r++)
		if (pg.room[r].lock == (int)(call - calls) + 1)
			pg.room[r].lock = 0;
}

static void
answer(struct pgcall *call, enum pg_verdict verdict)
{
	struct actor *actor = &w.actor[call->actor];
	struct pgcall *copy;
	struct msg *msg;

	call->verdict = verdict;
	call->epoch = pg.epoch;
	unlock(call);
	call->used = false;
	if (call->orphan || !actor_runs(call->actor, call->inc))
		return;
	copy = sim_alloc(sizeof(*copy));
	*copy = *call;
	msg = msg_new(M_PG);
	msg->ptr = copy;
	back_push(actor, msg);
}

/* Without the rule a statement sees what was there when it began to wait. */
static bool
take_locks(struct pgcall *call)
{
	bool lock = call->kind == CALL_STORE ? RULE(lock_then_look)
					     : RULE(membership_locks);
	int room = next_lock(call), r;

	if (!lock && call->snapshot[0] < 0) {
		for (r = 0; r < ROOMS; r++)
			call->snapshot[r] = pg.room[r].rows;
		return true;
	}
	if (!lock || room < 0)
		return false;
	pg.room[room].lock = (int)(call - calls) + 1;
	call->have |= 1u << room;
	return true;
}

/* ---- rows ---------------------------------------------------------------- */

struct row *
pg_add_row(int room, int64_t seq)
{
	struct room *r = &pg.room[room];
	struct row *row = sim_alloc(sizeof(*row));

	if (r->rows == ROWS_MAX)
		abort();
	*row = (struct row){.id = pg.next_id++,
		.seq = seq,
		.room = room,
		.part = -1,
		.target = -1};
	r->row[r->rows++] = row;
	if (seq > r->last_seq)
		r->last_seq = seq;
	pg_remember(row);
	return row;
}

const struct row *
pg_row(int room, int64_t seq)
{
	int i;

	for (i = pg.room[room].rows - 1; i >= 0; i--)
		if (pg.room[room].row[i]->seq == seq)
			return pg.room[room].row[i];
	return NULL;
}

void
pg_row_told(int room, int64_t seq)
{
	int i;

	for (i = 0; i < pg.room[room].rows; i++)
		if (pg.room[room].row[i]->seq == seq &&
			!pg.room[room].row[i]->told_ms)
			pg.room[room].row[i]->told_ms = w.now;
}

/* ---- memberships --------------------------------------------------------- */

static void
say(struct pgcall *call, enum row_type type, int64_t seq)
{
	static const char *const names[] = {
		"TEXT", "SYSTEM_INVITE", "SYSTEM_KICK", "SYSTEM_LEAVE"};
	struct row *row = pg_add_row(call->room, seq);
	struct buf event = {0}, shown = {0};
	char targets[64], epoch[24];
	struct shown s = {.message_id = row->id,
		.seq = seq,
		.room_id = call->room + 1,
		.sender_id = (type == ROW_LEAVE ? call->user : 0) + 1,
		.content = STR("x"),
		.type = str_c(names[type]),
		.sent_at_ms = SIM_WALL_MS};

	row->type = type;
	row->target = call->user;
	row->user = -1;
	snprintf(targets, sizeof(targets), "[{\"userId\":%d}]", call->user + 1);
	s.targets = str_c(targets);
	shown_print(&shown, &s);
	pg_epoch_print(pg.epoch, epoch);
	event_print_message(&event, str_c(epoch), buf_str(&shown));
	if (pg.outbox_end == OUTBOX_MAX)
		abort();
	pg.outbox[pg.outbox_end++] = (struct outbox_row){
		row->id, call->room, sim_copy(buf_str(&event))};
	buf_release(&event);
	buf_release(&shown);
	actor_of(OUTBOX, 0)->due = true;
}

static void
change(struct pgcall *call)
{
	struct room *room = &pg.room[call->room];
	bool in = call->kind == CALL_INVITE;
	int64_t seq = room->last_seq + 1;

	if (room->member[call->user] == in)
		return;
	if (call->snapshot[0] >= 0)
		seq = (call->snapshot[call->room]
				      ? room->row[call->snapshot[call->room] -
						    1]
						->seq
				      : 0) +
		      1;
	if (pg_row(call->room, seq))
		return; /* the transaction fails; nobody asks again */
	room->member[call->user] = in;
	trace("pg: user%d is %s room%d, seq %lld", call->user,
		in ? "invited to" : "out of", call->room, (long long)seq);
	if (!in)
		room->ended[call->user] = seq;
	say(call,
		in			  ? ROW_INVITE
		: call->kind == CALL_KICK ? ROW_KICK
					  : ROW_LEAVE,
		seq);
}

/* ---- steps --------------------------------------------------------------- */

static void
trace_store(const struct pgcall *call, enum pg_verdict verdict)
{
	int i;

	for (i = 0; i < call->count && w.trace; i++)
		trace("pg: %s's batch: send%d at %d@%lld: %s, seq %lld",
			w.actor[call->actor].name,
			send_of_id(call->arg[i].cmid), call->arg[i].part,
			(long long)call->arg[i].offset,
			verdict == PGV_OK ? pg_state_name(call->arg[i].state)
					  : "refused, nothing is stored",
			(long long)call->arg[i].seq);
}

void
pg_step(struct pgcall *call)
{
	enum pg_verdict verdict = PGV_OK;
	int i;

	if (call->kind == CALL_LETTERS || call->kind == CALL_REPLAYED) {
		for (i = 0; i < call->count; i++)
			if (call->kind == CALL_LETTERS)
				pg_dead(&call->arg[i]);
			else
				pg_replayed(&call->arg[i]);
		answer(call, PGV_OK);
		return;
	}
	if (take_locks(call))
		return;
	if (call->kind == CALL_STORE) {
		verdict = pg_store(call);
		trace_store(call, verdict);
	} else {
		change(call);
	}
	answer(call, verdict);
}

void
pg_crash(void)
{
	struct pgcall *call;

	for (call = calls; call < calls + CALLS; call++)
		if (call->used)
			answer(call, PGV_OUTAGE);
}

void
pg_client_gone(const struct actor *actor, bool dead)
{
	struct pgcall *call;

	for (call = calls; call < calls + CALLS; call++) {
		if (!call->used || call->orphan ||
			call->actor != actor_id(actor) ||
			call->inc != actor->inc)
			continue;
		call->orphan = true;
		if (!call->have && chance(30))
			call->used = false; /* it had not arrived */
		if (!dead) {
			struct pgcall *copy = sim_alloc(sizeof(*copy));
			struct msg *msg = msg_new(M_PG);

			*copy = *call;
			copy->verdict = PGV_OUTAGE;
			msg->ptr = copy;
			back_push(&w.actor[copy->actor], msg);
		}
	}
}
