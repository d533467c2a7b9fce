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
/* It leaves its window unfinished (and cuts it). */
void runner_leave(struct runner *r, struct item *item);
void runner_drop_part(struct runner *r, struct part *part, int64_t now_ms);
/* The item's body is to be given back. */
void runner_done(struct runner *r, struct item *item);
/* .. where its emits and letter are acked. */
void runner_finish(struct runner *r, struct item *item);
void runner_measure(struct runner *r, int64_t now_ms);
void runner_recycle(struct runner *r, struct item *item);
/* It is dead (once): error_*, and a letter; or the fuse has blown, and it has
 * left. */
void runner_die(struct runner *r, struct item *item, struct str error_class,
	struct str message);
/* It may be sent when its key's turn comes. */
void runner_hold(struct runner *r, struct item *item);

/* ---- runner_atomic.c: nothing to do without opts.atomic ------------------ */

/* It stands behind the cut of its partition: nothing of it is published. */
bool runner_is_cut(const struct runner *r, const struct item *item);
/* All such are dropped. */
void runner_drop_cut(struct runner *r, struct part *part);
/* The transaction has ended. */
void runner_settle(struct runner *r, bool ok, int64_t now_ms);
bool runner_next_emit(
	struct runner *r, int64_t now_ms, struct runner_action *action);
/* When there is something to put into a transaction; CLOCK_NEVER. */
int64_t runner_emit_deadline(struct runner *r);
/* It must not be sent yet: what was answered takes all the room. */
bool runner_crowded(const struct runner *r);

/* ------------------------------------------------------------------------- */

/* It is no suspect any more. */
void runner_clear(struct runner *r, struct item *item);

#endif
