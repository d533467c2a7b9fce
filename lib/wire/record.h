/*
 * wire/record.h - a Kafka record as a JSON line, and back, without loss
 * (chat-record(7)). Pure: no I/O, no clock.
 *
 * {"topic":"chat-messages","partition":3,"offset":812,"timestamp":..,
 *  "key":"42","headers":[["traceparent","00-.."]],"value":{..}}
 */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

#define RECORD_LINE_MAX (1 << 20)	/* to and from filters and sockets */
#define RECORD_LINE_VIEW_MAX (16 << 20) /* view mode, chat-produce's stdin */
#define RECORD_HEADERS_MAX 256

struct record_header {
	struct str name;
	struct str value;
	bool null;
};

/* key, value: raw bytes as Kafka has them. A null one has its flag set and
 * len 0; it differs from an empty one. */
struct record {
	struct str topic;
	int32_t partition; /* -1: none */
	int64_t offset;	   /* -1: none */
	int64_t timestamp; /* ms since the epoch; -1: none */
	bool append_time;  /* the broker set it */
	bool again;	   /* the first of a key after a hold */
	struct str key;
	bool key_null;
	bool key_left_out; /* a line that says nothing of it; it is null, too */
	struct str value;
	bool value_null;
	bool value_left_out; /* it did not fit the line (chat-consume, of a
			      * -dlt topic); value_null is set too, but this
			      * is no tombstone and must not be produced */
	int64_t value_bytes; /* how long it is, where it was left out */
	struct record_header *headers;
	size_t header_count;
	struct str id; /* raw JSON token, opaque; empty: none */
};

/* What a parsed record's views live in besides the line itself. */
struct record_room {
	struct buf bytes; /* unescaped and decoded text; reserved once a line,
			   * so that it never moves under the views */
	struct record_header headers[RECORD_HEADERS_MAX];
};
void record_room_release(struct record_room *room);

/* Reads a line. record's views live in line and room, until either changes.
 * -1 with err: no JSON object, no topic, none or two of value, valueText,
 * value64 and valueBytes, a known field twice, a header that is none, bad
 * base64, numbers out of range. Unknown fields are ignored. A tombstone says
 * "value":null; a missing key is a null one. */
int record_parse(struct record *record, struct str line,
	struct record_room *room, struct err *err) MUST_CHECK;

/* As record_parse(), for a value that stands inside another line
 * ({"emit":{..}}). */
int record_parse_json(struct record *record, struct json value,
	struct record_room *room, struct err *err) MUST_CHECK;

/* Appends the line, with its newline. Fields that are "none" are left out.
 * Chooses the form of key, value and headers (value, valueText or value64) so
 * that record_parse() gives back the same bytes. */
void record_print(struct buf *out, const struct record *record);

/* The same as a value inside another line: without the newline. */
void record_print_json(struct buf *out, const struct record *record);

/* The value of the last header of that name; false where none or null. */
bool record_header(
	const struct record *record, const char *name, struct str *value);

#endif
