/*
 * api/api.h - chat-api's requests, from the line that asks to the line that
 * answers (chat-api(7)). Knows no sockets: lines come in by api_take(), leave
 * by the owner's answer(), and PostgreSQL is reached through pg/pool.h.
 *
 *	line -> parse -> route -> begin (checks, parameters) -> pool
 *	     -> finish (rows to JSON) -> answer
 *
 * One statement a request, so that what it answers is one snapshot. Bounded by
 * the pool's queue: beyond it 503. One thread.
 */
#ifndef API_API_H
#define API_API_H

#include <sys/queue.h>

#include "base/base.h"
#include "base/buf.h"
#include "json/json.h"
#include "pg/pool.h"
#include "wire/request.h"

#define API_LINE_MAX (256 << 10)  /* a request; bodies have 64 KiB */
#define API_PARAMS_MAX 2
#define API_ARRAYS_MAX 4

struct api;
struct api_call;
struct route;

struct api_options {
	/* The line, with its newline, goes to who asked. */
	void (*answer)(void *origin, struct str line);
};

struct api {
	struct api_options opts;
	struct pool pool; /* the owner starts, feeds and stops it */
	TAILQ_HEAD(, api_call) calls;
	struct buf out; /* the answer that is being made */
	int64_t requests, errors, unavailable, overloaded, dropped;
};

void api_init(struct api *api, const struct api_options *opts);
void api_release(struct api *api);

/* The statements that the pool prepares for us. */
const char *const *api_statements(size_t *count);

/* A line of origin (opaque; a connection). admin: it came by admin.sock. -1
 * with err: it is no request, and nothing can be answered. */
int api_take(struct api *api, void *origin, bool admin, struct str line,
	int64_t now_ms, struct err *err) MUST_CHECK;
/* origin is gone: its requests are dropped, answer() is not called with it
 * any more. */
void api_gone(struct api *api, void *origin);

#endif
