/*
 * serve/dial.h - keeps a connection to a Unix socket: connects, says hello,
 * and connects again after 20 ms growing to 1 s when it is lost.
 */
#ifndef SERVE_DIAL_H
#define SERVE_DIAL_H

#include <uv.h>

#include "serve/peer.h"

struct dial {
	void *data;
	struct peer *peer; /* NULL while there is none that said hello */
	/* private */
	uv_loop_t *loop;
	uv_timer_t timer;
	struct peer *pending;
	const char *path;
	struct peer_options peer_opts;
	int64_t backoff_ms;
	bool stopped, complained;
	void (*on_line)(struct dial *dial, struct str line);
	void (*on_up)(struct dial *dial);
	void (*on_down)(struct dial *dial, const char *reason);
	void (*on_drain)(struct dial *dial);
};

struct dial_options {
	const char *path; /* borrowed */
	const char *hello;
	size_t max_line, max_out;
	void *data;
	void (*on_line)(struct dial *dial, struct str line);
	void (*on_up)(struct dial *dial);   /* hello has come */
	void (*on_down)(struct dial *dial, const char *reason);
	void (*on_drain)(struct dial *dial); /* may be NULL */
};

/* Borrows the dial until dial_stop() and the end of that loop turn. */
void dial_start(struct dial *dial, uv_loop_t *loop,
	const struct dial_options *opts);
/* False: not connected, or the queue is over its bound. */
bool dial_send(struct dial *dial, struct str lines);
void dial_stop(struct dial *dial);

#endif
