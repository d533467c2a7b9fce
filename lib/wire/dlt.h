/*
 * wire/dlt.h - dead letter headers, by the names of Spring Kafka's
 * DeadLetterPublishingRecoverer (KafkaHeaders.DLT_*). Pure.
 */
#ifndef WIRE_DLT_H
#define WIRE_DLT_H

#include "base/base.h"
#include "base/buf.h"
#include "wire/record.h"

#define DLT_SUFFIX "-dlt"

/* "<topic>-dlt" is appended; true where topic itself ends in -dlt (then there
 * is no dead letter for it). */
bool dlt_is(struct str topic);
void dlt_topic(struct buf *out, struct str topic);

/* Makes letter out of a failed record: same key, value, headers and partition
 * number, topic <topic>-dlt, no timestamp, and the kafka_dlt-* headers behind
 * (partition int32 and offset, timestamp int64 big-endian, as Spring writes
 * them). room holds the new headers and
 * their bytes, and must not be the one that failed lives in; all else is
 * borrowed. kafka_dlt-exception-* of an earlier failure go. -1: too many
 * headers. */
int dlt_letter(struct record *letter, const struct record *failed,
	const char *group, struct str error_class, struct str error_message,
	struct record_room *room, struct err *err) MUST_CHECK;

#endif
