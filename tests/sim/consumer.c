/*
 * tests/sim/consumer.c - see runner.h: stands for lib/run/group.c, records.c
 * and lib/kafka/consumer.c.
 */
#include "base/rule.h"
#include "runner.h"
#include "sends.h"

enum { POLL_AT_ONCE = 4 };

/* ---- the group ----------------------------------------------------------- */

void
run_let_go(struct run *run)
{
	run->state = C_OUT;
	run->parts = 0;
}

static void
on_assign(struct actor *actor)
{
	struct run *run = actor->self;
	int64_t at, end_of;
	int p;

	run->state = C_HAS;
	run->gen = run->group->gen;
	run->parts = run->group->member[actor->index].parts;
	for (p = 0; p < w.plan.parts; p++) {
		if (!(run->parts >> p & 1))
			continue;
		at = run->group->committed[p];
		end_of = kafka.log[run->topic][p].end;
		if (at > end_of && RULE(offset_beyond_end))
			at = -1; /* not in the log any more */
		trace("%s gets %d, from %lld", actor->name, p, (long long)at);
		run->part[p] =
			runner_part(&run->r, str_c(topic_names[run->topic]), p);
		law_assigned(&run->law, p, at);
		runner_assigned(&run->r, run->part[p],
			at < 0 ? WINDOW_NONE : at, w.now);
		run->position[p] = at < 0 ? 0 : at;
	}
}

static void
on_revoke(struct actor *actor, bool lost)
{
	struct run *run = actor->self;
	bool any = false;
	int p;

	trace("%s %s its partitions", actor->name,
		lost ? "has lost" : "is to give back");
	run->state = C_REVOKING;
	for (p = 0; p < w.plan.parts; p++) {
		if (!(run->parts >> p & 1))
			continue;
		any = true;
		if (lost)
			law_lost(&run->law, p);
		else
			law_revoked(&run->law, p);
		if (lost && RULE(lost_commits_nothing))
			runner_lost(&run->r, run->part[p], w.now);
		else
			runner_revoked(&run->r, run->part[p], w.now);
	}
	if (lost || !any)
		run_let_go(run);
}

/* What a poll serves besides records; true: something happened. */
static bool
serve_group(struct actor *actor)
{
	struct run *run = actor->self;
	int slot = actor->index;

	if (run->state == C_OUT && !run->r.draining) {
		coord_join(slot, actor->inc);
		run->state = C_JOINING;
		return true;
	}
	if (run->state == C_JOINING &&
		(!coord_knows(slot, actor->inc) || coord_must_join(slot))) {
		run->state = C_OUT;
		return true;
	}
	if (run->state == C_JOINING && coord_has_all(slot)) {
		on_assign(actor);
		return true;
	}
	if (run->state != C_HAS)
		return false;
	if (!coord_knows(slot, actor->inc) || run->gen != run->group->gen) {
		on_revoke(actor, true);
		return true;
	}
	if (!run->group->preparing)
		return false;
	on_revoke(actor, false);
	return true;
}

/* ---- records ------------------------------------------------------------- */

static struct krec *
next_record(struct run *run, int p)
{
	if (run->state != C_HAS || !(run->parts >> p & 1) || run->paused[p])
		return NULL;
	if (run->position[p] > kafka.log[run->topic][p].end)
		run->position[p] = 0; /* out of range: earliest */
	return kafka_fetch(run->topic, p, &run->position[p]);
}

static void
take_record(struct actor *actor, int p, struct krec *rec)
{
	struct run *run = actor->self;
	const struct record *record = &rec->record;

	run->position[p] = record->offset + 1;
	if (!RULE(sim_no_loss) && chance(5))
		return;
	law_polled(&run->law, p, rec,
		run->topic != DLT && record->value.len > RUN_LONGEST);
	if (!runner_polled(&run->r, run->part[p], record->offset,
		    record->key_null ? NULL : &record->key,
		    record->value.len + record->key.len, rec,
		    run->topic != DLT && record->value.len > RUN_LONGEST,
		    w.now) &&
		run->part[p]->state == PART_ASSIGNED)
		wrong("BUG", "%s: more records than the window has places",
			actor->name);
}

void
run_poll(struct actor *actor)
{
	struct run *run = actor->self;
	struct krec *rec = NULL;
	int i, p, first = (int)roll((unsigned)w.plan.parts);

	if (!w.broker_up)
		return;
	for (i = 0; runner_may_poll(&run->r) && actor->state == UP; i++) {
		if (serve_group(actor))
			continue;
		if (i == POLL_AT_ONCE)
			return;
		for (p = 0, rec = NULL; p < w.plan.parts && !rec; p++)
			rec = next_record(run, (first + p) % w.plan.parts);
		if (!rec)
			break;
		take_record(actor, rec->record.partition, rec);
	}
	if (actor->state != UP || rec || run->state != C_HAS)
		return;
	for (p = 0; p < w.plan.parts; p++)
		if (run->parts >> p & 1) {
			law_position(&run->law, p, run->position[p]);
			runner_position(run->part[p], run->position[p]);
		}
}

bool
run_has_work(struct actor *actor)
{
	struct run *run = actor->self;
	int slot = actor->index, p;

	if (!w.broker_up || !runner_may_poll(&run->r) || xact_blocked(run))
		return false;
	if (run->state == C_OUT)
		return !run->r.draining;
	if (run->state == C_JOINING)
		return coord_has_all(slot) || coord_must_join(slot) ||
		       !coord_knows(slot, actor->inc);
	if (run->state == C_HAS &&
		(run->group->preparing || run->gen != run->group->gen ||
			!coord_knows(slot, actor->inc)))
		return true;
	for (p = 0; p < w.plan.parts; p++)
		if (next_record(run, p))
			return true;
	return false;
}
