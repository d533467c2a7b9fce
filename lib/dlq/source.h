/*
 * dlq/source.h - dead letters out of Kafka: first the marks that say which are
 * settled, then the letters, once, up to the topic's end as it is when that
 * begins (read_committed: what is in an open transaction is behind the end).
 *
 * An end is told as an exit code: EXIT_PERM (no such topic, no right to it, too
 * many marks), EXIT_TEMP (Kafka does not answer for `patience_ms`).
 */
#ifndef DLQ_SOURCE_H
#define DLQ_SOURCE_H

#include "dlq/letter.h"
#include "dlq/marks.h"
#include "dlq/resume.h"
#include "kafka/range.h"

struct source {
	struct consumer consumer;
	struct range range;
	struct marks marks;
	struct resume resume; /* of a run; else empty */
	bool run;
	bool uncommitted; /* set it before source_open(): all that is there is
			   * read, were it aborted or under way */
	bool reopened; /* a mark was taken back, and MARK_REOPENED has not come
			* behind it */
	struct record_room room; /* of the letter that was read last */
	int64_t patience_ms;
	int64_t silent_ms; /* waited for so long, and nothing came */
	int64_t total;	   /* places between beginnings and ends */
};

/* Zero it; set patience_ms, marks.max and uncommitted. 0, or an exit code with
 * err. It lives until the process ends: so does its client (kafka/consumer.h).
 */
int source_open(struct source *source, const struct kafka_options *kafka,
	struct err *err) MUST_CHECK;
void source_close(struct source *source);

/* Reads all marks of a dead letter topic, in place of those of another; those
 * that were taken back (a tombstone) are none. For a `run` their topic has to
 * be there, and what they say was settled long ago is not read again
 * (resume.h); else nothing is left out. 0, or an exit code. */
int source_marks(struct source *source, const char *dlt, bool run,
	struct err *err) MUST_CHECK;

/* Where the letters are; partition -1: all of them. */
struct source_place {
	const char *dlt; /* borrowed until source_close() */
	int32_t partition;
	struct spec from, to;
	bool settled_too; /* a run reads them all the same */
	bool one;	  /* a letter, by its place: it has to be there */
};
int source_begin(struct source *source, const struct source_place *place,
	struct err *err) MUST_CHECK;

enum source_got {
	SOURCE_LETTER,
	SOURCE_NOTHING, /* now */
	SOURCE_END,
	SOURCE_FAILED, /* code and err */
};
/* The next letter; its message is the caller's to destroy, its views live as
 * long as that and until the next call. */
enum source_got source_next(struct source *source, int timeout_ms,
	struct letter *letter, rd_kafka_message_t **message, int *code,
	struct err *err) MUST_CHECK;

/* A message as a letter. */
void source_letter(struct letter *letter, rd_kafka_message_t *message,
	struct record_room *room);

#endif
