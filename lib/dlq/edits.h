/*
 * dlq/edits.h - what comes back from `list -j | jq ..`: which letters are
 * meant, and the key and value that each is to have.
 *
 * The text is JSON objects, one a line or spread over several as jq prints them
 * without -c: each a letter's record line (chat-record(7)), with or without
 * "dlt". It says which letter it is by topic, partition, offset and timestamp;
 * its key and its value count, everything else is the letter's own as it is in
 * Kafka. So is the key where the line has none: a null one is null in it.
 * The white space of an object that is spread over lines goes.
 * All are read before any is used: the order is that of the letters.
 */
#ifndef DLQ_EDITS_H
#define DLQ_EDITS_H

#include "base/opt.h"
#include "dlq/letter.h"

#define EDITS_TOPICS_MAX 64
#define EDITS_BYTES_MAX (INT64_C(1) << 30) /* of keys and values together */
#define EDITS_TEXT_MAX (64 << 20)	   /* of one object */

struct edit {
	size_t topic; /* index */
	int32_t partition;
	int64_t offset, timestamp;
	int64_t line; /* of the text, where it begins; from 1 */
	bool used;    /* the caller's: its letter was found */
	bool key_kept, key_null, value_null, value_kept;
	size_t key_at, key_len, value_at, value_len; /* in bytes */
};

struct edits {
	char *topic[EDITS_TOPICS_MAX];
	size_t topics;
	struct edit *item;
	size_t count, cap;
	struct buf bytes;
	struct record_room room;
	/* The object that is being read. */
	struct buf text;
	struct edits_at {
		int64_t depth; /* of brackets */
		bool in_string, escaped;
	} at;
	int64_t line, first_line; /* counted from 0 */
	bool spread;		  /* it has newlines between its tokens */
};

/* The next bytes, cut anywhere. -1 with the line: no object, one that is no
 * record's line or does not say which letter it is, or there is too much. */
int edits_feed(
	struct edits *edits, struct str bytes, struct err *err) MUST_CHECK;
/* That was all. -1: it ends inside an object, or one letter is in it twice. */
int edits_end(struct edits *edits, struct err *err) MUST_CHECK;

/* A whole file, or stdin ("-"), to its end. -1 with its name. */
int edits_load(
	struct edits *edits, const char *path, struct err *err) MUST_CHECK;

/* They are of these topics only (none: of any). -1 with the path. */
int edits_among(const struct edits *edits, const char *path,
	const struct opt_list *topics, struct err *err) MUST_CHECK;

/* Of that place; NULL: none. After edits_end(). */
struct edit *edits_find(struct edits *edits, struct str topic,
	int32_t partition, int64_t offset);
/* What it says; views. */
struct letter_edit edits_get(
	const struct edits *edits, const struct edit *edit);
void edits_release(struct edits *edits);

#endif
