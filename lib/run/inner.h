/*
 * run/inner.h - what the files of a runner share: runner.c (the loop, and what
 * flow/runner asks for), records.c, emits.c (what the filter says), letters.c,
 * out.c (what goes to Kafka) and transact.c (.. in one transaction). Not for
 * others.
 */
#ifndef RUN_INNER_H
#define RUN_INNER_H

#include <uv.h>

#include "base/status.h"
#include "flow/runner.h"
#include "kafka/consumer.h"
#include "kafka/publish.h"
#include "kafka/xact.h"
#include "run/run.h"
#include "serve/child.h"
#include "wire/result.h"

#define RUN_NAME "chat-consume"
#define RUN_WAKES 2 /* out_wake_fd()'s k */

struct run {
	const struct run_options *opts;
	struct runner runner;
	struct consumer consumer;
	/* What was assigned; each element's opaque is its struct part. */
	rd_kafka_topic_partition_list_t *assignment;
	/* Letters have a producer of their own: one of many megabytes is on its
	 * way for long, and emits do not wait behind it. */
	struct publish *emits_out, *letters_out; /* or, with -x, for both: */
	struct xact xact;
	struct group_source emits_source, letters_source;
	struct child child;
	struct status status;
	int64_t emits, transactions, aborted; /* counters */

	uv_loop_t loop;
	uv_poll_t wake, acks[RUN_WAKES];
	uv_timer_t clock;
	uv_signal_t term, interrupt, usr1;
	uv_check_t check;
	uv_idle_t idle; /* runs while a turn is due */
	bool looping;
	bool behind;	   /* records wait that we did not poll */
	bool joined;	   /* the group has answered */
	bool barred;	   /* it does not take us now */
	char waiting[100]; /* what the filter waits for; empty: nothing */

	struct buf lines;   /* to the filter, sent at the end of a turn */
	struct buf pending; /* emit lines that no result has claimed yet */
	int pending_count;
	struct record_room room;
	int exit_code; /* -1: none yet */
	struct err why;
	struct err words; /* the last ones, of an end that the runner decided;
			   * empty: its own */
};

/* Ends the loop with that code. */
void run_end(struct run *run, int code);
/* A turn is due: something has happened. */
void run_due(struct run *run);

/* ---- records.c ---------------------------------------------------------- */

/* Takes what is there, within the window. */
void records_poll(struct run *run, int64_t now);
/* Appends the line to run->lines; false: it does not fit. */
bool records_print(struct run *run, rd_kafka_message_t *m, bool again);

/* ---- emits.c ------------------------------------------------------------ */

/* A line of the filter. */
void emits_line(struct run *run, struct str line);
/* The filter is gone: what it did not claim is dropped. */
void emits_drop(struct run *run);
/* An answer of publish. */
void emits_answer(void *data, const struct publish_answer *answer);
/* publish takes records again. */
void emits_resume(void *data, struct group_source *source);

/* ---- letters.c ---------------------------------------------------------- */

/* Publishes item as a dead letter (with -x: only says so); from a -dlt topic
 * it is only logged. */
void letters_send(struct run *run, struct item *item);
/* A letter was refused: where that ended the runner, the last words say which,
 * and why. */
void letters_refused(struct run *run, const struct item *item, struct str why);
/* The letter as a record; views live as long as item, until the next call. */
int letters_make(struct run *run, struct item *item, struct record *letter,
	struct err *err) MUST_CHECK;
/* The opaque of an emit is its item, of a letter this. */
void *letters_tag(struct item *item);
struct item *letters_item(void *opaque, bool *letter);

/* ---- out.c -------------------------------------------------------------- */

/* id: of transactions, less ".k". */
int out_open(struct run *run, const char *id, struct err *err) MUST_CHECK;
void out_close(struct run *run);
/* As publish_start(). */
enum kafka_verdict out_start(struct run *run, int timeout_ms, bool *again,
	struct err *err) MUST_CHECK;
/* Does what can be done now; what fails ends the runner, and nothing more is
 * committed. */
void out_step(struct run *run, int64_t now);
void out_failed(struct run *run, enum kafka_verdict verdict);
int64_t out_deadline(const struct run *run);
int out_wake_fd(const struct run *run, unsigned k);
bool out_away(struct run *run);

/* ---- transact.c: with -x ------------------------------------------------- */

/* Keeps the pending emits with their record. */
int transact_keep(struct run *run, struct item *item) MUST_CHECK;
/* ACT_EMIT, ACT_COMMIT. */
void transact_emit(struct run *run, struct item *item);
void transact_commit(struct run *run, const struct runner_action *action);

#endif
