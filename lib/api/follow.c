/*
 * api/follow.c - what edges ask to follow rooms without a seam (architecture,
 * section 5). Each statement is one snapshot: whether the user is a member, the
 * room's head and the messages belong together.
 */
#include "api/call.h"
#include "wire/message.h"
#include "wire/shown.h"

#define ROOMS_MAX 1000 /* of one question for heads */

/* Messages of room $2 with a seq in (base, upto], as far as max bytes go: one
 * is always among them. `hidden`: it is shown as DELETED to reader $1. */
#define PAGE_OF(base, upto, max)                                               \
	" left join lateral (select " MESSAGE_COLUMNS ", m.hidden from ("      \
	"select p.*, sum(octet_length(p.content) + 200) over (order by "       \
	"p.seq) - octet_length(p.content) - 200 as before, p.deleted_at is "   \
	"not null or exists (select from message_deletions d where "           \
	"d.chat_room_id = p.chat_room_id and d.message_id = p.id and "         \
	"d.user_id = $1) as hidden from (select * from messages q where "      \
	"q.chat_room_id = $2 and q.seq > " base " and q.seq <= " upto          \
	" order by q.seq limit 1000) p) m left join users u on "               \
	"u.id = m.sender_id where m.before < " max ") x on true "              \
	"order by x.seq"

/* $1 user, $2 room, $3 from-seq or null, $4 epoch or null, $5 max bytes. Where
 * over 10,000 messages are missing, only the newest are sent. */
const char follow_sql[] =
	"with h as (select e.epoch, r.last_seq as head, case "
	"when m.user_id is null then null "
	"when $3::bigint is null then 'live' "
	"when $4::text <> e.epoch or $3 > r.last_seq then 'reset' "
	"when r.last_seq - $3 > 10000 then 'truncated' "
	"else 'recovered' end as status "
	"from store_epoch e "
	"left join chat_rooms r on r.id = $2::bigint and r.deleted_at is null "
	"left join chat_room_members m on m.room_id = r.id "
	"and m.user_id = $1::bigint and m.left_at is null), "
	"b as (select h.*, case h.status when 'recovered' then $3 "
	"when 'truncated' then h.head - 10000 else h.head end as base from h) "
	"select b.epoch, b.head, b.status, b.base, x.* from b" PAGE_OF(
		"b.base", "b.head", "$5::bigint");

/* $1 user, $2 room, $3 after, $4 max bytes. Who is no member any more gets
 * what came up to the kick or leave that ended it. */
const char page_sql[] =
	"with h as (select e.epoch, r.last_seq as head, "
	"m.user_id is not null as member "
	"from store_epoch e "
	"left join chat_rooms r on r.id = $2::bigint and r.deleted_at is null "
	"left join chat_room_members m on m.room_id = r.id "
	"and m.user_id = $1::bigint and m.left_at is null), "
	"b as (select h.*, case when h.member then h.head else ("
	"select k.seq from messages k where k.chat_room_id = $2 "
	"and k.seq > $3 and k.type in ('SYSTEM_KICK', 'SYSTEM_LEAVE') "
	"and (k.targets->0->>'userId')::bigint = $1 "
	"order by k.seq desc limit 1) end as upto from h) "
	"select b.epoch, b.head, b.member, b.upto, x.* from b" PAGE_OF(
		"$3::bigint", "b.upto", "$4::bigint");

/* $1 rooms. */
const char heads_sql[] =
	"select e.epoch, r.id, r.last_seq from store_epoch e "
	"left join lateral unnest($1::bigint[]) as w (id) on true "
	"left join chat_rooms r on r.id = w.id and r.deleted_at is null";

/* Both begin with four columns of the snapshot. */
enum { HEAD_EPOCH, HEAD_HEAD, HEAD_STATUS, HEAD_BASE, HEAD_COLUMNS };

static int
read_question(struct api_call *call)
{
	call->room_id = -1;
	call->max_bytes = REQUEST_PAGE_MAX;
	if (call_body_i64(call, "roomId", 1, &call->room_id) < 0 ||
		call_body_i64(call, "maxBytes", 1, &call->max_bytes) < 0)
		return -1;
	if (call->max_bytes > REQUEST_PAGE_MAX)
		call->max_bytes = REQUEST_PAGE_MAX;
	return 0;
}

/* Appends "messages", as many as max bytes allow but at least one; returns the
 * last one's seq, or -1. *first gets the first one's seq. */
static int64_t
put_messages(struct api_call *call, const PGresult *result, int64_t *first)
{
	struct buf *out = &call->api->out;
	size_t from;
	int row, rows = PQntuples(result), col = HEAD_COLUMNS;
	int64_t seq = -1;

	*first = -1;
	json_open(out, "messages", '[');
	from = out->len;
	for (row = 0; row < rows && !pg_null(result, row, col); row++) {
		if (row && (int64_t)(out->len - from) > call->max_bytes)
			break;
		seq = pg_i64(result, row, col + COL_SEQ);
		if (!row)
			*first = seq;
		if (pg_bool(result, row, col + MESSAGE_COLUMN_COUNT))
			shown_print_deleted(out,
				pg_i64(result, row, col + COL_ID), seq,
				call->room_id);
		else
			message_row_print(out, result, row, col, call->room_id);
	}
	json_close(out, ']');
	return seq;
}

int
follow_begin(struct api_call *call)
{
	struct pg_args *args = &call->job.args;
	struct json epoch = json_get(call->request.body, "epoch");
	struct json from = json_get(call->request.body, "fromSeq");
	struct str text;

	call->from = -1;
	if (read_question(call) < 0)
		return -1;
	if (from.type != JSON_NONE && from.type != JSON_NULL &&
		call_body_i64(call, "fromSeq", 0, &call->from) < 0)
		return -1;
	pg_args_i64(args, call->request.user);
	pg_args_i64(args, call->room_id);
	if (call->from < 0)
		pg_args_null(args, PG_INT8);
	else
		pg_args_i64(args, call->from);
	/* An epoch that cannot be ours is another one. */
	if (!json_text(epoch, &call->scratch, &text) ||
		message_text_chars(text) < 0)
		text = STR("");
	if (epoch.type == JSON_NONE || epoch.type == JSON_NULL)
		pg_args_null(args, PG_TEXT);
	else
		pg_args_text(args, text);
	pg_args_i64(args, call->max_bytes);
	call->job.statement = SQL_FOLLOW;
	return 0;
}

int
follow_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;
	bool member = !pg_null(result, 0, HEAD_STATUS);
	struct str status = pg_str(result, 0, HEAD_STATUS);
	int64_t head = pg_i64(result, 0, HEAD_HEAD), first, last, base;

	json_open(out, NULL, '{');
	json_put_i64(out, "roomId", call->room_id);
	json_put_bool(out, "member", member);
	json_put_str(out, "epoch", pg_str(result, 0, HEAD_EPOCH));
	if (!member) {
		json_close(out, '}');
		return 0;
	}
	json_put_i64(out, "head", head);
	base = pg_i64(result, 0, HEAD_BASE);
	last = put_messages(call, result, &first);
	/* What is not there any more was expired. */
	if (base < head && first != base + 1)
		status = STR("truncated");
	json_put_str(out, "status", status);
	if (str_eq_c(status, "truncated"))
		json_put_i64(out, "first", first < 0 ? head + 1 : first);
	json_put_bool(out, "more", last >= 0 && last < head);
	json_close(out, '}');
	return 0;
}

int
page_begin(struct api_call *call)
{
	struct pg_args *args = &call->job.args;

	call->from = -1;
	if (read_question(call) < 0 ||
		call_body_i64(call, "after", 0, &call->from) < 0)
		return -1;
	pg_args_i64(args, call->request.user);
	pg_args_i64(args, call->room_id);
	pg_args_i64(args, call->from);
	pg_args_i64(args, call->max_bytes);
	call->job.statement = SQL_PAGE;
	return 0;
}

int
page_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;
	bool member = pg_bool(result, 0, HEAD_STATUS);
	int64_t upto = pg_i64(result, 0, HEAD_BASE), first, last;

	json_open(out, NULL, '{');
	json_put_i64(out, "roomId", call->room_id);
	json_put_bool(out, "member", member);
	json_put_str(out, "epoch", pg_str(result, 0, HEAD_EPOCH));
	if (member)
		json_put_i64(out, "head", pg_i64(result, 0, HEAD_HEAD));
	last = put_messages(call, result, &first);
	json_put_bool(out, "more", last >= 0 && last < upto);
	json_close(out, '}');
	return 0;
}

int
heads_begin(struct api_call *call)
{
	struct pg_array *rooms = &call->arrays[0];

	if (call_body_ids(call, "rooms", ROOMS_MAX, rooms) < 0)
		return -1;
	pg_args_array(&call->job.args, rooms);
	call->job.statement = SQL_HEADS;
	return 0;
}

int
heads_finish(struct api_call *call, const PGresult *result)
{
	struct buf *out = &call->api->out;
	int row, rows = PQntuples(result);

	json_open(out, NULL, '{');
	json_put_str(out, "epoch", pg_str(result, 0, 0));
	json_open(out, "heads", '[');
	for (row = 0; row < rows; row++) {
		if (pg_null(result, row, 1))
			continue;
		json_open(out, NULL, '[');
		json_put_i64(out, NULL, pg_i64(result, row, 1));
		json_put_i64(out, NULL, pg_i64(result, row, 2));
		json_close(out, ']');
	}
	json_close(out, ']');
	json_close(out, '}');
	return 0;
}
