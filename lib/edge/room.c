/*
 * edge/room.c - what flow/follow wants done (sub.h): deliveries and the ends of
 * subscriptions to rooms. Its questions are join.c's.
 */
#include <stdlib.h>

#include "base/log.h"
#include "edge/item.h"
#include "edge/join.h"
#include "edge/send.h"
#include "edge/sub.h"
#include "edge/tell.h"
#include "json/json.h"
#include "proto/stomp_out.h"

static bool
has_room(struct follow_sub *follow)
{
	struct session *session = room_sub_of(follow)->sub.session;

	if (conn_has_room(session->conn) && !session->reserved)
		return true;
	session->conn->trickle = true;
	return false;
}

static void
deliver(struct follow_sub *follow, struct follow_item *item)
{
	struct sub *sub = &room_sub_of(follow)->sub;
	struct edge *edge = sub->session->edge;
	struct str tail = item_tail(item);

	buf_reset(&edge->frame);
	stomp_message_head_ws(&edge->frame, sub_id(sub), tail.len);
	if (buf_bad(&edge->frame)) {
		conn_kill(sub->session->conn, "out of memory");
		return;
	}
	edge->count.deliveries++;
	conn_queue(sub->session->conn, buf_str(&edge->frame), tail);
}

static struct str
receipt_of(const struct room_sub *room)
{
	return room->receipt ? str_c(room->receipt) : NO_STR;
}

static void
joined(struct follow_sub *follow, const struct follow_answer *answer)
{
	struct room_sub *room = room_sub_of(follow);

	tell_joined(room->sub.session, room->room_id, receipt_of(room), answer);
	free(room->receipt);
	room->receipt = NULL;
	if (!subs_asking(room->sub.session, room->room_id))
		send_release(room->sub.session, room->room_id);
}

static void
reset(struct follow_sub *follow, const struct follow_answer *answer)
{
	struct room_sub *room = room_sub_of(follow);
	struct session *session = room->sub.session;

	if (!tell_reset(session, room->room_id, answer))
		conn_close(session->conn, CLOSE_RESTART,
			"the history was restored", 1);
}

/* The id as the client gave it, in edge->line. */
static struct str
raw_id(const struct sub *sub)
{
	struct buf *out = &sub->session->edge->line;
	struct str id = sub_id(sub);
	size_t i;

	if (!id.data || sub->session->version == STOMP_V10)
		return id;
	buf_reset(out);
	for (i = 0; i < id.len; i++)
		if (id.data[i] != '\\' || i + 1 == id.len)
			buf_add_char(out, id.data[i]);
		else if (id.data[++i] == 'n')
			buf_add_char(out, '\n');
		else if (id.data[i] == 'r')
			buf_add_char(out, '\r');
		else
			buf_add_char(out, id.data[i] == 'c' ? ':' : '\\');
	return buf_str(out);
}

static void
refused(struct follow_sub *follow)
{
	struct room_sub *room = room_sub_of(follow);
	struct session *session = room->sub.session;
	struct refusal_notice notice = {.code = "NOT_A_MEMBER",
		.message = STR("there is no such room, or you are not in it"),
		.retry_after_s = -1,
		.room_id = room->room_id,
		.receipt = receipt_of(room),
		.subscription = raw_id(&room->sub)};

	tell_refusal(session, &notice);
	sub_over(&room->sub);
	if (!subs_asking(session, room->room_id))
		send_release(session, room->room_id);
}

static void
ended(struct follow_sub *follow, struct follow_item *item)
{
	struct room_sub *room = room_sub_of(follow);
	struct session *session = room->sub.session;
	struct buf *json = &session->edge->json;

	sub_over(&room->sub);
	LOG_INFO("session", "subscription ended", LOG_I("session", session->id),
		LOG_I("userId", session->user_id),
		LOG_I("roomId", room->room_id));
	buf_reset(json);
	json_open(json, NULL, '{');
	json_put_c(json, "event", item && item_left(item) ? "LEFT" : "KICKED");
	json_put_i64(json, "roomId", room->room_id);
	json_close(json, '}');
	tell_queue(session, SUB_ROOMS, buf_str(json));
}

const struct follow_ops sub_follow_ops = {
	.ask_follow = join_ask_follow,
	.ask_page = join_ask_page,
	.ask_heads = join_ask_heads,
	.has_room = has_room,
	.deliver = deliver,
	.joined = joined,
	.reset = reset,
	.refused = refused,
	.ended = ended,
	.item_free = item_free,
};
