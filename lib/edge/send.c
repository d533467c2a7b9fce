/*
 * edge/send.c - see send.h.
 */
#include "edge/send.h"

#include <bsd/stdlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "edge/produce.h"
#include "edge/sub.h"
#include "edge/tell.h"
#include "edge/user.h"
#include "wire/message.h"

/* A SEND that waits: its ticket, and the record's value. */
struct held {
	struct ticket *ticket;
	size_t len;
	TAILQ_ENTRY(held) link;
	char value[];
};

/* ---- back pressure ------------------------------------------------------ */

void
send_turn(struct edge *edge)
{
	struct conn *conn, *last;
	bool end;

	if (!resend_relieved(&edge->resend))
		return;
	last = TAILQ_LAST(&edge->paused, conn_queue);
	end = !last;
	while (!end && (conn = TAILQ_FIRST(&edge->paused)) &&
		!resend_full(&edge->resend)) {
		end = conn == last;
		conn_unpause(conn);
		if (conn->session)
			session_resume(conn->session);
	}
}

/* ---- waiting for a subscription ----------------------------------------- */

/* Takes ticket. */
static void
hold(struct session *session, struct ticket *ticket, struct str value)
{
	struct held *held = malloc(sizeof(*held) + value.len);

	if (!held) {
		free(ticket);
		conn_kill(session->conn, "out of memory");
		return;
	}
	held->ticket = ticket;
	held->len = value.len;
	memcpy(held->value, value.data, value.len);
	TAILQ_INSERT_TAIL(&session->held, held, link);
	resend_charge(
		&session->edge->resend, (ssize_t)(sizeof(*held) + value.len));
}

static void
let_go(struct session *session, struct held *held)
{
	TAILQ_REMOVE(&session->held, held, link);
	resend_charge(
		&session->edge->resend, -(ssize_t)(sizeof(*held) + held->len));
	produce(session, held->ticket, (struct str){held->value, held->len});
	free(held);
}

void
send_release(struct session *session, int64_t room_id)
{
	struct held *held, *next;

	for (held = TAILQ_FIRST(&session->held); held; held = next) {
		next = TAILQ_NEXT(held, link);
		if (held->ticket->room_id == room_id)
			let_go(session, held);
	}
}

void
send_release_all(struct session *session)
{
	struct held *held;

	while ((held = TAILQ_FIRST(&session->held)))
		let_go(session, held);
}

/* ---- SEND /pub/chat/message --------------------------------------------- */

/* The clientMessageId as it came, for an error that names it; none where it
 * cannot be told. */
static struct str
id_of(struct json body)
{
	struct json token = json_get(body, "clientMessageId");
	struct message_id id;

	return message_id_parse(&id, token) ? id.raw : NO_STR;
}

static int64_t
room_of(struct json body)
{
	int64_t room;

	return json_i64(json_get(body, "roomId"), &room) && room > 0 ? room
								     : -1;
}

static void
refuse_body(struct session *session, const struct stomp_frame *frame,
	struct json body, const char *code, const struct err *err)
{
	struct refusal_notice notice = {.code = code,
		.message = str_c(err->text),
		.final = true,
		.retry_after_s = -1,
		.room_id = room_of(body),
		.client_message_id = id_of(body),
		.receipt = stomp_frame_get(frame, "receipt")};

	tell_refusal(session, &notice);
}

/* False: too many within a minute; told. */
static bool
rate_ok(struct session *session, const struct stomp_frame *frame,
	struct json body)
{
	struct edge *edge = session->edge;
	int64_t now = (int64_t)uv_now(edge->loop), wait;
	struct refusal_notice notice = {.code = "RATE_LIMIT_EXCEEDED",
		.message = STR("too many messages within a minute"),
		.room_id = room_of(body),
		.client_message_id = id_of(body),
		.receipt = stomp_frame_get(frame, "receipt")};

	if (!edge->conf.per_minute ||
		rate_take(&session->user->rate, (uint32_t)edge->conf.per_minute,
			now, &wait))
		return true;
	if (wait == RATE_NO_MEMORY) {
		conn_kill(session->conn, "out of memory");
		return false;
	}
	edge->count.rate_limited++;
	notice.retry_after_s = (wait + 999) / 1000;
	tell_refusal(session, &notice);
	return false;
}

static void
accept_message(
	struct session *session, struct message *message, struct str receipt)
{
	struct edge *edge = session->edge;
	unsigned char random[16];
	char quoted[MESSAGE_ID_MAX + 2];
	struct ticket *ticket;

	if (!message->has_id) {
		arc4random_buf(random, sizeof(random));
		message_id_make(&message->id, quoted, random);
		message->has_id = true;
	}
	message->sender_id = session->user_id;
	message->sent_at_ms = clock_wall_ms();
	message->sent_at = (struct json){0};
	buf_reset(&edge->json);
	message_print(&edge->json, message);
	ticket = ticket_new(message->room_id, receipt, message->id.raw);
	if (!ticket || buf_bad(&edge->json)) {
		free(ticket);
		conn_kill(session->conn, "out of memory");
		return;
	}
	edge->count.sends++;
	session->unanswered++;
	if (subs_asking(session, message->room_id))
		hold(session, ticket, buf_str(&edge->json));
	else
		produce(session, ticket, buf_str(&edge->json));
	if (resend_full(&edge->resend))
		conn_pause(session->conn);
}

static void
send_message(struct session *session, const struct stomp_frame *frame)
{
	struct json body = {0};
	struct message message;
	enum message_fault fault;
	struct err err;

	if (json_scan(frame->body, &body, NULL, &err) < 0) {
		refuse_body(session, frame, (struct json){0},
			message_fault_code(MESSAGE_INVALID_BODY), &err);
		return;
	}
	fault = message_parse(
		&message, body, session->edge->conf.content_chars, &err);
	if (fault != MESSAGE_OK)
		refuse_body(
			session, frame, body, message_fault_code(fault), &err);
	else if (rate_ok(session, frame, body))
		accept_message(
			session, &message, stomp_frame_get(frame, "receipt"));
}

/* ---- SEND /pub/auth ----------------------------------------------------- */

/* The token of a body {"token":".."}, in edge->json; false with err. */
static bool
token_of(struct session *session, struct str body, struct str *token,
	struct err *err)
{
	struct json root;

	buf_reset(&session->edge->json);
	if (json_scan(body, &root, NULL, err) < 0)
		return false;
	if (json_text(json_get(root, "token"), &session->edge->json, token))
		return true;
	err_set(err, "token is missing or no string");
	return false;
}

static void
send_auth(struct session *session, const struct stomp_frame *frame)
{
	struct refusal_notice notice = {.code = "INVALID_BODY",
		.retry_after_s = -1,
		.room_id = -1,
		.receipt = stomp_frame_get(frame, "receipt")};
	struct str token;
	struct err err;

	if (token_of(session, frame->body, &token, &err) &&
		session_token(session, token, &notice.code, &err) == 0) {
		tell_receipt(session, notice.receipt);
		conn_arm(session->conn);
		return;
	}
	notice.message = str_c(err.text);
	tell_refusal(session, &notice);
}

/* ---- all SENDs ---------------------------------------------------------- */

static void
unknown(struct session *session, const struct stomp_frame *frame)
{
	struct str destination = stomp_frame_get(frame, "destination");
	bool later = str_eq_c(destination, "/pub/chat/read") ||
		     str_eq_c(destination, "/pub/chat/typing");
	struct refusal_notice notice = {
		.code = later ? "NOT_AVAILABLE" : "UNKNOWN_DESTINATION",
		.message = later ? STR("this destination is not served yet")
				 : STR("there is no such destination"),
		.retry_after_s = -1,
		.room_id = -1,
		.receipt = stomp_frame_get(frame, "receipt")};

	tell_refusal(session, &notice);
}

void
send_frame(struct session *session, const struct stomp_frame *frame)
{
	struct str destination = stomp_frame_get(frame, "destination");

	if (str_eq_c(destination, "/pub/chat/message"))
		send_message(session, frame);
	else if (str_eq_c(destination, "/pub/auth"))
		send_auth(session, frame);
	else
		unknown(session, frame);
}
