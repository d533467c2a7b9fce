/*
 * flow/runner.h - what chat-consume decides when it runs a filter: what is
 * sent, held, dead, paused, committed, let go; when the filter is started or
 * killed; when the runner ends. Pure: events and the time in, actions out; no
 * socket, no clock. Made of window, hold, owed, deaths and fuse.
 *
 *	event:  runner_assigned .. runner_tick
 *	then:   while (runner_next(r, now, &action)) do it;
 *	then:   call again at runner_deadline() at the latest
 *
 * A record is one item, from runner_polled() to ACT_DONE:
 *
 *	PARKED --> HELD (lib/flow/hold: waiting, ready, sent) --> FINISHING
 *	                                                          --> DONE
 *	PARKED: its partition came back while answers are owed for it
 *	FINISHING: answered; its emits and dead letter are not all acked
 *	sent, and the partition goes: OWED until the answer or the filter's end
 *	FINISHING, and the partition goes: DETACHED until acked; commits nothing
 *
 * With opts.atomic (-x) what a record causes and its offset are in Kafka at
 * once or not at all. Nothing is published by itself; of each partition the
 * answered records up to its lowest unanswered one make up a transaction:
 *
 *	ACT_EMIT.. (a record each), ACT_COMMIT, then runner_committed(), or
 *	runner_refused() where a broker refused one of them
 *
 * Of a refused transaction each record goes alone; refused alone twice, 1 s
 * apart, it is dead. Records behind an unfinished one of their partition wait
 * in memory; where it is given back unfinished, what they cause is dropped.
 *
 * Bounded: items are allocated once. Partitions are allocated when they are
 * first heard of, and kept.
 */
#ifndef FLOW_RUNNER_H
#define FLOW_RUNNER_H

#include <bsd/sys/queue.h>

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"
#include "flow/deaths.h"
#include "flow/fuse.h"
#include "flow/hold.h"
#include "flow/owed.h"
#include "flow/window.h"

#define RUNNER_REVOKE_MS 5000
#define RUNNER_DRAIN_MS 30000
#define RUNNER_HANG_MS 30000
#define RUNNER_COMMIT_MS 50	    /* between commits */
#define RUNNER_COMMIT_AGAIN_MS 1000 /* .. after one that failed */
#define RUNNER_STALL_MS 500	    /* full for so long: pause partitions */
#define RUNNER_SPAN_MAX 100000	    /* offsets that a crash reads again */
#define RUNNER_SLACK 64		    /* items polled over max_records */
#define RUNNER_BATCH_RECORDS 500    /* of a transaction (atomic) */
#define RUNNER_BATCH_BYTES 900000   /* .. but one record may have more */
#define RUNNER_REFUSED_MS 1000	    /* between two refusals of one record */
#define RUNNER_ABORTS_MAX 5	    /* in a row, and no record was refused */

enum item_state {
	ITEM_FREE,
	ITEM_PARKED,
	ITEM_HELD,
	ITEM_FINISHING,
	ITEM_OWED,
	ITEM_DETACHED,
	ITEM_DONE,
};

struct item {
	struct window_slot slot; /* offset */
	struct hold_item hold;
	struct debt debt;
	struct part *part;
	void *body; /* the caller's, from runner_polled() to ACT_DONE */
	size_t bytes;
	struct str key; /* inside body */
	bool keyless;
	enum item_state state;
	bool suspect;	 /* see deaths.h */
	bool letter_due; /* ACT_LETTER comes, or has come and is not acked */
	bool lettered;	 /* one letter a record */
	int alone;	 /* deaths that it caused alone */
	int publishing;	 /* emits not acked; atomic: not committed */
	/* atomic: */
	void *emits;	   /* the caller's; runner_emits() to ACT_DONE */
	bool staged;	   /* in the transaction that is out */
	bool solo;	   /* goes in a transaction of its own */
	bool refused_once; /* .. and was refused */
	int64_t due_ms;	   /* not before */
	TAILQ_ENTRY(item) in_batch;
	char error_class[48];
	char error_message[200];
	TAILQ_ENTRY(item) link; /* free, parked or done */
	TAILQ_ENTRY(item) in_letters;
};

TAILQ_HEAD(item_queue, item);

enum part_state { PART_NONE, PART_ASSIGNED, PART_REVOKING };

struct part {
	LIST_ENTRY(part) in_bucket;
	TAILQ_ENTRY(part) in_parts;
	char *topic;
	int32_t partition;
	void *data; /* the caller's */
	enum part_state state;
	struct window window;
	int64_t committed;  /* what the group has; WINDOW_NONE: unknown */
	int64_t committing; /* in flight, or WINDOW_NONE */
	bool gated;	    /* answers are owed */
	bool paused;
	bool told,
		untell; /* the filter knows of it; is to be told it is gone */
	struct item_queue parked;
	struct item *staged; /* the last of it in the transaction, or NULL */
	struct fuse fuse;
	struct item *blown; /* by its death; ACT_FUSE is to come */
};

struct runner_options {
	size_t max_records; /* unfinished, in all */
	size_t max_bytes;
	int64_t hang_ms; /* silence of a filter */
	bool control;	 /* the filter speaks hello and knows `again` */
	bool atomic;	 /* emits, letters and offsets in one transaction */
	struct fuse_limit fuse;
};

enum filter_state {
	FILTER_NONE,	 /* none runs */
	FILTER_STARTING, /* with control: its hello is awaited */
	FILTER_UP,
	FILTER_KILLED, /* its end is awaited */
};

#define RUNNER_BUCKETS 256
LIST_HEAD(part_bucket, part);

struct runner_counters {
	int64_t sent, done, dead, retries, starts, kills, late, ignored;
	int64_t commits, unfinished;
};

struct runner {
	struct runner_options opts;
	struct hold hold;
	struct owed owed;
	struct deaths deaths;
	struct item *items;
	struct item_queue free, done, letters;
	size_t used, bytes;
	struct part_bucket buckets[RUNNER_BUCKETS];
	TAILQ_HEAD(, part) parts;
	size_t part_count;
	struct part **list; /* of an action; part_count long */

	enum filter_state filter;
	bool killing;	   /* ACT_KILL is to come, or has come */
	bool kill_told;	   /* .. has come */
	bool ended;	   /* its stdin was closed */
	bool choked;	   /* we do not read its answers */
	const char *why;   /* of the kill */
	int64_t start_ms;  /* when it may be started, or was */
	int64_t said_ms;   /* from when its silence counts */
	int64_t ticked_ms; /* the last time that was told */

	bool committing, commit_soon;
	int64_t commit_ms;	 /* not before */
	struct item_queue batch; /* atomic: of the transaction that is out */
	size_t batch_count, batch_bytes;
	int64_t batch_ms;  /* no new one before */
	int aborts;	   /* in a row */
	bool revoking;	   /* ACT_LET_GO is awaited */
	int64_t revoke_ms; /* until when answers are awaited */
	bool draining, stopped, exit_told;
	int64_t drain_ms;
	int exit_code;
	const char *exit_why;
	bool full, stalled;
	int64_t full_ms;
	struct runner_counters counters;
};

int runner_init(struct runner *r, const struct runner_options *opts,
	int64_t now_ms, struct err *err) MUST_CHECK;
void runner_release(struct runner *r);

/* The partition of that name, made where it is new; NULL: out of memory. */
struct part *runner_part(struct runner *r, struct str topic, int32_t partition);

/* ---- events: the group -------------------------------------------------- */

/* Ours from now on, at that offset (the committed one; WINDOW_NONE:
 * unknown). */
void runner_assigned(
	struct runner *r, struct part *part, int64_t offset, int64_t now_ms);
/* To be given back: ACT_LET_GO comes when the answers have come, or after 5 s,
 * and the last commit is through. */
void runner_revoked(struct runner *r, struct part *part, int64_t now_ms);
/* Somebody else's already: nothing of it is committed. */
void runner_lost(struct runner *r, struct part *part, int64_t now_ms);

/* Polling makes sense. */
bool runner_may_poll(const struct runner *r);
/* A record. key (inside body) NULL: none. too_long: it does not fit a line and
 * goes straight to the dead letters. False: not ours, body is the caller's. */
bool runner_polled(struct runner *r, struct part *part, int64_t offset,
	const struct str *key, size_t bytes, void *body, bool too_long,
	int64_t now_ms) MUST_CHECK;
/* Where the consumer stands, after all that was there has been polled. */
void runner_position(struct part *part, int64_t offset);
/* The commit in flight has ended; atomic: the transaction. Not ok: aborted,
 * for no record's sake. */
void runner_committed(struct runner *r, bool ok, int64_t now_ms);
/* atomic: the transaction was aborted, a broker refused an emit in it, or a
 * letter. A letter refused alone twice ends the runner. */
void runner_refused(
	struct runner *r, bool letter, struct str why, int64_t now_ms);

/* ---- events: the filter ------------------------------------------------- */

void runner_filter_up(struct runner *r, int64_t now_ms);
void runner_filter_exit(struct runner *r, int wait_status, int64_t now_ms);

enum runner_status { RUNNER_DONE, RUNNER_DEAD, RUNNER_RETRY };

struct runner_result {
	struct str topic;
	int32_t partition;
	int64_t offset;
	enum runner_status status;
	struct str error_class, error_message;
};
/* A result line, with the number of emits in front of it. Not NULL: publish
 * them, runner_published() is awaited for each; atomic: keep them, with
 * runner_emits(). NULL: drop them. */
struct item *runner_result(struct runner *r, const struct runner_result *result,
	int emits, int64_t now_ms);
/* atomic: what an item has emitted, of so many bytes; the caller's until
 * ACT_EMIT, and given back by ACT_DONE. */
void runner_emits(struct runner *r, struct item *item, void *emits,
	size_t bytes, int64_t now_ms);
/* {"status":"waiting"} */
void runner_waiting(struct runner *r, int64_t now_ms);
/* Any other line of it, an emit. */
void runner_said(struct runner *r, int64_t now_ms);
/* What it says makes no sense: it is killed. why is static text. */
void runner_garbage(struct runner *r, const char *why);
/* Its lines are not read (too many emits wait for acks), or are again. */
void runner_choke(struct runner *r, bool choked, int64_t now_ms);

/* An emit of item (or its letter) has its end: in Kafka, or refused for good.
 * A refused letter ends the runner. */
void runner_published(struct runner *r, struct item *item, bool letter,
	bool refused, struct str why, int64_t now_ms);

/* ---- events: the rest --------------------------------------------------- */

/* Drains, then ACT_EXIT with code. why is static text. */
void runner_stop(struct runner *r, int code, const char *why, int64_t now_ms);
/* ACT_EXIT at once, nothing more is committed. */
void runner_fail(struct runner *r, int code, const char *why);
void runner_tick(struct runner *r, int64_t now_ms);

/* ---- actions ------------------------------------------------------------ */

enum runner_act {
	ACT_DONE,     /* body (and emits) are the caller's again; the item is
		       * gone */
	ACT_LETTER,   /* publish item as a dead letter, error_* says why; then
		       * runner_published(.., letter); atomic: only say so */
	ACT_FUSE,     /* too many of part died: say so; item is the last of
		       * them, left as it is. ACT_EXIT comes, with 100 */
	ACT_START,    /* the filter; runner_filter_up() when it has said hello,
		       * at once without control */
	ACT_KILL,     /* SIGKILL to it; why */
	ACT_END,      /* close its stdin */
	ACT_ASSIGNED, /* control line: parts */
	ACT_REVOKED,
	ACT_SEND,   /* item, with `again` */
	ACT_PAUSE,  /* part */
	ACT_RESUME, /* part */
	ACT_EMIT,   /* atomic: item's emits (where ->publishing) and its letter
		     * (where ->letter_due) belong to the transaction */
	ACT_COMMIT, /* parts, each at ->committing; then runner_committed() */
	ACT_LET_GO, /* answer the rebalance: unassign all that was revoked */
	ACT_EXIT,   /* code, why */
};

struct runner_action {
	enum runner_act act;
	struct item *item;
	void *body;
	void *emits;
	struct part *part;
	struct part **parts; /* borrowed until the next call */
	size_t count;
	bool again;
	int code;
	const char *why;
};

/* The next thing to do; false: nothing now. */
bool runner_next(struct runner *r, int64_t now_ms,
	struct runner_action *action) MUST_CHECK;
/* When runner_tick() has something to do; CLOCK_NEVER: never. */
int64_t runner_deadline(struct runner *r, int64_t now_ms);

#endif
