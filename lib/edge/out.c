/*
 * edge/out.c - what conn.h says of queueing and writing.
 */
#include <libwebsockets.h>

#include "edge/conn.h"
#include "edge/session.h"
#include "edge/sub.h"
#include "proto/ws_out.h"

static int64_t
now_of(const struct conn *conn)
{
	return (int64_t)uv_now(conn->edge->loop);
}

bool
conn_has_room(const struct conn *conn)
{
	size_t max = (size_t)conn->edge->conf.out_bytes;

	return outq_bytes(&conn->outq) < max / 2;
}

void
conn_queue(struct conn *conn, struct str first, struct str second)
{
	size_t max = (size_t)conn->edge->conf.out_bytes;
	int64_t due;

	if (conn->state == CONN_CLOSING || conn->state == CONN_DEAD)
		return;
	if (conn->state == CONN_HTTP)
		max = SIZE_MAX; /* one answer, bounded where it is made */
	switch (outq_add(&conn->outq, max, first, second)) {
	case OUTQ_OK:
		break;
	case OUTQ_FULL:
		conn_close(conn, CLOSE_SLOW, NULL, 5);
		return;
	case OUTQ_NO_MEMORY:
		conn_kill(conn, "out of memory");
		return;
	}
	if (!conn->stall_ms) {
		conn->stall_ms = now_of(conn);
		conn->stall_left = (uint32_t)outq_bytes(&conn->outq);
		due = conn->stall_ms +
		      (conn->state == CONN_HTTP ? CONN_PUSH_MS
						: conn->edge->conf.take_ms);
		if (!conn->timer.set || due < conn->timer.due_ms)
			wheel_set(&conn->edge->wheel, &conn->timer, due);
	}
	conn_touch(conn);
}

void
conn_text(struct conn *conn, struct str payload)
{
	unsigned char header[WS_HEADER_MAX];
	size_t len = ws_header(header, WS_TEXT, payload.len);

	conn_queue(conn, (struct str){(const char *)header, len}, payload);
}

/* n bytes have left for the kernel. What waited at stall_ms must have gone by
 * stall_ms + take_ms; when it has, what waits now gets as long. */
static void
progress(struct conn *conn, uint32_t n)
{
	uint32_t waiting = (uint32_t)outq_bytes(&conn->outq) + conn->in_lws;

	conn->tx_ms = now_of(conn);
	conn->stall_left -= n < conn->stall_left ? n : conn->stall_left;
	if (conn->stall_left)
		return;
	conn->stall_left = waiting;
	conn->stall_ms = waiting ? conn->tx_ms : 0;
}

/* Whoever waited for room in the queue may go on. */
static void
tell_room(struct conn *conn)
{
	if (!conn->trickle || !conn->session || conn->state != CONN_OPEN ||
		!conn_has_room(conn))
		return;
	conn->trickle = false;
	subs_drained(conn->session);
}

void
conn_write(struct conn *conn)
{
	struct edge *edge = conn->edge;
	struct str batch;

	if (!conn->wsi || conn->doomed)
		return;
	/* While lws holds the end of the last batch nothing may follow it. */
	if (lws_partial_buffered(conn->wsi)) {
		lws_callback_on_writable(conn->wsi);
		return;
	}
	if (conn->in_lws) {
		uint32_t n = conn->in_lws;

		conn->in_lws = 0;
		progress(conn, n);
	}
	batch = conn->state == CONN_HTTP
			? outq_bulk(&conn->outq, EDGE_WRITE_MAX)
			: outq_frames(&conn->outq, EDGE_WRITE_MAX);
	if (batch.len) {
		/* RAW writes nothing into the bytes; lws is not const. */
		if (lws_write(conn->wsi, (unsigned char *)(uintptr_t)batch.data,
			    batch.len, LWS_WRITE_RAW) < 0) {
			conn_kill(conn, "cannot write");
			return;
		}
		edge->count.writes++;
		edge->count.bytes_out += (int64_t)batch.len;
		outq_take(&conn->outq, batch.len);
		if (lws_partial_buffered(conn->wsi))
			conn->in_lws = (uint32_t)batch.len;
		else
			progress(conn, (uint32_t)batch.len);
	}
	/* An HTTP answer ends in lws's callback, so that is asked for, too. */
	if (outq_bytes(&conn->outq) || conn->in_lws ||
		(conn->state == CONN_HTTP && batch.len))
		lws_callback_on_writable(conn->wsi);
	tell_room(conn);
}
