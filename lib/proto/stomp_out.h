/*
 * proto/stomp_out.h - STOMP frames into bytes, of servers and of clients.
 * Appends to a buf; who writes it out asks buf_bad() once. Pure.
 *
 * No header can carry a line end into a frame (S-10): 1.2 escapes \r \n : \\,
 * 1.1 all but \r, 1.0 and CONNECT, STOMP, CONNECTED nothing; what a frame
 * cannot escape (CR, LF where there is no escape for it, NUL always) becomes
 * '?'.
 */
#ifndef PROTO_STOMP_OUT_H
#define PROTO_STOMP_OUT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"
#include "proto/stomp.h"

/* ---- any frame --------------------------------------------------------- */
/*
 *	stomp_open(b, "RECEIPT");
 *	stomp_header(b, version, "receipt-id", id);
 *	stomp_close(b);
 */
void stomp_open(struct buf *out, const char *command);
/* name is ours and needs no escape. For CONNECT, STOMP and CONNECTED give
 * STOMP_V10. A value with data NULL writes nothing. */
void stomp_header(struct buf *out, enum stomp_version version, const char *name,
	struct str value);
void stomp_header_i64(struct buf *out, const char *name, int64_t value);
void stomp_close(struct buf *out);
/* With content-length and the body. */
void stomp_close_body(struct buf *out, struct str body);

/* A header value as the version writes it. */
void stomp_escape(struct buf *out, enum stomp_version version, struct str s);

/* ---- of servers -------------------------------------------------------- */

/* session: without spaces and colons. The heart-beat header says what we do:
 * beat as agreed. */
void stomp_connected(struct buf *out, enum stomp_version version,
	struct str session, const struct stomp_beat *beat, int64_t user_id);
void stomp_receipt(
	struct buf *out, enum stomp_version version, struct str receipt_id);
/* message: a short sentence part; receipt_id: of the frame it answers, data
 * NULL for none; body: text for people, may be empty. */
void stomp_error(struct buf *out, enum stomp_version version,
	struct str message, struct str receipt_id, struct str body);

/*
 * A MESSAGE, framed once for all its subscribers: only the subscription
 * differs, and stands first.
 *
 *	MESSAGE\nsubscription:sub-0 | \ndestination:..\n..\n\n{..}\0
 *	head, a subscriber's own    | tail, made once
 *
 * destination and message_id hold none of the bytes that any version escapes
 * (they are made of our own words and numbers), so a tail fits every version.
 * seq -1: no such header.
 */
void stomp_message_tail(struct buf *out, struct str destination,
	struct str message_id, int64_t seq, struct str json);

/* The head, with the header of the WebSocket frame (FIN, text) that holds head
 * and tail; then append the tail, or queue it by reference. subscription: as
 * stomp_escape() wrote it when the client subscribed; data NULL: the header is
 * left out (1.0 without an id). tail_len: the tail's bytes. */
void stomp_message_head_ws(
	struct buf *out, struct str subscription, size_t tail_len);
/* The same without the WebSocket's header (SockJS). */
void stomp_message_head(struct buf *out, struct str subscription);
/* What stomp_message_head_ws() and the tail will take together. */
size_t stomp_message_size_ws(struct str subscription, size_t tail_len);

/* ---- of clients -------------------------------------------------------- */

/* accept_version as "1.0,1.1,1.2"; token may have data NULL. Open: the caller
 * may add headers (STOMP_V10), then calls stomp_close(). */
void stomp_connect_open(struct buf *out, struct str host,
	const char *accept_version, int64_t can_ms, int64_t want_ms,
	struct str token);
void stomp_send(struct buf *out, enum stomp_version version,
	struct str destination, struct str receipt, struct str json);
/* from_seq -1 and epoch with data NULL: without these headers. */
void stomp_subscribe(struct buf *out, enum stomp_version version, struct str id,
	struct str destination, struct str receipt, int64_t from_seq,
	struct str epoch);
void stomp_unsubscribe(struct buf *out, enum stomp_version version,
	struct str id, struct str receipt);
void stomp_disconnect(
	struct buf *out, enum stomp_version version, struct str receipt);

#endif
