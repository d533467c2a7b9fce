/* tests/sim/store.h - a store's insides: store.c (lines, its life) and
 * store_save.c (what goes to the database). */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include "pg.h"
#include "store/batch.h"

enum { SAY_MS = 5000, RANGES = 16 };

struct range {
	struct store_item **items;
	size_t count;
};

struct store {
	struct store_batch batch;
	struct conn *conn;
	struct buf out;
	bool busy;     /* in finish_batch() */
	bool waiting;  /* .. for the database's answer */
	bool marking;  /* .. to the replayed */
	bool away;     /* .. for the database */
	bool any_open; /* a record of the batch went there */
	int64_t said_ms;
	struct store_item *open[BATCH_MAX];
	struct range range[RANGES]; /* still to be saved; the last is next */
	int ranges;
	struct msg *control; /* a line that waits for the batch's end */
	bool ended;
	/* law_store.c: */
	bool again[BATCH_MAX]; /* of the batch's records */
	struct held_key {
		int part;
		struct str key;
		bool held;
	} keys[ROOMS * PARTS + 2];
	int key_count;
};

/* law_store.c: it answers `retry` to all of a key that it holds, and to no
 * other; until `again`, or `revoked`. */
void law_store_read(struct store *s, struct str line);
void law_store_revoked(struct store *s, int part);
void law_store_answers(const struct actor *actor);

/* odd.c, for the plans that want it: a line that belongs to no result, or to a
 * wrong one; before the answer to that item, or its filter's death. */
void odd_line(struct actor *actor, const struct store_item *item);
/* What ends a filter for a record's sake, and is blamed on it. */
int odd_end(void);

/* Writes what is in `out`, so many lines of it. */
void store_write(struct actor *actor, int count);
void store_say_waiting(struct actor *actor);
/* Goes on with the batch, as far as that goes now. */
void store_save(struct actor *actor);
void store_answered(struct actor *actor, struct msg *msg);

#endif
