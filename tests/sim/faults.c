/* tests/sim/faults.c - see world.h: the steps of a plan, done. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "kafka.h"
#include "pair.h"
#include "pg.h"
#include "sends.h"
#include "wire/dlt.h"

static struct actor *
client_of(int index)
{
	struct actor *actor = actor_of(CLIENT, index);

	return actor->state == UP ? actor : NULL;
}

static void
member(enum pg_call kind, int user, int room)
{
	struct pgcall *call = pg_call(NULL, kind);

	call->user = user;
	call->room = room;
	call->want = 1u << room;
}

static void
lose_events(int64_t until_ms)
{
	if (until_ms > w.lost_events_ms)
		w.lost_events_ms = until_ms;
}

static void
foreign(int room)
{
	char key[12];
	static char longer[1000];
	struct record record = {.value = STR("{\"roomId\":1}")};

	if (chance(50)) {
		memset(longer, 'x', sizeof(longer));
		record.value = (struct str){longer, sizeof(longer)};
	}
	room_key(room, key);
	record.key = str_c(key);
	kafka_append(MESSAGES, part_of_key(record.key), &record);
}

void
kill_one(struct actor *actor)
{
	static const int others[] = {SIGKILL, SIGTERM, 1 << 8, 111 << 8};

	if (actor->kind == STORE)
		pair_kill(actor->index, others[roll(ARRAY_LEN(others))]);
	else
		actor_kill(actor);
}

static void
stop(struct actor *actor, int ms)
{
	if (actor->state != UP)
		return;
	trace("%s is stopped for %d ms", actor->name, ms);
	actor->state = STOPPED;
	actor->cont_ms = w.now + ms;
}

/* Networks lie between clients and edges; a slow edge is cut off by what it
 * reads from. */
static void
cut(int which)
{
	int i, n = 0;

	for (i = 0; i < w.conns; i++)
		n += w.conn[i].used && w.conn[i].kind != PIPE;
	if (!n)
		return;
	which %= n;
	for (i = 0; i < w.conns; i++)
		if (w.conn[i].used && w.conn[i].kind != PIPE && which-- == 0)
			break;
	if (w.conn[i].kind == TO_EDGE) {
		conn_cut(&w.conn[i]);
		return;
	}
	if (!w.conn[i].side[1].open)
		return;
	trace("%s cuts off %s", w.actor[w.conn[i].side[1].actor].name,
		w.actor[w.conn[i].side[0].actor].name);
	conn_cut(&w.conn[i]);
}

static void
kill_kinds(unsigned kinds)
{
	int i;

	for (i = 0; i < w.actors; i++)
		if (kinds >> w.actor[i].kind & 1)
			kill_one(&w.actor[i]);
}

static void
more(void)
{
	struct actor *actor = actor_of(RUNNER, PAIRS - 1);

	actor->supervised = !actor->supervised;
	if (actor->supervised)
		actor->restart_ms = w.now;
	else if (actor->state == UP)
		run_term(actor);
}

/* The broker alone loses power, its clients live: the group begins anew, or
 * nobody tells it. */
static void
broker_power_loss(bool told)
{
	if (told)
		kafka_lose_tail();
	else
		kafka_tail_untold();
	/* Who reads chat-events on may miss what takes the place of what is
	 * gone: the clock mends that. */
	lose_events(CLOCK_NEVER);
	if (told)
		kafka_reset_groups(-1);
}

static void
power_loss(void)
{
	kafka_forget_requests();
	kill_kinds(1u << EDGE | 1u << PRODUCE | 1u << CAST | 1u << API |
		   1u << OUTBOX | 1u << RUNNER);
	kafka_lose_tail();
	lose_events(w.now);
	kafka_reset_groups(0);
}

static void
anew(void)
{
	kill_kinds(1u << RUNNER);
	kafka_make_anew();
	lose_events(w.now);
}

static void
restore(void)
{
	int i;

	kill_kinds(1u << API | 1u << OUTBOX | 1u << RUNNER);
	for (i = 0; i < CALLS; i++)
		pg_calls()[i].used = false;
	pg_restore();
	/* Events of the old life come later than the new one. */
	if (chance(60))
		stop(actor_of(CAST, 0), 2000);
	lose_events(w.now);
	kafka_reset_groups(0);
}

static void
pg_away(int ms)
{
	pg_crash();
	w.pg_up = false;
	w.pg_back_ms = w.now + ms;
}

static void
broker_away(int ms)
{
	w.broker_up = false;
	w.broker_back_ms = w.now + ms;
	if (chance(40))
		w.wait_ms = w.broker_back_ms;
}

static void
hang(int index)
{
	struct actor *actor = actor_of(STORE, index % RUNNERS);

	if (actor->state == UP)
		stop(actor, INT32_MAX);
}

static void
append_replay(const struct record *letter, struct str of)
{
	struct record_header headers[] = {
		{STR(DLT_REPLAY_COUNT), STR("1"), false},
		{STR(DLT_REPLAY_OF), of, false}};
	struct record record = *letter;

	record.headers = headers;
	record.header_count = ARRAY_LEN(headers);
	kafka_append(MESSAGES, letter->partition, &record);
}

/* What chat-dlq-replay does, in the one transaction that it does it in; what
 * was wrong with the record is put right before. */
static void
replay(int which)
{
	int p = which % w.plan.parts, n;
	struct krec *rec;
	struct dlt_info info;
	struct buf of = {0};
	int64_t at;

	for (at = 0; (rec = kafka_fetch(DLT, p, &at)); at++) {
		n = send_of(rec->record.value);
		if (n < 0 || w.plan.send[n].replayed)
			continue;
		w.plan.send[n].replayed = true;
		dlt_read(&info, &rec->record);
		dlt_place_print(&of, &info.origin);
		append_replay(&rec->record, buf_str(&of));
		buf_release(&of);
		trace("send%d is replayed", n);
		return;
	}
}

static void
copy(int n)
{
	struct actor *actor = client_of(w.plan.clients - 1);
	struct send *send = &w.plan.send[n];

	if (!actor || !w.plan.twin || send->client != 0 ||
		send->state == S_NEW || send->copied)
		return;
	send->copied = true;
	client_send(actor, n);
}

static void
gone(int index)
{
	struct actor *actor = client_of(index);

	if (!actor)
		return;
	actor_kill(actor);
	actor->supervised = false;
}

void
step_act(const struct step *step)
{
	char text[80];
	struct actor *actor = NULL;

	if (w.trace) {
		step_describe(&w.plan, step, text, sizeof(text));
		trace("---- %s", text);
	}
	switch (step->kind) {
	case DO_SEND:
		actor = client_of(w.plan.send[step->a].client);
		if (actor)
			client_send(actor, step->a);
		break;
	case DO_JOIN:
		actor = client_of(step->a);
		if (actor)
			client_want(actor, step->b);
		break;
	case DO_COPY:
		copy(step->a);
		break;
	case DO_KICK:
		member(CALL_KICK, step->a, step->b);
		break;
	case DO_LEAVE:
		member(CALL_LEAVE, step->a, step->b);
		break;
	case DO_INVITE:
		member(CALL_INVITE, step->a, step->b);
		break;
	case DO_FOREIGN:
		foreign(step->a % w.plan.rooms);
		break;
	case DO_KILL:
		kill_one(&w.actor[step->a]);
		break;
	case DO_STOP:
		stop(&w.actor[step->a], step->b);
		break;
	case DO_TERM:
		if (w.actor[step->a].state == UP)
			run_term(&w.actor[step->a]);
		break;
	case DO_CUT:
		cut(step->a);
		break;
	case DO_BROKER:
		broker_away(step->b);
		break;
	case DO_PG:
		pg_away(step->b);
		break;
	case DO_PG_CUT:
		actor = actor_of(STORE, step->a % RUNNERS);
		if (actor->state != DOWN)
			pg_client_gone(actor, false);
		break;
	case DO_LATE:
		w.late_ms = step->b;
		break;
	case DO_REBALANCE:
		coord_rebalance();
		break;
	case DO_MORE:
		more();
		break;
	case DO_TIME:
		set_time(w.now + step->b);
		break;
	case DO_GONE:
		gone(step->a);
		break;
	case DO_TAIL:
		if (step->a % 4)
			broker_power_loss(step->a % 2);
		else
			power_loss();
		break;
	case DO_ANEW:
		anew();
		break;
	case DO_RESTORE:
		restore();
		break;
	case DO_CRASH:
		w.crash[step->a] = step->b;
		break;
	case DO_HANG:
		hang(step->a);
		break;
	case DO_REPLAY:
		replay(step->a);
		break;
	case DO_WAIT:
		w.wait_ms = w.now + step->b;
		break;
	case DO_DELETE:
		pg_delete(step->a, step->b);
		break;
	case DO_FALSE:
		odd_event(step->a);
		break;
	case DO_DENY:
		w.deny_ms = w.now + step->b;
		if (chance(60))
			w.wait_ms = w.deny_ms;
		break;
	case DO_EXPIRE:
		pg_expire(step->a % w.plan.rooms, step->b);
		break;
	case STEP_KINDS:
		break;
	}
}

/* Nothing goes wrong from here on. */
void
mend(void)
{
	int i;

	trace("---- all is mended");
	w.mended = true;
	w.mended_ms = w.now;
	w.mended_steps = w.steps;
	w.late_ms = 0;
	w.deny_ms = 0;
	w.pg_back_ms = w.broker_back_ms = w.now;
	for (i = 0; i < QUEUES; i++)
		kafka.queue[i].hold_ms = 0;
	for (i = 0; i < w.actors; i++) {
		if (w.actor[i].cont_ms < w.now + 1000000)
			w.actor[i].cont_ms = w.now; /* but who hangs, hangs */
		w.actor[i].restart_ms = w.now;
	}
}
