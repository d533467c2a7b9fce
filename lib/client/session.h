/*
 * client/session.h - one user's chat session that outlives its connections: it
 * connects again, subscribes from the last seq it has seen, and sends again,
 * first and in their old order, the messages that had no RECEIPT.
 *
 *	DOWN --> DIALING --> OPENING --> UP --> LEAVING --> ENDED
 *	  ^         |           |        |                    ^
 *	  '---- retry after ----+--------'  what only a person can put right
 *
 * Promises
 * - on_message: each seq of a room once and in order. What is lower than the
 *   last one is dropped; a hole makes the room be subscribed again from there.
 * - A message that session_send() took is sent under one clientMessageId until
 *   it has its RECEIPT (on_receipt) or is refused (on_refused). An error with
 *   retryAfter is no refusal: it goes out again then.
 * - Unanswered messages are bounded by SESSION_WINDOW: session_full().
 * - With a history (client/history.h) all that happens is written there, what
 *   the promises hide too: repeats, holes, messages that go out again.
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include <netdb.h>
#include <uv.h>

#include "client/conn.h"
#include "client/history.h"
#include "client/url.h"
#include "flow/resend.h"
#include "proto/stomp.h"
#include "proto/stomp_in.h"

#define SESSION_ROOMS_MAX 64
#define SESSION_WINDOW 1000 /* messages without RECEIPT */
#define SESSION_EPOCH_MAX 64
#define SESSION_UUID_BYTES 37

struct session;

enum session_note {
	SESSION_ACK,	/* /user/queue/acks */
	SESSION_ERROR,	/* /user/queue/errors */
	SESSION_JOINED, /* a room is followed: {"roomId","status","head",..} */
};

struct session_ops {
	/* Appends a token; asked for at every connection. */
	int (*token)(struct session *session, struct buf *out, struct err *err);
	void (*on_message)(struct session *session, int64_t room_id,
		int64_t seq, struct str json);
	/* id: the clientMessageId; n: session_send()'s. */
	void (*on_receipt)(struct session *session, int64_t room_id,
		const char *id, int64_t n);
	/* Refused for good, by the edge or, after its RECEIPT, by the store. */
	void (*on_refused)(
		struct session *session, struct str code, struct str message);
	void (*on_note)(struct session *session, enum session_note note,
		struct str json);
	/* up: subscribed and sending; else lost, and why. */
	void (*on_state)(struct session *session, bool up, const char *why);
	/* The last call: left (exit 0), or what only a person can put right
	 * (EXIT_PERM). */
	void (*on_end)(struct session *session, int exit_code, const char *why);
};

struct session_room {
	int64_t id;
	int64_t last_seq; /* -1: none seen yet */
	int64_t from_seq; /* that was asked for last */
	bool joined;	  /* on this connection */
	bool refused;	  /* or ended: not asked for again */
	char epoch[SESSION_EPOCH_MAX];
};

enum session_state {
	SESSION_DOWN,
	SESSION_DIALING, /* resolving, connecting, WebSocket handshake */
	SESSION_OPENING, /* CONNECT is out */
	SESSION_UP,
	SESSION_LEAVING, /* DISCONNECT is out */
	SESSION_ENDED,
};

struct session {
	void *data;
	enum session_state state; /* read only, as all below */
	struct session_room rooms[SESSION_ROOMS_MAX];
	size_t room_count;
	size_t unacked; /* have a RECEIPT, but neither ack nor refusal */
	int64_t resent; /* counters */
	int64_t connects;
	int64_t dropped;
	/* private */
	const struct session_ops *ops;
	uv_loop_t *loop;
	struct conn_hub hub;
	struct conn conn;
	uv_timer_t timer;
	uv_getaddrinfo_t lookup;
	struct addrinfo *found, *next;
	struct url url;
	struct stomp_in in;
	struct stomp_frame frame;
	enum stomp_version version;
	struct stomp_beat beat;
	struct resend out;
	struct buf text; /* of a frame that is being made */
	int64_t heard_ms, began_ms, retry_ms, leave_ms;
	int64_t backoff_ms;
	bool renewable, finished, watch_rooms;
	struct err error; /* an ERROR frame's message */
	struct history_worker worker;
};

struct session_options {
	const char *url; /* lives as long as the session */
	const struct session_ops *ops;
	const int64_t *rooms;
	size_t room_count;
	int64_t from_seq; /* -1: live only */
	bool renewable;	  /* an expired token is no reason to end */
	/* A kick ends a room, an invitation begins it again. Costs a frame for
	 * each message of a room. */
	bool watch_rooms;
	struct history *history; /* NULL: none */
	const char *worker;	 /* its name there */
	int64_t user_id;
	void *data;
};

int session_start(struct session *session, uv_loop_t *loop,
	const struct session_options *opts, struct err *err) MUST_CHECK;

/* Takes a message for a room; id gets its clientMessageId. n: the caller's own
 * number of it. -1 when full or out of memory. */
int session_send(struct session *session, int64_t room_id, int64_t n,
	struct str content, char id[SESSION_UUID_BYTES]) MUST_CHECK;
bool session_full(const struct session *session);
/* Messages without a RECEIPT. */
size_t session_unanswered(const struct session *session);
/* Each room is followed or was refused, on this connection. */
bool session_settled(const struct session *session);

/* Ends the history: what has no RECEIPT is info. Once; leaving does so too. */
void session_conclude(struct session *session);
/* DISCONNECT, then on_end; at most two seconds. */
void session_leave(struct session *session);
/* After on_end and a last run of the loop. */
void session_release(struct session *session);

#endif
