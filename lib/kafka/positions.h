/*
 * kafka/positions.h - places in topics, said by people ("-100", "end", a
 * time), as partitions and offsets. Blocking: a few milliseconds a partition.
 */
#ifndef KAFKA_POSITIONS_H
#define KAFKA_POSITIONS_H

#include "kafka/consumer.h"
#include "wire/hello.h"

enum spec_kind {
	SPEC_NONE,   /* not given */
	SPEC_START,  /* "start" */
	SPEC_END,    /* "end": as it is now */
	SPEC_OFFSET, /* "812" */
	SPEC_LAST,   /* "-100": so many before the end, of each partition */
	SPEC_TIME,   /* "2026-01-11T10:30:00Z", or "@1768127400": the first
		      * record that is not older; the end where none is */
	SPEC_GROUP,  /* the group's committed offset; the start without one */
};

struct spec {
	enum spec_kind kind;
	int64_t n; /* offset, count, or milliseconds since the epoch */
};

int spec_parse(struct spec *spec, const char *text, struct err *err) MUST_CHECK;

/* Each partition of some topics: offset from spec `from`, end from `to`
 * (-1 with SPEC_NONE). Topic names are borrowed from the caller. */
struct positions {
	struct position *item;
	size_t count;
};

/* Appends a topic's. KAFKA_OK; KAFKA_REFUSED: no such topic; KAFKA_PERM: no
 * right to it; KAFKA_FAILED: no broker. */
enum kafka_verdict positions_find(struct positions *positions,
	struct consumer *consumer, const char *topic, const struct spec *from,
	const struct spec *to, struct err *err) MUST_CHECK;
void positions_release(struct positions *positions);
/* NULL: none of ours. */
struct position *positions_get(
	struct positions *positions, struct str topic, int32_t partition);
/* The consumer reads all of them, from their offsets. */
int positions_assign(const struct positions *positions,
	struct consumer *consumer, struct err *err) MUST_CHECK;

#endif
