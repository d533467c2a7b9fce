/*
 * tests/sim/runner.h - a runner's insides: consumer.c (the group, records),
 * emits.c (what its filter says), xact.c (what goes into one transaction) and
 * runner.c (the filter, actions).
 */
#ifndef SIM_RUNNER_H
#define SIM_RUNNER_H

#include "flow/runner.h"
#include "kafka.h"
#include "law.h"
#include "sends.h"
#include "wire/record.h"

enum { PENDING_MAX = 64, RUN_LONGEST = 700 /* of a value, to fit a line */ };

enum consumer_state { C_OUT, C_JOINING, C_HAS, C_REVOKING };

enum xact_state { X_STARTING, X_READY, X_OFFSETS, X_FLUSHING, X_ENDING };

/* With -x. */
struct xact {
	enum xact_state state;
	int first; /* of its transactional ids */
	int k;	   /* whose turn it is */
	int epoch[PRODUCERS];
	unsigned inited;
	bool begun, commit;
	bool refused, letter;  /* a record was, the first of them a letter */
	bool denied;	       /* the group says no */
	bool skips[PRODUCERS]; /* the one after a refused one fails, too */
	int outstanding;
	int64_t end_ms;
	struct req *offsets;
};

/* Emits of an answered record. */
struct kept {
	int count;
	struct str line[];
};

struct run {
	struct runner r;
	struct law law;
	enum topic topic;
	struct cgroup *group;
	bool atomic, asked_to_stop;
	struct pub pub;
	struct xact xact;
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

/* ---- emits.c ------------------------------------------------------------- */

void emits_line(struct actor *actor, struct msg *msg);
void emits_answer(struct actor *actor, const struct pitem *item, bool dead);
void emits_resume(struct actor *actor, struct group_source *source);
/* ACT_LETTER: publishes it, unless with -x. */
void emits_letter(struct run *run, struct item *item);
void letter_make(struct record *letter, const struct item *item);

/* ---- xact.c -------------------------------------------------------------- */

void xact_init(struct actor *actor);
void xact_keep(struct run *run, struct item *item);
void xact_emit(struct actor *actor, struct item *item);
void xact_commit(struct actor *actor, struct req *offsets);
/* As pub_step() and pub_answer(). */
const char *xact_step(struct actor *actor);
const char *xact_answer(struct actor *actor, const struct req *req);
/* The process is inside of a call of librdkafka. */
bool xact_blocked(const struct run *run);
int64_t xact_deadline(const struct run *run);

#endif
