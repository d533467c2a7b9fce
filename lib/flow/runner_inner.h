/*
 * flow/runner_inner.h - what runner.c and runner_filter.c (events) and
 * runner_next.c (actions) share. Not for others.
 */
#ifndef FLOW_RUNNER_INNER_H
#define FLOW_RUNNER_INNER_H

#include "flow/runner.h"

/* slot is a struct item's first member, so that the two share an address. */
static inline struct item *
runner_item(struct hold_item *held)
{
	return (struct item *)((char *)held - offsetof(struct item, hold));
}

/* NULL: never heard of. */
struct part *runner_find_part(
	struct runner *r, struct str topic, int32_t partition);
void runner_close_part(struct runner *r, struct part *part);
void runner_cut_unsent(struct runner *r, struct part *part);
void runner_drop_part(struct runner *r, struct part *part, int64_t now_ms);
/* The item's body is to be given back. */
void runner_done(struct runner *r, struct item *item);
/* .. where its emits and letter are acked. */
void runner_finish(struct runner *r, struct item *item);
void runner_measure(struct runner *r, int64_t now_ms);
void runner_recycle(struct runner *r, struct item *item);
/* It is dead (once): error_*, and a letter. */
void runner_die(struct runner *r, struct item *item, struct str error_class,
	struct str message);
/* It may be sent when its key's turn comes. */
void runner_hold(struct runner *r, struct item *item);
/* It is no suspect any more. */
void runner_clear(struct runner *r, struct item *item);

#endif
