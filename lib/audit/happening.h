/*
 * audit/happening.h - what happened to one message, from several sources, told
 * in the order of time: a JSON object each, or a line for people.
 */
#ifndef AUDIT_HAPPENING_H
#define AUDIT_HAPPENING_H

#include "base/base.h"
#include "base/buf.h"

/* {"what":..,"atMs":..} */
struct happening {
	int64_t ms, order;
	char *json;
};

struct happenings {
	struct happening *at;
	size_t count, cap;
	int64_t rank; /* of those of one time the higher comes later */
	struct buf line;
	bool no_memory; /* one or more are missing */
};

void happenings_release(struct happenings *all);

/* Begins one: the object is open, and takes members (json_put_..) until
 * happened_at() ends it. */
struct buf *happened(struct happenings *all, const char *what);
void happened_at(struct happenings *all, int64_t ms);

void happenings_sort(struct happenings *all);
/* A line each: the time, what, and name=value for the other members. */
void happenings_print(struct buf *out, const struct happenings *all);

#endif
