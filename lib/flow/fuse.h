/*
 * flow/fuse.h - when so many of a partition's records die that it is no fault
 * of theirs: a storm of dead letters stops the runner, before it has emptied
 * the topic into its dead letters. Pure.
 *
 * It blows at the death that makes `dead` of the last `of` ends: an end is a
 * record that is finished, or dead, in the order in which that became known.
 * "N" is N in a row, which is N of the last N. A fuse that has blown stays so
 * until fuse_reset().
 */
#ifndef FLOW_FUSE_H
#define FLOW_FUSE_H

#include "base/base.h"
#include "base/err.h"

#define FUSE_MAX 10000 /* M of N/M */

struct fuse_limit {
	int dead, of; /* 0: no fuse */
};

struct fuse {
	uint64_t died[(FUSE_MAX + 63) / 64]; /* the last `of`, a ring of bits */
	int at;				     /* where the next one goes */
	int dead;			     /* how many are set */
	bool blown;
};

/* "N" or "N/M", 1 <= N <= M <= FUSE_MAX. */
int fuse_parse(
	struct fuse_limit *limit, const char *text, struct err *err) MUST_CHECK;

void fuse_reset(struct fuse *fuse);
/* A record's end. True: the fuse has blown, now or before; that record then
 * counts in ->dead, but is to be left where it is. */
bool fuse_add(struct fuse *fuse, const struct fuse_limit *limit, bool dead);

#endif
