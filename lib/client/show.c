/* client/show.c - see show.h. */
#include "client/show.h"

#include "json/json.h"

static void
put_safely(struct buf *out, struct str s)
{
	size_t at = 0, from;
	int32_t c;

	while (at < s.len) {
		from = at;
		c = str_utf8_next(s, &at);
		if (c < 0) {
			buf_add_char(out, '?');
			at = from + 1;
		} else if (c == '\n') {
			buf_add_c(out, "\\n");
		} else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
			buf_add_char(out, '?');
		} else {
			buf_add(out, s.data + from, at - from);
		}
	}
}

static void
put_text(struct buf *out, struct json value)
{
	struct buf scratch = {0};
	struct str text;

	if (json_text(value, &scratch, &text))
		put_safely(out, text);
	buf_release(&scratch);
}

static void
put_number(struct buf *out, struct json value)
{
	int64_t n;

	if (json_i64(value, &n))
		buf_add_i64(out, n);
	else
		buf_add_char(out, '?');
}

static void
put_body(struct buf *out, struct json root)
{
	struct json type = json_get(root, "type");
	struct json name = json_get(root, "senderNickname");

	if (json_is(type, "DELETED")) {
		buf_add_char(out, '-');
		return;
	}
	if (type.type == JSON_STRING && str_starts(type.text, "\"SYSTEM_")) {
		buf_add_c(out, "* ");
	} else {
		if (name.type == JSON_STRING)
			put_text(out, name);
		else
			put_number(out, json_get(root, "senderId"));
		buf_add_c(out, ": ");
	}
	put_text(out, json_get(root, "content"));
}

void
show_message(struct buf *out, struct str text, bool with_room)
{
	struct json root;
	struct err err;

	if (json_scan(text, &root, NULL, &err) < 0 ||
		root.type != JSON_OBJECT) {
		put_safely(out, text);
		buf_add_char(out, '\n');
		return;
	}
	buf_add_char(out, '[');
	if (with_room) {
		put_number(out, json_get(root, "roomId"));
		buf_add_char(out, ':');
	}
	put_number(out, json_get(root, "seq"));
	buf_add_c(out, "] ");
	put_body(out, root);
	buf_add_char(out, '\n');
}

void
show_object(struct buf *out, const char *name, struct str json)
{
	if (name) {
		json_open(out, NULL, '{');
		json_put_raw(out, name, json);
		json_close(out, '}');
	} else {
		buf_add_str(out, json);
	}
	buf_add_char(out, '\n');
}

void
show_receipt(struct buf *out, int64_t room_id, const char *id)
{
	json_open(out, NULL, '{');
	json_open(out, "receipt", '{');
	json_put_i64(out, "roomId", room_id);
	json_put_c(out, "clientMessageId", id);
	json_close(out, '}');
	json_close(out, '}');
	buf_add_char(out, '\n');
}
