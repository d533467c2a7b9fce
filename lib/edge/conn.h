/*
 * edge/conn.h - one TCP connection of a client, from accept to close: first
 * HTTP, then perhaps a WebSocket. Owns its queue, its deadlines and its state;
 * what the bytes mean is session's and http's.
 *
 *	CONN_HTTP --upgrade--> CONN_OPEN --close frame--> CONN_CLOSING
 *	    |                      |                           |
 *	    '----------------------+----- lws lets go ---------+--> CONN_DEAD
 *
 * conn_move() alone changes the state. A connection that is CLOSING takes
 * nothing more and reads nothing more; its session is taken apart at the end of
 * the turn. A DEAD one has no wsi and is freed at the end of the turn.
 */
#ifndef EDGE_CONN_H
#define EDGE_CONN_H

#include <bsd/sys/queue.h>

#include "base/base.h"
#include "edge/edge.h"
#include "edge/outq.h"
#include "proto/close.h"

struct lws;
struct session;
struct http;

/* How often an HTTP answer that is not taken is looked after (http_pushes()).
 */
#define CONN_PUSH_MS 200

enum conn_state { CONN_HTTP, CONN_OPEN, CONN_CLOSING, CONN_DEAD };

struct conn {
	struct edge *edge;
	struct lws *wsi;
	enum conn_state state;
	bool listed;  /* on edge->dirty */
	bool paused;  /* on edge->paused */
	bool doomed;  /* to be killed at the turn's end */
	bool trickle; /* has_room said no: somebody waits for the queue */
	uint16_t close_code;
	const char *why; /* of the close; constant text */
	struct outq outq;
	uint32_t in_lws;      /* of the last batch, while lws holds a part */
	uint32_t stall_left;  /* bytes that waited at stall_ms and still do */
	int64_t stall_ms;     /* 0: nothing waits */
	int64_t rx_ms, tx_ms; /* last bytes */
	int64_t deadline_ms;  /* of the state: handshake, CONNECT, close */
	struct wheel_timer timer;
	uint32_t message_bytes; /* of the WebSocket message so far */
	struct address address;
	struct address_count *counted; /* NULL: a trusted proxy */
	struct session *session;
	struct http *http;
	LIST_ENTRY(conn) link;
	TAILQ_ENTRY(conn) queue; /* dirty or dead */
	TAILQ_ENTRY(conn) pause_queue;
	int64_t gather_ms; /* since when it waits for more; 0: it does not */
	TAILQ_ENTRY(conn) gather_queue;
};

/* Takes fd. False: refused, fd is closed. */
bool conn_adopt(struct edge *edge, int fd, const struct address *address,
	struct address_count *counted);

/* The upgrade is done; session is there. */
void conn_opened(struct conn *conn);
/* The other side has sent its close frame; lws answers it. */
void conn_left(struct conn *conn);
/* lws has let go. */
void conn_gone(struct conn *conn);

/* Queues bytes, as one: whole WebSocket frames, or HTTP. A connection that does
 * not take them is closed (slow consumer). */
void conn_queue(struct conn *conn, struct str first, struct str second);
/* Queues payload as one text frame. */
void conn_text(struct conn *conn, struct str payload);
/* The queue is less than half full. */
bool conn_has_room(const struct conn *conn);
/* Writes one batch, or asks to be called when that can be done. */
void conn_write(struct conn *conn);

/* Payload of a WebSocket message, a piece. */
void conn_receive(struct conn *conn, void *data, size_t len);

/* Closes: a close frame behind what is queued (slow consumers: instead of it).
 * why is constant text, NULL: the code's own. retry_after_s -1: none. */
void conn_close(struct conn *conn, enum close_code code, const char *why,
	int64_t retry_after_s);
/* Cuts the line at the end of this turn. */
void conn_kill(struct conn *conn, const char *why);

/* Stops reading it until send_relieved(). */
void conn_pause(struct conn *conn);
void conn_unpause(struct conn *conn);

/* Looks after it at the end of this turn. */
void conn_touch(struct conn *conn);
/* This process was stopped so long: its deadlines move on. */
void conn_forgive(struct conn *conn, int64_t ms);
/* A deadline of it may have come nearer. */
void conn_arm(struct conn *conn);
/* The end of a turn. */
void conns_turn(struct edge *edge);
void conn_fire(struct wheel_timer *timer, void *edge);

#endif
