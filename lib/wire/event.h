/*
 * wire/event.h - what chat-events holds (contract, section 3). Pure.
 */
#ifndef WIRE_EVENT_H
#define WIRE_EVENT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

enum event_kind {
	EVENT_MESSAGE,	 /* message: the very object a subscriber gets */
	EVENT_DUPLICATE,
	EVENT_REFUSED,
	EVENT_READ,
	EVENT_ROOM,
	EVENT_UNKNOWN,	 /* of a newer program: ignored */
};

struct event {
	enum event_kind kind;
	struct str epoch;
	int64_t room_id;
	int64_t user_id;	 /* duplicate, refused, read; sender of a message;
				  * -1: none */
	int64_t seq;		 /* message, duplicate; -1: none */
	int64_t message_id;	 /* message, duplicate; -1: none */
	int64_t revision;	 /* read, room; -1: none */
	struct json client_message_id; /* raw token, or JSON_NONE */
	struct json message;	 /* message: the object to copy */
	struct str type;	 /* message: TEXT, IMAGE, SYSTEM_KICK, .. */
	struct json targets;	 /* SYSTEM_*: [{"userId":9,..}], or JSON_NONE */
	struct str code;	 /* refused */
	struct str text;	 /* refused: its message, raw, still escaped and
				  * without quotes */
	int64_t sent_at_ms;	 /* message; -1: none */
	bool replayed;		 /* message: a replay brought what was stored
				  * already: its sender is not told again */
};

/* Reads the value of a record of chat-events. Views live in value. Text fields
 * other than `text` never hold escapes in what we write; one that does is an
 * error. */
int event_parse(struct event *out, struct json value,
	struct err *err) MUST_CHECK;

/* Appends the event object (no newline). message: raw object. */
void event_print_message(struct buf *out, struct str epoch, struct str message);
void event_print_duplicate(struct buf *out, struct str epoch, int64_t user_id,
	int64_t room_id, struct str client_message_id_raw, int64_t message_id,
	int64_t seq);
void event_print_refused(struct buf *out, struct str epoch, int64_t user_id,
	int64_t room_id, struct str client_message_id_raw, const char *code,
	const char *text);

#endif
