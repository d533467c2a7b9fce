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
#include "base/str.h"
#include "edge/conn.h"

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

/* Writes a refusal at once, in the envelope of the REST answers, and means the
 * connection to close: for upgrades. extra: whole header lines, or "". */
void http_refuse(struct conn *conn, int status, const char *extra,
	const char *code, const char *message);

#endif
