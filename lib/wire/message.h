/*
 * wire/message.h - a user's message as chat-messages has it, and the rules for
 * its parts (contract: limits, identity). One place, used by the edge at the
 * entrance and by the store again. Pure.
 *
 * {"roomId":1,"senderId":7,"clientMessageId":"..","content":"hi",
 *  "type":"TEXT","sentAtMs":1768127400123}
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

#define MESSAGE_CONTENT_MAX 5000	      /* code points, the default */
#define MESSAGE_NUMBER_MAX (INT64_C(1) << 53) /* roomId, senderId */
#define MESSAGE_ID_MAX 40		      /* canonical id with its NUL */

enum message_type { MESSAGE_TEXT, MESSAGE_IMAGE };

/* A clientMessageId: canonical (what identity compares: lower-case UUID or a
 * decimal int64), and raw, the JSON token as it came (what is echoed). */
struct message_id {
	char canonical[MESSAGE_ID_MAX];
	struct str raw; /* e.g. "\"8D..\"" with quotes, or 42 */
};

struct message {
	int64_t room_id;
	int64_t sender_id; /* -1: not given (a client's body) */
	struct message_id id;
	bool has_id;
	struct json content; /* the raw JSON string: copied as it stands */
	enum message_type type;
	int64_t sent_at_ms;  /* -1: not given */
	struct json sent_at; /* Spring's text or array; JSON_NONE: not given */
};

/* What is wrong with a body: also the code told to clients. */
enum message_fault {
	MESSAGE_OK = 0,
	MESSAGE_INVALID_BODY = -1, /* no JSON object, a field of wrong type */
	MESSAGE_INVALID_ROOM = -2, /* roomId missing or not in 1..2^53 */
	MESSAGE_INVALID_ID = -3,   /* clientMessageId of another form */
	MESSAGE_EMPTY = -4,	   /* content missing or blank */
	MESSAGE_TOO_LONG = -5,
	MESSAGE_INVALID_CONTENT = -6, /* U+0000, half a surrogate pair */
	MESSAGE_INVALID_TYPE = -7,
};
/* "INVALID_BODY", "CONTENT_EMPTY", .. as chat-stomp(7) lists them. */
const char *message_fault_code(enum message_fault fault);

/* Checks and reads a body (a client's SEND, or a record's value). max_chars:
 * the limit of content. err says what and where ("content has 5001 characters,
 * the limit is 5000"). Views live in value. */
enum message_fault message_parse(struct message *out, struct json value,
	int64_t max_chars, struct err *err) MUST_CHECK;

/* Canonical form of a clientMessageId token; false for other forms. */
bool message_id_parse(struct message_id *out, struct json token);
/* A new random (version 4) UUID; raw views canonical's quoted twin. */
void message_id_make(struct message_id *out, char quoted[MESSAGE_ID_MAX + 2],
	const unsigned char random[16]);

/* Appends the value for chat-messages. */
void message_print(struct buf *out, const struct message *message);

/* How many code points text has; 0: it is empty or blank (nothing but Unicode
 * white space); -1: it holds U+0000, or is no UTF-8. */
int64_t message_text_chars(struct str text);

const char *message_type_name(enum message_type type);

#endif
