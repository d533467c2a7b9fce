/*
 * edge/http.h - HTTP requests that are no WebSocket: health, metrics, and REST,
 * which is passed by prefix to chat-api with the token's user. Knows no route
 * of chat-api's.
 *
 * One request at a time a connection: while chat-api works on it the connection
 * is not read. Query strings, which may hold tokens, are never logged.
 */
#ifndef EDGE_HTTP_H
#define EDGE_HTTP_H

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"
#include "edge/conn.h"

#define HTTP_JSON "application/json"

/* conn->http, from the head to the end of the answer. */
struct http {
	const char *method;
	struct buf path, query, body;
	int64_t user_id;
	size_t body_left;  /* of the declared body */
	struct call *call; /* chat-api works on it */
	bool answered;	   /* the answer is queued */
	bool close;	   /* after it */
};

/* lws's callbacks: what they return is what lws wants to have. */
int http_request(struct conn *conn) MUST_CHECK;
int http_body(struct conn *conn, struct str piece) MUST_CHECK;
int http_body_end(struct conn *conn) MUST_CHECK;
int http_write(struct conn *conn) MUST_CHECK;

/* It sends its next request while it does not take the answer to the last. lws
 * would find it readable all the time and read nothing: such a connection is
 * killed, or it would cost a whole processor. */
bool http_pushes(struct conn *conn);

/* Whatever request conn was at. */
void http_free(struct conn *conn);

/* Queues the answer; http_write() ends the request when it has gone. extra:
 * whole header lines, or "". */
void http_answer(struct conn *conn, int status, const char *type,
	const char *extra, struct str body);
/* An error in the envelope of the REST answers. */
void http_fail(struct conn *conn, int status, const char *extra,
	const char *code, const char *message);

/* Writes a refusal at once, and means the connection to close: for
 * upgrades. */
void http_refuse(struct conn *conn, int status, const char *extra,
	const char *code, const char *message);

#endif
