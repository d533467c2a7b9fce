/*
 * flow/deaths.h - what the end of a filter means: how long until the next one,
 * whether it ends the runner, and who is to blame. Pure.
 *
 * After three deaths with the same oldest unanswered record the runner sends
 * one record at a time, until all that were outstanding then are answered; a
 * record that kills the filter alone twice is dead. Only deaths that a record
 * can cause count.
 */
#ifndef FLOW_DEATHS_H
#define FLOW_DEATHS_H

#include "base/base.h"

#define DEATHS_SAME 3
#define DEATHS_ALONE 2
#define DEATHS_BACKOFF_MS 100
#define DEATHS_BACKOFF_MAX_MS 5000

enum death {
	DEATH_OTHER,   /* restart it */
	DEATH_COUNTED, /* .. and a record may be to blame */
	DEATH_PERM,    /* 100, 126, 127: only a person can put it right */
};

struct deaths {
	const void *part; /* the oldest record at the last counted death */
	int64_t offset;
	int same;
	size_t suspects; /* not answered yet; over 0: one at a time */
	int64_t backoff_ms;
};

void deaths_init(struct deaths *deaths);
/* wait(2)'s status; ours: we killed it for silence or garbage. */
enum death death_of(int wait_status, bool ours);
/* How long to wait before the next start; grows with each call. */
int64_t deaths_backoff(struct deaths *deaths);
/* It works: the next wait is short again. */
void deaths_well(struct deaths *deaths);
/* A counted death with this oldest record, `sent` records being outstanding.
 * True: from now on one at a time; the caller marks those as suspects. */
bool deaths_blame(struct deaths *deaths, const void *part, int64_t offset,
	size_t sent) MUST_CHECK;
bool deaths_alone(const struct deaths *deaths);
/* A suspect is answered, dead or gone. */
void deaths_cleared(struct deaths *deaths);

#endif
