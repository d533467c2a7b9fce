/* wire/message.c - see message.h. */
#include "wire/message.h"

#include <string.h>

#include "json/escape.h"

#define SENT_AT_MS_MAX 253402300799999 /* the end of the year 9999 */

const char *
message_fault_code(enum message_fault fault)
{
	switch (fault) {
	case MESSAGE_OK:
		return "OK";
	case MESSAGE_INVALID_ROOM:
		return "INVALID_ROOM";
	case MESSAGE_INVALID_ID:
		return "INVALID_CLIENT_MESSAGE_ID";
	case MESSAGE_EMPTY:
		return "CONTENT_EMPTY";
	case MESSAGE_TOO_LONG:
		return "CONTENT_TOO_LONG";
	case MESSAGE_INVALID_CONTENT:
		return "INVALID_CONTENT";
	case MESSAGE_INVALID_TYPE:
		return "INVALID_TYPE";
	case MESSAGE_INVALID_BODY:
		break;
	}
	return "INVALID_BODY";
}

const char *
message_type_name(enum message_type type)
{
	return type == MESSAGE_IMAGE ? "IMAGE" : "TEXT";
}

/* ---- clientMessageId --------------------------------------------------- */

static const char hex[] = "0123456789abcdef";

static bool
is_dash(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static bool
read_uuid(char canonical[MESSAGE_ID_MAX], struct str text)
{
	size_t i;
	char c;

	if (text.len != 36)
		return false;
	for (i = 0; i < 36; i++) {
		c = text.data[i];
		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (is_dash(i) ? c != '-' : !c || !strchr(hex, c))
			return false;
		canonical[i] = c;
	}
	canonical[36] = '\0';
	return true;
}

bool
message_id_parse(struct message_id *out, struct json token)
{
	struct str text = token.text;
	int64_t n;

	if (token.type == JSON_STRING)
		text = (struct str){text.data + 1, text.len - 2};
	else if (token.type != JSON_NUMBER)
		return false;
	out->raw = token.text;
	if (token.type == JSON_STRING && read_uuid(out->canonical, text))
		return true;
	if (!str_i64(text, &n))
		return false;
	memcpy(out->canonical, text.data, text.len);
	out->canonical[text.len] = '\0';
	return true;
}

void
message_id_make(struct message_id *out, char quoted[MESSAGE_ID_MAX + 2],
	const unsigned char random[16])
{
	char *to = out->canonical;
	size_t i;

	for (i = 0; i < 16; i++) {
		unsigned char c = random[i];

		if (i == 6) /* version 4: RFC 9562 §5.4 */
			c = (unsigned char)((c & 0x0f) | 0x40);
		if (i == 8)
			c = (unsigned char)((c & 0x3f) | 0x80);
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
		if (is_dash((size_t)(to - out->canonical)))
			*to++ = '-';
	}
	*to = '\0';
	quoted[0] = '"';
	memcpy(quoted + 1, out->canonical, 36);
	memcpy(quoted + 37, "\"", 2);
	out->raw = (struct str){quoted, 38};
}

/* ---- content ----------------------------------------------------------- */

/* Unicode's White_Space property. */
static bool
is_space(int32_t point)
{
	return (point >= 0x09 && point <= 0x0d) || point == 0x20 ||
	       point == 0x85 || point == 0xa0 || point == 0x1680 ||
	       (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
	       point == 0x2029 || point == 0x202f || point == 0x205f ||
	       point == 0x3000;
}

int64_t
message_text_chars(struct str text)
{
	int64_t chars = 0;
	bool blank = true;
	size_t at = 0;
	int32_t point;

	while (at < text.len) {
		point = str_utf8_next(text, &at);
		if (point <= 0)
			return -1;
		blank = blank && is_space(point);
		chars++;
	}
	return blank ? 0 : chars;
}

static enum message_fault
check_content(struct json content, int64_t max_chars, struct err *err)
{
	struct str s = {content.text.data + 1, content.text.len - 2};
	int64_t chars = 0;
	bool blank = true;
	size_t at = 0;
	int32_t point;

	while (at < s.len) {
		point = s.data[at] == '\\' ? json_escape_next(s, &at)
					   : str_utf8_next(s, &at);
		chars++;
		if (point == 0 || json_is_surrogate(point)) {
			err_set(err, "content has %s at character %lld",
				point ? "half a surrogate pair" : "U+0000",
				(long long)chars);
			return MESSAGE_INVALID_CONTENT;
		}
		blank = blank && is_space(point);
	}
	if (blank) {
		err_set(err, "content is %s", chars ? "blank" : "empty");
		return MESSAGE_EMPTY;
	}
	if (chars > max_chars) {
		err_set(err, "content has %lld characters, the limit is %lld",
			(long long)chars, (long long)max_chars);
		return MESSAGE_TOO_LONG;
	}
	return MESSAGE_OK;
}

/* ---- the body ---------------------------------------------------------- */

enum field {
	ROOM_ID,
	SENDER_ID,
	CLIENT_MESSAGE_ID,
	CONTENT,
	TYPE,
	SENT_AT_MS,
	SENT_AT,
	FIELDS,
};

static const char *const names[FIELDS] = {"roomId", "senderId",
	"clientMessageId", "content", "type", "sentAtMs", "sentAt"};

static enum message_fault
fault(enum message_fault code, struct err *err, const char *why)
{
	err_set(err, "%s", why);
	return code;
}

/* A field that is null counts as not given. A known one given twice is
 * refused: which counts would depend on the reader. */
static enum message_fault
collect(struct json value, struct json found[FIELDS], struct err *err)
{
	struct json_iter it = json_iter(value);
	struct json key, member;
	unsigned seen = 0;
	int i;

	memset(found, 0, sizeof(found[0]) * FIELDS);
	while (json_next(&it, &key, &member)) {
		for (i = 0; i < FIELDS && !json_is(key, names[i]); i++)
			;
		if (i == FIELDS)
			continue;
		if (seen & 1u << i) {
			err_set(err, "'%s' is given twice", names[i]);
			return MESSAGE_INVALID_BODY;
		}
		seen |= 1u << i;
		if (member.type != JSON_NULL)
			found[i] = member;
	}
	return MESSAGE_OK;
}

static enum message_fault
read_type(struct json type, enum message_type *out, struct err *err)
{
	*out = MESSAGE_TEXT;
	if (type.type == JSON_NONE || json_is(type, "TEXT"))
		return MESSAGE_OK;
	*out = MESSAGE_IMAGE;
	if (json_is(type, "IMAGE"))
		return MESSAGE_OK;
	return fault(
		MESSAGE_INVALID_TYPE, err, "type is neither TEXT nor IMAGE");
}

static enum message_fault
read_numbers(
	struct message *out, const struct json found[FIELDS], struct err *err)
{
	/* Ids are numbers to browsers and jq too, exact up to 2^53 only. */
	if (!json_i64(found[ROOM_ID], &out->room_id) || out->room_id <= 0 ||
		out->room_id > MESSAGE_NUMBER_MAX)
		return fault(MESSAGE_INVALID_ROOM, err,
			"roomId is no integer in 1..2^53");
	/* The edge puts the token's user in its place, whatever was here; the
	 * store asks for one. */
	if (!json_i64(found[SENDER_ID], &out->sender_id) ||
		out->sender_id < 0 || out->sender_id > MESSAGE_NUMBER_MAX)
		out->sender_id = -1;
	out->sent_at_ms = -1;
	if (found[SENT_AT_MS].type == JSON_NONE)
		return MESSAGE_OK;
	if (!json_i64(found[SENT_AT_MS], &out->sent_at_ms) ||
		out->sent_at_ms < 0 || out->sent_at_ms > SENT_AT_MS_MAX)
		return fault(MESSAGE_INVALID_BODY, err,
			"sentAtMs is no time in milliseconds");
	return MESSAGE_OK;
}

static enum message_fault
read_content(struct message *out, struct json content, int64_t max_chars,
	struct err *err)
{
	if (content.type == JSON_NONE)
		return fault(MESSAGE_EMPTY, err, "content is missing");
	if (content.type != JSON_STRING)
		return fault(MESSAGE_INVALID_BODY, err, "content is no text");
	out->content = content;
	return check_content(content, max_chars, err);
}

enum message_fault
message_parse(struct message *out, struct json value, int64_t max_chars,
	struct err *err)
{
	struct json found[FIELDS];
	enum message_fault rc;

	if (value.type != JSON_OBJECT)
		return fault(
			MESSAGE_INVALID_BODY, err, "the body is no object");
	rc = collect(value, found, err);
	if (rc == MESSAGE_OK)
		rc = read_numbers(out, found, err);
	if (rc != MESSAGE_OK)
		return rc;
	out->has_id = found[CLIENT_MESSAGE_ID].type != JSON_NONE;
	if (out->has_id &&
		!message_id_parse(&out->id, found[CLIENT_MESSAGE_ID]))
		return fault(MESSAGE_INVALID_ID, err,
			"clientMessageId is neither a UUID nor a 64-bit "
			"integer");
	out->sent_at = found[SENT_AT];
	rc = read_type(found[TYPE], &out->type, err);
	if (rc != MESSAGE_OK)
		return rc;
	return read_content(out, found[CONTENT], max_chars, err);
}

void
message_print(struct buf *out, const struct message *message)
{
	json_open(out, NULL, '{');
	json_put_i64(out, "roomId", message->room_id);
	if (message->sender_id >= 0)
		json_put_i64(out, "senderId", message->sender_id);
	if (message->has_id)
		json_put_raw(out, "clientMessageId", message->id.raw);
	json_put_raw(out, "content", message->content.text);
	json_put_c(out, "type", message_type_name(message->type));
	if (message->sent_at_ms >= 0)
		json_put_i64(out, "sentAtMs", message->sent_at_ms);
	else if (message->sent_at.type != JSON_NONE)
		json_put_raw(out, "sentAt", message->sent_at.text);
	json_close(out, '}');
}
