/*
 * serve/call.h - requests over a dial, each with one answer or none: ids are
 * given here, deadlines are watched, and a lost connection answers all that
 * are open with status 0 ("unknown: ask again").
 */
#ifndef SERVE_CALL_H
#define SERVE_CALL_H

#include <bsd/sys/queue.h>
#include <uv.h>

#include "serve/dial.h"
#include "wire/request.h"

struct call;

/* status 0: no answer (connection lost, or deadline); body is JSON_NONE then.
 * body is borrowed for the call. */
typedef void call_done(void *data, int status, struct json body);

struct calls {
	struct dial dial;
	void *data;
	struct json headers; /* of the answer, within done; else JSON_NONE */
	/* private */
	TAILQ_HEAD(, call) open;
	size_t count, max_open;
	int64_t next_id;
	uv_timer_t clock;
	void (*on_up)(struct calls *calls);
	void (*on_down)(struct calls *calls, const char *reason);
};

struct calls_options {
	const char *path;
	const char *hello;
	size_t max_open; /* requests without an answer */
	void *data;
	void (*on_up)(struct calls *calls);   /* may be NULL */
	void (*on_down)(struct calls *calls, const char *reason); /* may be NULL */
};

void calls_start(struct calls *calls, uv_loop_t *loop,
	const struct calls_options *opts);
void calls_stop(struct calls *calls);
bool calls_up(const struct calls *calls);

/* Sends request (its id is set here). NULL: not connected, or max_open are
 * open: nothing was sent. deadline_ms of the request is kept here too. */
struct call *calls_send(struct calls *calls, struct request *request,
	call_done *done, void *data) MUST_CHECK;
/* The asker is gone: done is never called. */
void calls_forget(struct calls *calls, struct call *call);

#endif
