/*
 * serve/peer.h - one end of a pipe or Unix socket on a libuv loop: JSON Lines
 * both ways, bounded both ways.
 *
 *	read -> in (a whole line a callback) -> on_line
 *	peer_send -> out -> written once at the end of the loop turn
 *
 * A line over max_line closes the peer ("line over N bytes"). The out queue
 * over max_out: peer_send() says so and takes the line all the same; who
 * sends decides (pause its source, or peer_close()). on_drain comes when out
 * has fallen below half of max_out after it was over. A peer is freed between
 * loop turns, never inside its own callback: peer_close() marks it, on_close
 * comes later, exactly once, and the peer is gone after it.
 */
#ifndef SERVE_PEER_H
#define SERVE_PEER_H

#include <bsd/sys/queue.h>
#include <uv.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

struct peer;

/* on_close's reason where a line had no room. */
#define PEER_NO_MEMORY "out of memory"

struct peer_ops {
	/* A whole line without its newline; borrowed for the call. Hello lines
	 * are handled inside, where the peer was made with them. */
	void (*on_line)(struct peer *peer, struct str line);
	/* The other side's hello has come (with hello), or NULL. */
	void (*on_ready)(struct peer *peer);
	/* The out queue has room again; may be NULL. */
	void (*on_drain)(struct peer *peer);
	/* Gone; reason is text for the log. The peer is freed after it. */
	void (*on_close)(struct peer *peer, const char *reason);
	/* The other side will send no more (EOF); may be NULL: then EOF closes. */
	void (*on_eof)(struct peer *peer);
};

struct peer_options {
	const struct peer_ops *ops;
	void *data;	      /* peer->data */
	const char *hello;    /* our program's name: say hello, and want one
			       * before the first line; NULL: lines only */
	size_t max_line;      /* bytes of a line */
	size_t max_out;	      /* bytes waiting to be written */
};

struct peer {
	void *data;
	const struct peer_ops *ops;
	uid_t uid; /* SO_PEERCRED, on sockets; (uid_t)-1 unknown */
	pid_t pid;
	size_t max_line, max_out;
	/* private */
	uv_loop_t *loop;
	uv_pipe_t in_pipe, out_pipe; /* out_pipe only for a pair of pipes */
	uv_stream_t *in_stream, *out_stream; /* NULL: no such direction */
	uv_prepare_t flush; /* runs while out waits for its turn's end */
	uv_timer_t again;   /* gives lines that wait in `in` */
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct buf in, out, writing;
	size_t scanned;
	bool hello_wanted, paused, in_eof, eof_told, over, ending, closing;
	bool in_callback;
	bool resume_again; /* whole lines wait in `in` */
	int open_handles;
	char reason[200];
	LIST_ENTRY(peer) link; /* the server's list */
	bool listed;
};

/* Takes fd (a connected socket, both ways). NULL with err: fd is closed. */
struct peer *peer_new(uv_loop_t *loop, int fd, const struct peer_options *opts,
	struct err *err) MUST_CHECK;
/* Takes two pipes: lines are read from in_fd and written to out_fd; either may
 * be -1. */
struct peer *peer_new_pair(uv_loop_t *loop, int in_fd, int out_fd,
	const struct peer_options *opts, struct err *err) MUST_CHECK;

/* Queues bytes (whole lines with their newlines). False: the queue is over
 * max_out now; it was taken all the same. Dropped silently on a closing peer. */
bool peer_send(struct peer *peer, struct str lines);
/* Bytes that wait to be written. */
size_t peer_out_bytes(const struct peer *peer);

/* Stops calling on_line (and reading) until peer_resume(); lines that were
 * read already stay in `in`. Idempotent. */
void peer_pause(struct peer *peer);
void peer_resume(struct peer *peer);

/* No more writing: closes the out side once all is written (a filter's
 * stdin). */
void peer_end(struct peer *peer);
/* Closes; reason is compulsory. What waits in out is dropped. Idempotent. */
void peer_close(struct peer *peer, const char *reason);

#endif
