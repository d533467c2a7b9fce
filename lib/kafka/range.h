/*
 * kafka/range.h - a part of some topics, read once from its beginning to its
 * end: what looks at topics is made of (chat-consume's view, dead letters,
 * marks). Ends are places of the log, not counts: a partition has reached its
 * end when the log has, whatever markers or compaction left of it.
 */
#ifndef KAFKA_RANGE_H
#define KAFKA_RANGE_H

#include "kafka/positions.h"

struct range {
	struct consumer *consumer; /* borrowed; opened with `eof` */
	struct positions positions;
	size_t open;	       /* partitions whose end has not come */
	struct position *last; /* where the last record came from */
};

/* Begins with nothing; also ends what was read before (the consumer may have
 * one range at a time). */
void range_reset(struct range *range, struct consumer *consumer);
void range_release(struct range *range);

/* Appends a topic, as positions_find(); the name is borrowed. */
enum kafka_verdict range_add(struct range *range, const char *topic,
	const struct spec *from, const struct spec *to,
	struct err *err) MUST_CHECK;
/* Keeps one partition of all that were added. False: there is none. */
bool range_only(struct range *range, int32_t partition);
/* Reading begins. */
int range_start(struct range *range, struct err *err) MUST_CHECK;

/* Every partition has come to its end (never, where there is none). */
static inline bool
range_ended(const struct range *range)
{
	return !range->open;
}

/* The next record of the range, as consumer_poll(); ends are noticed, and
 * never told: NOTHING. */
enum consumer_got range_next(struct range *range, int timeout_ms,
	rd_kafka_message_t **message, struct err *err) MUST_CHECK;

#endif
