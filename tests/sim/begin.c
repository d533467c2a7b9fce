/* tests/sim/begin.c - see world.h: the world before its first step. */
#include <stdio.h>
#include <string.h>

#include "kafka.h"
#include "pg.h"

static void
add_actor(enum actor_kind kind, int index, const char *name)
{
	struct actor *actor = &w.actor[w.actors++];

	actor->kind = kind;
	actor->index = index;
	snprintf(actor->name, sizeof(actor->name), "%s", name);
	if (kind == EDGE || kind == CLIENT ||
		((kind == RUNNER || kind == STORE) && index != OUTCOMES))
		snprintf(actor->name, sizeof(actor->name), "%s%d", name, index);
	actor->weight = 1 << roll(4);
	actor->supervised = kind != STORE;
	actor->wake_ms = CLOCK_NEVER;
}

static void
add_actors(void)
{
	int i;

	for (i = 0; i < EDGES; i++)
		add_actor(EDGE, i, "edge");
	add_actor(PRODUCE, 0, "produce");
	add_actor(CAST, 0, "cast");
	add_actor(API, 0, "api");
	add_actor(OUTBOX, 0, "outbox");
	for (i = 0; i < RUNNERS; i++)
		add_actor(RUNNER, i, i == OUTCOMES ? "letters" : "run");
	for (i = 0; i < RUNNERS; i++)
		add_actor(STORE, i, i == OUTCOMES ? "outcomes" : "store");
	for (i = 0; i < w.plan.clients; i++)
		add_actor(CLIENT, i, "client");
}

void
schedule_begin(const struct plan *plan)
{
	int i, r, u;

	memset(&w, 0, sizeof(w));
	memset(&kafka, 0, sizeof(kafka));
	sim_reset();
	pg_init();
	w.plan = *plan;
	w.random = plan->seed * 0x9e3779b97f4a7c15ULL | 1;
	for (i = 0; i < 8; i++)
		roll(2);
	w.now = 1000;
	w.broker_up = w.pg_up = true;
	kafka_reset_groups(-1);
	for (r = 0; r < plan->rooms; r++)
		for (u = 0; u < USERS; u++)
			pg.room[r].member[u] = true;
	pg_snapshot();
	add_actors();
	for (i = 0; i < w.actors; i++)
		if (w.actor[i].kind == RUNNER &&
			w.actor[i].index >= plan->pairs &&
			w.actor[i].index != OUTCOMES)
			w.actor[i].supervised = false;
	if (plan->count)
		w.until_step = plan->step[0].gap;
}
