/*
 * tests/sim/sched.c - see world.h: one thing that could happen next, happens.
 * Each actor has a weight in each schedule, so that some are slow throughout.
 */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "kafka.h"
#include "pg.h"

enum {
	CHOICES = 256,
	MEND_MS = 300000, /* I9: it drains within that */
	STEPS = 60000,
};

enum what { LINE, TURN, BACK, SERVE, MARK, DATABASE, RESTART, CONT };

struct choice {
	enum what what;
	int i, side;
	unsigned upto; /* weights up to this one */
};

static struct choice choices[CHOICES];
static int count;
static unsigned total;

static void
offer(enum what what, int i, int side, int weight)
{
	if (count == CHOICES)
		return;
	total += (unsigned)weight;
	choices[count++] = (struct choice){what, i, side, total};
}

static void
offer_lines(void)
{
	int i, side;

	for (i = 0; i < w.conns; i++) {
		struct conn *conn = &w.conn[i];

		for (side = 0; conn->used && side < 2; side++) {
			struct actor *actor = &w.actor[conn->side[side].actor];
			const struct actor_ops *ops = actor_ops[actor->kind];

			if (conn->side[side].open && conn->side[side].in &&
				!conn->side[side].paused &&
				actor->state == UP &&
				(!ops->reads || ops->reads(actor, conn)))
				offer(LINE, i, side, actor->weight);
		}
	}
}

static void
offer_actors(void)
{
	int i;

	for (i = 0; i < w.actors; i++) {
		struct actor *actor = &w.actor[i];
		const struct actor_ops *ops = actor_ops[actor->kind];

		if (actor->state == DOWN && actor->supervised &&
			w.now >= actor->restart_ms)
			offer(RESTART, i, 0, 2);
		if (actor->state == STOPPED && w.now >= actor->cont_ms)
			offer(CONT, i, 0, 2);
		if (actor->state != UP)
			continue;
		if (actor->due || w.now >= actor->wake_ms ||
			(ops->ready && ops->ready(actor)))
			offer(TURN, i, 0, actor->weight);
		if (actor->back)
			offer(BACK, i, 0, actor->weight);
	}
}

static void
offer_servers(void)
{
	int i;

	for (i = 0; i < QUEUES; i++)
		if (kafka.queue[i].used && kafka_can_serve(&kafka.queue[i]))
			offer(SERVE, i, 0, 4);
	for (i = 0; i < TXIDS; i++)
		if (txn_can_mark(&kafka.txid[i]))
			offer(MARK, i, 0, 2);
	for (i = 0; i < CALLS; i++)
		if (pg_can_step(&pg_calls()[i]))
			offer(DATABASE, i, 0, 3);
}

static void
take_line(struct conn *conn, int side)
{
	struct actor *actor = &w.actor[conn->side[side].actor], *other;
	struct msg *msg = conn->side[side].in;

	conn->side[side].in = msg->next;
	if (!msg->next)
		conn->side[side].in_end = &conn->side[side].in;
	conn->side[side].count--;
	msg->next = NULL;
	/* An edge writes on as its client reads. */
	other = &w.actor[conn->side[!side].actor];
	if (conn->kind == TO_EDGE && side == 0 && conn->side[1].open)
		other->due = true;
	actor_ops[actor->kind]->line(actor, conn, msg);
}

static void
take_back(struct actor *actor)
{
	struct msg *msg = actor->back;

	actor->back = msg->next;
	if (!msg->next)
		actor->back_end = &actor->back;
	msg->next = NULL;
	actor_ops[actor->kind]->back(actor, msg);
}

static void
take_turn(struct actor *actor)
{
	actor->due = false;
	actor->wake_ms = CLOCK_NEVER;
	actor_ops[actor->kind]->turn(actor);
}

static void
happen(const struct choice *choice)
{
	struct actor *actor = &w.actor[choice->i];

	switch (choice->what) {
	case LINE:
		take_line(&w.conn[choice->i], choice->side);
		break;
	case TURN:
		take_turn(actor);
		break;
	case BACK:
		take_back(actor);
		break;
	case SERVE:
		kafka_serve(&kafka.queue[choice->i]);
		break;
	case MARK:
		txn_mark(&kafka.txid[choice->i]);
		break;
	case DATABASE:
		pg_step(&pg_calls()[choice->i]);
		break;
	case RESTART:
		actor_start(actor);
		break;
	case CONT:
		trace("%s goes on", actor->name);
		actor->state = UP;
		break;
	}
}

/* ---- time ---------------------------------------------------------------- */

static void
sooner(int64_t *at, int64_t then)
{
	if (then > w.now && then < *at)
		*at = then;
}

static int64_t
next_time(void)
{
	int64_t at = CLOCK_NEVER;
	int i;

	sooner(&at, w.broker_up ? kafka_deadline() : w.broker_back_ms);
	sooner(&at, w.wait_ms);
	if (!w.pg_up)
		sooner(&at, w.pg_back_ms);
	for (i = 0; i < w.actors; i++) {
		const struct actor *actor = &w.actor[i];

		if (actor->state == UP)
			sooner(&at, actor->wake_ms);
		else if (actor->state == STOPPED)
			sooner(&at, actor->cont_ms);
		else if (actor->supervised)
			sooner(&at, actor->restart_ms);
	}
	return at;
}

static void
come_back(void)
{
	if (!w.pg_up && w.now >= w.pg_back_ms) {
		trace("postgresql is back");
		w.pg_up = true;
	}
	if (w.broker_up || w.now < w.broker_back_ms)
		return;
	trace("the broker is back");
	w.broker_up = true;
	coord_beat_all();
}

void
set_time(int64_t at)
{
	w.now = at;
	kafka_tick();
	come_back();
}

/* ---- the schedule -------------------------------------------------------- */

static void
next_of_plan(void)
{
	const struct plan *plan = &w.plan;

	while (w.next_step < plan->count && w.until_step <= 0 &&
		w.now >= w.wait_ms) {
		if (w.next_step == plan->count / 3)
			pg_snapshot();
		step_act(&plan->step[w.next_step++]);
		if (w.next_step < plan->count)
			w.until_step = plan->step[w.next_step].gap;
	}
	if (w.next_step == plan->count && !w.mended && w.now >= w.wait_ms)
		mend();
}

/* Time passes while all the others sleep; or, now and then, though they could
 * go on. */
static void
pass_time(bool idle)
{
	int64_t then = next_time();

	if (then == CLOCK_NEVER)
		then = w.now + 1000;
	if (!idle && then > w.now + (1 << roll(15)))
		then = w.now + 1;
	set_time(then);
}

static void
one_step(void)
{
	unsigned at;
	int i;

	w.steps++;
	w.until_step--;
	if (!w.mended)
		next_of_plan();
	if (chance(25))
		set_time(w.now + 1);
	count = 0;
	total = 0;
	offer_lines();
	offer_actors();
	offer_servers();
	if (!count && !w.mended && w.now >= w.wait_ms && chance(50)) {
		w.until_step = 0;
		return;
	}
	if (!count || (!w.mended && chance(2))) {
		pass_time(!count);
		return;
	}
	at = roll(total);
	for (i = 0; choices[i].upto <= at; i++)
		;
	happen(&choices[i]);
	if (w.victim)
		kill_one(w.victim);
	w.victim = NULL;
}

/* All is quiet, and as it should be. */
static bool
over(void)
{
	char why[160];

	if (!w.mended)
		return false;
	if (count == 0 && drained(why, sizeof(why)))
		return true;
	if (w.steps > w.mended_steps + STEPS || w.now > w.mended_ms + MEND_MS) {
		if (!drained(why, sizeof(why)))
			wrong("I9", "it does not drain: %s", why);
		return true;
	}
	return false;
}

bool
schedule_run(const struct plan *plan, bool trace)
{
	int i;

	schedule_begin(plan);
	w.trace = trace;
	do
		one_step();
	while (!w.wrong[0] && !over());
	if (!w.wrong[0])
		check_all();
	for (i = 0; i < w.actors; i++)
		if (w.actor[i].state != DOWN) {
			w.trace = false;
			actor_kill(&w.actor[i]);
		}
	return !w.wrong[0];
}
