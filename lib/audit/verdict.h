/*
 * audit/verdict.h - what came of each invariant: how much was looked at, what
 * is wrong, the first of it in words; a table for people, JSON for jq.
 */
#ifndef AUDIT_VERDICT_H
#define AUDIT_VERDICT_H

#include "base/base.h"
#include "base/buf.h"

enum invariant {
	I1_LOSS,
	I2_DUPLICATE,
	I3_PHANTOM,
	I4_ORDER,
	I5_DENSE,
	I6_AGREEMENT,
	I7_ISOLATION,
	I8_ATOMIC,
	I9_STALE,
	I10_UNKNOWN,
	INVARIANTS,
};

#define VERDICT_TEXTS 20 /* kept of each; the rest is counted */

struct verdict {
	int64_t checked; /* of what verdict_unit() says; 0: not checked */
	int64_t violations;
	char *text[VERDICT_TEXTS];
	size_t texts;
};

struct verdicts {
	struct verdict of[INVARIANTS];
};

void verdicts_release(struct verdicts *verdicts);

/* Something is wrong: "message 57e6.. of user 7 in room 1: .." */
void verdict_against(struct verdicts *verdicts, enum invariant invariant,
	const char *fmt, ...) PRINTF(3, 4);

int64_t verdicts_violations(const struct verdicts *verdicts);
const char *verdict_name(enum invariant invariant);  /* "I1" */
const char *verdict_title(enum invariant invariant); /* "no loss" */
const char *verdict_unit(enum invariant invariant);  /* what is counted */

/* The upper bound, with 95 % confidence, of the probability of a violation
 * where none was seen in so many (the rule of three); 1 for none. */
double verdict_bound(int64_t checked);

/* A row for each, with its first violation below; all that are kept where
 * `all`. */
void verdicts_table(struct buf *out, const struct verdicts *verdicts, bool all);
/* Members of an open object: "holds", "invariants". */
void verdicts_json(struct buf *out, const struct verdicts *verdicts);

#endif
