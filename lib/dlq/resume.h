/*
 * dlq/resume.h - where a run begins, so that what was settled long ago is not
 * read again each time: a mark also says below which offset of its letter's
 * partition every letter was settled when it was written ("below"). Pure.
 *
 * Nothing is believed untested: offsets come back when a topic is made anew,
 * so the hint counts only where the mark's own letter still stands at its
 * place. And nothing is claimed that is not so: a letter that is left open, or
 * was not looked at, is an end to all claims of its partition. A mark that is
 * taken back makes all claims before it untrue: resume_forget().
 */
#ifndef DLQ_RESUME_H
#define DLQ_RESUME_H

#include "base/buf.h"
#include "base/err.h"

#define RESUME_PARTITIONS_MAX 100000

struct resume_part {
	/* The best hint of the marks; below 0: none. */
	int64_t below;
	int64_t offset; /* of the mark's own letter */
	struct buf key; /* of the mark */
	/* Of this run: the lowest letter left open. */
	int64_t open_at;
};

struct resume {
	struct resume_part *part;
	size_t count;
};

void resume_release(struct resume *resume);

/* A mark was read; value is its JSON. One of another topic, or without a hint,
 * is none. -1: out of memory. */
int resume_mark(struct resume *resume, const char *dlt, struct str key,
	struct str value, struct err *err) MUST_CHECK;
/* The hints so far are none. */
void resume_forget(struct resume *resume);
/* NULL: there is no hint. */
const struct resume_part *resume_hint(
	const struct resume *resume, int32_t partition);

/* Reading begins. open_at: the lowest letter that may be open and is not read
 * (0: who knows); INT64_MAX: there is none. -1: out of memory. */
int resume_begin(struct resume *resume, int32_t partition, int64_t open_at,
	struct err *err) MUST_CHECK;
/* A letter stays open. */
void resume_open(struct resume *resume, int32_t partition, int64_t offset);
/* What the mark of a letter may claim, if its letter and all that were read
 * before it and not left open are settled when the mark is. */
int64_t resume_below(
	const struct resume *resume, int32_t partition, int64_t offset);

#endif
