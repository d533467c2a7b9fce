/*
 * tests/unit/test-ws.c - a client's WebSocket frames and handshake, addresses.
 * links: client proto auth -lcrypto
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/url.h"
#include "client/ws.h"

#define RAW(lit) ((struct str){(lit), sizeof(lit) - 1})

static struct err err;

static void
whole_frames(void **state)
{
	struct ws_frame f;

	assert_int_equal(ws_parse(RAW("\x81\x02hi\x81"), 100, &f, &err), 4);
	assert_int_equal(f.op, WS_TEXT);
	assert_true(f.fin);
	assert_true(str_eq_c(f.payload, "hi"));
	assert_int_equal(ws_parse(RAW("\x00\x01x"), 100, &f, &err), 3);
	assert_int_equal(f.op, WS_CONTINUATION);
	assert_false(f.fin);
	assert_int_equal(ws_parse(RAW("\x89\x00"), 100, &f, &err), 2);
	assert_int_equal(f.op, WS_PING);
	assert_int_equal(f.payload.len, 0);
}

/* §5.2: 125, 126 and 65536 bytes are the edges of the three forms. */
static void
lengths(void **state)
{
	static const size_t sizes[] = {
		0, 1, 125, 126, 127, 65535, 65536, 70000};
	static char text[70000];
	struct ws_frame f;
	size_t i, cut;

	memset(text, 'a', sizeof(text));
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		struct buf b = {0};

		ws_frame(&b, WS_TEXT, (struct str){text, sizes[i]});
		assert_int_equal(
			ws_parse(buf_str(&b), 70000, &f, &err), (int)b.len);
		assert_int_equal(f.payload.len, sizes[i]);
		for (cut = 0; cut < b.len; cut += cut < 20 ? 1 : 997)
			assert_int_equal(ws_parse((struct str){b.data, cut},
						 70000, &f, &err),
				0);
		if (sizes[i])
			assert_int_equal(
				ws_parse(buf_str(&b), sizes[i] - 1, &f, &err),
				-1);
		buf_release(&b);
	}
}

static void
bad_frames(void **state)
{
	const struct str bad[] = {
		RAW("\xc1\x00"),	 /* a reserved bit */
		RAW("\x81\x80\1\2\3\4"), /* masked */
		RAW("\x83\x00"),	 /* unknown */
		RAW("\x8b\x00"),	 /* unknown */
		RAW("\x09\x00"),	 /* a ping in fragments */
		RAW("\x89\x7e\x00\x80"), /* a long ping */
		RAW("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"),
	};
	struct ws_frame f;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(ws_parse(bad[i], 1000, &f, &err), -1);
}

/* Masked (§5.3), and right again once the mask is taken off. */
static void
masked(void **state)
{
	static const unsigned char mask[] = {0x37, 0xfa, 0x21, 0x3d};
	struct buf b = {0};

	/* The RFC's own example (§5.7). */
	ws_put(&b, WS_TEXT, mask, STR("Hello"));
	assert_int_equal(b.len, 11);
	assert_memory_equal(
		b.data, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
	buf_reset(&b);
	ws_put_close(&b, 1000, STR("bye"));
	assert_memory_equal(b.data,
		"\x03\xe8"
		"bye",
		5);
	buf_release(&b);
}

/* ---- handshake ---------------------------------------------------------- */

/* The RFC's nonce (§1.3). */
static const unsigned char *const nonce =
	(const unsigned char *)"the sample nonce";
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void
request(void **state)
{
	struct ws_request r = {.authority = STR("h:1"),
		.target = STR("?a=1"),
		.protocols = STR("v12.stomp"),
		.headers = STR("X: y\r\n")};
	struct buf b = {0};

	memcpy(r.nonce, nonce, sizeof(r.nonce));
	ws_put_request(&b, &r);
	assert_string_equal(b.data,
		"GET /?a=1 HTTP/1.1\r\nHost: h:1\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		"Sec-WebSocket-Protocol: v12.stomp\r\nX: y\r\n\r\n");
	buf_release(&b);
}

static void
answer(void **state)
{
	static const char good[] =
		"HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n"
		"Connection: Upgrade\r\nsec-websocket-accept:  " ACCEPT
		"\r\n\r\n";
	struct buf b = {0};
	size_t cut;
	int status;

	buf_add_c(&b, good);
	buf_add_c(&b, "\x81\x00");
	assert_int_equal(ws_parse_answer(buf_str(&b), nonce, &status, &err),
		(int)sizeof(good) - 1);
	assert_int_equal(status, 101);
	for (cut = 0; cut < sizeof(good) - 1; cut++)
		assert_int_equal(ws_parse_answer((struct str){good, cut}, nonce,
					 &status, &err),
			0);
	buf_release(&b);
}

static void
bad_answers(void **state)
{
	static const struct {
		const char *text;
		int status;
		const char *why;
	} bad[] = {
		{"HTTP/1.1 401 Unauthorized\r\n\r\n", 401,
			"the server answered 401 Unauthorized"},
		{"SSH-2.0-x\r\n\r\n", 0, "the server does not speak HTTP"},
		{"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n", 101,
			"the server's Sec-WebSocket-Accept is wrong"},
		{"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n"
		 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=\r\n\r\n",
			101, "the server's Sec-WebSocket-Accept is wrong"},
		{"HTTP/1.1 101 x\r\nUpgrade: h2c\r\n"
		 "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
			101, "the server upgraded to something else"},
	};
	static char endless[WS_HANDSHAKE_MAX + 1];
	size_t i;
	int status;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(ws_parse_answer(str_c(bad[i].text), nonce,
					 &status, &err),
			-1);
		assert_int_equal(status, bad[i].status);
		assert_string_equal(err.text, bad[i].why);
	}
	memset(endless, 'a', sizeof(endless));
	assert_int_equal(ws_parse_answer((struct str){endless, sizeof(endless)},
				 nonce, &status, &err),
		-1);
}

/* ---- addresses ---------------------------------------------------------- */

static void
urls(void **state)
{
	struct url u;

	assert_int_equal(
		url_parse(&u, STR("ws://h:8080/ws/v1/chat?t=1"), &err), 0);
	assert_string_equal(u.host, "h");
	assert_string_equal(u.port, "8080");
	assert_true(str_eq_c(u.authority, "h:8080"));
	assert_true(str_eq_c(u.target, "/ws/v1/chat?t=1"));
	assert_false(u.tls);
	assert_int_equal(url_parse(&u, STR("wss://[::1]?x"), &err), 0);
	assert_true(u.tls);
	assert_string_equal(u.host, "::1");
	assert_string_equal(u.port, "443");
	assert_true(str_eq_c(u.target, "?x"));
	assert_int_equal(url_parse(&u, STR("ws://[::1]:99"), &err), 0);
	assert_string_equal(u.port, "99");
	assert_int_equal(u.target.len, 0);
	assert_int_equal(url_parse(&u, STR("ws://h"), &err), 0);
	assert_string_equal(u.port, "80");
}

static void
bad_urls(void **state)
{
	static const char *const bad[] = {"", "http://h", "ws://", "ws://:80",
		"ws://h:0", "ws://h:65536", "ws://h:x", "ws://[::1",
		"ws://[::1]x", "ws://u:p@h/", "ws://h/a#b", "ws://h/a b",
		"ws://h/a\r\nX: y"};
	struct url u;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(url_parse(&u, str_c(bad[i]), &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_frames),
		cmocka_unit_test(lengths),
		cmocka_unit_test(bad_frames),
		cmocka_unit_test(masked),
		cmocka_unit_test(request),
		cmocka_unit_test(answer),
		cmocka_unit_test(bad_answers),
		cmocka_unit_test(urls),
		cmocka_unit_test(bad_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
