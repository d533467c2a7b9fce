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
#define DLT_SETTLED_SUFFIX                                                     \
	"-settled" /* behind the dead letter topic's name                      \
		    */
#define DLT_REPLAY_COUNT                                                       \
	"chat-replay-count" /* headers of a replayed record                    \
			     */
#define DLT_REPLAY_OF "chat-replay-of"
/* Header of a mark's tombstone: its letter is gone, and with it the mark; any
 * other tombstone means that the letter is open again. */
#define DLT_TIDIED "chat-tidied"

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
 * headers. We write neither exception-cause-fqcn nor -stacktrace, which Spring
 * does: nothing that we tell of has one. */
int dlt_letter(struct record *letter, const struct record *failed,
	const char *group, struct str error_class, struct str error_message,
	struct record_room *room, struct err *err) MUST_CHECK;

/* A record's place in Kafka. Offsets come back when a topic is made anew, so
 * its timestamp belongs to it. */
struct dlt_place {
	struct str topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp;
};

#define DLT_REPLAYS_UNKNOWN (-1) /* there is a count, and it is no number */

/* What a letter says of itself; views into the record. */
struct dlt_info {
	struct dlt_place origin; /* the newest failure's; the letter's own
				  * place where it names none */
	bool named;		 /* it named one */
	/* Empty: not said. The class is the cause's where one is named. */
	struct str group, error_class, error_message;
	/* chat-replay-count, the largest where there are several; 0: none. */
	int64_t replays;
	struct str replay_of; /* empty: none */
};

/* Reads a letter's headers, ours or Spring's (partition int32, offset and
 * timestamp int64, big-endian; decimal text is taken too). A header that is
 * none of that counts as missing, and origin is whole or the letter's own. */
void dlt_read(struct dlt_info *info, const struct record *letter);

/* "topic/partition/offset/timestamp": the key of a mark in <dlt>-settled, and
 * the value of chat-replay-of. */
void dlt_place_print(struct buf *out, const struct dlt_place *place);
/* False: it is no such text. place->topic is a view into text. */
bool dlt_place_parse(struct dlt_place *place, struct str text);

#endif
