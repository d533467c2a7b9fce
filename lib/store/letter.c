#include <string.h>

#include "store/letter.h"
#include "wire/dlt.h"

#define REPLACEMENT "\357\277\275" /* U+FFFD */

/* Appends s as text without NULs, cut before it has more than max bytes. */
static struct str
keep_text(struct buf *text, struct str s, size_t max)
{
	size_t begin = text->len, at = 0;

	while (at < s.len) {
		size_t from = at;
		struct str part = STR(REPLACEMENT);

		if (str_utf8_next(s, &at) > 0)
			part = (struct str){s.data + from, at - from};
		else
			at = from + 1;
		if (text->len - begin + part.len > max)
			break;
		buf_add_str(text, part);
	}
	return (struct str){
		text->data ? text->data + begin : NULL, text->len - begin};
}

static bool
is_topic(struct str name)
{
	return name.len && name.len <= LETTER_TOPIC_MAX &&
	       str_utf8_len(name) > 0 && !memchr(name.data, '\0', name.len);
}

void
store_letter_replay_of(struct store_item *item, const struct record *record)
{
	struct dlt_place place;
	struct str value;

	memset(&item->replay_of, 0, sizeof(item->replay_of));
	if (!record_header(record, DLT_REPLAY_OF, &value) ||
		!dlt_place_parse(&place, value) || !is_topic(place.topic))
		return;
	place.topic = keep_text(&item->text, place.topic, LETTER_TOPIC_MAX);
	item->replay_of = place;
}

/* Whose message it was, as far as one can read it. */
static void
read_identity(struct message *message, struct str value)
{
	struct json root;
	struct err err;

	memset(message, 0, sizeof(*message));
	message->sender_id = -1;
	if (json_scan(value, &root, NULL, &err) < 0)
		return;
	if (!json_i64(json_get(root, "roomId"), &message->room_id) ||
		message->room_id < 0)
		message->room_id = 0;
	if (!json_i64(json_get(root, "senderId"), &message->sender_id) ||
		message->sender_id < 0)
		message->sender_id = -1;
	message->has_id = message_id_parse(
		&message->id, json_get(root, "clientMessageId"));
}

void
store_letter_read(struct store_item *item, const struct record *record)
{
	struct dlt_info info;

	dlt_read(&info, record);
	if (!is_topic(info.origin.topic))
		info.origin = (struct dlt_place){record->topic,
			record->partition, record->offset, record->timestamp};
	if (!info.error_class.len)
		info.error_class = STR("UNKNOWN");
	item->origin = info.origin;
	item->origin.topic =
		keep_text(&item->text, info.origin.topic, LETTER_TOPIC_MAX);
	item->reason =
		keep_text(&item->text, info.error_class, LETTER_REASON_MAX);
	item->detail =
		keep_text(&item->text, info.error_message, LETTER_DETAIL_MAX);
	store_letter_replay_of(item, record);
	read_identity(&item->message, record->value);
}
