/*
 * dlq/plan.h - what becomes of each letter, and the count of it. Pure.
 */
#ifndef DLQ_PLAN_H
#define DLQ_PLAN_H

#include "dlq/choice.h"
#include "dlq/edits.h"
#include "dlq/marks.h"

#define PLAN_UNBOUND 1000000 /* as max_replays: no bound */

enum plan_word {
	PLAN_REPLAY,  /* goes back */
	PLAN_SETTLED, /* did so before, or was put away */
	PLAN_SKIP,    /* is not among those that are meant, or over max */
	PLAN_REFUSE,  /* may not, and why says why; it stays open */
};

struct plan {
	const struct choice *choice;
	struct edits *edits; /* NULL: letters go as they are */
	struct marks *marks; /* gets what is replayed */
	int64_t max;	     /* letters to replay at most */
	int64_t max_replays; /* of one message; a letter whose count cannot
			      * be read goes only without a bound */
	bool drop;	     /* they are put away, not replayed */
	int64_t chosen, refused, skipped;
	struct buf key; /* of the last letter's mark */
	char why[200];
};

/* Decides, counts, and remembers a chosen letter as settled: a second letter
 * of the same record is nothing to replay. target and edit (NULL: none) are
 * set with PLAN_REPLAY. -1: out of memory, too many marks. */
int plan_letter(struct plan *plan, const struct letter *letter,
	enum plan_word *word, struct str *target, struct edit **edit,
	struct err *err) MUST_CHECK;

/* One that was chosen did not go after all. */
void plan_refused(struct plan *plan);

#endif
