/*
 * store/letter.h - what a dead letter says of itself (wire/dlt), as a row of
 * message_outcomes holds it: text that PostgreSQL takes, of bounded length.
 * Pure.
 */
#ifndef STORE_LETTER_H
#define STORE_LETTER_H

#include "base/base.h"
#include "store/batch.h"

#define LETTER_TOPIC_MAX 249 /* bytes of a topic's name: Kafka's own limit */
#define LETTER_REASON_MAX 200
#define LETTER_DETAIL_MAX 1000 /* kept of an exception's message */
/* What one of the two below appends to item->text at most; it must have room
 * for that, so that nothing moves. */
#define LETTER_PLACE_BYTES LETTER_TOPIC_MAX
#define LETTER_BYTES                                                           \
	(2 * LETTER_TOPIC_MAX + LETTER_REASON_MAX + LETTER_DETAIL_MAX)

/* Reads the place that a chat-replay-of header names into item->replay_of;
 * where there is none, or it is none, its topic is empty. */
void store_letter_replay_of(
	struct store_item *item, const struct record *record);

/* Fills item->origin, reason, detail, replay_of, and of item->message what the
 * value says of its identity (room_id 0, sender_id -1, has_id false where it
 * does not). A letter that names no whole origin stands for itself; one that
 * names no class has the reason UNKNOWN. */
void store_letter_read(struct store_item *item, const struct record *record);

#endif
