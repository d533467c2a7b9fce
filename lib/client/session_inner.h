/*
 * client/session_inner.h - what session.c and session_in.c share, and nobody
 * else includes.
 */
#ifndef CLIENT_SESSION_INNER_H
#define CLIENT_SESSION_INNER_H

#include "client/session.h"

#define SESSION_BEAT_MS 10000
#define SESSION_BACKOFF_MIN_MS 50

/* Of frames from a server: a message of 5,000 characters fits many times. */
extern const struct stomp_limits session_limits;

/* Bytes of one WebSocket message. */
void session_take(struct session *session, char *data, size_t len);
/* What was refused for a while and may go again. */
void session_send_due(struct session *session, int64_t now_ms);
/* Frees what hangs on unanswered messages. */
void session_forget(struct session *session);

#endif
