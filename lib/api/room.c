/* api/room.c - making rooms: the 1:1 room of two, and groups. */
#include "api/call.h"
#include "wire/shown.h"

#define MEMBERS_MAX 1000 /* of one request */

/* $1 who asks, $2 the other. Joined to what the room list shows of it; a room
 * that this very call made has nothing yet. */
const char pair_sql[] =
	"select o.code, o.room_id, u.nickname, u.profile_image_url, "
	"left(l.content, 200), l.sent_at, (select count(*) from messages n "
	"where n.chat_room_id = o.room_id and n.id > coalesce("
	"c.last_read_message_id, 0) and n.sender_id <> $1 "
	"and n.type in ('TEXT', 'IMAGE') and n.deleted_at is null "
	"and not exists (select from message_deletions d "
	"where d.chat_room_id = n.chat_room_id and d.message_id = n.id "
	"and d.user_id = $1)) "
	"from chat_open_pair($1::bigint, $2::bigint) o "
	"left join users u on u.id = $2 "
	"left join chat_room_members c on c.room_id = o.room_id "
	"and c.user_id = $1 "
	"left join lateral (select q.content, q.sent_at from messages q "
	"where q.chat_room_id = o.room_id and q.deleted_at is null "
	"and not exists (select from message_deletions d "
	"where d.chat_room_id = q.chat_room_id and d.message_id = q.id "
	"and d.user_id = $1) order by q.seq desc limit 1) l on true";

/* $1 who asks or null (the administrator), $2 name, $3 users. */
const char group_sql[] = "select code, room_id from chat_create_group("
			 "$1::bigint, $2::text, $3::bigint[])";

/* What a group would be refused for, without making it: as group_sql. */
const char missing_users_sql[] =
	"select case when exists (select from unnest($1::bigint[]) w (id) "
	"left join users u on u.id = w.id where u.id is null) "
	"then 'USER_NOT_FOUND' else 'OK' end, null::bigint";

/* Codes of the SQL functions, as HTTP says them. */
static const struct {
	const char *code;
	int status;
	const char *message;
} faults[] = {
	{"USER_NOT_FOUND", 404, "no such user"},
	{"BLOCKED", 403, "one of the two has blocked the other"},
	{"INVALID_TARGET", 400, "a room with oneself"},
};

static int
refuse_code(struct api_call *call, struct str code)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(faults); i++)
		if (str_eq_c(code, faults[i].code))
			return api_refuse(call, faults[i].status,
				faults[i].code, faults[i].message);
	return api_refuse(call, 500, "INTERNAL", "an unknown answer");
}

int
pair_begin(struct api_call *call)
{
	int64_t target = -1;

	if (call_body_i64(call, "targetUserId", 1, &target) < 0)
		return -1;
	pg_args_i64(&call->job.args, call->request.user);
	pg_args_i64(&call->job.args, target);
	call->job.statement = SQL_OPEN_PAIR;
	return 0;
}

static void
put_text(struct buf *out, const char *name, const PGresult *result, int col)
{
	if (pg_null(result, 0, col))
		json_put_null(out, name);
	else
		json_put_str(out, name, pg_str(result, 0, col));
}

int
pair_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;
	struct str code = pg_str(result, 0, 0);

	if (!str_eq_c(code, "OK"))
		return refuse_code(call, code);
	json_open(out, NULL, '{');
	json_put_i64(out, "roomId", pg_i64(result, 0, 1));
	json_put_c(out, "type", "ONE_TO_ONE");
	put_text(out, "name", result, 2);
	put_text(out, "imageUrl", result, 3);
	put_text(out, "lastMessageContent", result, 4);
	if (pg_null(result, 0, 5)) {
		json_put_null(out, "lastMessageSentAt");
	} else {
		json_put_raw(out, "lastMessageSentAt", STR("\""));
		shown_time(out, pg_ms(result, 0, 5));
		buf_add_char(out, '"');
	}
	json_put_i64(out, "unreadCount", pg_i64(result, 0, 6));
	json_close(out, '}');
	return 0;
}

static int
begin_group(struct api_call *call, const char *field)
{
	struct pg_array *users = &call->arrays[0];
	struct pg_args *args = &call->job.args;
	struct json name = json_get(call->request.body, field);
	bool dry = false;

	if (call_name(call, name, field, &call->name) < 0 ||
		call_body_ids(call, "userIds", MEMBERS_MAX, users) < 0)
		return -1;
	if (call->admin &&
		json_bool(json_get(call->request.body, "dryRun"), &dry) &&
		dry) {
		pg_args_array(args, users);
		call->job.statement = SQL_MISSING_USERS;
		return 0;
	}
	if (call->request.user > 0)
		pg_args_i64(args, call->request.user);
	else
		pg_args_null(args, PG_INT8);
	pg_args_text(args, call->name);
	pg_args_array(args, users);
	call->job.statement = SQL_CREATE_GROUP;
	return 0;
}

int
group_begin(struct api_call *call)
{
	return begin_group(call, "roomName");
}

int
group_admin_begin(struct api_call *call)
{
	return begin_group(call, "name");
}

int
group_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;
	struct str code = pg_str(result, 0, 0);

	if (!str_eq_c(code, "OK"))
		return refuse_code(call, code);
	json_open(out, NULL, '{');
	if (!pg_null(result, 0, 1))
		json_put_i64(out, "roomId", pg_i64(result, 0, 1));
	json_put_c(out, "type", "GROUP");
	json_put_str(out, "name", call->name);
	json_put_null(out, "imageUrl");
	json_put_null(out, "lastMessageContent");
	json_put_null(out, "lastMessageSentAt");
	json_put_i64(out, "unreadCount", 0);
	json_close(out, '}');
	return 0;
}
