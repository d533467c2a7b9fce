/*
 * edge/sub.c - see sub.h.
 */
#include "edge/sub.h"

#include <stdlib.h>
#include <string.h>

#include "edge/join.h"
#include "edge/send.h"
#include "edge/tell.h"
#include "proto/stomp_out.h"

#define ID_MAX 255 /* bytes of a subscription's id, escaped */
#define SEQ_MAX (INT64_C(1) << 53)
#define ROOM_PREFIX "/sub/chat/room/"

/* ---- life --------------------------------------------------------------- */

static void
room_end(struct room_sub *room)
{
	follow_unsubscribe(&room->sub.session->edge->follow, &room->follow);
	join_forget(room);
	free(room->receipt);
	room->receipt = NULL;
}

static void
sub_free(struct sub *sub)
{
	struct session *session = sub->session;

	LIST_REMOVE(sub, link);
	session->sub_count--;
	session->edge->count.subscriptions--;
	if (sub->kind == SUB_ROOM) {
		room_end((struct room_sub *)(void *)sub);
		session->edge->count.rooms =
			(int64_t)session->edge->follow.room_count;
	}
	free(sub->id);
	free(sub);
}

void
sub_over(struct sub *sub)
{
	sub->over = true;
	sub->session->reap = true;
	conn_touch(sub->session->conn);
}

void
subs_reap(struct session *session)
{
	struct sub *sub, *next;

	session->reap = false;
	LIST_FOREACH_SAFE (sub, &session->subs, link, next)
		if (sub->over)
			sub_free(sub);
}

void
subs_free(struct session *session)
{
	struct sub *sub;

	while ((sub = LIST_FIRST(&session->subs)))
		sub_free(sub);
}

static struct sub *
sub_new(struct session *session, enum sub_kind kind, struct str id)
{
	struct sub *sub = calloc(1, kind == SUB_ROOM ? sizeof(struct room_sub)
						     : sizeof(struct sub));

	if (!sub)
		return NULL;
	sub->kind = kind;
	sub->session = session;
	if (id.data) {
		sub->id = str_dup(id);
		sub->id_len = (uint16_t)id.len;
		if (!sub->id) {
			free(sub);
			return NULL;
		}
	}
	LIST_INSERT_HEAD(&session->subs, sub, link);
	session->sub_count++;
	session->edge->count.subscriptions++;
	return sub;
}

/* id as the version writes it. */
static struct sub *
find(const struct session *session, struct str id)
{
	struct sub *sub;

	LIST_FOREACH (sub, &session->subs, link)
		if (!sub->over && (sub->id != NULL) == (id.data != NULL) &&
			str_eq(sub_id(sub), id))
			return sub;
	return NULL;
}

bool
subs_asking(const struct session *session, int64_t room_id)
{
	const struct room_sub *room;
	const struct sub *sub;

	LIST_FOREACH (sub, &session->subs, link) {
		room = (const struct room_sub *)(const void *)sub;
		if (sub->kind == SUB_ROOM && !sub->over &&
			room->room_id == room_id && !room->follow.answered)
			return true;
	}
	return false;
}

void
subs_drained(struct session *session)
{
	struct follow *follow = &session->edge->follow;
	struct room_sub *room;
	struct sub *sub, *next;

	join_ungate(session);
	LIST_FOREACH_SAFE (sub, &session->subs, link, next) {
		if (session->reserved) { /* one page at a time */
			session->conn->trickle = true;
			return;
		}
		room = (struct room_sub *)(void *)sub;
		if (sub->kind == SUB_ROOM && !sub->over)
			follow_drained(follow, &room->follow);
	}
}

/* ---- SUBSCRIBE ---------------------------------------------------------- */

static void
refuse(struct session *session, const struct stomp_frame *frame,
	const char *code, const char *message)
{
	struct refusal_notice notice = {.code = code,
		.message = str_c(message),
		.retry_after_s = -1,
		.room_id = -1,
		.receipt = stomp_frame_get(frame, "receipt"),
		.subscription = stomp_frame_get(frame, "id")};

	tell_refusal(session, &notice);
}

enum place { PLACE_NONE, PLACE_LATER, PLACE_ROOM, PLACE_QUEUE };

static const struct {
	const char *destination;
	enum sub_kind kind;
} queues[] = {{"/user/queue/errors", SUB_ERRORS},
	{"/user/queue/acks", SUB_ACKS}, {"/user/queue/joins", SUB_JOINS},
	{"/user/queue/session", SUB_SESSION}, {"/user/queue/rooms", SUB_ROOMS}};

/* What a destination is. Only the canonical spelling is a room: what is echoed
 * must be byte-equal to what was subscribed. */
static enum place
place_of(struct str destination, enum sub_kind *kind, int64_t *room_id)
{
	struct str rest, number, what;

	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		if (str_eq_c(destination, queues[i].destination)) {
			*kind = queues[i].kind;
			return PLACE_QUEUE;
		}
	if (!str_starts(destination, ROOM_PREFIX))
		return PLACE_NONE;
	rest = (struct str){destination.data + sizeof(ROOM_PREFIX) - 1,
		destination.len - (sizeof(ROOM_PREFIX) - 1)};
	*kind = SUB_ROOM;
	if (str_cut(rest, '/', &number, &what) && !str_eq_c(what, "read") &&
		!str_eq_c(what, "typing"))
		return PLACE_NONE;
	if (!str_i64(number, room_id) || *room_id <= 0 || *room_id > SEQ_MAX)
		return PLACE_NONE;
	return number.len == rest.len ? PLACE_ROOM : PLACE_LATER;
}

/* The from-seq header: -1 none; false where it is no number in 0..2^53. */
static bool
from_seq_of(const struct stomp_frame *frame, int64_t *from_seq)
{
	struct str header = stomp_frame_get(frame, "from-seq");

	*from_seq = -1;
	if (!header.data)
		return true;
	return str_i64(header, from_seq) && *from_seq >= 0 &&
	       *from_seq <= SEQ_MAX;
}

static void
subscribe_room(struct session *session, const struct stomp_frame *frame,
	struct str id, int64_t room_id, int64_t from_seq)
{
	struct edge *edge = session->edge;
	struct str receipt = stomp_frame_get(frame, "receipt");
	struct sub *sub = sub_new(session, SUB_ROOM, id);
	struct room_sub *room = (struct room_sub *)(void *)sub;

	if (!sub) {
		conn_kill(session->conn, "out of memory");
		return;
	}
	room->room_id = room_id;
	if (receipt.data)
		room->receipt = str_dup(receipt);
	if ((receipt.data && !room->receipt) ||
		follow_subscribe(&edge->follow, &room->follow, room_id,
			session->user_id, from_seq,
			stomp_frame_get(frame, "epoch")) < 0)
		conn_kill(session->conn, "out of memory");
	edge->count.rooms = (int64_t)edge->follow.room_count;
}

/* The id as the version writes it, in edge->tail; false: refused. */
static bool
check_id(struct session *session, const struct stomp_frame *frame,
	struct str *id)
{
	struct buf *buf = &session->edge->tail;

	*id = stomp_frame_get(frame, "id");
	if (id->data) {
		buf_reset(buf);
		stomp_escape(buf, session->version, *id);
		*id = buf_str(buf);
	}
	if (id->data == NULL && buf_bad(buf))
		conn_kill(session->conn, "out of memory");
	else if (id->len > ID_MAX ||
		 (!id->len && session->version != STOMP_V10))
		refuse(session, frame, "INVALID_SUBSCRIPTION",
			"a subscription needs an id of at most 255 bytes");
	else if (find(session, *id))
		refuse(session, frame, "DUPLICATE_SUBSCRIPTION",
			"this id is taken by another subscription");
	else if (session->sub_count >=
		 (size_t)session->edge->conf.subscriptions)
		refuse(session, frame, "TOO_MANY_SUBSCRIPTIONS",
			"this connection has too many subscriptions");
	else
		return true;
	return false;
}

void
sub_subscribe(struct session *session, const struct stomp_frame *frame)
{
	enum sub_kind kind;
	int64_t room_id, from_seq;
	struct str id;

	if (!check_id(session, frame, &id))
		return;
	switch (place_of(
		stomp_frame_get(frame, "destination"), &kind, &room_id)) {
	case PLACE_NONE:
		refuse(session, frame, "UNKNOWN_DESTINATION",
			"there is no such destination");
		return;
	case PLACE_LATER:
		refuse(session, frame, "NOT_AVAILABLE",
			"this destination is not served yet");
		return;
	case PLACE_ROOM:
		if (from_seq_of(frame, &from_seq))
			subscribe_room(session, frame, id, room_id, from_seq);
		else
			refuse(session, frame, "INVALID_FROM_SEQ",
				"from-seq is a number from 0 to 2^53");
		return;
	case PLACE_QUEUE:
		if (sub_new(session, kind, id))
			tell_receipt(
				session, stomp_frame_get(frame, "receipt"));
		else
			conn_kill(session->conn, "out of memory");
	}
}

void
sub_unsubscribe(struct session *session, const struct stomp_frame *frame)
{
	struct edge *edge = session->edge;
	struct str id = stomp_frame_get(frame, "id");
	struct sub *sub;
	int64_t room_id = -1;

	if (id.data) {
		buf_reset(&edge->tail);
		stomp_escape(&edge->tail, session->version, id);
		id = buf_str(&edge->tail);
		if (buf_bad(&edge->tail)) {
			conn_kill(session->conn, "out of memory");
			return;
		}
	}
	sub = find(session, id);
	if (sub) {
		if (sub->kind == SUB_ROOM)
			room_id = ((struct room_sub *)(void *)sub)->room_id;
		sub_free(sub);
	}
	if (room_id > 0 && !subs_asking(session, room_id))
		send_release(session, room_id);
	tell_receipt(session, stomp_frame_get(frame, "receipt"));
}
