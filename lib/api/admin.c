/* api/admin.c - what the administrator looks at: rooms, members, users; and
 * loading users. Lists go by id, `limit` after `after`. */
#include "api/call.h"
#include "api/user.h"
#include "wire/shown.h"

#define LIST_MAX 1000
#define LOAD_MAX 1000 /* users of one request */

#define ROOM_COLUMNS                                                           \
	"select r.id, r.type, coalesce(r.name, (select string_agg("            \
	"u.nickname, ' & ' order by u.id) from one_to_one_chat_rooms p, "      \
	"users u where p.room_id = r.id "                                      \
	"and u.id in (p.user_a_id, p.user_b_id))), "                           \
	"r.creator_id, (select count(*) from chat_room_members m "             \
	"where m.room_id = r.id and m.left_at is null), r.last_seq, "          \
	"r.created_at, (select q.sent_at from messages q "                     \
	"where q.chat_room_id = r.id order by q.seq desc limit 1) "            \
	"from chat_rooms r where r.deleted_at is null and "

const char rooms_sql[] =
	ROOM_COLUMNS "r.id > $1::bigint order by r.id limit $2::bigint";
const char room_sql[] = ROOM_COLUMNS "r.id = $1::bigint";

/* A room without members still has its row, with nulls. */
const char members_sql[] =
	"select u.id, u.nickname, u.profile_image_url, m.joined_at, "
	"u.id = r.creator_id from chat_rooms r "
	"left join chat_room_members m on m.room_id = r.id "
	"and m.left_at is null left join users u on u.id = m.user_id "
	"where r.id = $1::bigint and r.deleted_at is null "
	"order by m.joined_at, m.user_id";

const char users_sql[] = "select id, nickname, profile_image_url from users "
			 "where id > $1::bigint order by id limit $2::bigint";

/* $1 ids, $2 nicknames, $3 images, $4 whether an image is given. The last of
 * several lines of one user counts; in the order of ids, so that two loads
 * cannot wait for each other. */
const char load_users_sql[] =
	"with w as (select distinct on (x.id) x.* from unnest($1::bigint[], "
	"$2::text[], $3::text[], $4::boolean[]) with ordinality "
	"as x (id, nickname, image, given, i) order by x.id, x.i desc), "
	"done as (insert into users as u (id, nickname, profile_image_url) "
	"select id, nickname, image from w order by id "
	"on conflict (id) do update set nickname = excluded.nickname, "
	"profile_image_url = case when (select w.given from w "
	"where w.id = excluded.id) then excluded.profile_image_url "
	"else u.profile_image_url end returning (xmax = 0) as fresh) "
	"select count(*), count(*) filter (where fresh) from done";

static int
begin_list(struct api_call *call, enum api_statement statement)
{
	int64_t after = 0, limit = LIST_MAX;

	if (call_query_i64(call, "after", 0, INT64_MAX, &after) < 0 ||
		call_query_i64(call, "limit", 1, LIST_MAX, &limit) < 0)
		return -1;
	pg_args_i64(&call->job.args, after);
	pg_args_i64(&call->job.args, limit);
	call->job.statement = statement;
	return 0;
}

static int
begin_one(struct api_call *call, enum api_statement statement)
{
	if (call_param_i64(call, 0, &call->room_id) < 0)
		return -1;
	pg_args_i64(&call->job.args, call->room_id);
	call->job.statement = statement;
	return 0;
}

static void
put_text(struct buf *out, const char *name, const PGresult *result, int row,
	int col)
{
	if (pg_null(result, row, col))
		json_put_null(out, name);
	else
		json_put_str(out, name, pg_str(result, row, col));
}

static void
put_time(struct buf *out, const char *name, const PGresult *result, int row,
	int col)
{
	if (pg_null(result, row, col)) {
		json_put_null(out, name);
		return;
	}
	json_put_raw(out, name, STR("\""));
	shown_time(out, pg_ms(result, row, col));
	buf_add_char(out, '"');
}

static void
put_room(struct buf *out, const PGresult *result, int row)
{
	json_open(out, NULL, '{');
	json_put_i64(out, "roomId", pg_i64(result, row, 0));
	json_put_str(out, "type", pg_str(result, row, 1));
	put_text(out, "name", result, row, 2);
	if (pg_null(result, row, 3))
		json_put_null(out, "creatorId");
	else
		json_put_i64(out, "creatorId", pg_i64(result, row, 3));
	json_put_i64(out, "members", pg_i64(result, row, 4));
	json_put_i64(out, "head", pg_i64(result, row, 5));
	put_time(out, "createdAt", result, row, 6);
	put_time(out, "lastMessageSentAt", result, row, 7);
	json_close(out, '}');
}

int
rooms_begin(struct api_call *call)
{
	return begin_list(call, SQL_ROOMS);
}

int
rooms_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;
	int row, rows = PQntuples(result);

	json_open(out, NULL, '[');
	for (row = 0; row < rows; row++)
		put_room(out, result, row);
	json_close(out, ']');
	return 0;
}

int
room_begin(struct api_call *call)
{
	return begin_one(call, SQL_ROOM);
}

int
room_finish(struct api_call *call, const PGresult *result)
{
	if (!PQntuples(result))
		return api_refuse(call, 404, "ROOM_NOT_FOUND", "no such room");
	put_room(&call->api->out, result, 0);
	return 0;
}

int
members_begin(struct api_call *call)
{
	return begin_one(call, SQL_MEMBERS);
}

static void
put_member(struct buf *out, const PGresult *result, int row)
{
	json_open(out, NULL, '{');
	json_put_i64(out, "userId", pg_i64(result, row, 0));
	put_text(out, "nickname", result, row, 1);
	put_text(out, "profileImageUrl", result, row, 2);
	put_time(out, "joinedAt", result, row, 3);
	json_put_bool(out, "isCreator", pg_bool(result, row, 4));
	json_close(out, '}');
}

int
members_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;
	int row, rows = PQntuples(result);

	if (!rows)
		return api_refuse(call, 404, "ROOM_NOT_FOUND", "no such room");
	json_open(out, NULL, '[');
	for (row = 0; row < rows && !pg_null(result, row, 0); row++)
		put_member(out, result, row);
	json_close(out, ']');
	return 0;
}

int
users_begin(struct api_call *call)
{
	return begin_list(call, SQL_USERS);
}

int
users_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;
	int row, rows = PQntuples(result);

	json_open(out, NULL, '[');
	for (row = 0; row < rows; row++) {
		json_open(out, NULL, '{');
		json_put_i64(out, "id", pg_i64(result, row, 0));
		put_text(out, "nickname", result, row, 1);
		put_text(out, "profileImageUrl", result, row, 2);
		json_close(out, '}');
	}
	json_close(out, ']');
	return 0;
}

/* One user of a load: into the four arrays. */
static int
add_user(struct api_call *call, struct json value)
{
	struct pg_array *a = call->arrays;
	struct user user;
	struct err err;

	if (user_parse(&user, value, &call->scratch, &err) < 0)
		return api_refuse(call, 400, "INVALID_REQUEST", err.text);
	pg_array_add_i64(&a[0], user.id);
	pg_array_add_text(&a[1], user.nickname);
	if (user.image_null)
		pg_array_add_null(&a[2]);
	else
		pg_array_add_text(&a[2], user.image);
	pg_array_add_bool(&a[3], user.image_given);
	return 0;
}

int
load_users_begin(struct api_call *call)
{
	static const int types[API_ARRAYS_MAX] = {
		PG_INT8, PG_TEXT, PG_TEXT, PG_BOOL};
	struct json list = json_get(call->request.body, "users");
	struct json_iter it = json_iter(list);
	struct json key, user;
	size_t i, count = 0;

	if (list.type != JSON_ARRAY)
		return api_refuse(
			call, 400, "INVALID_REQUEST", "users is no array");
	for (i = 0; i < API_ARRAYS_MAX; i++)
		pg_array_reset(&call->arrays[i], types[i]);
	while (json_next(&it, &key, &user)) {
		if (count++ == LOAD_MAX)
			return api_refuse(call, 400, "INVALID_REQUEST",
				"over 1000 users in one request");
		if (add_user(call, user) < 0)
			return -1;
	}
	for (i = 0; i < API_ARRAYS_MAX; i++)
		pg_args_array(&call->job.args, &call->arrays[i]);
	call->job.statement = SQL_LOAD_USERS;
	return 0;
}

int
load_users_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;

	json_open(out, NULL, '{');
	json_put_i64(out, "loaded", pg_i64(result, 0, 0));
	json_put_i64(out, "created", pg_i64(result, 0, 1));
	json_close(out, '}');
	return 0;
}
