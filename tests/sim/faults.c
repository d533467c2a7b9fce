/* tests/sim/faults.c - see world.h: the steps of a plan, done and told. */
#include <signal.h>
#include <stdio.h>

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
	struct record record = {.value = STR("{\"roomId\":1}")};

	room_key(room, key);
	record.key = str_c(key);
	kafka_append(MESSAGES, part_of_key(record.key), &record);
}

void
kill_one(struct actor *actor)
{
	if (actor->kind == STORE)
		pair_kill(actor->index, SIGKILL);
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

/* The broker alone loses power, its clients live: the group begins anew. */
static void
broker_power_loss(void)
{
	kafka_lose_tail();
	/* Who reads chat-events on may miss what takes the place of what is
	 * gone: the clock mends that. */
	lose_events(CLOCK_NEVER);
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
		if (step->a % 2)
			broker_power_loss();
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
	w.pg_back_ms = w.broker_back_ms = w.now;
	for (i = 0; i < QUEUES; i++)
		kafka.queue[i].hold_ms = 0;
	for (i = 0; i < w.actors; i++) {
		if (w.actor[i].cont_ms < w.now + 1000000)
			w.actor[i].cont_ms = w.now; /* but who hangs, hangs */
		w.actor[i].restart_ms = w.now;
	}
}

/* ---- in words ------------------------------------------------------------ */

static const char *
actor_word(int i)
{
	static const char *const words[] = {"edge0", "edge1", "produce", "cast",
		"api", "outbox", "run0", "run1", "run2", "letters", "store0",
		"store1", "store2", "outcomes"};

	return words[i];
}

void
step_describe(
	const struct plan *plan, const struct step *s, char *out, size_t size)
{
	static const char *const tempers[] = {"",
		", which the database refuses",
		", which the database cannot take yet",
		", which ends the filter", ", whose event the broker refuses",
		", which the broker refuses", ""};
	static const char *const points[POINTS] = {"puts a letter",
		"puts an emit", "asks for a commit", "calls the database",
		"answers its runner", "produces", "sends EndTxn",
		"writes a RECEIPT", "sends a record on"};
	static const char *const words[STEP_KINDS] = {
		[DO_REPLAY] = "a dead letter is replayed",
		[DO_REBALANCE] = "the group rebalances",
		[DO_MORE] = "the third pair comes, or goes",
		[DO_TAIL] = "power loss: the logs lose their ends; --from",
		[DO_ANEW] = "chat-messages is made anew",
		[DO_RESTORE] = "postgresql is set back; new epoch, --from"};

	switch (s->kind) {
	case DO_SEND:
		snprintf(out, size, "client%d: send%d to room%d%s",
			plan->send[s->a].client, s->a, plan->send[s->a].room,
			tempers[plan->send[s->a].temper]);
		break;
	case DO_COPY:
		snprintf(out, size, "client%d: a copy of send%d",
			plan->clients - 1, s->a);
		break;
	case DO_KICK:
	case DO_LEAVE:
	case DO_INVITE:
		snprintf(out, size, "user%d %s room%d", s->a,
			s->kind == DO_KICK    ? "is kicked from"
			: s->kind == DO_LEAVE ? "leaves"
					      : "is invited to",
			s->b);
		break;
	case DO_FOREIGN:
		snprintf(out, size, "a neighbour writes nonsense to room%d",
			s->a % plan->rooms);
		break;
	case DO_JOIN:
		snprintf(out, size, "client%d wants room%d", s->a, s->b);
		break;
	case DO_KILL:
		snprintf(out, size, "kill %s", actor_word(s->a));
		break;
	case DO_STOP:
		snprintf(
			out, size, "stop %s for %d ms", actor_word(s->a), s->b);
		break;
	case DO_TERM:
		snprintf(out, size, "TERM to %s", actor_word(s->a));
		break;
	case DO_CUT:
		snprintf(out, size, "a connection is cut");
		break;
	case DO_BROKER:
		snprintf(out, size, "the broker is away for %d ms", s->b);
		break;
	case DO_PG:
		snprintf(out, size, "postgresql crashes, back in %d ms", s->b);
		break;
	case DO_PG_CUT:
		snprintf(out, size, "store%d loses its connection",
			s->a % RUNNERS);
		break;
	case DO_LATE:
		snprintf(out, size, "the next EndTxn is late by %d ms", s->b);
		break;
	case DO_TIME:
		snprintf(out, size, "%d ms pass", s->b);
		break;
	case DO_GONE:
		snprintf(out, size, "client%d goes for good", s->a);
		break;
	case DO_CRASH:
		snprintf(out, size, "who %s dies there, %d times", points[s->a],
			s->b);
		break;
	case DO_HANG:
		snprintf(out, size, "store%d hangs", s->a % RUNNERS);
		break;
	case DO_WAIT:
		snprintf(out, size, "nothing, for %d ms", s->b);
		break;
	case DO_EXPIRE:
		snprintf(out, size, "room%d loses its oldest %d messages",
			s->a % plan->rooms, s->b);
		break;
	default:
		snprintf(out, size, "%s", words[s->kind]);
	}
}
