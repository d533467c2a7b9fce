/*
 * edge/tell.c - see tell.h.
 */
#include "edge/tell.h"

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "proto/stomp_out.h"

static void
say(struct session *session, struct buf *frame)
{
	if (buf_bad(frame))
		conn_kill(session->conn, "out of memory");
	else
		conn_text(session->conn, buf_str(frame));
}

static struct buf *
fresh(struct buf *buf)
{
	buf_reset(buf);
	return buf;
}

void
tell_receipt(struct session *session, struct str receipt)
{
	struct buf *frame = fresh(&session->edge->frame);

	if (!receipt.data)
		return;
	stomp_receipt(frame, session->version, receipt);
	session->edge->count.receipts++;
	say(session, frame);
}

void
tell_error(struct session *session, const char *code, const char *text,
	struct str receipt)
{
	struct buf *frame = fresh(&session->edge->frame);

	stomp_error(frame, session->version, str_c(code), receipt, str_c(text));
	say(session, frame);
}

/* ---- user queues -------------------------------------------------------- */

static const char *const destinations[] = {
	[SUB_ROOM] = NULL,
	[SUB_ERRORS] = "/user/queue/errors",
	[SUB_ACKS] = "/user/queue/acks",
	[SUB_JOINS] = "/user/queue/joins",
	[SUB_SESSION] = "/user/queue/session",
	[SUB_ROOMS] = "/user/queue/rooms",
};

size_t
tell_queue(struct session *session, enum sub_kind kind, struct str json)
{
	struct edge *edge = session->edge;
	struct buf *head = &edge->frame, *tail = &edge->tail;
	char id[32];
	struct sub *sub;
	size_t told = 0;

	LIST_FOREACH (sub, &session->subs, link) {
		if (sub->kind != kind || sub->over)
			continue;
		if (!told++) {
			snprintf(id, sizeof(id), "n-%lld",
				(long long)edge->next_notice++);
			stomp_message_tail(fresh(tail),
				str_c(destinations[kind]), str_c(id), -1, json);
		}
		stomp_message_head_ws(fresh(head), sub_id(sub), tail->len);
		/* No text: there was no memory for it. */
		if (!json.len || buf_bad(head) || buf_bad(tail))
			conn_kill(session->conn, "out of memory");
		else
			conn_queue(session->conn, buf_str(head), buf_str(tail));
	}
	return told;
}

/* ---- joining a room ----------------------------------------------------- */

static const char *
status_name(enum follow_status status)
{
	switch (status) {
	case FOLLOW_LIVE:
		return "live";
	case FOLLOW_RECOVERED:
		return "recovered";
	case FOLLOW_TRUNCATED:
		return "truncated";
	case FOLLOW_RESET:
		return "reset";
	}
	return "";
}

static size_t
tell_joins(struct session *session, int64_t room_id, enum follow_status status,
	const struct follow_answer *answer)
{
	struct buf *json = fresh(&session->edge->json);

	json_open(json, NULL, '{');
	json_put_i64(json, "roomId", room_id);
	json_put_c(json, "status", status_name(status));
	json_put_i64(json, "head", answer->head);
	json_put_str(json, "epoch", answer->epoch);
	if (status == FOLLOW_TRUNCATED)
		json_put_i64(json, "first", answer->first);
	json_close(json, '}');
	return tell_queue(session, SUB_JOINS, buf_str(json));
}

void
tell_joined(struct session *session, int64_t room_id, struct str receipt,
	const struct follow_answer *answer)
{
	struct buf *frame = fresh(&session->edge->frame);
	enum stomp_version version = session->version;

	if (receipt.data) {
		stomp_open(frame, "RECEIPT");
		stomp_header(frame, version, "receipt-id", receipt);
		stomp_header(frame, version, "status",
			str_c(status_name(answer->status)));
		stomp_header_i64(frame, "head", answer->head);
		stomp_header(frame, version, "epoch", answer->epoch);
		if (answer->status == FOLLOW_TRUNCATED)
			stomp_header_i64(frame, "first", answer->first);
		stomp_close(frame);
		session->edge->count.receipts++;
		say(session, frame);
	}
	tell_joins(session, room_id, answer->status, answer);
}

bool
tell_reset(struct session *session, int64_t room_id,
	const struct follow_answer *answer)
{
	return tell_joins(session, room_id, answer->status, answer) > 0;
}

/* ---- refusals ----------------------------------------------------------- */

static void
print_refusal(struct buf *json, const struct refusal_notice *n)
{
	json_open(json, NULL, '{');
	json_put_c(json, "type", "ERROR");
	json_put_c(json, "code", n->code);
	if (n->message_is_json) {
		json_put_raw(json, "message", STR("\""));
		buf_add_str(json, n->message);
		buf_add_char(json, '"');
	} else {
		json_put_str(json, "message", n->message);
	}
	json_put_bool(json, "final", n->final);
	if (n->retry_after_s >= 0)
		json_put_i64(json, "retryAfter", n->retry_after_s);
	if (n->room_id >= 0)
		json_put_i64(json, "roomId", n->room_id);
	if (n->client_message_id.data)
		json_put_raw(json, "clientMessageId", n->client_message_id);
	if (n->receipt.data)
		json_put_str(json, "receiptId", n->receipt);
	if (n->subscription.data)
		json_put_str(json, "subscriptionId", n->subscription);
	json_close(json, '}');
}

void
tell_refusal(struct session *session, const struct refusal_notice *notice)
{
	struct edge *edge = session->edge;

	edge->count.refusals++;
	print_refusal(fresh(&edge->json), notice);
	if (tell_queue(session, SUB_ERRORS, buf_str(&edge->json)))
		return;
	edge->count.refusals_untold++;
	LOG_INFO("session", "refusal not told", LOG_I("session", session->id),
		LOG_I("userId", session->user_id), LOG_S("code", notice->code),
		LOG_I("roomId", notice->room_id));
}
