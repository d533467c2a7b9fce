/*
 * client/drill.h - a run of clients who do not give up: they send at a constant
 * rate like those of client/load.h, but come back after a lost connection, go
 * on from the last seq they saw, and send again what had no RECEIPT. All of it
 * goes into a history for chat-audit; that is what a run with faults is for.
 *
 *	RAMP --all follow their rooms--> SETTLE --> RUN --all sent--> DRAIN
 *	                                                                 |
 *	     DONE <-- all have left <-- LEAVE <--nothing is missing, or late
 *
 * Connection i is member i % members of room i / members, as in a load run.
 * Message n waits for its connection if that is down; where 1,000 of one client
 * wait already it is not sent (`unsent`).
 */
#ifndef CLIENT_DRILL_H
#define CLIENT_DRILL_H

#include "client/load.h"
#include "client/schedule.h"
#include "client/session.h"

#define DRILL_URLS_MAX 16

struct drill_options {
	const char *urls[DRILL_URLS_MAX]; /* client i has number i % count */
	size_t url_count;
	struct history *history; /* may be NULL */
	/* Of these: tokens, rooms, members, first_room, first_user, rate, ramp,
	 * pad, time_ms, drain_ms, settle_ms. */
	const struct load_options *load;
};

enum drill_phase {
	DRILL_RAMP,
	DRILL_SETTLE,
	DRILL_RUN,
	DRILL_DRAIN,
	DRILL_LEAVE,
	DRILL_DONE
};

struct drill_client;

struct drill {
	struct drill_options opts;
	enum drill_phase phase;
	/* what came of it, besides the tally */
	int64_t count; /* clients */
	int64_t ready; /* that followed their room at the end of the ramp */
	int64_t sent;  /* messages that a client took */
	int64_t unsent;
	int64_t refused;  /* for good, by edge or store */
	int64_t lost;	  /* connections */
	int64_t given_up; /* clients that the server will not have */
	int64_t unanswered, resent, connects, wire_duplicates; /* at the end */
	int64_t run_us; /* from the first due time to the last delivery */
	struct tally tally;
	struct err why; /* the first thing that went wrong */
	/* private */
	void (*on_done)(struct drill *drill);
	void *data;
	uv_loop_t *loop;
	struct tick tick;
	uv_timer_t timer;
	struct drill_client *client;
	struct schedule schedule;
	int64_t opened, left, began_us, deadline_ms, last_us;
	uint64_t run;
	char mark[STAMP_MARK_MAX];
	size_t mark_len;
	struct buf content;
};

/* The options are copied; what they point to is borrowed. on_done: phase is
 * DRILL_DONE, read the figures. */
int drill_start(struct drill *drill, uv_loop_t *loop,
	const struct drill_options *opts, void (*on_done)(struct drill *drill),
	void *data, struct err *err) MUST_CHECK;

/* Sends no more, drains, and is done. */
void drill_stop(struct drill *drill);

/* All that was sent was answered, and reached each member of its room; nothing
 * was seen twice. Lost connections are no fault. */
bool drill_clean(const struct drill *drill);
int64_t drill_expected(const struct drill *drill); /* deliveries */

/* After DRILL_DONE; run the loop once more, then drill_release(). */
void drill_close(struct drill *drill);
void drill_release(struct drill *drill);

/* The figures: one line of JSON (chat-bench(1) names the fields), or a table.
 * name may be NULL. */
void drill_json(struct buf *out, const struct drill *drill, const char *name);
void drill_table(struct buf *out, const struct drill *drill);

#endif
