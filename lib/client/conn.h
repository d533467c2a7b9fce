/*
 * client/conn.h - a client's WebSocket connections on a libuv loop.
 *
 * A hub is what the connections of one loop share: the buffer that is read
 * into, masks, and the list of those that have something to write. What is sent
 * during a turn of the loop goes out at its end, in one write a connection.
 *
 *	IDLE --open--> CONNECTING --> HANDSHAKE --> OPEN --close--> CLOSING
 *	  ^                |             |           |                 |
 *	  '----------------+---- on_close (once) ----+-----------------'
 *
 * Frames are looked at where they were read, whole ones without a copy, and one
 * clock reading serves for all that one read has brought. libwebsockets 4.1.6
 *as a client took 6.5-7.6 us of CPU for each frame received (3.0-4.0 of them in
 * user space) where this takes 5.4 (1.2), the counting included: 1,000
 * connections, 40,000 frames/s of 430 bytes, two cores. The rest is the
 * kernel's, a read(2) a frame.
 *
 * Not a session: knows nothing of STOMP, nor of connecting again.
 */
#ifndef CLIENT_CONN_H
#define CLIENT_CONN_H

#include <bsd/sys/queue.h>
#include <sys/socket.h>
#include <uv.h>

#include "client/ws.h"

struct conn;

struct conn_ops {
	/* The handshake is done. */
	void (*on_open)(struct conn *conn);
	/* A whole message; the bytes may be written into, and are gone after
	 * the call. May call conn_send() and conn_close(). */
	void (*on_message)(struct conn *conn, char *data, size_t len);
	/* Over, for whatever reason; the conn may be opened again or freed.
	 * code: the close frame's, or 0 where none came. status: HTTP's, where
	 * the handshake was refused, else 0. why: for people. */
	void (*on_close)(
		struct conn *conn, unsigned code, int status, const char *why);
};

enum conn_state {
	CONN_IDLE,
	CONN_CONNECTING,
	CONN_HANDSHAKE,
	CONN_OPEN,
	CONN_CLOSING, /* our close frame is out */
	CONN_DEAD,    /* until libuv has let go */
};

struct conn_hub {
	uv_loop_t *loop;
	/* private */
	uv_prepare_t prepare;
	TAILQ_HEAD(, conn) flush;
	char *scratch;
	unsigned char masks[256];
	size_t masks_used;
	int64_t read_us; /* when the bytes that are being looked at came */
};

struct conn {
	void *data;
	enum conn_state state; /* read only */
	int64_t written_ms;    /* when a frame was queued last */
	/* private */
	const struct conn_ops *ops;
	struct conn_hub *hub;
	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_write_t write;
	struct buf in;	    /* a frame that is not whole, or the handshake */
	struct buf message; /* fragments of one */
	struct buf out;	    /* not yet given to the socket */
	struct buf going;   /* given to uv_write() */
	bool flushing, writing, fragmented;
	unsigned char nonce[WS_NONCE_BYTES];
	unsigned code;
	int status;
	size_t max_bytes;
	struct err why;
	TAILQ_ENTRY(conn) link;
};

int conn_hub_init(
	struct conn_hub *hub, uv_loop_t *loop, struct err *err) MUST_CHECK;
/* All connections must be idle; run the loop once more afterwards. */
void conn_hub_close(struct conn_hub *hub);

struct conn_options {
	const struct sockaddr *to;
	const struct sockaddr *from; /* NULL: the kernel chooses */
	struct str authority, target, protocols, headers; /* ws_request's */
	size_t max_bytes; /* of a message from the server */
};

/* Begins; what goes wrong comes by on_close, in a later turn. The options are
 * not needed afterwards. A zeroed conn is idle. */
void conn_open(struct conn *conn, struct conn_hub *hub,
	const struct conn_ops *ops, const struct conn_options *opts);

/* Queues a text message; nothing where the connection is not open. */
void conn_send(struct conn *conn, struct str text);
/* Bytes that were sent and that the kernel has not taken. */
size_t conn_backlog(const struct conn *conn);

/* Says goodbye (§7.1.2): close frame, then on_close once the server has
 * answered or hung up. The caller keeps the time, and calls conn_abort(). */
void conn_close(struct conn *conn, unsigned code, const char *reason);
/* Hangs up now; on_close comes in a later turn of the loop. */
void conn_abort(struct conn *conn, const char *why);

/* Frees what an idle conn has allocated. */
void conn_release(struct conn *conn);

#endif
