/*
 * tests/sim/plan.c - see world.h: what clients, members and fate will do. Each
 * plan has only some kinds of faults, so that each kind is met both alone and
 * in company.
 */
#include <stdio.h>
#include <string.h>

#include "sends.h"

static const int long_ms[] = {50, 800, 3000, 7000, 12000, 35000};

struct kind {
	enum step_kind kind;
	int percent; /* of plans that have it */
	int most;    /* of them in a plan */
};

static const struct kind kinds[] = {
	{DO_COPY, 50, 4},
	{DO_KICK, 35, 3},
	{DO_LEAVE, 20, 2},
	{DO_FOREIGN, 15, 2},
	{DO_KILL, 70, 8},
	{DO_STOP, 40, 4},
	{DO_TERM, 20, 2},
	{DO_CUT, 40, 5},
	{DO_BROKER, 15, 2},
	{DO_PG, 20, 2},
	{DO_PG_CUT, 20, 3},
	{DO_LATE, 15, 2},
	{DO_REBALANCE, 30, 4},
	{DO_MORE, 30, 3},
	{DO_TIME, 15, 2},
	{DO_GONE, 15, 1},
	{DO_TAIL, 5, 1},
	{DO_ANEW, 4, 1},
	{DO_RESTORE, 6, 1},
};

static void
add(struct plan *plan, enum step_kind kind, int a, int b)
{
	if (plan->count == STEPS_MAX)
		return;
	plan->step[plan->count++] =
		(struct step){kind, (int)roll(chance(20) ? 100 : 20), a, b};
}

static enum temper
temper(bool wild)
{
	unsigned n = roll(100);

	if (!wild || n < 70)
		return PLAIN;
	return n < 76	? POISON
	       : n < 86 ? MISSING
	       : n < 91 ? CRASHER
	       : n < 96 ? MUTE
			: BIG;
}

static void
add_sends(struct plan *plan, bool wild)
{
	int order[CLIENTS][ROOMS] = {{0}};
	int i, senders = plan->clients - plan->twin;

	plan->sends = 4 + (int)roll(chance(20) ? 40 : 18);
	for (i = 0; i < plan->sends; i++) {
		struct send *send = &plan->send[i];

		send->client = (int)roll((unsigned)senders);
		send->room = (int)roll((unsigned)plan->rooms);
		send->order = order[send->client][send->room]++;
		send->id = SEND_ID + i;
		send->temper = temper(wild);
		if (send->temper == MISSING)
			send->left = 1 + (int)roll(5);
		if (send->temper == CRASHER)
			send->left = chance(50) ? 1 + (int)roll(3) : 20;
		snprintf(send->content, sizeof(send->content), "text %d", i);
		add(plan, DO_SEND, i, 0);
	}
}

static void
add_fault(struct plan *plan, enum step_kind kind)
{
	int user = (int)roll((unsigned)(plan->clients - plan->twin));
	int room = (int)roll((unsigned)plan->rooms);
	int ms = long_ms[roll(ARRAY_LEN(long_ms))];

	switch (kind) {
	case DO_COPY:
		if (plan->twin)
			add(plan, kind, (int)roll((unsigned)plan->sends), 0);
		break;
	case DO_KICK:
	case DO_LEAVE:
		add(plan, kind, user, room);
		if (chance(70))
			add(plan, DO_INVITE, user, room);
		break;
	case DO_FOREIGN:
		add(plan, kind, room, 0);
		break;
	case DO_KILL:
		add(plan, kind, (int)roll(EDGES + 4 + 2 * PAIRS), 0);
		break;
	case DO_STOP:
		add(plan, kind, (int)roll(EDGES + 4 + 2 * PAIRS), ms);
		break;
	case DO_TERM:
		add(plan, kind, EDGES + 4 + (int)roll(PAIRS), 0);
		break;
	case DO_GONE:
		add(plan, kind, (int)roll((unsigned)plan->clients), 0);
		break;
	default:
		add(plan, kind, (int)roll(16), ms);
	}
}

/* In a random order, but for what begins it: clients come to their rooms. */
static void
shuffle(struct plan *plan, int first)
{
	struct step swap;
	int i, j;

	for (i = plan->count - 1; i > first; i--) {
		j = first + (int)roll((unsigned)(i - first + 1));
		swap = plan->step[i];
		plan->step[i] = plan->step[j];
		plan->step[j] = swap;
	}
}

/* Sends keep their numbers' order: a client sends as it speaks. */
static void
sort_sends(struct plan *plan)
{
	int i, n = 0;

	for (i = 0; i < plan->count; i++)
		if (plan->step[i].kind == DO_SEND)
			plan->step[i].a = n++;
}

void
plan_make(struct plan *plan, uint64_t seed)
{
	int i, n, c, r, first;

	memset(plan, 0, sizeof(*plan));
	w.random = seed * 0x9e3779b97f4a7c15ULL + 0x1234567;
	if (!w.random)
		w.random = 1;
	for (i = 0; i < 8; i++)
		roll(2);
	plan->seed = seed;
	plan->parts = 1 + (int)roll(PARTS);
	plan->rooms = 1 + (int)roll(ROOMS);
	plan->twin = chance(40);
	plan->clients = 2 + (int)roll(CLIENTS - 1);
	plan->pairs = 1 + (int)roll(2);
	plan->idempotent = chance(30);
	plan->page = 1 + (int)roll(4);
	for (c = 0; c < plan->clients; c++)
		for (r = 0; r < plan->rooms; r++)
			if (chance(85))
				add(plan, DO_JOIN, c, r);
	first = plan->count / 2;
	add_sends(plan, chance(40));
	for (i = 0; i < (int)ARRAY_LEN(kinds); i++)
		if (chance((unsigned)kinds[i].percent))
			for (n = 1 + (int)roll((unsigned)kinds[i].most); n > 0;
				n--)
				add_fault(plan, kinds[i].kind);
	shuffle(plan, first);
	sort_sends(plan);
}
