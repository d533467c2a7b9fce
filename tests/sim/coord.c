/*
 * tests/sim/coord.c - see kafka.h: the groups' coordinator. Static members, the
 * range assignor, all partitions given back at each rebalance. The letters'
 * rows have a group of their own, with one member.
 *
 *	stable --a member comes or has been silent for 10 s--> preparing
 *	preparing --all that are in have joined again--> stable, a generation on
 */
#include "kafka.h"

enum { SESSION_MS = 10000, JOIN_MS = 60000 };

struct cgroup *
coord_group(int slot)
{
	return &kafka.group[slot == OUTCOMES];
}

enum topic
coord_topic(int slot)
{
	return slot == OUTCOMES ? DLT : MESSAGES;
}

static void
assign(struct cgroup *g)
{
	int in = 0, at = 0, slot, left, i;

	for (slot = 0; slot < RUNNERS; slot++)
		in += g->member[slot].in;
	left = in ? w.plan.parts % in : 0;
	for (slot = 0; slot < RUNNERS; slot++) {
		struct member *member = &g->member[slot];

		member->parts = 0;
		if (!member->in)
			continue;
		for (i = w.plan.parts / in + (left-- > 0); i > 0; i--)
			member->parts |= 1u << at++;
	}
	g->gen++;
	g->preparing = false;
	trace("kafka: generation %d: %x %x %x %x", g->gen, g->member[0].parts,
		g->member[1].parts, g->member[2].parts,
		g->member[OUTCOMES].parts);
}

static void
complete(struct cgroup *g)
{
	bool any = false;
	int slot;

	if (!g->preparing)
		return;
	for (slot = 0; slot < RUNNERS; slot++) {
		if (g->member[slot].in && !g->member[slot].joined)
			return;
		any |= g->member[slot].in;
	}
	if (any)
		assign(g);
}

static void
prepare(struct cgroup *g)
{
	int slot;

	if (g->preparing)
		return;
	g->preparing = true;
	g->join_ms = w.now + JOIN_MS;
	for (slot = 0; slot < RUNNERS; slot++)
		g->member[slot].joined = false;
}

void
coord_rebalance(void)
{
	prepare(&kafka.group[0]);
	if (chance(30))
		prepare(&kafka.group[1]);
}

/* A static member that is back within its session keeps what it had. */
void
coord_join(int slot, int inc)
{
	struct cgroup *g = coord_group(slot);
	struct member *member = &g->member[slot];

	if (!member->in)
		prepare(g);
	member->in = member->joined = true;
	member->inc = inc;
	member->beat_ms = w.now;
	complete(g);
}

bool
coord_knows(int slot, int inc)
{
	const struct member *member = &coord_group(slot)->member[slot];

	return member->in && member->inc == inc;
}

bool
coord_must_join(int slot)
{
	const struct cgroup *g = coord_group(slot);

	return g->preparing && !g->member[slot].joined;
}

bool
coord_has_all(int slot)
{
	const struct cgroup *g = coord_group(slot);

	return !g->preparing && g->member[slot].joined &&
	       (slot == OUTCOMES || !txn_unstable(g->member[slot].parts));
}

void
coord_set(struct cgroup *g, int part, int64_t offset, int64_t order)
{
	if (order < g->order[part])
		return;
	g->committed[part] = offset;
	g->order[part] = order;
}

enum verdict
coord_check(const struct req *req)
{
	int slot = w.actor[req->actor].index;

	if (w.now < w.deny_ms)
		return V_FAILED;
	if (!coord_knows(slot, req->inc))
		return chance(50) ? V_FENCED : V_FAILED;
	return req->gen == coord_group(slot)->gen ? V_OK : V_FAILED;
}

enum verdict
coord_commit(const struct req *req)
{
	struct cgroup *g = coord_group(w.actor[req->actor].index);
	enum verdict verdict = coord_check(req);
	int p;

	for (p = 0; p < PARTS && verdict == V_OK; p++)
		if (req->offset[p] >= 0)
			coord_set(g, p, req->offset[p], ++kafka.order);
	return verdict;
}

static void
leave(struct cgroup *g, int slot)
{
	trace("kafka: the session of %s is over", actor_of(RUNNER, slot)->name);
	g->member[slot].in = false;
	g->member[slot].parts = 0;
	prepare(g);
}

static void
tick(struct cgroup *g)
{
	int slot;

	for (slot = 0; slot < RUNNERS; slot++) {
		struct member *member = &g->member[slot];
		struct actor *actor = actor_of(RUNNER, slot);

		if (actor->state == UP && actor->inc == member->inc)
			member->beat_ms = w.now;
		if (!member->in)
			continue;
		if (w.now >= member->beat_ms + SESSION_MS ||
			(g->preparing && !member->joined &&
				w.now >= g->join_ms))
			leave(g, slot);
	}
	complete(g);
}

void
coord_tick(void)
{
	tick(&kafka.group[0]);
	tick(&kafka.group[1]);
}

void
coord_beat_all(void)
{
	int slot;

	for (slot = 0; slot < RUNNERS; slot++)
		coord_group(slot)->member[slot].beat_ms = w.now;
}

int64_t
coord_deadline(void)
{
	int64_t at = CLOCK_NEVER, then;
	int slot;

	for (slot = 0; slot < RUNNERS; slot++) {
		const struct actor *actor = actor_of(RUNNER, slot);
		const struct cgroup *g = coord_group(slot);
		const struct member *member = &g->member[slot];

		if (g->preparing && g->join_ms < at)
			at = g->join_ms;
		then = member->beat_ms + SESSION_MS;
		if (!member->in || then >= at)
			continue;
		if (actor->state != UP || actor->inc != member->inc)
			at = then;
	}
	return at;
}
