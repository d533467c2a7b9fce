/* client/ws.c - see ws.h. */
#include "client/ws.h"

#include <endian.h>
#include <string.h>

#include "auth/digest.h"
#include "io/b64.h"

/* Payload length of the frame's head (§5.2): bytes of the head, 0 not whole. */
static size_t
parse_head(const unsigned char *b, size_t have, uint64_t *len)
{
	uint16_t n16;
	uint64_t n64;

	if (have < 2)
		return 0;
	*len = b[1] & 0x7f;
	if (*len < 126)
		return 2;
	if (*len == 126) {
		if (have < 4)
			return 0;
		memcpy(&n16, b + 2, sizeof(n16));
		*len = be16toh(n16);
		return 4;
	}
	if (have < 10)
		return 0;
	memcpy(&n64, b + 2, sizeof(n64));
	*len = be64toh(n64);
	return 10;
}

ssize_t
ws_parse(struct str in, size_t max_bytes, struct ws_frame *out, struct err *err)
{
	const unsigned char *b = (const unsigned char *)in.data;
	uint64_t len = 0;
	size_t head;
	unsigned op;

	if (in.len < 2)
		return 0;
	op = b[0] & 0x0f;
	if (b[0] & 0x70)
		return err_set(err, "a frame with reserved bits");
	if (b[1] & 0x80)
		return err_set(err, "a masked frame from a server");
	if ((op > WS_BINARY && op < WS_CLOSE) || op > WS_PONG)
		return err_set(err, "a frame of unknown kind %u", op);
	head = parse_head(b, in.len, &len);
	if (op >= WS_CLOSE && (len > WS_CONTROL_MAX || !(b[0] & 0x80)))
		return err_set(err, "a control frame that is long or cut");
	if (!head)
		return 0;
	if (len > max_bytes)
		return err_set(err, "a frame of %llu bytes is over %zu",
			(unsigned long long)len, max_bytes);
	if (in.len - head < len)
		return 0;
	out->op = op;
	out->fin = b[0] & 0x80;
	out->payload = (struct str){in.data + head, (size_t)len};
	return (ssize_t)(head + len);
}

void
ws_put(struct buf *out, enum ws_opcode op,
	const unsigned char mask[WS_MASK_BYTES], struct str payload)
{
	unsigned char *b = (unsigned char *)buf_room(
		out, payload.len + WS_HEADER_MAX + WS_MASK_BYTES);
	size_t i, head;

	if (!b)
		return;
	head = ws_header(b, op, payload.len);
	b[1] |= 0x80;
	memcpy(b + head, mask, WS_MASK_BYTES);
	head += WS_MASK_BYTES;
	for (i = 0; i < payload.len; i++)
		b[head + i] = (unsigned char)payload.data[i] ^ mask[i & 3];
	buf_advance(out, head + payload.len);
}

void
ws_put_close(struct buf *out, unsigned code, struct str reason)
{
	if (reason.len > WS_CONTROL_MAX - 2)
		reason.len = WS_CONTROL_MAX - 2;
	buf_add_char(out, (char)(code >> 8));
	buf_add_char(out, (char)code);
	buf_add_str(out, reason);
}

void
ws_put_request(struct buf *out, const struct ws_request *request)
{
	struct str nonce = {(const char *)request->nonce, WS_NONCE_BYTES};

	buf_add_c(out, "GET ");
	if (!request->target.len || request->target.data[0] != '/')
		buf_add_char(out, '/');
	buf_add_str(out, request->target);
	buf_printf(out, " HTTP/1.1\r\nHost: %.*s\r\n",
		STR_ARG(request->authority));
	buf_add_c(out, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
	b64_encode(nonce, out);
	buf_add_c(out, "\r\n");
	if (request->protocols.len)
		buf_printf(out, "Sec-WebSocket-Protocol: %.*s\r\n",
			STR_ARG(request->protocols));
	buf_add_str(out, request->headers);
	buf_add_c(out, "\r\n");
}

/* What the server must answer to this nonce (§4.2.2, 5.4). */
static void
accept_of(const unsigned char *nonce, struct buf *out)
{
	struct buf text = {0};
	unsigned char sum[DIGEST_SHA1_BYTES];

	b64_encode((struct str){(const char *)nonce, WS_NONCE_BYTES}, &text);
	buf_add_c(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	digest_sha1(buf_str(&text), sum);
	b64_encode((struct str){(const char *)sum, sizeof(sum)}, out);
	buf_release(&text);
}

static struct str
trim(struct str s)
{
	while (s.len && (s.data[0] == ' ' || s.data[0] == '\t'))
		s.data++, s.len--;
	while (s.len && strchr(" \t\r\n", s.data[s.len - 1]))
		s.len--;
	return s;
}

static struct str
http_header(struct str head, const char *name)
{
	struct str line, key, value;

	while (head.len) {
		(void)str_cut(head, '\n', &line, &head);
		if (str_cut(line, ':', &key, &value) &&
			str_case_eq_c(key, name))
			return trim(value);
	}
	return (struct str){NULL, 0};
}

static int
check_answer(struct str head, const unsigned char *nonce, int *status,
	struct err *err)
{
	struct str line, version, rest, code, want, got;
	struct buf accept = {0};
	int64_t n = 0;
	int rc = 0;

	(void)str_cut(head, '\n', &line, &rest);
	(void)str_cut(trim(line), ' ', &version, &line);
	(void)str_cut(line, ' ', &code, &rest);
	if (!str_starts(version, "HTTP/1.") || !str_i64(code, &n))
		return err_set(err, "the server does not speak HTTP");
	*status = (int)n;
	if (n != 101)
		return err_set(err, "the server answered %.*s", STR_ARG(line));
	accept_of(nonce, &accept);
	want = buf_str(&accept);
	got = http_header(head, "Sec-WebSocket-Accept");
	if (buf_bad(&accept) || want.len != got.len ||
		memcmp(want.data, got.data, want.len))
		rc = err_set(err, "the server's Sec-WebSocket-Accept is wrong");
	else if (!str_case_eq_c(http_header(head, "Upgrade"), "websocket"))
		rc = err_set(err, "the server upgraded to something else");
	buf_release(&accept);
	return rc;
}

ssize_t
ws_parse_answer(
	struct str in, const unsigned char *nonce, int *status, struct err *err)
{
	const char *end =
		in.len ? memmem(in.data, in.len, "\r\n\r\n", 4) : NULL;
	struct str head;

	*status = 0;
	if (!end && in.len > WS_HANDSHAKE_MAX)
		return err_set(err, "the server's answer is over %d bytes",
			WS_HANDSHAKE_MAX);
	if (!end)
		return 0;
	head = (struct str){in.data, (size_t)(end - in.data) + 4};
	if (check_answer(head, nonce, status, err) < 0)
		return -1;
	return (ssize_t)head.len;
}
