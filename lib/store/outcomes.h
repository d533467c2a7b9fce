/*
 * store/outcomes.h - what is said of a record that has been dealt with: the
 * event to publish, and the answer to the runner. Pure.
 */
#ifndef STORE_OUTCOMES_H
#define STORE_OUTCOMES_H

#include "base/base.h"
#include "base/buf.h"
#include "store/batch.h"

/* One row of chat_store(). */
struct store_row {
	enum store_state state; /* one of STORED .. REUSED */
	int64_t message_id;
	int64_t seq;
	struct str nickname;
	struct str reason;  /* refused, reused */
	struct str raw;	    /* again: as the row has it; empty: canonical */
	struct str type;    /* again */
	struct str content; /* again */
	int64_t sent_at_ms; /* again */
	struct str epoch;
};

/* "stored" .. "reused"; false for anything else. */
bool store_state_parse(struct str text, enum store_state *out);
const char *store_state_name(enum store_state state);

/* Sets the item's state and prints its event. */
void store_item_settle(struct store_item *item, const struct store_row *row);

/* Appends the item's lines: its emit, if there is an event, and its result.
 * -1: out of memory, here or earlier: nothing can be said. */
int store_item_answer(struct buf *out, const struct store_item *item,
	const char *events_topic) MUST_CHECK;

#endif
