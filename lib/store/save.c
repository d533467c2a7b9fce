#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/crash.h"
#include "store/save.h"

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
	for (int a = 0; a < CALL_ARRAYS_MAX; a++)
		pg_array_release(&save->arrays[a]);
	free(save->open);
}

static const struct store_call *const calls[] = {
	&call_messages, &call_letters, &call_replayed};

enum pg_fault
store_save_begin(PGconn *conn, struct err *err)
{
	enum pg_fault fault = PG_OK;

	for (size_t i = 0; i < ARRAY_LEN(calls) && fault == PG_OK; i++) {
		PGresult *result =
			PQprepare(conn, calls[i]->name, calls[i]->sql, 0, NULL);
		fault = pg_fault(conn, result, NULL, err);
		PQclear(result);
	}
	return fault;
}

/* One call; while the database is away, again. */
static enum pg_fault
run_call(struct store_save *save, const struct store_call *call,
	struct store_item **items, size_t count, char *sqlstate,
	struct err *err)
{
	PGresult *result = NULL;
	struct pg_args args;
	enum pg_fault fault;

	pg_args_reset(&args);
	for (int a = 0; a < call->arrays; a++)
		pg_array_reset(&save->arrays[a], call->types[a]);
	for (size_t i = 0; i < count; i++)
		call->add(save->arrays, items[i]);
	for (int a = 0; a < call->arrays; a++)
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
		fault = pg_link_run(save->link, call->name, true, &args,
			&result, sqlstate, err);
	} while (fault == PG_OUTAGE);
	if (fault == PG_OK) {
		crash_point("store:after-commit");
		if (call->settle)
			fault = call->settle(items, count, result, err);
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
	enum pg_fault fault =
		run_call(save, batch->letters ? &call_letters : &call_messages,
			items, left, sqlstate, err);
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

/* Who was replayed, and is decided now, is so in message_outcomes before
 * anybody hears of it: a crash between the two brings the record again. */
static enum pg_fault
mark_replayed(
	struct store_save *save, struct store_batch *batch, struct err *err)
{
	char sqlstate[6];
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct store_item *item = &batch->items[i];
		if (item->replay_of.topic.len && item->state != STORE_DEAD &&
			item->state != STORE_RETRY)
			save->open[count++] = item;
	}
	if (!count)
		return PG_OK;
	enum pg_fault fault = run_call(
		save, &call_replayed, save->open, count, sqlstate, err);
	/* No value of a place can be refused for what it is. */
	return fault == PG_RECORD || fault == PG_MISSING ? PG_BROKEN : fault;
}

enum pg_fault
store_save(struct store_save *save, struct store_batch *batch, struct err *err)
{
	enum pg_fault fault;
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++)
		if (batch->items[i].state == STORE_OPEN)
			save->open[count++] = &batch->items[i];
	/* Also where all are dead: while the database is away nothing is. */
	if (!count)
		return pg_link_ready(save->link, err);
	fault = save_range(save, batch, save->open, count, err);
	return fault == PG_OK ? mark_replayed(save, batch, err) : fault;
}
