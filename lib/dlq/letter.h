/*
 * dlq/letter.h - a dead letter: what it says, where it may go back to, the
 * record that goes there and the mark that says so. Pure.
 *
 * A letter's identity is the place of the record that failed (wire/dlt.h); two
 * letters of one record are settled by one mark.
 */
#ifndef DLQ_LETTER_H
#define DLQ_LETTER_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/dlt.h"

/* All views: into the record and its message. */
struct letter {
	struct record record; /* as it is in the dead letter topic */
	struct dlt_info info;
	bool cut; /* it has more headers than we can carry */
};

/* The topic that it goes back to: kafka_dlt-original-topic where that is sane,
 * else the dead letter topic's name less "-dlt". Never a dead letter topic,
 * marks, or a topic of Kafka's own. False: there is none. */
bool letter_target(struct str *target, const struct letter *letter);

/* What was changed by hand; both as in struct record. */
struct letter_edit {
	struct str key, value;
	bool key_null, value_null;
	bool key_kept, value_kept; /* it is the letter's own */
};

/* The record that goes back to target: key and value (or edit's, which may be
 * NULL), headers without kafka_dlt-* and with chat-replay-*, no partition, no
 * timestamp. room holds the headers and their bytes and is not the letter's
 * own; all else is borrowed. -1: too many headers. */
int letter_replay(struct record *out, const struct letter *letter,
	struct str target, const struct letter_edit *edit,
	struct record_room *room, struct err *err) MUST_CHECK;

/* In the topic of marks, beside them: the key (no place) of a record that says
 * that a mark was taken back, by a tombstone of its key: letters are open again
 * that hints of before this record call settled. The tombstone itself is gone
 * a day later. */
#define MARK_REOPENED "reopened"

/* Appends the mark's key, and its value:
 * {"letter":{"topic","partition","offset"},"replays":N,"replayedAtMs":..,
 * "below":M}; below (0: none) as in resume.h. Of one that was put away without
 * a replay "replays" is as it was, and "dropped":true. */
void letter_mark_key(struct buf *out, const struct letter *letter);
void letter_mark_value(struct buf *out, const struct letter *letter,
	bool dropped, int64_t now_ms, int64_t below);

/* "replays":N, or null where the letter's count cannot be read. */
void letter_put_replays(struct buf *out, const struct letter *letter);

/* For people and jq; state is "open", "settled", or what will become of it.
 *
 * A line: the record's, and {"dlt":{"origin":"t/0/7/..","class":..,
 * "message":..,"group":..,"replays":0,"replayOf":..,"state":"open"}} in it.
 * Over max_bytes the value is left out ("valueBytes"). */
void letter_print_json(struct buf *out, const struct letter *letter,
	const char *state, size_t max_bytes);
/* A row, and the titles over it. */
void letter_print_title(struct buf *out);
void letter_print_row(
	struct buf *out, const struct letter *letter, const char *state);
/* All of it. */
void letter_print_page(
	struct buf *out, const struct letter *letter, const char *state);
/* Without control characters, which would drive a terminal. */
void letter_put_escaped(struct buf *out, struct str text);

#endif
