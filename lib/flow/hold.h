/*
 * flow/hold.h - which records may be sent to the filter now, so that order
 * holds within a key whatever is answered `retry` (chat-record(7)). Pure.
 *
 * A lane is one key of one partition, with its unanswered records in order. A
 * record without a key has a lane of its own.
 *
 *	FLOW    sent as they come (at most one at a time, unless `many`)
 *	DRAIN   one was answered `retry`: nothing is sent until all that are
 *	        outstanding are answered
 *	WAIT    .. and until a second has passed since that answer
 *	PROBE   its first record goes again, alone, with `again`: the only kind
 *	        of sending that counts as an attempt from now on
 *	IDLE    no records are left, but the filter still holds the key: the
 *	        next one carries `again`
 *
 *	FLOW --retry--> DRAIN --all answered--> WAIT --1 s--> PROBE
 *	PROBE --retry--> DRAIN        PROBE --done, dead--> FLOW
 *
 * A record is tried HOLD_RETRIES times again; then it is dead, and the records
 * that waited behind it have one attempt each, without a pause.
 *
 * Bounded: the lanes are allocated once; the owner brings the items and never
 * has more than max_items in here. Lanes that are only IDLE are given up,
 * oldest first, when they are needed (the price is one `retry` more).
 * Keys are compared by 64 bits of hash: two that share them would wait for
 * each other, nothing worse.
 */
#ifndef FLOW_HOLD_H
#define FLOW_HOLD_H

#include <bsd/sys/queue.h>

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"

#define HOLD_RETRIES 3
#define HOLD_WAIT_MS 1000

enum lane_state { LANE_FLOW, LANE_DRAIN, LANE_WAIT, LANE_PROBE, LANE_IDLE };

enum hold_place {
	HOLD_WAITING, /* in its lane only */
	HOLD_READY,   /* may be sent */
	HOLD_SENT,    /* not answered yet */
};

struct lane;

struct hold_item {
	struct lane *lane;
	enum hold_place place;
	int attempts;	  /* answered `retry`, where that counted */
	bool last_chance; /* one before it died of its retries */
	TAILQ_ENTRY(hold_item) in_lane;
	TAILQ_ENTRY(hold_item) in_queue; /* ready or sent */
};

TAILQ_HEAD(hold_queue, hold_item);
TAILQ_HEAD(lane_queue, lane);
LIST_HEAD(lane_bucket, lane);

struct hold {
	bool many; /* many records of a key may be outstanding */
	struct hold_queue ready, sent; /* in the order of sending */
	size_t sent_count;
	struct lane_queue waiting; /* WAIT, by the time they are due */
	struct lane_queue idle;	   /* IDLE, oldest first */
	struct lane_queue free;
	struct lane *lanes;
	struct lane_bucket *buckets;
	size_t bucket_count;
};

/* many: the filter knows `again` (--control). -1: out of memory. */
int hold_init(struct hold *hold, size_t max_items, bool many,
	struct err *err) MUST_CHECK;
void hold_release(struct hold *hold);

/* A record to be sent. part is compared only; key NULL: it has none. The item
 * is borrowed until it leaves: hold_remove(), or hold_retry() saying dead. */
void hold_add(struct hold *hold, struct hold_item *item, const void *part,
	const struct str *key);

/* The next record to send, which counts as sent from here; NULL: none now.
 * again: it carries `again`. */
struct hold_item *hold_pop(struct hold *hold, bool *again);

/* The record was answered `retry`. True: it is dead, and has left. */
bool hold_retry(
	struct hold *hold, struct hold_item *item, int64_t now_ms) MUST_CHECK;
/* The record was answered otherwise, or leaves for another reason; sent or
 * not. */
void hold_remove(struct hold *hold, struct hold_item *item);
/* The filter was told that the partition is gone, after its items were
 * removed: it holds none of its keys any more. */
void hold_forget(struct hold *hold, const void *part);
/* The filter is gone: what was sent is to be sent again, in the same order and
 * before anything else; but records of a lane on hold wait with it. */
void hold_restart(struct hold *hold);

/* The time is now_ms: lanes whose wait is over go on. */
void hold_tick(struct hold *hold, int64_t now_ms);
/* When hold_tick() has something to do; CLOCK_NEVER: never. */
int64_t hold_deadline(const struct hold *hold);

#endif
