/*
 * client/ws.h - the WebSocket protocol's client side as bytes: the opening
 * handshake and frames (RFC 6455). Pure: no socket, no clock, no randomness of
 * its own. No extensions, so that a reserved bit is an error.
 *
 * Why our own and not libwebsockets as the edge has it: a load generator shares
 * its two cores with the server that it measures, so each received frame must
 * cost next to nothing. See client/conn.h for the figures.
 */
#ifndef CLIENT_WS_H
#define CLIENT_WS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/ws_out.h"

#define WS_CONTINUATION 0 /* beside enum ws_opcode */
#define WS_NONCE_BYTES 16
#define WS_MASK_BYTES 4
#define WS_HANDSHAKE_MAX 16384

/* A frame from the server; payload views the input. */
struct ws_frame {
	unsigned op; /* enum ws_opcode, or WS_CONTINUATION */
	bool fin;
	struct str payload;
};

/* Reads the frame at the front of in: the bytes that it takes, 0 where it is
 * not whole yet, -1 with err where it is none (masked, reserved bits, unknown
 * op, a fragmented or long control frame, over max_bytes of payload). */
ssize_t ws_parse(struct str in, size_t max_bytes, struct ws_frame *out,
	struct err *err) MUST_CHECK;

/* Appends one whole masked frame (§5.3: each with an unpredictable mask). */
void ws_put(struct buf *out, enum ws_opcode op,
	const unsigned char mask[WS_MASK_BYTES], struct str payload);

/* Appends a close frame's payload, unmasked: code, and reason cut at 123. */
void ws_put_close(struct buf *out, unsigned code, struct str reason);

struct ws_request {
	struct str authority; /* Host */
	struct str target;    /* "" counts as "/" */
	struct str protocols; /* Sec-WebSocket-Protocol; "" none */
	struct str headers;   /* further lines, each with its CRLF */
	unsigned char nonce[WS_NONCE_BYTES]; /* random */
};

/* Appends the opening request (§4.1). */
void ws_put_request(struct buf *out, const struct ws_request *request);

/* Reads the answer at the front of in: the bytes that it takes, 0 not whole
 * yet, -1 with err. *status gets the HTTP status once it is known, else 0;
 * other than 101 is -1 ("the server answered 401 Unauthorized"). */
ssize_t ws_parse_answer(struct str in, const unsigned char *nonce, int *status,
	struct err *err) MUST_CHECK;

#endif
