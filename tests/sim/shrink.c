/*
 * tests/sim/shrink.c - see run.h: a plan that fails, with as little in it as it
 * takes. Steps are left out, in halves first, then one by one; each smaller
 * plan gets some seeds to fail in the same way, for its schedule is another.
 */
#include <stdio.h>
#include <string.h>

#include "run.h"

enum { TRIES = 40, PASSES = 6 };

static bool
same(const struct verdict *a, const struct verdict *b)
{
	return a->wrong && strcmp(a->invariant, b->invariant) == 0;
}

/* It fails under one of some seeds, which it then has. */
static bool
fails(struct plan *plan, const struct verdict *like)
{
	struct verdict verdict;
	uint64_t seed = plan->seed;
	int i;

	for (i = 0; i < TRIES; i++) {
		run_apart(plan, false, &verdict);
		if (same(&verdict, like))
			return true;
		plan->seed = seed * 31 + (uint64_t)i + 1;
	}
	return false;
}

static void
leave_out(const struct plan *from, int first, int n, struct plan *to)
{
	*to = *from;
	memmove(&to->step[first], &to->step[first + n],
		(size_t)(from->count - first - n) * sizeof(struct step));
	to->count -= n;
}

static bool
fewer_steps(struct plan *plan, const struct verdict *like, int n)
{
	static struct plan less;
	bool any = false;
	int first = 0;

	while (first + n <= plan->count) {
		leave_out(plan, first, n, &less);
		if (fails(&less, like)) {
			*plan = less;
			any = true;
		} else {
			first += n;
		}
	}
	return any;
}

/* Simpler: plain messages, no gaps, one of each. */
static void
simpler(struct plan *plan, const struct verdict *like)
{
	static struct plan less;
	int i;

	for (i = 0; i < plan->count; i++) {
		less = *plan;
		if (less.step[i].kind != DO_SEND ||
			less.send[less.step[i].a].temper == PLAIN)
			continue;
		less.send[less.step[i].a].temper = PLAIN;
		if (fails(&less, like))
			*plan = less;
	}
	less = *plan;
	less.twin = false;
	if (plan->twin && fails(&less, like))
		*plan = less;
	less = *plan;
	less.parts = 1;
	if (plan->parts > 1 && fails(&less, like))
		*plan = less;
	less = *plan;
	less.pairs = 1;
	if (plan->pairs > 1 && fails(&less, like))
		*plan = less;
}

/* Among some seeds that fail the one with the fewest steps. */
static void
shortest(struct plan *plan, const struct verdict *like)
{
	struct verdict verdict;
	uint64_t best = plan->seed;
	int64_t steps = INT64_MAX;
	int i;

	for (i = 0; i < 5 * TRIES; i++) {
		run_apart(plan, false, &verdict);
		if (same(&verdict, like) && verdict.steps < steps) {
			steps = verdict.steps;
			best = plan->seed;
		}
		plan->seed = best * 31 + (uint64_t)i + 7;
	}
	plan->seed = best;
}

void
plan_print(const struct plan *plan)
{
	char text[120];
	int i;

	printf("%d clients%s, %d rooms, %d partitions, %d pairs, pages of %d, "
	       "chat-produce %s:\n",
		plan->clients,
		plan->twin ? " (the last is the first's twin)" : "",
		plan->rooms, plan->parts, plan->pairs, plan->page,
		plan->idempotent ? "-I" : "in transactions");
	for (i = 0; i < plan->count; i++) {
		step_describe(plan, &plan->step[i], text, sizeof(text));
		printf("  after %3d steps: %s\n", plan->step[i].gap, text);
	}
}

void
shrink(const struct plan *from, const struct verdict *like)
{
	static struct plan plan;
	struct verdict verdict;
	int n, pass;
	bool any = true;

	plan = *from;
	for (n = plan.count / 2; n > 1; n /= 2)
		fewer_steps(&plan, like, n);
	for (pass = 0; pass < PASSES && any; pass++)
		any = fewer_steps(&plan, like, 1);
	simpler(&plan, like);
	shortest(&plan, like);
	printf("\nof %d steps of the plan %d are left; ", from->count,
		plan.count);
	plan_print(&plan);
	run_apart(&plan, true, &verdict);
	printf("%s: %s\n", verdict.invariant, verdict.why);
}
