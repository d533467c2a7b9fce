/* proto/ws_out.c - see ws_out.h. */
#include "proto/ws_out.h"

#include <string.h>

#define FIN 0x80

size_t
ws_header_len(size_t payload_len)
{
	return payload_len < 126 ? 2 : payload_len <= 0xffff ? 4 : 10;
}

size_t
ws_header(unsigned char out[WS_HEADER_MAX], enum ws_opcode opcode,
	size_t payload_len)
{
	size_t len = ws_header_len(payload_len), i;
	uint64_t rest = payload_len;

	out[0] = (unsigned char)(FIN | opcode);
	out[1] = len == 2 ? (unsigned char)rest : len == 4 ? 126 : 127;
	for (i = len; i > 2; i--, rest >>= 8)
		out[i - 1] = (unsigned char)rest;
	return len;
}

void
ws_frame(struct buf *out, enum ws_opcode opcode, struct str payload)
{
	unsigned char header[WS_HEADER_MAX];

	buf_add(out, header, ws_header(header, opcode, payload.len));
	buf_add_str(out, payload);
}

void
ws_close(struct buf *out, uint16_t code, struct str reason)
{
	char payload[WS_CONTROL_MAX];

	reason = str_utf8_cut(reason, sizeof(payload) - 2);
	payload[0] = (char)(code >> 8);
	payload[1] = (char)code;
	if (reason.len)
		memcpy(payload + 2, reason.data, reason.len);
	ws_frame(out, WS_CLOSE, (struct str){payload, reason.len + 2});
}
