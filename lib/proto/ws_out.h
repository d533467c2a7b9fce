/*
 * proto/ws_out.h - WebSocket frames of a server (RFC 6455 §5.2): whole, not
 * masked, without extensions. Pure.
 */
#ifndef PROTO_WS_OUT_H
#define PROTO_WS_OUT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"

enum ws_opcode {
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

#define WS_HEADER_MAX 10
#define WS_CONTROL_MAX 125 /* payload of close, ping, pong */

/* Writes the header of a frame with FIN; returns its length: 2, 4 or 10. */
size_t ws_header(unsigned char out[WS_HEADER_MAX], enum ws_opcode opcode,
	size_t payload_len);
/* That length alone. */
size_t ws_header_len(size_t payload_len);

/* A whole frame. */
void ws_frame(struct buf *out, enum ws_opcode opcode, struct str payload);
/* A close frame; the reason is cut between characters at 123 bytes. */
void ws_close(struct buf *out, uint16_t code, struct str reason);

#endif
