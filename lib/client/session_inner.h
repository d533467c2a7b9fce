/*
 * client/session_inner.h - what session.c, session_in.c and session_out.c
 * share, and nobody else includes.
 */
#ifndef CLIENT_SESSION_INNER_H
#define CLIENT_SESSION_INNER_H

#include "client/session.h"

#define SESSION_BEAT_MS 10000
#define SESSION_BACKOFF_MIN_MS 50

/* Of frames from a server: a message of 5,000 characters fits many times. */
extern const struct stomp_limits session_limits;

/* What hangs on an unanswered message. */
struct sent {
	int64_t room_id;
	int64_t again_ms; /* refused until then; 0: not refused */
	int64_t n;
	uint32_t crc;
	char id[SESSION_UUID_BYTES];
};

/* Bytes of one WebSocket message. */
void session_take(struct session *session, char *data, size_t len);
/* After CONNECTED: queues, rooms, then what has no RECEIPT. */
void session_begin(struct session *session);
/* SUBSCRIBE, from the last seq that was seen. */
void session_follow(struct session *session, struct session_room *room);
/* A message is missing: UNSUBSCRIBE first. */
void session_follow_again(struct session *session, struct session_room *room);
/* What was refused for a while and may go again. */
void session_send_due(struct session *session, int64_t now_ms);
/* The connection is lost: what has no RECEIPT is unknown. */
void session_note_lost(struct session *session, const char *why);
/* Frees what hangs on unanswered messages. */
void session_forget(struct session *session);

#endif
