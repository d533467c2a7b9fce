/*
 * dlq/marks.h - the places whose letters are settled: a set of the keys of
 * <dlt>-settled ("topic/partition/offset/timestamp", wire/dlt.h), exact, never
 * by hash alone: a letter that is taken for another's would be lost. Pure.
 *
 * Memory: a key's bytes (40 or so) and 16 to 48 for finding it: 10 MB for
 * 100,000 marks, 100 MB for a million.
 */
#ifndef DLQ_MARKS_H
#define DLQ_MARKS_H

#include "base/buf.h"
#include "base/err.h"

struct mark_slot {
	uint64_t hash;
	size_t at; /* in text, and 1; 0: free */
};

struct marks {
	size_t max;	 /* of them; marks_add() refuses more */
	size_t count;	 /* how many there are */
	struct buf text; /* length (uint16_t) and bytes of each */
	struct mark_slot *slot;
	size_t slots; /* a power of two */
};

#define MARK_KEY_MAX 400 /* of a key's bytes */

/* 1 added, 0 it was there, -1 err: over max, too long, out of memory. */
int marks_add(struct marks *marks, struct str key, struct err *err) MUST_CHECK;
/* False: it was not there. Its bytes stay until marks_release(). */
bool marks_remove(struct marks *marks, struct str key);
bool marks_has(const struct marks *marks, struct str key);
/* The next one, in no order; *at begins with 0. False: there is none. */
bool marks_next(const struct marks *marks, size_t *at, struct str *key);
void marks_release(struct marks *marks);

#endif
