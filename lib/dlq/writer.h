/*
 * dlq/writer.h - letters go back: each as its record and its mark, in one
 * transaction (two producers in rotation, kafka-notes §2), so that a reader
 * sees both or none; without transactions first the record, then the mark (a
 * crash between them repeats it, which its identity makes harmless).
 *
 * A batch that a broker refuses is halved until the refused letter is alone.
 * Codes as exit codes; after one that is not 0 the process ends.
 */
#ifndef DLQ_WRITER_H
#define DLQ_WRITER_H

#include "dlq/letter.h"
#include "dlq/resume.h"
#include "kafka/txn.h"

#define WRITER_BATCH 500	  /* letters a transaction */
#define WRITER_BATCH_BYTES 900000 /* of them; fits one request (publish.c) */
#define WRITER_TARGETS 64	  /* topics that letters go back to */

/* A letter has its end: in Kafka, or (why, not NULL) refused by it. */
typedef void writer_ended(
	void *data, rd_kafka_message_t *letter, const char *why);

struct writer_options {
	const struct kafka_options *kafka;
	const char *dlt;       /* borrowed */
	bool idempotent;       /* no transactions */
	bool drop;	       /* marks only */
	bool dry;	       /* looks everything up, and sends nothing */
	struct resume *resume; /* what marks may claim; gets what is refused */
	int64_t patience_ms;
	writer_ended *on_end;
	void *data;
};

struct writer;

/* NULL with err: the configuration is wrong. */
struct writer *writer_new(
	const struct writer_options *opts, struct err *err) MUST_CHECK;
void writer_free(struct writer *writer);

/* Takes over from a predecessor (not `dry`): what it left is committed or
 * aborted when this returns 0, and it can write no more (it is fenced). Waits
 * for Kafka; ends early with 0 when asked to stop. */
int writer_start(struct writer *writer, struct err *err) MUST_CHECK;

/* Takes the letter's message. edit may be NULL; its views stay until the
 * letter has ended. Call writer_flush() when it is full. */
void writer_put(struct writer *writer, rd_kafka_message_t *message,
	struct str target, const struct letter_edit *edit);
/* Puts what is no letter's into the topic of marks: key is copied, value
 * borrowed until its end; without data it is a tombstone, which says
 * DLT_TIDIED. Of it on_end is told nothing. */
void writer_put_bare(struct writer *writer, struct str key, struct str value);
size_t writer_count(const struct writer *writer);
bool writer_full(const struct writer *writer);
/* All that was put has its end (with `dry` the one that it would have, but for
 * what only a broker can say of a record). */
int writer_flush(struct writer *writer, struct err *err) MUST_CHECK;

#endif
