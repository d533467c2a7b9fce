/*
 * dlq/tidy.h - marks that are of no use any more go.
 *
 * A mark is of use as long as a letter of its place may be in the dead letter
 * topic, or may still come into it: without it that letter would be open, and
 * go back a second time. So it goes (by a tombstone) where
 *	- the record that failed is gone from its topic: its offset is below the
 *	  log's start, which only ever rises, so that no runner can read it, and
 *	  fail with it, again; and then, looked at after that,
 *	- no letter of this place is in the dead letter topic, read from its
 *start to its very end: open transactions and aborted ones count as letters.
 * What cannot be known (no such topic, no right to it) keeps its mark. What is
 * left: a runner that has held such a record in its hands over all that time.
 */
#ifndef DLQ_TIDY_H
#define DLQ_TIDY_H

#include "dlq/source.h"

#define TIDY_TOPICS_MAX 64 /* that marks name; those of others stay */

struct tidy_options {
	const struct kafka_options *kafka;
	const char *run_dir; /* of the lock; NULL: $CHAT_RUN/lock */
	bool idempotent;     /* no transactions */
	bool dry;	     /* change nothing */
	int64_t patience_ms; /* for Kafka */
};

struct tidy_sums {
	int64_t tidied; /* with `dry`: would be */
	int64_t kept;
	bool stopped; /* by a signal, before the end */
};

/* Reads by source, which is open, and uncommitted. Adds to sums. 0, or an exit
 * code with err. Asked to stop (io/stop.h) it ends early; what was not reached
 * is neither tidied nor kept. */
int tidy_topic(struct source *source, const struct tidy_options *opts,
	const char *dlt, struct tidy_sums *sums, struct err *err) MUST_CHECK;

#endif
