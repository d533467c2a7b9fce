/*
 * flow/window.h - what of one partition is unfinished, and so what offset may
 * be committed. Pure.
 *
 *	finished . . o . o o . . |  next: where the consumer stands
 *	             ^ lowest unfinished: the commit
 *
 * Finished records leave no trace: a tree of the unfinished ones is enough.
 * Bounded by its owner, who brings the slots; window_span() is how far the
 * commit lags behind, for a bound on what a crash would read again.
 */
#ifndef FLOW_WINDOW_H
#define FLOW_WINDOW_H

#include <bsd/sys/tree.h>

#include "base/base.h"

#define WINDOW_NONE (-1)

struct window_slot {
	RB_ENTRY(window_slot) entry;
	int64_t offset;
};

RB_HEAD(window_tree, window_slot);

struct window {
	struct window_tree open; /* unfinished, by offset */
	size_t count;		 /* of them */
	int64_t next; /* the lowest offset not seen yet; WINDOW_NONE: unknown */
	int64_t cut;  /* given back unfinished: never commit beyond it */
};

/* Empty, position unknown. Slots that are in it are forgotten. */
void window_init(struct window *window);

/* A record was polled. The slot is borrowed until window_finish() or
 * window_cut(). False: offset is below one that was seen (the log lost its
 * tail, or somebody moved the position): nothing was added. */
bool window_add(struct window *window, struct window_slot *slot,
	int64_t offset) MUST_CHECK;

/* The unfinished record of that offset, or NULL. */
struct window_slot *window_find(struct window *window, int64_t offset);
/* The lowest unfinished one, or NULL; and the next above slot. */
struct window_slot *window_first(struct window *window);
struct window_slot *window_after(struct window_slot *slot);

/* The record is finished. */
void window_finish(struct window *window, struct window_slot *slot);
/* The record leaves unfinished (its partition goes): neither it nor anything
 * behind it is committed from now on. */
void window_cut(struct window *window, struct window_slot *slot);

/* The consumer stands at `offset` (commit markers take offsets too). Lower
 * than what is known: ignored. */
void window_position(struct window *window, int64_t offset);

/* What may be committed: the lowest unfinished offset, the position when there
 * is none, WINDOW_NONE when nothing is known. */
int64_t window_commit(struct window *window);

/* .. were all up to slot finished, and slot too; NULL: as above. */
int64_t window_commit_after(struct window *window, struct window_slot *slot);
/* Behind a cut: it will never be committed. */
bool window_behind_cut(const struct window *window, int64_t offset);

/* From what may be committed to the position; 0 when nothing is known. */
int64_t window_span(struct window *window);

#endif
