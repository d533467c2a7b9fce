/*
 * tests/sim/runner.h - a runner's insides: consumer.c (the group, records) and
 * runner.c (the filter, emits, actions).
 */
#ifndef SIM_RUNNER_H
#define SIM_RUNNER_H

#include "flow/runner.h"
#include "kafka.h"
#include "wire/record.h"

enum { PENDING_MAX = 64 };

enum consumer_state { C_OUT, C_JOINING, C_HAS, C_REVOKING };

struct run {
	struct runner r;
	struct pub pub;
	struct group_source source;
	enum consumer_state state;
	int gen;
	unsigned parts;
	struct part *part[PARTS];
	int64_t position[PARTS];
	bool paused[PARTS];
	struct conn *pipe;
	struct str pending[PENDING_MAX]; /* emits without a result yet */
	int pending_count;
	struct record_room room;
	struct buf line;
};

/* ---- consumer.c -----------------------------------------------------------
 */

/* A poll: the group's affairs, then some records. The process may have ended.
 */
void run_poll(struct actor *actor);
/* There is something to poll. */
bool run_has_work(struct actor *actor);
/* All that was given back is let go. */
void run_let_go(struct run *run);

#endif
