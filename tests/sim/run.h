/*
 * tests/sim/run.h - many schedules in several processes; one made small; rules
 * switched off.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "world.h"

enum { WORKERS_MAX = 16 };

struct run_opts {
	uint64_t seed;
	bool seeded, trace, shrink, list, table;
	int64_t schedules, seconds, bound;
	int workers;
	int only[256], only_count; /* rules of the table; 0: all */
};

/* Each true: nothing wrong. */
bool run_many(const struct run_opts *o);
bool run_traced(const struct run_opts *o);
bool run_table(const struct run_opts *o);

/* How a schedule ended, in a process of its own: a crash or a hang is an end,
 * too. */
struct verdict {
	bool wrong;
	char invariant[12];
	char why[400];
	int64_t steps;
};
void run_apart(const struct plan *plan, bool trace, struct verdict *verdict);

/* shrink.c: prints the smallest plan that it finds to fail in the same way, and
 * its trace. */
void shrink(const struct plan *plan, const struct verdict *verdict);

/* rules.c */
bool rules_can_be_off(void);
int rule_find(const char *name); /* -1: there is none */
void rules_list(void);
int rules_count(void);
const char *rule_name(int rule);
const char *rule_text(int rule);
void rule_set(int rule, bool off);

#endif
