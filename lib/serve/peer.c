/*
 * serve/peer.c - see peer.h.
 *
 * Handles: in_pipe, out_pipe (or one of them for a socket), flush. The peer is
 * freed when the last of them has closed, after on_close.
 */
#include "serve/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/hello.h"

#define READ_BYTES 65536
#define KEEP_BYTES 65536  /* storage that an idle buffer may keep */
#define LINES_A_TURN 2000 /* fairness: then others come first */

/* What arrives is read here first: one block for all peers of the thread. */
static char read_block[READ_BYTES];

static void
on_closed(uv_handle_t *handle)
{
	struct peer *peer = handle->data;

	if (--peer->open_handles)
		return;
	if (peer->ops->on_close)
		peer->ops->on_close(peer, peer->reason);
	buf_release(&peer->in);
	buf_release(&peer->out);
	buf_release(&peer->writing);
	free(peer);
}

static void
close_handle(uv_handle_t *handle)
{
	if (handle->type != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
		uv_close(handle, on_closed);
}

void
peer_close(struct peer *peer, const char *reason)
{
	if (peer->closing)
		return;
	peer->closing = true;
	snprintf(peer->reason, sizeof(peer->reason), "%s", reason);
	close_handle((uv_handle_t *)&peer->in_pipe);
	close_handle((uv_handle_t *)&peer->out_pipe);
	close_handle((uv_handle_t *)&peer->flush);
	close_handle((uv_handle_t *)&peer->again);
}

static void
close_uv(struct peer *peer, const char *what, int code)
{
	char reason[200];

	snprintf(reason, sizeof(reason), "cannot %s: %s", what,
		uv_strerror(code));
	peer_close(peer, reason);
}

/* ---- out ------------------------------------------------------------- */

size_t
peer_out_bytes(const struct peer *peer)
{
	return peer->out.len + peer->writing.len;
}

static void
drained(struct peer *peer)
{
	if (!peer->over || peer_out_bytes(peer) > peer->max_out / 2)
		return;
	peer->over = false;
	if (peer->ops->on_drain && !peer->closing)
		peer->ops->on_drain(peer);
}

static void flush_now(struct peer *peer);

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	struct peer *peer = req->data;

	if (peer->in_stream != peer->out_stream)
		close_handle((uv_handle_t *)peer->out_stream);
	peer->out_stream = NULL;
}

static void
shut_down(struct peer *peer)
{
	peer->shutdown.data = peer;
	if (uv_shutdown(&peer->shutdown, peer->out_stream, on_shutdown) < 0)
		peer_close(peer, "cannot end the out side");
}

static void
on_written(uv_write_t *req, int status)
{
	struct peer *peer = req->data;

	buf_shrink(&peer->writing, KEEP_BYTES);
	if (status < 0) {
		close_uv(peer, "write", status);
		return;
	}
	flush_now(peer);
	if (peer->ending && !peer->closing && !peer->writing.len &&
		!peer->out.len)
		shut_down(peer);
	drained(peer);
}

/* Writes what it can at once; the rest goes to libuv as one request, and what
 * is sent meanwhile gathers in out. */
static void
flush_now(struct peer *peer)
{
	uv_buf_t part;
	int n;

	uv_prepare_stop(&peer->flush);
	if (peer->closing || peer->writing.len || !peer->out.len)
		return;
	part = uv_buf_init(peer->out.data, (unsigned)peer->out.len);
	n = uv_try_write(peer->out_stream, &part, 1);
	if (n < 0 && n != UV_EAGAIN) {
		close_uv(peer, "write", n);
		return;
	}
	if (n == (int)peer->out.len) {
		buf_shrink(&peer->out, KEEP_BYTES);
		return;
	}
	if (n > 0)
		buf_consume(&peer->out, (size_t)n);
	peer->writing = peer->out;
	peer->out = (struct buf){0};
	part = uv_buf_init(peer->writing.data, (unsigned)peer->writing.len);
	peer->write.data = peer;
	n = uv_write(&peer->write, peer->out_stream, &part, 1, on_written);
	if (n < 0)
		close_uv(peer, "write", n);
}

static void
on_flush(uv_prepare_t *handle)
{
	struct peer *peer = handle->data;

	flush_now(peer);
	drained(peer);
}

bool
peer_send(struct peer *peer, struct str lines)
{
	if (peer->closing || peer->ending || !peer->out_stream)
		return true;
	buf_add_str(&peer->out, lines);
	if (buf_bad(&peer->out)) {
		peer_close(peer, PEER_NO_MEMORY);
		return false;
	}
	if (!peer->writing.len)
		uv_prepare_start(&peer->flush, on_flush);
	if (peer_out_bytes(peer) > peer->max_out)
		peer->over = true;
	return !peer->over;
}

void
peer_end(struct peer *peer)
{
	if (peer->closing || !peer->out_stream || peer->ending)
		return;
	peer->ending = true;
	flush_now(peer);
	if (!peer->closing && !peer->writing.len && !peer->out.len)
		shut_down(peer);
}

/* ---- in -------------------------------------------------------------- */

static void
take_hello(struct peer *peer, struct str line)
{
	struct hello hello;
	struct err err;

	if (hello_parse(&hello, line, &err) < 0) {
		peer_close(peer, err.text);
		return;
	}
	peer->hello_wanted = false;
	if (peer->ops->on_ready)
		peer->ops->on_ready(peer);
}

static void
take_line(struct peer *peer, struct str line)
{
	if (peer->hello_wanted)
		take_hello(peer, line);
	else
		peer->ops->on_line(peer, line);
}

/* Gives whole lines out of data, as long as it is allowed to; returns how many
 * bytes are done with. resume_again: it stopped before the last newline. */
static size_t
give_lines(struct peer *peer, const char *data, size_t len, size_t scanned)
{
	size_t done = 0, lines = 0;
	const char *end;

	for (peer->resume_again = false; !peer->closing;) {
		size_t from = done > scanned ? done : scanned;

		end = len > from ? memchr(data + from, '\n', len - from) : NULL;
		if (!end)
			break;
		if (peer->paused || lines++ == LINES_A_TURN) {
			peer->resume_again = true;
			break;
		}
		if ((size_t)(end - data) - done > peer->max_line) {
			peer_close(peer, "line over the limit");
			break;
		}
		take_line(peer,
			(struct str){data + done, (size_t)(end - data) - done});
		done = (size_t)(end - data) + 1;
	}
	return done;
}

static void
finish_eof(struct peer *peer)
{
	if (peer->closing || peer->eof_told)
		return;
	peer->eof_told = true;
	if (peer->in.len) {
		peer_close(peer, "the last line has no end");
		return;
	}
	if (peer->ops->on_eof)
		peer->ops->on_eof(peer);
	else
		peer_close(peer, "closed by the other side");
}

/* Only this function calls on_line. data is what has just been read; a part of
 * a line gathers in `in`. */
static void
work(struct peer *peer, const char *data, size_t len)
{
	size_t done;

	peer->in_callback = true;
	if (!peer->in.len) {
		done = give_lines(peer, data, len, 0);
		if (!peer->closing && done < len)
			buf_add(&peer->in, data + done, len - done);
	} else {
		buf_add(&peer->in, data, len);
		done = give_lines(
			peer, peer->in.data, peer->in.len, peer->scanned);
		if (!peer->closing)
			buf_consume(&peer->in, done);
	}
	peer->in_callback = false;
	if (peer->closing)
		return;
	if (buf_bad(&peer->in)) {
		peer_close(peer, PEER_NO_MEMORY);
		return;
	}
	peer->scanned = peer->resume_again ? 0 : peer->in.len;
	if (!peer->resume_again && peer->in.len > peer->max_line)
		peer_close(peer, "line over the limit");
	if (!peer->in.len)
		buf_shrink(&peer->in, KEEP_BYTES);
	if (peer->in_eof && !peer->resume_again && !peer->paused)
		finish_eof(peer);
}

static void
on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *out)
{
	*out = uv_buf_init(read_block, sizeof(read_block));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *from)
{
	struct peer *peer = stream->data;

	if (peer->closing || n == 0)
		return;
	if (n == UV_EOF) {
		peer->in_eof = true;
		uv_read_stop(stream);
		work(peer, NULL, 0);
	} else if (n < 0) {
		close_uv(peer, "read", (int)n);
	} else {
		work(peer, from->base, (size_t)n);
	}
	if (!peer->closing && peer->resume_again && !peer->paused)
		peer_resume(peer);
}

void
peer_pause(struct peer *peer)
{
	if (peer->paused || peer->closing || !peer->in_stream)
		return;
	peer->paused = true;
	uv_read_stop(peer->in_stream);
}

/* Lines that wait in `in` are given from the loop, not from here: the caller
 * may stand inside a callback of this very peer. */
static void
on_again(uv_timer_t *timer)
{
	struct peer *peer = timer->data;

	if (peer->closing || peer->paused)
		return;
	work(peer, NULL, 0);
	if (!peer->closing && !peer->paused && peer->resume_again)
		peer_resume(peer);
}

void
peer_resume(struct peer *peer)
{
	if (peer->closing || !peer->in_stream)
		return;
	peer->paused = false;
	if (!peer->in_eof)
		uv_read_start(peer->in_stream, on_alloc, on_read);
	if (peer->resume_again || (peer->in_eof && !peer->in_callback))
		uv_timer_start(&peer->again, on_again, 0, 0);
}

/* ---- life ------------------------------------------------------------ */

static struct peer *
make(uv_loop_t *loop, const struct peer_options *opts)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->loop = loop;
	peer->ops = opts->ops;
	peer->data = opts->data;
	peer->max_line = opts->max_line;
	peer->max_out = opts->max_out;
	peer->hello_wanted = opts->hello != NULL;
	peer->uid = (uid_t)-1;
	uv_prepare_init(loop, &peer->flush);
	uv_timer_init(loop, &peer->again);
	peer->flush.data = peer->again.data = peer;
	peer->open_handles = 2;
	return peer;
}

static int
open_pipe(struct peer *peer, uv_pipe_t *pipe, int fd, struct err *err)
{
	int rc;

	uv_pipe_init(peer->loop, pipe, 0);
	pipe->data = peer;
	peer->open_handles++;
	rc = uv_pipe_open(pipe, fd);
	if (rc == 0)
		return 0;
	close(fd);
	return err_set(
		err, "cannot take descriptor %d: %s", fd, uv_strerror(rc));
}

static void
begin(struct peer *peer, const struct peer_options *opts)
{
	struct buf hello = {0};

	if (opts->hello) {
		hello_print(&hello, opts->hello, (int64_t)peer->max_line);
		if (buf_bad(&hello))
			peer_close(peer, PEER_NO_MEMORY);
		peer_send(peer, buf_str(&hello));
		buf_release(&hello);
	}
	if (peer->in_stream && !peer->closing)
		uv_read_start(peer->in_stream, on_alloc, on_read);
}

/* A peer that never came to be: closed without a word to its owner. */
static void
discard(struct peer *peer)
{
	static const struct peer_ops silent;

	peer->ops = &silent;
	peer_close(peer, "not opened");
}

struct peer *
peer_new(uv_loop_t *loop, int fd, const struct peer_options *opts,
	struct err *err)
{
	struct peer *peer = make(loop, opts);
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!peer) {
		close(fd);
		err_set(err, "out of memory");
		return NULL;
	}
	if (open_pipe(peer, &peer->in_pipe, fd, err) < 0) {
		discard(peer);
		return NULL;
	}
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		peer->uid = cred.uid;
		peer->pid = cred.pid;
	}
	peer->in_stream = peer->out_stream = (uv_stream_t *)&peer->in_pipe;
	begin(peer, opts);
	return peer;
}

struct peer *
peer_new_pair(uv_loop_t *loop, int in_fd, int out_fd,
	const struct peer_options *opts, struct err *err)
{
	struct peer *peer = make(loop, opts);
	int rc = 0;

	if (!peer) {
		err_set(err, "out of memory");
		if (in_fd >= 0)
			close(in_fd);
		if (out_fd >= 0)
			close(out_fd);
		return NULL;
	}
	if (in_fd >= 0)
		rc = open_pipe(peer, &peer->in_pipe, in_fd, err);
	if (rc == 0 && out_fd >= 0)
		rc = open_pipe(peer, &peer->out_pipe, out_fd, err);
	else if (out_fd >= 0)
		close(out_fd);
	if (rc < 0) {
		discard(peer);
		return NULL;
	}
	if (in_fd >= 0)
		peer->in_stream = (uv_stream_t *)&peer->in_pipe;
	if (out_fd >= 0)
		peer->out_stream = (uv_stream_t *)&peer->out_pipe;
	begin(peer, opts);
	return peer;
}
