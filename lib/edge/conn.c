/*
 * edge/conn.c - see conn.h.
 */
#include "edge/conn.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/gather.h"
#include "edge/http.h"
#include "edge/lws.h"
#include "edge/session.h"
#include "edge/sub.h"
#include "proto/ws_out.h"

#define CLOSE_WAIT_MS 5000 /* for the other side's close frame */

static int64_t
now_of(const struct conn *conn)
{
	return (int64_t)uv_now(conn->edge->loop);
}

/* ---- states ------------------------------------------------------------- */

/* The only place that changes a state. */
static void
conn_move(struct conn *conn, enum conn_state state)
{
	struct edge *edge = conn->edge;

	conn->state = state;
	switch (state) {
	case CONN_HTTP:
		conn->deadline_ms = now_of(conn) + edge->conf.handshake_ms;
		break;
	case CONN_OPEN:
		conn->deadline_ms = now_of(conn) + edge->conf.connect_ms;
		break;
	case CONN_CLOSING:
		conn->deadline_ms = now_of(conn) + CLOSE_WAIT_MS;
		conn_unpause(conn);
		break;
	case CONN_DEAD:
		conn_unpause(conn);
		gather_forget(edge, conn);
		wheel_cancel(&edge->wheel, &conn->timer);
		if (conn->listed)
			TAILQ_REMOVE(&edge->dirty, conn, queue);
		conn->listed = true;
		TAILQ_INSERT_TAIL(&edge->dead, conn, queue);
		return;
	}
	conn_arm(conn);
}

bool
conn_adopt(struct edge *edge, int fd, const struct address *address,
	struct address_count *counted)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn) {
		close(fd);
		return false;
	}
	conn->edge = edge;
	conn->address = *address;
	conn->rx_ms = conn->tx_ms = (int64_t)uv_now(edge->loop);
	conn->wsi = edge_lws_adopt(edge, fd, conn);
	if (!conn->wsi) {
		free(conn);
		return false;
	}
	conn->counted = counted;
	LIST_INSERT_HEAD(&edge->conns, conn, link);
	edge->count.connections = (int64_t)++edge->conn_count;
	conn_move(conn, CONN_HTTP);
	return true;
}

void
conn_opened(struct conn *conn)
{
	if (conn->state == CONN_HTTP)
		conn_move(conn, CONN_OPEN);
}

void
conn_left(struct conn *conn)
{
	if (conn->state != CONN_OPEN)
		return;
	conn->why = "closed by the other side";
	outq_release(&conn->outq);
	conn_move(conn, CONN_CLOSING);
	conn_touch(conn);
}

void
conn_gone(struct conn *conn)
{
	conn->wsi = NULL;
	if (!conn->why)
		conn->why = "closed by the other side";
	conn_move(conn, CONN_DEAD);
}

static void
conn_free(struct conn *conn)
{
	struct edge *edge = conn->edge;

	if (conn->session)
		session_free(conn->session);
	http_free(conn);
	outq_release(&conn->outq);
	if (conn->counted)
		address_give(&edge->addresses, conn->counted);
	LIST_REMOVE(conn, link);
	edge->count.connections = (int64_t)--edge->conn_count;
	free(conn);
}

/* ---- closing ------------------------------------------------------------ */

static void
count_close(struct edge *edge, enum close_code code)
{
	edge->count.closed_slow += code == CLOSE_SLOW;
	edge->count.closed_idle += code == CLOSE_IDLE;
	edge->count.closed_no_connect += code == CLOSE_NO_CONNECT;
	edge->count.closed_expired += code == CLOSE_EXPIRED;
	edge->count.closed_too_big += code == CLOSE_TOO_BIG;
	edge->count.closed_protocol +=
		code == CLOSE_PROTOCOL || code == CLOSE_UTF8;
}

void
conn_close(struct conn *conn, enum close_code code, const char *why,
	int64_t retry_after_s)
{
	char reason[CLOSE_REASON_MAX + 1];
	unsigned char frame[WS_HEADER_MAX + WS_CONTROL_MAX];
	size_t len, header;

	if (conn->state == CONN_CLOSING || conn->state == CONN_DEAD)
		return;
	if (conn->state == CONN_HTTP) {
		conn_kill(conn, why);
		return;
	}
	count_close(conn->edge, code);
	conn->why = why ? why : close_text(code);
	conn->close_code = (uint16_t)code;
	/* Who takes nothing gets nothing more: what waits is dropped, and lws
	 * holds whole frames only, so this one follows them in order. */
	if (code == CLOSE_SLOW)
		outq_release(&conn->outq);
	len = close_reason(reason, (uint16_t)code, conn->why, retry_after_s);
	header = ws_header(frame, WS_CLOSE, len + 2);
	frame[header] = (unsigned char)(code >> 8);
	frame[header + 1] = (unsigned char)code;
	if (outq_add(&conn->outq, SIZE_MAX,
		    (struct str){(const char *)frame, header + 2},
		    (struct str){reason, len}) != OUTQ_OK)
		conn->doomed = true;
	conn_move(conn, CONN_CLOSING);
	conn_touch(conn);
}

void
conn_kill(struct conn *conn, const char *why)
{
	if (conn->state == CONN_DEAD)
		return;
	if (!conn->why)
		conn->why = why;
	conn->doomed = true;
	conn_touch(conn);
}

void
conn_touch(struct conn *conn)
{
	if (conn->listed)
		return;
	conn->listed = true;
	TAILQ_INSERT_TAIL(&conn->edge->dirty, conn, queue);
}

/* ---- in ----------------------------------------------------------------- */

void
conn_receive(struct conn *conn, void *data, size_t len)
{
	size_t left = lws_remaining_packet_payload(conn->wsi);

	if (conn->state != CONN_OPEN || !conn->session)
		return;
	conn->rx_ms = now_of(conn);
	if (lws_is_first_fragment(conn->wsi))
		conn->message_bytes = 0;
	if (left > UINT32_MAX / 2 ||
		conn->message_bytes + len + left >
			(size_t)conn->edge->conf.message_bytes) {
		session_fail(conn->session, "MESSAGE_TOO_LARGE",
			"the WebSocket message is over its limit",
			(struct str){0}, CLOSE_TOO_BIG);
		return;
	}
	conn->message_bytes += (uint32_t)len;
	session_feed(conn->session, data, len);
}

void
conn_pause(struct conn *conn)
{
	if (conn->paused || conn->state != CONN_OPEN)
		return;
	conn->paused = true;
	conn->edge->count.paused++;
	TAILQ_INSERT_TAIL(&conn->edge->paused, conn, pause_queue);
	lws_rx_flow_control(conn->wsi, 0);
}

void
conn_unpause(struct conn *conn)
{
	if (!conn->paused)
		return;
	conn->paused = false;
	conn->edge->count.paused--;
	TAILQ_REMOVE(&conn->edge->paused, conn, pause_queue);
	conn->rx_ms = now_of(conn);
	if (conn->wsi)
		lws_rx_flow_control(conn->wsi, 1);
}

/* ---- deadlines ---------------------------------------------------------- */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
conn_due(const struct conn *conn)
{
	int64_t due = conn->deadline_ms;

	if (conn->stall_ms)
		due = earlier(due, conn->stall_ms + conn->edge->conf.take_ms);
	if (conn->session && conn->state == CONN_OPEN)
		due = earlier(due, session_due(conn->session));
	else if (conn->state == CONN_HTTP && conn->stall_ms)
		due = earlier(due, now_of(conn) + CONN_PUSH_MS);
	return due;
}

void
conn_arm(struct conn *conn)
{
	int64_t due = conn_due(conn);

	if (!conn->timer.set || due < conn->timer.due_ms)
		wheel_set(&conn->edge->wheel, &conn->timer, due);
}

void
conn_forgive(struct conn *conn, int64_t ms)
{
	conn->rx_ms += ms;
	if (conn->deadline_ms != CLOCK_NEVER)
		conn->deadline_ms += ms;
	if (conn->stall_ms)
		conn->stall_ms += ms;
}

static void
deadline_passed(struct conn *conn)
{
	conn->deadline_ms = CLOCK_NEVER;
	if (conn->state == CONN_OPEN && conn->session)
		session_deadline(conn->session);
	else
		conn_kill(conn, conn->state == CONN_HTTP ? "no request in time"
							 : "no close in time");
}

static void
conn_tick(struct conn *conn)
{
	int64_t now = now_of(conn);

	if (now >= conn->deadline_ms) {
		deadline_passed(conn);
	} else if (conn->stall_ms &&
		   now >= conn->stall_ms + conn->edge->conf.take_ms) {
		conn->stall_ms = 0;
		conn_close(conn, CLOSE_SLOW, NULL, 5);
	} else if (conn->session && conn->state == CONN_OPEN) {
		session_tick(conn->session, now);
	} else if (conn->state == CONN_HTTP && conn->stall_ms &&
		   http_pushes(conn)) {
		conn_kill(conn, "next request before the answer was taken");
	}
	if (conn->state != CONN_DEAD)
		conn_arm(conn);
}

void
conn_fire(struct wheel_timer *timer, void *edge)
{
	(void)edge;
	conn_tick(
		(struct conn *)((char *)timer - offsetof(struct conn, timer)));
}

/* ---- the end of a turn -------------------------------------------------- */

/* lws keeps a connection for as long as it holds bytes for it, unless writing
 * them fails: the socket is shut for that. It calls back into conn_gone(), from
 * here or when it has tried. */
static void
kill_wsi(struct conn *conn)
{
	if (lws_partial_buffered(conn->wsi))
		shutdown(lws_get_socket_fd(conn->wsi), SHUT_RDWR);
	lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void
settle(struct conn *conn)
{
	if (conn->session && conn->state == CONN_CLOSING)
		session_free(conn->session);
	else if (conn->session && conn->session->reap)
		subs_reap(conn->session);
	if (conn->doomed && conn->wsi) {
		kill_wsi(conn);
		return;
	}
	if (!gather_waits(conn->edge, conn))
		conn_write(conn);
}

void
conns_turn(struct edge *edge)
{
	struct conn *conn;
	size_t again = 0;

	/* Bounded: what settling makes dirty again is looked at once more in
	 * this turn, and then in the next. */
	while ((conn = TAILQ_FIRST(&edge->dirty)) &&
		again++ < 2 * edge->conn_count + 16) {
		TAILQ_REMOVE(&edge->dirty, conn, queue);
		conn->listed = false;
		settle(conn);
	}
	while ((conn = TAILQ_FIRST(&edge->dead))) {
		TAILQ_REMOVE(&edge->dead, conn, queue);
		conn_free(conn);
	}
}
