/* client/conn.c - see conn.h. */
#include "client/conn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "base/clock.h"

#define SCRATCH_BYTES 65536

static void on_prepare(uv_prepare_t *handle);

int
conn_hub_init(struct conn_hub *hub, uv_loop_t *loop, struct err *err)
{
	memset(hub, 0, sizeof(*hub));
	hub->loop = loop;
	TAILQ_INIT(&hub->flush);
	hub->masks_used = sizeof(hub->masks);
	hub->scratch = malloc(SCRATCH_BYTES);
	if (!hub->scratch)
		return err_set(err, "out of memory");
	uv_prepare_init(loop, &hub->prepare);
	hub->prepare.data = hub;
	uv_prepare_start(&hub->prepare, on_prepare);
	uv_unref((uv_handle_t *)&hub->prepare);
	return 0;
}

void
conn_hub_close(struct conn_hub *hub)
{
	uv_close((uv_handle_t *)&hub->prepare, NULL);
	free(hub->scratch);
	hub->scratch = NULL;
}

/* Masks must not be foreseen (§10.3); a pool spares most calls. */
static const unsigned char *
mask(struct conn_hub *hub)
{
	if (hub->masks_used + WS_MASK_BYTES > sizeof(hub->masks)) {
		arc4random_buf(hub->masks, sizeof(hub->masks));
		hub->masks_used = 0;
	}
	hub->masks_used += WS_MASK_BYTES;
	return hub->masks + hub->masks_used - WS_MASK_BYTES;
}

static void
on_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;

	buf_shrink(&conn->in, 0);
	buf_shrink(&conn->message, 0);
	buf_shrink(&conn->out, 0);
	buf_shrink(&conn->going, 0);
	conn->state = CONN_IDLE;
	conn->ops->on_close(conn, conn->code, conn->status, conn->why.text);
}

/* The only way to an end: the socket goes, on_close comes from the loop. */
static void
die(struct conn *conn, const char *why)
{
	if (conn->state == CONN_DEAD || conn->state == CONN_IDLE)
		return;
	if (!conn->why.text[0])
		err_set(&conn->why, "%s", why);
	conn->state = CONN_DEAD;
	if (conn->flushing)
		TAILQ_REMOVE(&conn->hub->flush, conn, link);
	conn->flushing = false;
	uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

/* ---- out ---------------------------------------------------------------- */

static void
want_flush(struct conn *conn)
{
	if (buf_bad(&conn->out)) {
		die(conn, "out of memory");
		return;
	}
	if (conn->flushing || conn->writing)
		return;
	conn->flushing = true;
	TAILQ_INSERT_TAIL(&conn->hub->flush, conn, link);
}

static void
on_written(uv_write_t *req, int status)
{
	struct conn *conn = req->data;

	conn->writing = false;
	buf_shrink(&conn->going, SCRATCH_BYTES);
	if (conn->state == CONN_DEAD)
		return;
	if (status < 0)
		die(conn, uv_strerror(status));
	else if (conn->out.len)
		want_flush(conn);
}

/* What the kernel takes at once goes at once; the rest waits in `going`. */
static void
flush(struct conn *conn)
{
	uv_buf_t b = uv_buf_init(conn->out.data, (unsigned)conn->out.len);
	struct buf spare = conn->going;
	int n;

	n = uv_try_write((uv_stream_t *)&conn->tcp, &b, 1);
	if (n == UV_EAGAIN)
		n = 0;
	if (n < 0) {
		die(conn, uv_strerror(n));
		return;
	}
	if ((size_t)n == conn->out.len) {
		buf_shrink(&conn->out, 4096);
		return;
	}
	conn->going = conn->out;
	conn->out = spare;
	b = uv_buf_init(
		conn->going.data + n, (unsigned)(conn->going.len - (size_t)n));
	conn->writing = true;
	conn->write.data = conn;
	n = uv_write(
		&conn->write, (uv_stream_t *)&conn->tcp, &b, 1, on_written);
	if (n < 0) {
		conn->writing = false;
		die(conn, uv_strerror(n));
	}
}

static void
on_prepare(uv_prepare_t *handle)
{
	struct conn_hub *hub = handle->data;
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&hub->flush))) {
		TAILQ_REMOVE(&hub->flush, conn, link);
		conn->flushing = false;
		flush(conn);
	}
}

static void
put(struct conn *conn, enum ws_opcode op, struct str payload)
{
	ws_put(&conn->out, op, mask(conn->hub), payload);
	conn->written_ms = clock_mono_ms();
	want_flush(conn);
}

void
conn_send(struct conn *conn, struct str text)
{
	if (conn->state == CONN_OPEN)
		put(conn, WS_TEXT, text);
}

size_t
conn_backlog(const struct conn *conn)
{
	return conn->out.len + conn->going.len;
}

void
conn_close(struct conn *conn, unsigned code, const char *reason)
{
	struct buf payload = {0};

	if (conn->state != CONN_OPEN) {
		conn_abort(conn, reason);
		return;
	}
	ws_put_close(&payload, code, str_c(reason));
	put(conn, WS_CLOSE, buf_str(&payload));
	buf_release(&payload);
	if (conn->state == CONN_OPEN)
		conn->state = CONN_CLOSING;
}

void
conn_abort(struct conn *conn, const char *why)
{
	die(conn, why);
}

/* ---- in ----------------------------------------------------------------- */

/* The server's close: remembered, answered where it was first (§5.5.1). */
static void
take_close(struct conn *conn, struct str payload)
{
	const unsigned char *b = (const unsigned char *)payload.data;
	struct str reason = {NULL, 0};

	if (payload.len >= 2) {
		conn->code = (unsigned)b[0] << 8 | b[1];
		reason = (struct str){payload.data + 2, payload.len - 2};
	}
	if (conn->state == CONN_OPEN)
		put(conn, WS_CLOSE,
			(struct str){payload.data, payload.len >= 2 ? 2 : 0});
	if (conn->state == CONN_DEAD)
		return;
	if (conn->flushing) {
		TAILQ_REMOVE(&conn->hub->flush, conn, link);
		conn->flushing = false;
		flush(conn);
	}
	err_set(&conn->why, "closed by the server with %u%s%.*s", conn->code,
		reason.len ? ": " : "", STR_ARG(reason));
	die(conn, "");
}

/* A piece of a message; the last one, or a whole one, is handed on. */
static void
take_data(struct conn *conn, const struct ws_frame *frame)
{
	struct str payload = frame->payload;

	if (conn->fragmented != (frame->op == WS_CONTINUATION)) {
		die(conn, "fragments of two messages in one another");
		return;
	}
	if (frame->fin && !conn->fragmented) {
		conn->ops->on_message(
			conn, (char *)(uintptr_t)payload.data, payload.len);
		return;
	}
	buf_add_str(&conn->message, payload);
	conn->fragmented = !frame->fin;
	if (buf_bad(&conn->message) || conn->message.len > conn->max_bytes) {
		die(conn, "a message from the server is too long");
		return;
	}
	if (!frame->fin)
		return;
	conn->ops->on_message(conn, conn->message.data, conn->message.len);
	buf_shrink(&conn->message, 0);
}

static void
take_frame(struct conn *conn, const struct ws_frame *frame)
{
	switch (frame->op) {
	case WS_PING:
		if (conn->state == CONN_OPEN)
			put(conn, WS_PONG, frame->payload);
		break;
	case WS_PONG:
		break;
	case WS_CLOSE:
		take_close(conn, frame->payload);
		break;
	default:
		take_data(conn, frame);
	}
}

/* The bytes of the handshake's answer at the front of in, or 0. */
static size_t
take_answer(struct conn *conn, struct str in)
{
	ssize_t n = ws_parse_answer(in, conn->nonce, &conn->status, &conn->why);

	if (n < 0)
		die(conn, "");
	if (n <= 0)
		return 0;
	conn->status = 0;
	conn->state = CONN_OPEN;
	conn->ops->on_open(conn);
	return (size_t)n;
}

/* Looks at all that is whole; returns how much that was. */
static size_t
take(struct conn *conn, struct str in)
{
	struct ws_frame frame;
	struct str rest = in;
	ssize_t n;

	while (conn->state != CONN_DEAD) {
		if (conn->state == CONN_HANDSHAKE) {
			n = (ssize_t)take_answer(conn, rest);
		} else {
			n = ws_parse(rest, conn->max_bytes, &frame, &conn->why);
			if (n < 0)
				die(conn, "");
			else if (n)
				take_frame(conn, &frame);
		}
		if (n <= 0)
			break;
		rest.data += n;
		rest.len -= (size_t)n;
	}
	return in.len - rest.len;
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *b)
{
	struct conn *conn = handle->data;

	*b = uv_buf_init(conn->hub->scratch, SCRATCH_BYTES);
}

static void
take_bytes(struct conn *conn, struct str bytes)
{
	size_t used;

	if (!conn->in.len) {
		used = take(conn, bytes);
		bytes.data += used;
		bytes.len -= used;
		if (bytes.len && conn->state != CONN_DEAD)
			buf_add_str(&conn->in, bytes);
	} else {
		buf_add_str(&conn->in, bytes);
		used = take(conn, buf_str(&conn->in));
		buf_consume(&conn->in, used);
		if (!conn->in.len)
			buf_shrink(&conn->in, 0);
	}
	if (buf_bad(&conn->in))
		die(conn, "out of memory");
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct conn *conn = stream->data;

	if (!n || conn->state == CONN_DEAD)
		return;
	if (n < 0) {
		die(conn, n == UV_EOF ? "the server hung up"
				      : uv_strerror((int)n));
		return;
	}
	conn->hub->read_us = clock_mono_us();
	take_bytes(conn, (struct str){b->base, (size_t)n});
}

/* ---- opening ------------------------------------------------------------ */

static void
on_connect(uv_connect_t *req, int status)
{
	struct conn *conn = req->data;

	if (conn->state == CONN_DEAD)
		return;
	if (status < 0) {
		err_set(&conn->why, "cannot connect: %s", uv_strerror(status));
		die(conn, "");
		return;
	}
	uv_tcp_nodelay(&conn->tcp, 1);
	conn->state = CONN_HANDSHAKE;
	status = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
	if (status < 0) {
		die(conn, uv_strerror(status));
		return;
	}
	want_flush(conn);
}

/* A source address without a port: the kernel then chooses the port when it
 * knows the destination too, so that all of them serve for each address. */
static int
bind_from(struct conn *conn, const struct sockaddr *from, struct err *err)
{
	size_t len = from->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						: sizeof(struct sockaddr_in6);
	int fd = socket(
		from->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return err_sys(err, "cannot make a socket");
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, from, (socklen_t)len) < 0) {
		err_sys(err, "cannot bind to the source address");
		close(fd);
		return -1;
	}
	if (uv_tcp_open(&conn->tcp, fd) < 0) {
		close(fd);
		return err_set(err, "cannot watch a socket");
	}
	return 0;
}

static void
reset(struct conn *conn, struct conn_hub *hub, const struct conn_ops *ops,
	const struct conn_options *opts)
{
	struct ws_request request = {.authority = opts->authority,
		.target = opts->target,
		.protocols = opts->protocols,
		.headers = opts->headers};

	conn->hub = hub;
	conn->ops = ops;
	conn->code = 0;
	conn->status = 0;
	conn->fragmented = conn->writing = conn->flushing = false;
	conn->max_bytes = opts->max_bytes;
	err_clear(&conn->why);
	arc4random_buf(conn->nonce, sizeof(conn->nonce));
	memcpy(request.nonce, conn->nonce, sizeof(conn->nonce));
	ws_put_request(&conn->out, &request);
}

void
conn_open(struct conn *conn, struct conn_hub *hub, const struct conn_ops *ops,
	const struct conn_options *opts)
{
	int rc;

	reset(conn, hub, ops, opts);
	conn->state = CONN_CONNECTING;
	uv_tcp_init(hub->loop, &conn->tcp);
	conn->tcp.data = conn;
	conn->connect.data = conn;
	if (opts->from && bind_from(conn, opts->from, &conn->why) < 0) {
		die(conn, "");
		return;
	}
	rc = uv_tcp_connect(&conn->connect, &conn->tcp, opts->to, on_connect);
	if (rc < 0)
		die(conn, uv_strerror(rc));
}

void
conn_release(struct conn *conn)
{
	buf_release(&conn->in);
	buf_release(&conn->message);
	buf_release(&conn->out);
	buf_release(&conn->going);
}
