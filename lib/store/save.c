#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/crash.h"
#include "store/outcomes.h"
#include "store/save.h"

#define STATEMENT "chat_store"

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

static const int types[SAVE_ARRAYS] = {PG_TEXT, PG_INT4, PG_INT8, PG_INT8,
	PG_BOOL, PG_INT8, PG_INT8, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT,
	PG_TIMESTAMPTZ};

int
store_save_init(struct store_save *save, struct pg_link *link, size_t max,
	struct err *err)
{
	memset(save, 0, sizeof(*save));
	save->link = link;
	save->open = calloc(max, sizeof(struct store_item *));
	return save->open ? 0 : err_set(err, "out of memory");
}

void
store_save_release(struct store_save *save)
{
	for (int a = 0; a < SAVE_ARRAYS; a++)
		pg_array_release(&save->arrays[a]);
	free(save->open);
}

enum pg_fault
store_save_begin(PGconn *conn, struct err *err)
{
	PGresult *result = PQprepare(conn, STATEMENT,
		"select i, outcome, message_id, seq, nickname, reason, raw, "
		"type, content, sent_at, epoch from chat_store($1::text[], "
		"$2::int[], $3::bigint[], $4::bigint[], $5::bool[], "
		"$6::bigint[], $7::bigint[], $8::text[], $9::text[], "
		"$10::text[], $11::text[], $12::timestamptz[])",
		0, NULL);
	enum pg_fault fault = pg_fault(conn, result, NULL, err);

	PQclear(result);
	return fault;
}

static void
add_item(struct pg_array *arrays, const struct store_item *item)
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
settle(struct store_item **items, size_t count, const PGresult *result,
	struct err *err)
{
	int rows = PQntuples(result);

	for (int r = 0; r < rows; r++) {
		int64_t i = pg_i64(result, r, 0);
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
		if (i < 1 || i > (int64_t)count ||
			!store_state_parse(pg_str(result, r, 1), &row.state)) {
			err_set(err, "chat_store() gave an unknown answer");
			return PG_BROKEN;
		}
		store_item_settle(items[i - 1], &row);
	}
	if (rows != (int)count) {
		err_set(err, "chat_store() gave %d answers for %zu records",
			rows, count);
		return PG_BROKEN;
	}
	return PG_OK;
}

/* One call; while the database is away, again. */
static enum pg_fault
call(struct store_save *save, struct store_item **items, size_t count,
	char *sqlstate, struct err *err)
{
	PGresult *result = NULL;
	struct pg_args args;
	enum pg_fault fault;

	pg_args_reset(&args);
	for (int a = 0; a < SAVE_ARRAYS; a++)
		pg_array_reset(&save->arrays[a], types[a]);
	for (size_t i = 0; i < count; i++)
		add_item(save->arrays, items[i]);
	for (int a = 0; a < SAVE_ARRAYS; a++)
		pg_args_array(&args, &save->arrays[a]);
	if (args.bad) {
		err_set(err, "out of memory");
		return PG_OUTAGE;
	}
	do {
		fault = pg_link_ready(save->link, err);
		if (fault != PG_OK)
			return fault;
		crash_point("store:before-commit");
		fault = pg_link_run(save->link, STATEMENT, true, &args, &result,
			sqlstate, err);
	} while (fault == PG_OUTAGE);
	if (fault == PG_OK) {
		crash_point("store:after-commit");
		fault = settle(items, count, result, err);
		PQclear(result);
	}
	return fault;
}

/* The database refused this one record for what it is. */
static enum pg_fault
refuse(struct store_batch *batch, struct store_item *item, enum pg_fault fault,
	const char *sqlstate, struct err *err)
{
	char error_class[48];

	snprintf(error_class, sizeof(error_class), "SQLSTATE_%s", sqlstate);
	LOG_WARN("store", "record refused by the database",
		LOG_STR("topic", item->topic),
		LOG_I("partition", item->partition),
		LOG_I("offset", item->offset), LOG_S("sqlstate", sqlstate));
	if (fault == PG_RECORD) {
		store_item_dead(item, error_class, err);
	} else if (store_batch_retry(batch, item, error_class, err) < 0) {
		err_set(err, "out of memory");
		return PG_OUTAGE;
	}
	return PG_OK;
}

/* Saves items in their order; halves what is refused. What an earlier half
 * has put on hold drops out of a later one. */
static enum pg_fault
save_range(struct store_save *save, struct store_batch *batch,
	struct store_item **items, size_t count, struct err *err)
{
	char sqlstate[6];
	size_t left = 0;

	for (size_t i = 0; i < count; i++)
		if (!store_batch_held(batch, items[i]))
			items[left++] = items[i];
	if (!left)
		return PG_OK;
	enum pg_fault fault = call(save, items, left, sqlstate, err);
	if (fault != PG_RECORD && fault != PG_MISSING)
		return fault;
	if (left == 1)
		return refuse(batch, items[0], fault, sqlstate, err);
	fault = save_range(save, batch, items, left / 2, err);
	if (fault == PG_OK)
		fault = save_range(
			save, batch, items + left / 2, left - left / 2, err);
	return fault;
}

enum pg_fault
store_save(struct store_save *save, struct store_batch *batch, struct err *err)
{
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++)
		if (batch->items[i].state == STORE_OPEN)
			save->open[count++] = &batch->items[i];
	/* Also where all are dead: while the database is away nothing is. */
	if (!count)
		return pg_link_ready(save->link, err);
	return save_range(save, batch, save->open, count, err);
}
