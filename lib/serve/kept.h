/*
 * serve/kept.h - the last record of each key of compacted topics, for those
 * who come later: lines, in the order in which they came. Bounded in bytes:
 * over the bound the oldest go, and are counted.
 */
#ifndef SERVE_KEPT_H
#define SERVE_KEPT_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "base/base.h"
#include "base/buf.h"
#include "wire/record.h"

struct kept_entry;
RB_HEAD(kept_tree, kept_entry);
TAILQ_HEAD(kept_list, kept_entry);

struct kept {
	struct kept_tree tree;
	struct kept_list list; /* oldest first */
	size_t bytes, max_bytes;
	int64_t count;
	int64_t forgotten; /* over the bound */
};

void kept_init(struct kept *kept, size_t max_bytes);
/* The record takes the place of the last one of its key; a tombstone, and a
 * record without a key, take none. line is copied, with a newline behind.
 * -1: no memory, and an older record stands in its place: begin anew. */
int kept_record(struct kept *kept, const struct record *record,
	struct str line) MUST_CHECK;
/* Appends all lines. */
void kept_print(const struct kept *kept, struct buf *out);
void kept_clear(struct kept *kept);

#endif
