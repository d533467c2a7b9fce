#include <bsd/string.h>
#include <bsd/sys/queue.h>
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "base/zone.h"
#include "store/batch.h"
#include "store/letter.h"
#include "wire/shown.h"

/* The last day is left out: its local time may be in the year 10000. */
#define SENT_MS_MAX (ZONE_MS_MAX - 86400000)
#define ITEM_KEEP (64 << 10) /* of a large record's storage */

struct store_hold {
	struct store_hold *next;
	struct str topic; /* both live behind the struct */
	struct str key;
	int32_t partition;
};

int
store_batch_init(struct store_batch *batch, size_t max, int64_t max_chars,
	struct err *err)
{
	memset(batch, 0, sizeof(*batch));
	batch->items = calloc(max, sizeof(*batch->items));
	if (!batch->items)
		return err_set(err, "out of memory");
	batch->max = max;
	batch->max_chars = max_chars;
	return 0;
}

static void
drop_hold(struct store_hold **at)
{
	struct store_hold *hold = *at;

	*at = hold->next;
	free(hold);
}

void
store_batch_release(struct store_batch *batch)
{
	for (size_t i = 0; i < batch->max; i++) {
		buf_release(&batch->items[i].text);
		buf_release(&batch->items[i].event);
	}
	while (batch->holds)
		drop_hold(&batch->holds);
	record_room_release(&batch->room);
	free(batch->items);
	memset(batch, 0, sizeof(*batch));
}

void
store_batch_reset(struct store_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		buf_shrink(&batch->items[i].text, ITEM_KEEP);
		buf_shrink(&batch->items[i].event, ITEM_KEEP);
	}
	batch->count = 0;
	batch->bytes = 0;
}

bool
store_batch_full(const struct store_batch *batch)
{
	return batch->count == batch->max || batch->bytes >= STORE_BATCH_BYTES;
}

/* ---- holds --------------------------------------------------------------- */

static struct store_hold **
find_hold(struct store_batch *batch, struct str topic, struct str key)
{
	struct store_hold **at = &batch->holds;

	while (*at && !(str_eq((*at)->key, key) && str_eq((*at)->topic, topic)))
		at = &(*at)->next;
	return *at ? at : NULL;
}

static int
add_hold(struct store_batch *batch, const struct store_item *item)
{
	if (find_hold(batch, item->topic, item->key))
		return 0;
	struct store_hold *hold =
		malloc(sizeof(*hold) + item->topic.len + item->key.len + 1);
	if (!hold)
		return -1;
	char *bytes = (char *)(hold + 1);
	memcpy(bytes, item->topic.data, item->topic.len);
	if (item->key.len)
		memcpy(bytes + item->topic.len, item->key.data, item->key.len);
	hold->topic = (struct str){bytes, item->topic.len};
	hold->key = (struct str){bytes + item->topic.len, item->key.len};
	hold->partition = item->partition;
	hold->next = batch->holds;
	batch->holds = hold;
	return 0;
}

void
store_batch_revoked(
	struct store_batch *batch, struct str topic, int32_t partition)
{
	struct store_hold **at = &batch->holds;

	while (*at) {
		if ((*at)->partition == partition &&
			str_eq((*at)->topic, topic) && RULE(revoked_ends_holds))
			drop_hold(at);
		else
			at = &(*at)->next;
	}
}

static void
set_error(struct store_item *item, enum store_state state,
	const char *error_class, const struct err *why)
{
	item->state = state;
	strlcpy(item->error_class, error_class, sizeof(item->error_class));
	item->why = *why;
}

bool
store_batch_held(struct store_batch *batch, struct store_item *item)
{
	struct err why;

	if (!batch->holds || !find_hold(batch, item->topic, item->key) ||
		!RULE(filter_holds_key))
		return false;
	err_clear(&why);
	err_set(&why, "an earlier record of the key is to be retried");
	set_error(item, STORE_RETRY, "HELD", &why);
	return true;
}

int
store_batch_retry(struct store_batch *batch, struct store_item *item,
	const char *error_class, const struct err *why)
{
	set_error(item, STORE_RETRY, error_class, why);
	return batch->control ? add_hold(batch, item) : 0;
}

void
store_item_dead(
	struct store_item *item, const char *error_class, const struct err *why)
{
	set_error(item, STORE_DEAD, error_class, why);
}

/* ---- reading ------------------------------------------------------------- */

static struct str
keep(struct buf *text, struct str s)
{
	size_t at = text->len;

	buf_add_str(text, s);
	return (struct str){text->data ? text->data + at : NULL, s.len};
}

/* Copies what the item needs of the record, whose views die with the line. */
static int
keep_record(struct store_item *item, const struct record *record,
	size_t more_bytes, struct str *value)
{
	struct str ignored;

	buf_reset(&item->text);
	/* Room for all, and for the content unescaped, so that nothing moves.
	 */
	if (!buf_room(&item->text, record->topic.len + record->key.len +
					   2 * record->value.len + more_bytes +
					   1))
		return -1;
	item->topic = keep(&item->text, record->topic);
	item->key = keep(&item->text, record->key);
	*value = keep(&item->text, record->value);
	item->partition = record->partition;
	item->offset = record->offset;
	item->timestamp = record->timestamp;
	item->replayed = record_header(record, DLT_REPLAY_COUNT, &ignored);
	return 0;
}

static const char *
read_sent_at(struct store_item *item, struct err *err)
{
	struct message *message = &item->message;

	if (message->sent_at_ms < 0 && message->sent_at.type != JSON_NONE) {
		if (shown_time_parse(
			    message->sent_at, &message->sent_at_ms, err) < 0)
			return "INVALID_SENT_AT";
	} else if (message->sent_at_ms < 0) {
		message->sent_at_ms = item->timestamp;
	}
	if (message->sent_at_ms < 0 || message->sent_at_ms > SENT_MS_MAX) {
		err_set(err, "no such time: %lld",
			(long long)message->sent_at_ms);
		return "INVALID_SENT_AT";
	}
	return NULL;
}

/* What can never be stored: the class of its error, or NULL. */
static const char *
check(struct store_batch *batch, struct store_item *item, struct str value,
	bool no_value, struct err *err)
{
	struct message *message = &item->message;
	struct json root;
	int64_t key;

	if (no_value) {
		err_set(err, "the record has no value");
		return "NO_VALUE";
	}
	if (json_scan(value, &root, NULL, err) < 0)
		return "NOT_JSON";
	enum message_fault fault =
		message_parse(message, root, batch->max_chars, err);
	if (fault != MESSAGE_OK)
		return message_fault_code(fault);
	if (message->sender_id < 0) {
		err_set(err, "senderId is no integer in 0..2^53");
		return "INVALID_SENDER";
	}
	if (!message->has_id) {
		err_set(err, "clientMessageId is missing");
		return message_fault_code(MESSAGE_INVALID_ID);
	}
	if (!str_i64(item->key, &key) || key != message->room_id) {
		err_set(err, "the key is not the roomId, %lld",
			(long long)message->room_id);
		return "KEY_MISMATCH";
	}
	if (!json_text(message->content, &item->text, &item->content)) {
		err_set(err, "content is no text");
		return message_fault_code(MESSAGE_INVALID_CONTENT);
	}
	return read_sent_at(item, err);
}

int
store_batch_add(struct store_batch *batch, struct str line, struct err *err)
{
	struct store_item *item = &batch->items[batch->count];
	struct record record;
	struct str value;
	struct err why;

	if (record_parse(&record, line, &batch->room, err) < 0)
		return -1;
	if (record.partition < 0 || record.offset < 0)
		return err_set(err, "a record without its position");
	buf_reset(&item->event);
	if (keep_record(item, &record,
		    batch->letters ? LETTER_BYTES : LETTER_PLACE_BYTES,
		    &value) < 0)
		return err_set(err, "out of memory");
	batch->count++;
	batch->bytes += line.len;
	item->state = STORE_OPEN;
	if (record.again) {
		struct store_hold **hold =
			find_hold(batch, item->topic, item->key);
		if (hold && RULE(again_ends_hold))
			drop_hold(hold);
	}
	if (store_batch_held(batch, item))
		return 0;
	if (batch->letters) {
		store_letter_read(item, &record);
		return 0;
	}
	store_letter_replay_of(item, &record);
	err_clear(&why);
	const char *error_class =
		check(batch, item, value, record.value_null, &why);
	if (error_class)
		store_item_dead(item, error_class, &why);
	return 0;
}
