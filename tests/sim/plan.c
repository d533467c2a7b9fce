/*
 * tests/sim/plan.c - see world.h: what clients, members and fate will do. Each
 * plan has only some kinds of faults, so that each kind is met both alone and
 * in company.
 */
#include <stdio.h>
#include <string.h>

#include "sends.h"

static const int long_ms[] = {50, 800, 3000, 7000, 12000, 35000};

/* A plan is about everything a little, or about one thing in earnest. */
enum about {
	ALL,
	RETRIES,
	MEMBERS,
	FOLLOWING,
	REBALANCE,
	BACK_IN_TIME,
	ENTRANCE,
	ABOUTS
};
#define IN(about) (1u << (about))

struct kind {
	enum step_kind kind;
	int percent; /* of plans that have it */
	int most;    /* of them in a plan */
	unsigned in; /* what plans about those have more of */
};

static const struct kind kinds[] = {
	{DO_COPY, 50, 4, IN(ENTRANCE)},
	{DO_KICK, 35, 3, IN(MEMBERS)},
	{DO_LEAVE, 20, 2, IN(MEMBERS)},
	{DO_FOREIGN, 15, 2, IN(RETRIES)},
	{DO_KILL, 70, 8, IN(FOLLOWING) | IN(ENTRANCE) | IN(RETRIES)},
	{DO_STOP, 40, 4, IN(REBALANCE)},
	{DO_TERM, 20, 2, IN(REBALANCE)},
	{DO_CUT, 40, 5, IN(FOLLOWING) | IN(MEMBERS) | IN(ENTRANCE)},
	{DO_BROKER, 15, 2, IN(ENTRANCE)},
	{DO_PG, 20, 2, IN(RETRIES) | IN(REBALANCE)},
	{DO_PG_CUT, 20, 3, IN(RETRIES)},
	{DO_LATE, 15, 2, IN(ENTRANCE)},
	{DO_REBALANCE, 30, 4, IN(REBALANCE) | IN(RETRIES)},
	{DO_MORE, 30, 3, IN(REBALANCE)},
	{DO_TIME, 15, 2, 0},
	{DO_GONE, 15, 1, IN(ENTRANCE)},
	{DO_TAIL, 5, 1, IN(BACK_IN_TIME)},
	{DO_ANEW, 4, 1, IN(BACK_IN_TIME)},
	{DO_RESTORE, 10, 1, IN(BACK_IN_TIME)},
	{DO_WAIT, 20, 2, IN(RETRIES) | IN(REBALANCE)},
	{DO_CRASH, 40, 4, IN(RETRIES) | IN(ENTRANCE) | IN(BACK_IN_TIME)},
	{DO_HANG, 8, 1, IN(REBALANCE)},
	{DO_REPLAY, 40, 4, IN(RETRIES)},
	{DO_EXPIRE, 10, 2, IN(FOLLOWING)},
	{DO_DENY, 12, 2, IN(REBALANCE) | IN(ENTRANCE)},
	{DO_DELETE, 20, 4, IN(FOLLOWING) | IN(MEMBERS)},
	{DO_FALSE, 10, 2, IN(FOLLOWING)},
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
	bool patient = chance(50);

	plan->sends = 4 + (int)roll(chance(20) ? 40 : 18);
	for (i = 0; i < plan->sends; i++) {
		struct send *send = &plan->send[i];

		send->client = (int)roll((unsigned)senders);
		send->room = (int)roll((unsigned)plan->rooms);
		send->order = order[send->client][send->room]++;
		send->id = SEND_ID + i;
		send->temper = temper(wild);
		if (send->temper == MISSING)
			send->left = 1 + (int)roll(patient ? 3 : 6);
		if (send->temper == CRASHER)
			send->left = chance(50) ? 1 + (int)roll(3) : 20;
		if (send->temper == BIG || send->temper == MUTE)
			send->left = chance(50)		   ? 1
				     : send->temper == BIG ? 20
							   : 1 << 20;
		send->first_left = send->left;
		if (send->temper == POISON && chance(20))
			send->letter_left = 1 + (int)roll(4);
		snprintf(send->content, sizeof(send->content), "text %d", i);
		add(plan, DO_SEND, i, 0);
	}
}

/* Who is killed: those that the plan is about, more often. */
static int
whom(enum about about)
{
	if (about == FOLLOWING && chance(70))
		return (int)(chance(50) ? EDGES + 1 + roll(2) : roll(EDGES));
	if (about == RETRIES && chance(60))
		return EDGES + 4 + RUNNERS + (int)roll(RUNNERS);
	return (int)roll(PROGRAMS);
}

static void
add_fault(struct plan *plan, enum step_kind kind, enum about about)
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
	case DO_DELETE:
		add(plan, kind, user, room);
		break;
	case DO_FALSE:
	case DO_FOREIGN:
		add(plan, kind, room, 0);
		break;
	case DO_KILL:
		add(plan, kind, whom(about), 0);
		break;
	case DO_STOP:
		add(plan, kind, (int)roll(PROGRAMS), ms);
		break;
	case DO_TERM:
		add(plan, kind, EDGES + 4 + (int)roll(RUNNERS), 0);
		break;
	case DO_GONE:
		add(plan, kind, (int)roll((unsigned)plan->clients), 0);
		break;
	case DO_CRASH:
		add(plan, kind, (int)roll(POINTS), chance(15) ? 8 : 1);
		break;
	case DO_EXPIRE:
		add(plan, kind, room, 1 + (int)roll(4));
		break;
	case DO_PG:
		add(plan, kind, 0, chance(15) ? 400000 : ms);
		break;
	case DO_WAIT:
		add(plan, kind, 0, chance(20) ? 300000 : ms);
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
	int i, n, c, r, first, percent;
	enum about about;

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
	plan->atomic = chance(30);
	plan->twice = chance(15);
	plan->odd = chance(25);
	plan->plain = chance(10);
	plan->echo = chance(15);
	plan->source = chance(30) ? 2 : 8;
	plan->window_bytes = chance(30) ? 1000 : 1 << 20;
	about = chance(40) ? ALL : (enum about)roll(ABOUTS);
	for (c = 0; c < plan->clients; c++)
		for (r = 0; r < plan->rooms; r++)
			if (chance(85))
				add(plan, DO_JOIN, c, r);
	first = plan->count / 2;
	add_sends(plan, about == RETRIES || chance(40));
	for (i = 0; i < (int)ARRAY_LEN(kinds); i++) {
		percent = about == ALL		    ? kinds[i].percent
			  : kinds[i].in & IN(about) ? 70
						    : kinds[i].percent / 3;
		if (!chance((unsigned)percent))
			continue;
		n = 1 + (int)roll((unsigned)kinds[i].most);
		if (about != ALL && kinds[i].in & IN(about) && n > 1)
			n *= 2;
		for (; n > 0; n--)
			add_fault(plan, kinds[i].kind, about);
	}
	shuffle(plan, first);
	sort_sends(plan);
	plan->tight = chance(25);
}
