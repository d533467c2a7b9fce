/*
 * store/calls.h - the statements of chat-store, each one call of a function in
 * sql/: which arrays it takes out of items, and what its rows say of them.
 */
#ifndef STORE_CALLS_H
#define STORE_CALLS_H

#include "base/base.h"
#include "base/err.h"
#include "pg/pg.h"
#include "store/batch.h"

enum { CALL_ARRAYS_MAX = 12 };

struct store_call {
	const char *name; /* of the prepared statement */
	const char *sql;
	const int *types; /* of the arrays, one element an item */
	int arrays;
	void (*add)(struct pg_array *arrays, const struct store_item *item);
	/* Settles the items of a call; NULL: it has nothing to say.
	 * PG_BROKEN: these are no answers. */
	enum pg_fault (*settle)(struct store_item **items, size_t count,
		const PGresult *result, struct err *err);
};

/* chat_store(): items of messages become STORED .. REUSED. */
extern const struct store_call call_messages;
/* chat_dead(): items of letters become NOTED or KNOWN. A log line for each
 * that is new. */
extern const struct store_call call_letters;
/* chat_replayed(): of items with replay_of. */
extern const struct store_call call_replayed;

#endif
