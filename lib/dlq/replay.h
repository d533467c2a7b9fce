/*
 * dlq/replay.h - a run over one dead letter topic: lock, take over from a
 * predecessor, marks, letters, each decided (plan.h) and sent (writer.h).
 */
#ifndef DLQ_REPLAY_H
#define DLQ_REPLAY_H

#include "dlq/plan.h"
#include "dlq/source.h"

struct replay_options {
	const struct kafka_options *kafka;
	const char *run_dir; /* of the lock; NULL: $CHAT_RUN/lock */
	const struct choice *choice;
	struct edits *edits; /* NULL: none */
	bool idempotent;     /* no transactions: record, then mark */
	bool drop;	     /* marks only */
	bool dry;	     /* check and decide, and change nothing */
	int64_t max, max_replays;
	int64_t rate;	     /* letters a second; 0: as fast as it goes */
	int64_t patience_ms; /* for Kafka */
	/* A letter was decided: with `dry` each that would be replayed; and
	 * each that is refused, why not NULL. letter is NULL where there is no
	 * such letter (what why says). */
	void (*on_letter)(
		void *data, const struct letter *letter, const char *why);
	/* About once a second: letters looked at, places there are. */
	void (*on_progress)(void *data, int64_t seen, int64_t total);
	void *data;
};

struct replay_sums {
	int64_t replayed; /* with `dry`: would be */
	int64_t refused, skipped;
	int64_t settled; /* marks that there were before */
	bool stopped;	 /* by a signal, before the end */
};

/* Reads by source, which is open. Adds to sums. 0, or an exit code with err;
 * sums hold what was done before. Asked to stop (io/stop.h) it ends after the
 * transaction under way. */
int replay_topic(struct source *source, const struct replay_options *opts,
	const struct source_place *place, struct replay_sums *sums,
	struct err *err) MUST_CHECK;

#endif
