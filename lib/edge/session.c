/*
 * edge/session.c - see session.h. SEND is send.c's, SUBSCRIBE sub.c's.
 */
#include "edge/session.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/produce.h"
#include "edge/send.h"
#include "edge/sub.h"
#include "edge/tell.h"
#include "json/json.h"

#define LEAVE_WAIT_MS 5000 /* for the client to close after DISCONNECT */
#define IDLE_MIN_MS 5000
#define RECEIPT_MAX 1024 /* bytes: it is kept until the answer */

struct session *
session_new(struct conn *conn)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->conn = conn;
	session->edge = conn->edge;
	session->id = conn->edge->next_session++;
	session->versions = STOMP_ANY_VERSION;
	session->version = STOMP_V12;
	LIST_INIT(&session->subs);
	TAILQ_INIT(&session->held);
	TAILQ_INIT(&session->gated);
	stomp_in_init(
		&session->in, STOMP_FROM_CLIENT, &conn->edge->connect_limits);
	return session;
}

static void
log_closed(const struct session *session)
{
	const struct conn *conn = session->conn;

	LOG_INFO("session", "session closed", LOG_I("session", session->id),
		LOG_I("userId", session->user_id),
		LOG_S("reason", conn->why ? conn->why : ""),
		LOG_I("code", conn->close_code));
}

void
session_free(struct session *session)
{
	struct edge *edge = session->edge;

	/* What was accepted goes on its way, though nobody waits for it. */
	send_release_all(session);
	produce_orphan(session);
	subs_free(session);
	if (session->user) {
		LIST_REMOVE(session, link);
		edge->count.sessions--;
		edge->count.closed++;
		log_closed(session);
	}
	stomp_in_release(&session->in);
	free(session->leaving_receipt);
	session->conn->session = NULL;
	free(session);
}

/* ---- refusing ----------------------------------------------------------- */

void
session_fail(struct session *session, const char *code, const char *text,
	struct str receipt, enum close_code close)
{
	int64_t retry = close_band((uint16_t)close) == CLOSE_BAND_STAY ? -1 : 5;

	if (session->conn->state != CONN_OPEN)
		return;
	tell_error(session, code, text, receipt);
	/* text may be gone by the time that the close is logged */
	conn_close(session->conn, close, code, retry);
}

/* ---- DISCONNECT: its RECEIPT comes after the answers to all SENDs ------- */

static void
leave(struct session *session)
{
	struct conn *conn = session->conn;

	if (!session->leaving_receipt) {
		conn_close(conn, CLOSE_NORMAL, "disconnected", -1);
		return;
	}
	tell_receipt(session, str_c(session->leaving_receipt));
	conn->deadline_ms =
		(int64_t)uv_now(session->edge->loop) + LEAVE_WAIT_MS;
	conn_arm(conn);
}

static void
disconnect(struct session *session, const struct stomp_frame *frame)
{
	struct str receipt = stomp_frame_get(frame, "receipt");

	session->state = SESSION_LEAVING;
	if (receipt.data) {
		session->leaving_receipt = str_dup(receipt);
		if (!session->leaving_receipt) {
			conn_kill(session->conn, "out of memory");
			return;
		}
	}
	if (!session->unanswered)
		leave(session);
}

void
session_answered(struct session *session)
{
	session->unanswered--;
	if (session->state == SESSION_LEAVING && !session->unanswered)
		leave(session);
}

/* What it sends from now on gets no word, and is sent again elsewhere. */
bool
session_stop(struct session *session)
{
	if (session->state != SESSION_LIVE)
		return false;
	session->state = SESSION_STOPPED;
	return true;
}

/* ---- frames ------------------------------------------------------------- */

static void
not_connected(struct session *session, const struct stomp_frame *frame)
{
	if (frame->command == STOMP_CONNECT || frame->command == STOMP_STOMP)
		session_connect(session, frame);
	else
		session_fail(session, "NOT_CONNECTED", "CONNECT comes first",
			stomp_frame_get(frame, "receipt"), CLOSE_PROTOCOL);
}

static void
live(struct session *session, const struct stomp_frame *frame)
{
	struct str receipt = stomp_frame_get(frame, "receipt");

	switch (frame->command) {
	case STOMP_SEND:
		send_frame(session, frame);
		break;
	case STOMP_SUBSCRIBE:
		sub_subscribe(session, frame);
		break;
	case STOMP_UNSUBSCRIBE:
		sub_unsubscribe(session, frame);
		break;
	case STOMP_DISCONNECT:
		disconnect(session, frame);
		break;
	case STOMP_ACK:
	case STOMP_NACK:
		tell_receipt(session, receipt);
		break;
	case STOMP_CONNECT:
	case STOMP_STOMP:
		session_fail(session, "ALREADY_CONNECTED",
			"a session has one CONNECT", receipt, CLOSE_PROTOCOL);
		break;
	default: /* BEGIN, COMMIT, ABORT; stomp_in refuses a server's frames */
		session_fail(session, "TRANSACTIONS_NOT_SUPPORTED",
			"there are no transactions", receipt, CLOSE_PROTOCOL);
	}
}

static void
handle(struct session *session, const struct stomp_frame *frame)
{
	struct str receipt = stomp_frame_get(frame, "receipt");

	session->edge->count.frames_in++;
	if (receipt.len > RECEIPT_MAX) {
		session_fail(session, "BAD_FRAME",
			"the receipt header is over its limit",
			(struct str){NULL, 0}, CLOSE_PROTOCOL);
		return;
	}
	if (session->state == SESSION_WAITING)
		not_connected(session, frame);
	else if (session->state == SESSION_LIVE)
		live(session, frame);
}

static void
bad_input(struct session *session, enum stomp_in_result result,
	const struct err *err)
{
	struct str none = {NULL, 0};

	if (result == STOMP_IN_TOO_BIG)
		session_fail(session, "FRAME_TOO_LARGE", err->text, none,
			CLOSE_TOO_BIG);
	else if (result == STOMP_IN_HEADERS)
		session_fail(session, "TOO_MANY_HEADERS", err->text, none,
			CLOSE_PROTOCOL);
	else if (result == STOMP_IN_NO_MEMORY)
		conn_kill(session->conn, "out of memory");
	else
		session_fail(
			session, "BAD_FRAME", err->text, none, CLOSE_PROTOCOL);
}

/* Frames until there are no more, or it must pause, or is over. */
static void
run(struct session *session)
{
	struct conn *conn = session->conn;
	struct stomp_frame frame;
	enum stomp_in_result result = STOMP_IN_FRAME;
	struct err err;

	while (conn->state == CONN_OPEN && !conn->paused && !conn->doomed) {
		result = stomp_in_next(&session->in, &frame, &err);
		if (result != STOMP_IN_FRAME)
			break;
		handle(session, &frame);
	}
	if (result < 0)
		bad_input(session, result, &err);
	else if (result == STOMP_IN_FRAME && conn->paused &&
		 !stomp_in_keep(&session->in))
		conn_kill(conn, "out of memory");
}

void
session_feed(struct session *session, void *data, size_t len)
{
	stomp_in_feed(&session->in, data, len);
	if (!session->conn->paused)
		run(session);
	else if (!stomp_in_keep(&session->in))
		conn_kill(session->conn, "out of memory");
}

void
session_resume(struct session *session)
{
	stomp_in_feed(&session->in, NULL, 0);
	run(session);
}

/* ---- time --------------------------------------------------------------- */

/* When silence is too long. Without heart-beats of the client's our own traffic
 * counts too: who only listens is not idle while he is told something. */
static int64_t
idle_due(const struct session *session)
{
	const struct conn *conn = session->conn;
	int64_t wait = session->beat.expect_ms * 12 / 5;

	if (conn->paused)
		return CLOCK_NEVER;
	if (session->beat.expect_ms)
		return conn->rx_ms + (wait < IDLE_MIN_MS ? IDLE_MIN_MS : wait);
	return (conn->rx_ms > conn->tx_ms ? conn->rx_ms : conn->tx_ms) +
	       session->edge->conf.idle_ms;
}

static int64_t
beat_due(const struct session *session)
{
	int64_t every = session->beat.send_ms, early = every / 4;

	if (!every || session->state == SESSION_WAITING)
		return CLOCK_NEVER;
	/* The wheel may be late by two of its ticks. */
	return session->conn->tx_ms + every - (early < 3000 ? early : 3000);
}

static int64_t
expiry_due(const struct session *session)
{
	int64_t left;

	if (session->state == SESSION_WAITING)
		return CLOCK_NEVER;
	left = session->expires_ms - clock_wall_ms();
	/* The wall clock may be set: look again at least every minute. */
	return (int64_t)uv_now(session->edge->loop) +
	       (left < 60000 ? left : 60000);
}

int64_t
session_due(const struct session *session)
{
	int64_t idle = CLOCK_NEVER, beat = beat_due(session),
		expiry = expiry_due(session);

	if (session->state != SESSION_WAITING)
		idle = idle_due(session);
	if (beat < idle)
		idle = beat;
	return expiry < idle ? expiry : idle;
}

static void
expire(struct session *session)
{
	struct buf *json = &session->edge->json;

	buf_reset(json);
	json_open(json, NULL, '{');
	json_put_c(json, "type", "SESSION_CLOSED");
	json_put_c(json, "reason", "TOKEN_EXPIRED");
	json_put_i64(json, "timestamp", clock_wall_ms());
	json_close(json, '}');
	tell_queue(session, SUB_SESSION, buf_str(json));
	conn_close(session->conn, CLOSE_EXPIRED, NULL, -1);
}

void
session_tick(struct session *session, int64_t now_ms)
{
	if (session->state == SESSION_WAITING)
		return;
	if (clock_wall_ms() >= session->expires_ms)
		expire(session);
	else if (now_ms >= idle_due(session))
		conn_close(session->conn, CLOSE_IDLE, NULL, 5);
	else if (now_ms >= beat_due(session)) {
		conn_text(session->conn, STR("\n"));
		/* Counted at once: a full queue must not fire it again. */
		session->conn->tx_ms = now_ms;
	}
}

void
session_deadline(struct session *session)
{
	if (session->state == SESSION_WAITING)
		session_fail(session, "CONNECT_TIMEOUT", "no CONNECT in time",
			(struct str){NULL, 0}, CLOSE_NO_CONNECT);
	else
		conn_close(session->conn, CLOSE_NORMAL, "disconnected", -1);
}
