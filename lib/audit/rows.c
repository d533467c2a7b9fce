/*
 * audit/rows.c - the tables of a living system, see live.h. A room's rows come
 * by its key, a page at a time; of a part of the system only those from the
 * first seq on that anything else has named, and those that are looked up
 * because something is missing.
 */
#include <stdio.h>

#include "audit/inner.h"
#include "audit/live.h"
#include "base/clock.h"
#include "base/log.h"
#include "pg/pg.h"

#define PAGE 10000
#define LOOK_UP 1000 /* messages a question */
#define STATEMENT_MS 60000
#define CONNECT_MS 10000
#define MARGIN_MS 60000 /* a part begins so much before its time */

#define COLUMNS                                                                \
	"m.id, m.chat_room_id, m.seq, m.sender_id, m.client_message_id, "      \
	"m.type::text, m.content, m.targets::text, m.sent_at, "                \
	"m.record_partition, m.record_offset, m.record_timestamp "
#define OUTCOME_COLUMNS                                                        \
	"o.outcome, o.topic, o.record_partition, o.record_offset, "            \
	"o.record_timestamp, coalesce(o.chat_room_id, -1), "                   \
	"coalesce(o.sender_id, -1), o.client_message_id "

struct reader {
	struct audit *audit;
	const struct audit_live *live;
	struct pg_link link;
	struct pg_array rooms, senders, ids; /* to look up */
	int64_t rows;
	struct err *err;
};

static int
ask(struct reader *reader, const char *sql, const struct pg_args *args,
	PGresult **result)
{
	char state[6] = "";
	enum pg_fault fault = pg_link_run(
		&reader->link, sql, false, args, result, state, reader->err);
	struct err why = *reader->err;

	if (fault == PG_OK)
		return 0;
	err_set(reader->err, "cannot ask PostgreSQL: %s", why.text);
	return fault == PG_BROKEN ? EXIT_PERM : EXIT_TEMP;
}

static int
no_memory(struct reader *reader)
{
	err_set(reader->err, "out of memory");
	return EXIT_TEMP;
}

static bool
is_part(const struct reader *reader)
{
	return reader->live->from.kind == SPEC_TIME;
}

/* A null's view has no data. */
static struct str
text(const PGresult *result, int row, int col)
{
	return pg_null(result, row, col) ? (struct str){NULL, 0}
					 : pg_str(result, row, col);
}

/* ---- rows --------------------------------------------------------------- */

static int
take_rows(struct reader *reader, const PGresult *r, int64_t *last_seq)
{
	struct audit_row row;
	int i;

	for (i = 0; i < PQntuples(r); i++) {
		row = (struct audit_row){.id = pg_i64(r, i, 0),
			.room_id = pg_i64(r, i, 1),
			.seq = pg_i64(r, i, 2),
			.sender_id = pg_i64(r, i, 3),
			.client_id = text(r, i, 4),
			.type = pg_str(r, i, 5),
			.crc = audit_crc(pg_str(r, i, 6)),
			.has_crc = true,
			.targets = pg_str(r, i, 7),
			.sent_ms = pg_ms(r, i, 8),
			.topic = STR(AUDIT_TOPIC),
			.partition = pg_null(r, i, 9) ? -1 : pg_i32(r, i, 9),
			.offset = pg_i64(r, i, 10),
			.timestamp = pg_i64(r, i, 11)};
		if (audit_row(reader->audit, &row) < 0)
			return -1;
		*last_seq = row.seq;
		reader->rows++;
	}
	return 0;
}

static int
read_pages(struct reader *reader, int64_t room_id, int64_t from)
{
	PGresult *result;
	struct pg_args args;
	int code, count;

	do {
		pg_args_reset(&args);
		pg_args_i64(&args, room_id);
		pg_args_i64(&args, from);
		pg_args_i64(&args, PAGE);
		code = ask(reader,
			"select " COLUMNS "from messages m where "
			"m.chat_room_id = $1 and m.seq >= $2 "
			"order by m.seq limit $3",
			&args, &result);
		if (code)
			return code;
		count = PQntuples(result);
		code = take_rows(reader, result, &from) < 0 ? no_memory(reader)
							    : 0;
		from++;
		PQclear(result);
		audit_progress(reader->live->progress, "messages", "rows",
			reader->rows, -1);
	} while (!code && count == PAGE);
	return code;
}

/* Where a part begins: at the first that was said since then, and no later than
 * the first that any other source has named. */
static int
first_seq(struct reader *reader, int64_t room_id, int64_t *out)
{
	int64_t lowest = audit_room_lowest(reader->audit, room_id);
	struct pg_args args = {0};
	PGresult *result;
	int code;

	pg_args_i64(&args, room_id);
	pg_args_ms(&args, reader->live->from.n - MARGIN_MS);
	code = ask(reader,
		"select coalesce((select m.seq from messages m where "
		"m.chat_room_id = $1 and m.sent_at < $2 "
		"order by m.seq desc limit 1), 0) + 1",
		&args, &result);
	if (code)
		return code;
	*out = pg_i64(result, 0, 0);
	if (lowest >= 0 && lowest < *out)
		*out = lowest;
	PQclear(result);
	return 0;
}

static int
read_room(struct reader *reader, int64_t room_id)
{
	int64_t from = 0;
	int code;

	if (!is_part(reader))
		return read_pages(reader, room_id, 0);
	code = first_seq(reader, room_id, &from);
	if (code)
		return code;
	if (audit_rows_from(reader->audit, room_id, from) < 0)
		return no_memory(reader);
	return read_pages(reader, room_id, from);
}

/* ---- rooms -------------------------------------------------------------- */

/* Their last seqs, before their rows are read and behind them. Of a part: those
 * that are known already. */
static int
read_last_seqs(struct reader *reader)
{
	int64_t only = reader->audit->opts.only_room;
	struct pg_args args = {0};
	PGresult *r;
	int code, i;

	pg_args_i64(&args, only);
	code = ask(reader,
		"select id, last_seq, type::text from chat_rooms "
		"where $1 in (-1, id)",
		&args, &r);
	if (code)
		return code;
	for (i = 0; i < PQntuples(r) && !code; i++)
		if ((!is_part(reader) ||
			    audit_room_find(reader->audit, pg_i64(r, i, 0)) !=
				    TABLE_NONE) &&
			audit_room(reader->audit, pg_i64(r, i, 0),
				pg_i64(r, i, 1), pg_str(r, i, 2)) < 0)
			code = no_memory(reader);
	PQclear(r);
	return code;
}

static int
read_members(struct reader *reader)
{
	PGresult *r;
	int code, i;

	code = ask(reader,
		"select room_id, user_id, joined_at, left_at is not null "
		"from chat_room_members",
		NULL, &r);
	if (code)
		return code;
	for (i = 0; i < PQntuples(r) && !code; i++)
		if (audit_room_find(reader->audit, pg_i64(r, i, 0)) !=
				TABLE_NONE &&
			audit_member(reader->audit, pg_i64(r, i, 0),
				pg_i64(r, i, 1), pg_ms(r, i, 2),
				pg_bool(r, i, 3)) < 0)
			code = no_memory(reader);
	PQclear(r);
	return code;
}

static int
read_epoch(struct reader *reader)
{
	PGresult *r;
	int code = ask(reader, "select epoch from store_epoch", NULL, &r);

	if (code)
		return code;
	if (PQntuples(r) && audit_epoch(reader->audit, pg_str(r, 0, 0)) < 0)
		code = no_memory(reader);
	PQclear(r);
	return code;
}

static int
read_rooms(struct reader *reader)
{
	struct audit *audit = reader->audit;
	size_t i, count;
	int code = read_epoch(reader);

	if (!code)
		code = read_last_seqs(reader);
	if (!code)
		code = read_members(reader);
	audit_has(audit, AUDIT_ROOMS);
	audit_has(audit, AUDIT_MEMBERS);
	audit_has(audit, AUDIT_ROWS);
	count = audit_room_count(audit);
	for (i = 0; i < count && !code; i++)
		code = read_room(reader, audit_room_at(audit, i));
	return code;
}

/* ---- outcomes ----------------------------------------------------------- */

static int
take_outcomes(struct reader *reader, const PGresult *r)
{
	struct audit_outcome outcome;
	int i;

	for (i = 0; i < PQntuples(r); i++) {
		outcome = (struct audit_outcome){.outcome = pg_str(r, i, 0),
			.topic = pg_str(r, i, 1),
			.partition = pg_i32(r, i, 2),
			.offset = pg_i64(r, i, 3),
			.timestamp = pg_i64(r, i, 4),
			.room_id = pg_i64(r, i, 5),
			.sender_id = pg_i64(r, i, 6),
			.client_id = text(r, i, 7)};
		if (audit_outcome(reader->audit, &outcome) < 0)
			return -1;
	}
	return 0;
}

static int
read_outcomes(struct reader *reader)
{
	int64_t after = 0;
	struct pg_args args;
	PGresult *r;
	int code, count;

	audit_has(reader->audit, AUDIT_OUTCOMES);
	do {
		pg_args_reset(&args);
		pg_args_i64(&args, after);
		pg_args_i64(&args, PAGE);
		pg_args_ms(&args,
			is_part(reader) ? reader->live->from.n - MARGIN_MS : 0);
		code = ask(reader,
			"select " OUTCOME_COLUMNS ", o.id from "
			"message_outcomes o where o.id > $1 and "
			"o.created_at >= $3 order by o.id limit $2",
			&args, &r);
		if (code)
			return code;
		count = PQntuples(r);
		if (take_outcomes(reader, r) < 0)
			code = no_memory(reader);
		else if (count)
			after = pg_i64(r, count - 1, 8);
		PQclear(r);
	} while (!code && count == PAGE);
	return code;
}

/* ---- what is missing is looked up --------------------------------------- */

static void
new_question(struct reader *reader)
{
	pg_array_reset(&reader->rooms, PG_INT8);
	pg_array_reset(&reader->senders, PG_INT8);
	pg_array_reset(&reader->ids, PG_TEXT);
}

static int
look_up(struct reader *reader)
{
	static const char from[] =
		"join unnest($1, $2, $3) as k (room, sender, id) on "
		"chat_room_id = k.room and sender_id = k.sender and "
		"client_message_id = k.id";
	struct pg_args args = {0};
	char sql[1024];
	PGresult *r;
	int64_t ignored;
	int code;

	if (!reader->rooms.count)
		return 0;
	pg_args_array(&args, &reader->rooms);
	pg_args_array(&args, &reader->senders);
	pg_args_array(&args, &reader->ids);
	snprintf(
		sql, sizeof(sql), "select " COLUMNS "from messages m %s", from);
	code = ask(reader, sql, &args, &r);
	if (code)
		return code;
	if (take_rows(reader, r, &ignored) < 0)
		code = no_memory(reader);
	PQclear(r);
	if (code)
		return code;
	snprintf(sql, sizeof(sql),
		"select " OUTCOME_COLUMNS "from message_outcomes o %s "
		"where o.outcome = 'refused'",
		from);
	code = ask(reader, sql, &args, &r);
	if (code)
		return code;
	if (take_outcomes(reader, r) < 0)
		code = no_memory(reader);
	PQclear(r);
	new_question(reader);
	return code;
}

static int
want(void *arg, int64_t room_id, int64_t sender_id, struct str client_id)
{
	struct reader *reader = arg;

	pg_array_add_i64(&reader->rooms, room_id);
	pg_array_add_i64(&reader->senders, sender_id);
	pg_array_add_text(&reader->ids, client_id);
	return reader->rooms.count < LOOK_UP ? 0 : look_up(reader) ? -1 : 0;
}

static int
read_missing(struct reader *reader)
{
	err_clear(reader->err);
	new_question(reader);
	if (audit_missing(reader->audit, want, reader) < 0)
		return reader->err->text[0] ? EXIT_TEMP : no_memory(reader);
	return look_up(reader);
}

int
audit_read_pg(
	struct audit *audit, const struct audit_live *live, struct err *err)
{
	struct reader reader = {.audit = audit,
		.live = live,
		.err = err,
		.link = {.conf = {.conninfo = live->conninfo,
				 .app = "chat-audit",
				 .statement_ms = STATEMENT_MS}}};
	enum pg_fault fault = pg_link_try(&reader.link, err);
	struct err why = *err;
	int code = 0;

	if (fault != PG_OK) {
		err_set(err, "cannot read PostgreSQL: %s", why.text);
		code = fault == PG_BROKEN ? EXIT_PERM : EXIT_TEMP;
	}
	if (!code)
		code = read_rooms(&reader);
	if (!code)
		code = read_outcomes(&reader);
	if (!code && is_part(&reader))
		code = read_missing(&reader);
	if (!code)
		code = read_last_seqs(&reader);
	LOG_DEBUG("audit", "read", LOG_S("table", "messages"),
		LOG_I("rows", reader.rows));
	pg_array_release(&reader.rooms);
	pg_array_release(&reader.senders);
	pg_array_release(&reader.ids);
	pg_link_close(&reader.link);
	return code;
}
