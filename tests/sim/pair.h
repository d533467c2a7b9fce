/* tests/sim/pair.h - a runner and its filter, and what others ask of them. */
#ifndef SIM_PAIR_H
#define SIM_PAIR_H

#include "world.h"

/* The filter of that pair dies; status as wait(2) gives it. */
void pair_kill(int index, int status);
int pair_status(int index);
/* SIGTERM. */
void run_term(struct actor *actor);
/* Records that it has not finished. */
int64_t run_unfinished(const struct actor *actor);
/* This side says no more; the other may still answer. */
void conn_shut(struct conn *conn, const struct actor *actor);

#endif
