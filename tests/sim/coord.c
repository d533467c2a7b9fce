/*
 * tests/sim/coord.c - see kafka.h: the group's coordinator. Static members, the
 * range assignor, all partitions given back at each rebalance.
 *
 *	stable --a member comes or has been silent for 10 s--> preparing
 *	preparing --all that are in have joined again--> stable, a generation on
 */
#include "kafka.h"

enum { SESSION_MS = 10000, JOIN_MS = 60000 };

static void
assign(void)
{
	int in = 0, at = 0, slot, left, i;

	for (slot = 0; slot < PAIRS; slot++)
		in += kafka.member[slot].in;
	left = in ? w.plan.parts % in : 0;
	for (slot = 0; slot < PAIRS; slot++) {
		struct member *member = &kafka.member[slot];

		member->parts = 0;
		if (!member->in)
			continue;
		for (i = w.plan.parts / in + (left-- > 0); i > 0; i--)
			member->parts |= 1u << at++;
	}
	kafka.gen++;
	kafka.preparing = false;
	trace("kafka: generation %d: %x %x %x", kafka.gen,
		kafka.member[0].parts, kafka.member[1].parts,
		kafka.member[2].parts);
}

static void
complete(void)
{
	bool any = false;
	int slot;

	if (!kafka.preparing)
		return;
	for (slot = 0; slot < PAIRS; slot++) {
		if (kafka.member[slot].in && !kafka.member[slot].joined)
			return;
		any |= kafka.member[slot].in;
	}
	if (any)
		assign();
}

static void
prepare(void)
{
	int slot;

	if (kafka.preparing)
		return;
	kafka.preparing = true;
	kafka.join_ms = w.now + JOIN_MS;
	for (slot = 0; slot < PAIRS; slot++)
		kafka.member[slot].joined = false;
}

void
coord_rebalance(void)
{
	prepare();
}

/* A static member that is back within its session keeps what it had. */
void
coord_join(int slot, int inc)
{
	struct member *member = &kafka.member[slot];

	if (!member->in)
		prepare();
	member->in = member->joined = true;
	member->inc = inc;
	member->beat_ms = w.now;
	complete();
}

bool
coord_knows(int slot, int inc)
{
	return kafka.member[slot].in && kafka.member[slot].inc == inc;
}

bool
coord_must_join(int slot)
{
	return kafka.preparing && !kafka.member[slot].joined;
}

bool
coord_has_all(int slot)
{
	return !kafka.preparing && kafka.member[slot].joined;
}

enum verdict
coord_commit(const struct req *req)
{
	int slot = w.actor[req->actor].index, p;

	if (!coord_knows(slot, req->inc))
		return chance(50) ? V_FENCED : V_FAILED;
	if (req->gen != kafka.gen)
		return V_FAILED;
	for (p = 0; p < PARTS; p++)
		if (req->offset[p] >= 0)
			kafka.committed[p] = req->offset[p];
	return V_OK;
}

static void
leave(int slot)
{
	trace("kafka: run%d's session is over", slot);
	kafka.member[slot].in = false;
	kafka.member[slot].parts = 0;
	prepare();
}

void
coord_tick(void)
{
	int slot;

	for (slot = 0; slot < PAIRS; slot++) {
		struct member *member = &kafka.member[slot];
		struct actor *actor = actor_of(RUNNER, slot);

		if (actor->state == UP && actor->inc == member->inc)
			member->beat_ms = w.now;
		if (!member->in)
			continue;
		if (w.now >= member->beat_ms + SESSION_MS ||
			(kafka.preparing && !member->joined &&
				w.now >= kafka.join_ms))
			leave(slot);
	}
	complete();
}

int64_t
coord_deadline(void)
{
	int64_t at = kafka.preparing ? kafka.join_ms : CLOCK_NEVER, then;
	int slot;

	for (slot = 0; slot < PAIRS; slot++) {
		struct actor *actor = actor_of(RUNNER, slot);

		then = kafka.member[slot].beat_ms + SESSION_MS;
		if (!kafka.member[slot].in || then >= at)
			continue;
		if (actor->state != UP || actor->inc != kafka.member[slot].inc)
			at = then;
	}
	return at;
}
