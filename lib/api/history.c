/* api/history.c - a room's messages, newest first, and a message's JSON. */
#include "api/call.h"
#include "wire/shown.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 300

/* $1 user (null: the administrator, who sees all), $2 room, $3 before, $4
 * after, $5 limit, $6 offset. The first column says whether he may look. */
#define HISTORY(order)                                                         \
	"select h.may, x.* from (select exists (select from chat_rooms r "     \
	"where r.id = $2::bigint and r.deleted_at is null) and ("              \
	"$1::bigint is null or exists (select from chat_room_members c "       \
	"where c.room_id = $2 and c.user_id = $1 and c.left_at is null)) "     \
	"as may) h left join lateral (select " MESSAGE_COLUMNS                 \
	" from (select * from messages q where q.chat_room_id = $2 and "       \
	"q.seq < $3::bigint and q.seq > $4::bigint and q.deleted_at is "       \
	"null and not exists (select from message_deletions d where "          \
	"d.chat_room_id = q.chat_room_id and d.message_id = q.id and "         \
	"d.user_id = $1) order by q.seq " order " limit $5::bigint "           \
	"offset $6::bigint) m left join users u on u.id = m.sender_id) x "     \
	"on h.may order by x.seq desc"

const char history_sql[] = HISTORY("desc");
const char history_after_sql[] = HISTORY("asc");

static struct str
not_null(const PGresult *result, int row, int col)
{
	return pg_null(result, row, col) ? (struct str){NULL, 0}
					 : pg_str(result, row, col);
}

void
message_row_print(struct buf *out, const PGresult *result, int row, int col,
	int64_t room_id)
{
	struct shown shown = {
		.message_id = pg_i64(result, row, col + COL_ID),
		.seq = pg_i64(result, row, col + COL_SEQ),
		.room_id = room_id,
		.sender_id = pg_i64(result, row, col + COL_SENDER),
		.nickname = pg_str(result, row, col + COL_NICKNAME),
		.client_id = not_null(result, row, col + COL_CLIENT_ID),
		.client_id_raw = not_null(result, row, col + COL_CLIENT_RAW),
		.content = pg_str(result, row, col + COL_CONTENT),
		.type = pg_str(result, row, col + COL_TYPE),
		.targets = not_null(result, row, col + COL_TARGETS),
		.sent_at_ms = pg_ms(result, row, col + COL_SENT_AT),
	};

	shown_print(out, &shown);
}

static int
begin(struct api_call *call, bool admin)
{
	struct pg_args *args = &call->job.args;
	int64_t limit = LIMIT_DEFAULT, offset = 0;
	int64_t before = INT64_MAX, after = -1;

	if (call_param_i64(call, 0, &call->room_id) < 0 ||
		call_query_i64(call, "limit", 1, LIMIT_MAX, &limit) < 0 ||
		call_query_i64(call, "offset", 0, INT64_MAX, &offset) < 0 ||
		call_query_i64(call, "before", 0, INT64_MAX, &before) < 0 ||
		call_query_i64(call, "after", 0, INT64_MAX, &after) < 0)
		return -1;
	if (admin)
		pg_args_null(args, PG_INT8);
	else
		pg_args_i64(args, call->request.user);
	pg_args_i64(args, call->room_id);
	pg_args_i64(args, before);
	pg_args_i64(args, after);
	pg_args_i64(args, limit);
	pg_args_i64(args, offset);
	call->job.statement = after >= 0 ? SQL_HISTORY_AFTER : SQL_HISTORY;
	return 0;
}

int
history_begin(struct api_call *call)
{
	return begin(call, false);
}

int
history_admin_begin(struct api_call *call)
{
	return begin(call, true);
}

int
history_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;
	int row, rows = PQntuples(result);

	if (!pg_bool(result, 0, 0))
		return api_refuse(call, 404, "ROOM_NOT_FOUND", "no such room");
	json_open(out, NULL, '[');
	for (row = 0; row < rows && !pg_null(result, row, 1); row++)
		message_row_print(out, result, row, 1, call->room_id);
	json_close(out, ']');
	return 0;
}
