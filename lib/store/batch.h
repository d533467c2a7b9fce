/*
 * store/batch.h - what the store was sent and has not answered: the records of
 * one batch, each read and checked (contract, sections 2.4 and 3), and the keys
 * on hold. Pure: no database, no clock, no output.
 *
 * A record that can never work is dead as soon as it is read; one whose key is
 * on hold is answered `retry`; the others are OPEN until store/save.h has put
 * them into the database.
 *
 * Holds. After a `retry` everything of that (topic, key) is answered `retry`,
 * until a record with `again` comes, or its partition is revoked: a later
 * message of the room must not be numbered before an earlier one. Only under a
 * runner with --control: without it there is at most one record of a key
 * outstanding, and no `again`.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/dlt.h"
#include "wire/hello.h"
#include "wire/message.h"
#include "wire/record.h"

#define STORE_BATCH_MAX 500
#define STORE_BATCH_BYTES (8 << 20) /* of lines; then the batch is full */

enum store_state {
	STORE_OPEN,
	STORE_STORED,	 /* and the event goes out */
	STORE_AGAIN,	 /* was stored; the whole event goes out again */
	STORE_DUPLICATE, /* a copy: its sender is told the first's numbers */
	STORE_REFUSED,
	STORE_REUSED,
	STORE_DEAD,
	STORE_RETRY,
	/* of letters: */
	STORE_NOTED, /* it has become a row */
	STORE_KNOWN, /* it was one */
	STORE_STATES,
};

struct store_item {
	struct buf text; /* what topic, key and message view */
	struct str topic;
	struct str key;
	int32_t partition;
	int64_t offset;
	int64_t timestamp;
	bool replayed;		    /* carries chat-replay-count */
	struct dlt_place replay_of; /* topic empty: names none */
	struct message message;
	struct str content; /* unescaped */
	enum store_state state;
	char error_class[48]; /* dead, retry */
	struct err why;
	struct buf event; /* the value to publish; empty: none */
	/* of a letter, whose message says only who and where: */
	struct dlt_place origin;
	struct str reason, detail;
};

struct store_hold;

struct store_batch {
	struct store_item *items;
	size_t count;
	size_t max;
	size_t bytes;
	int64_t max_chars;
	bool control; /* the runner said hello */
	bool letters; /* dead letters come, not messages */
	struct store_hold *holds;
	struct record_room room;
};

/* max: records a batch, at most STORE_BATCH_MAX. -1: out of memory. */
int store_batch_init(struct store_batch *batch, size_t max, int64_t max_chars,
	struct err *err) MUST_CHECK;
void store_batch_release(struct store_batch *batch);
/* Forgets the records, which have been answered; holds stay. */
void store_batch_reset(struct store_batch *batch);

bool store_batch_full(const struct store_batch *batch);

/* Reads a record's line into the batch, which is not full. -1: it is no
 * record; out of memory. */
int store_batch_add(
	struct store_batch *batch, struct str line, struct err *err) MUST_CHECK;

/* Makes an OPEN item dead or to be retried. A retry holds its key (under
 * --control): call store_batch_held() before an item is put to work. -1: out
 * of memory. */
void store_item_dead(struct store_item *item, const char *error_class,
	const struct err *why);
int store_batch_retry(struct store_batch *batch, struct store_item *item,
	const char *error_class, const struct err *why) MUST_CHECK;

/* The item's key is on hold: then it becomes STORE_RETRY itself. An item that
 * is OPEN stays so unless another one before it in the batch was put on hold
 * meanwhile. */
bool store_batch_held(struct store_batch *batch, struct store_item *item);

/* Drops the holds of a partition. */
void store_batch_revoked(
	struct store_batch *batch, struct str topic, int32_t partition);

#endif
