#include <string.h>

#include "base/log.h"
#include "store/calls.h"
#include "store/outcomes.h"

/* Finds the item that a row speaks of, by its number; NULL: none. */
static struct store_item *
item_of(struct store_item **items, size_t count, const PGresult *result,
	int row)
{
	int64_t i = pg_i64(result, row, 0);

	return i < 1 || i > (int64_t)count ? NULL : items[i - 1];
}

static enum pg_fault
no_answer(const struct store_call *call, struct err *err)
{
	err_set(err, "%s() gave an unknown answer", call->name);
	return PG_BROKEN;
}

/* ---- messages ------------------------------------------------------------ */

/* chat_store()'s parameters, in order. */
enum {
	TOPIC,
	PARTITION,
	OFFSET,
	TIMESTAMP,
	REPLAYED,
	ROOM,
	SENDER,
	ID,
	RAW,
	TYPE,
	CONTENT,
	SENT,
};

static const int message_types[] = {PG_TEXT, PG_INT4, PG_INT8, PG_INT8, PG_BOOL,
	PG_INT8, PG_INT8, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_TIMESTAMPTZ};

static void
add_message(struct pg_array *arrays, const struct store_item *item)
{
	const struct message *message = &item->message;
	struct str raw = message->id.raw;
	struct str id = str_c(message->id.canonical);

	pg_array_add_text(&arrays[TOPIC], item->topic);
	pg_array_add_i32(&arrays[PARTITION], item->partition);
	pg_array_add_i64(&arrays[OFFSET], item->offset);
	pg_array_add_i64(&arrays[TIMESTAMP], item->timestamp);
	pg_array_add_bool(&arrays[REPLAYED], item->replayed);
	pg_array_add_i64(&arrays[ROOM], message->room_id);
	pg_array_add_i64(&arrays[SENDER], message->sender_id);
	pg_array_add_text(&arrays[ID], id);
	/* The token is kept where it is not the canonical form in quotes. */
	if (raw.len == id.len + 2 && memcmp(raw.data + 1, id.data, id.len) == 0)
		pg_array_add_null(&arrays[RAW]);
	else
		pg_array_add_text(&arrays[RAW], raw);
	pg_array_add_text(
		&arrays[TYPE], str_c(message_type_name(message->type)));
	pg_array_add_text(&arrays[CONTENT], item->content);
	pg_array_add_ms(&arrays[SENT], message->sent_at_ms);
}

static enum pg_fault
settle_messages(struct store_item **items, size_t count, const PGresult *result,
	struct err *err)
{
	int rows = PQntuples(result);

	for (int r = 0; r < rows; r++) {
		struct store_item *item = item_of(items, count, result, r);
		struct store_row row = {
			.message_id = pg_i64(result, r, 2),
			.seq = pg_i64(result, r, 3),
			.nickname = pg_str(result, r, 4),
			.reason = pg_str(result, r, 5),
			.raw = pg_str(result, r, 6),
			.type = pg_str(result, r, 7),
			.content = pg_str(result, r, 8),
			.sent_at_ms = pg_ms(result, r, 9),
			.epoch = pg_str(result, r, 10),
		};
		if (!item ||
			!store_state_parse(pg_str(result, r, 1), &row.state))
			return no_answer(&call_messages, err);
		store_item_settle(item, &row);
	}
	return rows == (int)count ? PG_OK : no_answer(&call_messages, err);
}

const struct store_call call_messages = {
	.name = "chat_store",
	.sql = "select i, outcome, message_id, seq, nickname, reason, raw, "
	       "type, content, sent_at, epoch from chat_store($1::text[], "
	       "$2::int[], $3::bigint[], $4::bigint[], $5::bool[], "
	       "$6::bigint[], $7::bigint[], $8::text[], $9::text[], "
	       "$10::text[], $11::text[], $12::timestamptz[])",
	.types = message_types,
	.arrays = ARRAY_LEN(message_types),
	.add = add_message,
	.settle = settle_messages,
};

/* ---- letters ------------------------------------------------------------- */

static const int letter_types[] = {PG_TEXT, PG_INT4, PG_INT8, PG_INT8, PG_INT8,
	PG_INT8, PG_TEXT, PG_TEXT, PG_TEXT};

static void
add_place(struct pg_array *arrays, const struct dlt_place *place)
{
	pg_array_add_text(&arrays[TOPIC], place->topic);
	pg_array_add_i32(&arrays[PARTITION], place->partition);
	pg_array_add_i64(&arrays[OFFSET], place->offset);
	pg_array_add_i64(&arrays[TIMESTAMP], place->timestamp);
}

static void
add_letter(struct pg_array *arrays, const struct store_item *item)
{
	const struct message *message = &item->message;
	struct pg_array *room = &arrays[4], *sender = &arrays[5];
	struct pg_array *id = &arrays[6];

	add_place(arrays, &item->origin);
	if (message->room_id > 0)
		pg_array_add_i64(room, message->room_id);
	else
		pg_array_add_null(room);
	if (message->sender_id >= 0)
		pg_array_add_i64(sender, message->sender_id);
	else
		pg_array_add_null(sender);
	if (message->has_id)
		pg_array_add_text(id, str_c(message->id.canonical));
	else
		pg_array_add_null(id);
	pg_array_add_text(&arrays[7], item->reason);
	pg_array_add_text(&arrays[8], item->detail);
}

static enum pg_fault
settle_letters(struct store_item **items, size_t count, const PGresult *result,
	struct err *err)
{
	int rows = PQntuples(result);

	for (int r = 0; r < rows; r++) {
		struct store_item *item = item_of(items, count, result, r);
		if (!item)
			return no_answer(&call_letters, err);
		item->state = pg_bool(result, r, 1) ? STORE_NOTED : STORE_KNOWN;
		if (item->state == STORE_NOTED)
			LOG_WARN("store", "dead letter",
				LOG_STR("topic", item->origin.topic),
				LOG_I("partition", item->origin.partition),
				LOG_I("offset", item->origin.offset),
				LOG_I("timestamp", item->origin.timestamp),
				LOG_STR("reason", item->reason),
				LOG_I("roomId", item->message.room_id),
				LOG_I("stored", pg_bool(result, r, 2)));
	}
	return rows == (int)count ? PG_OK : no_answer(&call_letters, err);
}

const struct store_call call_letters = {
	.name = "chat_dead",
	.sql = "select i, fresh, stored from chat_dead($1::text[], $2::int[], "
	       "$3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], "
	       "$7::text[], $8::text[], $9::text[])",
	.types = letter_types,
	.arrays = ARRAY_LEN(letter_types),
	.add = add_letter,
	.settle = settle_letters,
};

/* ---- replays ------------------------------------------------------------- */

static void
add_replayed(struct pg_array *arrays, const struct store_item *item)
{
	add_place(arrays, &item->replay_of);
}

const struct store_call call_replayed = {
	.name = "chat_replayed",
	.sql = "select chat_replayed($1::text[], $2::int[], $3::bigint[], "
	       "$4::bigint[])",
	.types = letter_types, /* the first four are a place */
	.arrays = 4,
	.add = add_replayed,
};
