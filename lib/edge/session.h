/*
 * edge/session.h - the STOMP session of one WebSocket connection: who it is,
 * what it may do, its frames, its heart-beats.
 *
 *	WAITING --CONNECT--> LIVE --DISCONNECT--> LEAVING
 *			      '---the edge stops---> STOPPED
 *
 * Made at the handshake, where a token may already say who it is; taken apart
 * at the end of the loop turn in which its connection closed.
 */
#ifndef EDGE_SESSION_H
#define EDGE_SESSION_H

#include "base/base.h"
#include "edge/conn.h"
#include "proto/stomp_in.h"

struct sub;
struct room_sub;
struct held;
struct user;

enum session_state {
	SESSION_WAITING,
	SESSION_LIVE,
	SESSION_LEAVING,
	SESSION_STOPPED, /* frames are dropped: nothing more is accepted */
};

struct session {
	struct conn *conn;
	struct edge *edge;
	int64_t id;
	enum session_state state;
	enum stomp_version version;
	unsigned versions; /* allowed: a set */
	struct stomp_in in;
	struct stomp_beat beat;
	int64_t user_id;    /* 0: not known yet */
	int64_t expires_ms; /* wall, with the leeway */
	struct user *user;  /* once LIVE */
	LIST_HEAD(, sub) subs;
	size_t sub_count;
	TAILQ_HEAD(, held) held; /* SENDs that wait for a subscription */
	size_t unanswered;	 /* SENDs without their answer, held ones too */
	size_t reserved;	 /* bytes that answers in flight may bring */
	TAILQ_HEAD(, room_sub) gated; /* whose question waits for room */
	bool reap;		      /* a subscription is over */
	bool lost; /* a SEND, for want of memory: none behind it goes on */
	char *leaving_receipt;	      /* of DISCONNECT */
	LIST_ENTRY(session) link;     /* user->sessions */
};

/* conn->session. NULL: out of memory. */
struct session *session_new(struct conn *conn) MUST_CHECK;
/* Everything of it; conn->session is NULL then. */
void session_free(struct session *session);

/* A token: who it says. 0, or -1 with a code for clients and err; without
 * memory to tell, the connection is killed. A session that knows its user takes
 * only tokens of the same. */
int session_token(struct session *session, struct str token, const char **code,
	struct err *err) MUST_CHECK;

/* The CONNECT frame of a session that waits for it. */
void session_connect(struct session *session, const struct stomp_frame *frame);

/* Bytes came; and what was kept back while it was paused. */
void session_feed(struct session *session, void *data, size_t len);
void session_resume(struct session *session);

/* The answer to one more of its SENDs has come. */
void session_answered(struct session *session);

/* Takes no more frames, so that what is unanswered comes to an end. False: it
 * was stopped, or is leaving, before. */
bool session_stop(struct session *session);

/* When it wants session_tick() next; then it sends its heart-beat, or closes
 * for silence or an expired token. */
int64_t session_due(const struct session *session);
void session_tick(struct session *session, int64_t now_ms);
/* conn->deadline_ms has passed: no CONNECT, or no close after DISCONNECT. */
void session_deadline(struct session *session);

/* ERROR, then close. code is for clients ("UNAUTHORIZED") and constant, text
 * for people. */
void session_fail(struct session *session, const char *code, const char *text,
	struct str receipt, enum close_code close);

#endif
