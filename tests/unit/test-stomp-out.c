/*
 * tests/unit/test-stomp-out.c - the exact bytes, and the way back through
 * stomp_in; WebSocket frames; close codes.
 * links: proto
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/close.h"
#include "proto/stomp_in.h"
#include "proto/stomp_out.h"
#include "proto/ws_out.h"

static const struct str none = {NULL, 0};

static void
check(struct buf *b, struct str want)
{
	assert_false(buf_bad(b));
	if (!str_eq(buf_str(b), want))
		fail_msg("got '%.*s', want '%.*s'", STR_ARG(buf_str(b)),
			STR_ARG(want));
	buf_release(b);
}

#define CHECK(b, lit) check(b, STR(lit))

static void
test_server_frames(void **state)
{
	static const struct stomp_beat beat = {25000, 10000}, still = {0, 0};
	struct buf b = {0};

	stomp_connected(&b, STOMP_V12, STR("s-1"), &beat, 7);
	CHECK(&b, "CONNECTED\nversion:1.2\nheart-beat:25000,10000\n"
		  "session:s-1\nuser-name:7\n\n\0");
	stomp_connected(&b, STOMP_V10, STR("s-1"), &still, 7);
	CHECK(&b, "CONNECTED\nversion:1.0\nheart-beat:0,0\nsession:s-1\n"
		  "user-name:7\n\n\0");
	stomp_receipt(&b, STOMP_V12, STR("77"));
	CHECK(&b, "RECEIPT\nreceipt-id:77\n\n\0");
	stomp_error(&b, STOMP_V12, STR("bad frame"), none, STR(""));
	CHECK(&b, "ERROR\nmessage:bad frame\ncontent-length:0\n\n\0");
	stomp_error(&b, STOMP_V12, STR("bad frame"), STR("9"), STR("why\n"));
	CHECK(&b, "ERROR\nmessage:bad frame\nreceipt-id:9\n"
		  "content-type:text/plain\ncontent-length:4\n\nwhy\n\0");
}

static void
test_client_frames(void **state)
{
	struct buf b = {0};

	stomp_connect_open(&b, STR("h"), "1.1,1.2", 5, 6, STR("a.b.c"));
	stomp_close(&b);
	CHECK(&b, "CONNECT\naccept-version:1.1,1.2\nhost:h\nheart-beat:5,6\n"
		  "Authorization:Bearer a.b.c\n\n\0");
	stomp_connect_open(&b, STR("h"), "1.2", 0, 0, none);
	stomp_close(&b);
	CHECK(&b, "CONNECT\naccept-version:1.2\nhost:h\nheart-beat:0,0\n\n\0");
	stomp_send(&b, STOMP_V12, STR("/pub/x"), STR("r"), STR("{\"a\":1}"));
	CHECK(&b, "SEND\ndestination:/pub/x\nreceipt:r\n"
		  "content-type:application/json\ncontent-length:7\n\n"
		  "{\"a\":1}\0");
	stomp_send(&b, STOMP_V12, STR("/pub/x"), none, STR("{}"));
	CHECK(&b, "SEND\ndestination:/pub/x\ncontent-type:application/json\n"
		  "content-length:2\n\n{}\0");
	stomp_subscribe(
		&b, STOMP_V12, STR("0"), STR("/sub/r"), STR("r"), 0, STR("e"));
	CHECK(&b, "SUBSCRIBE\nid:0\ndestination:/sub/r\nreceipt:r\n"
		  "from-seq:0\nepoch:e\n\n\0");
	stomp_subscribe(&b, STOMP_V12, STR("0"), STR("/sub/r"), none, -1, none);
	CHECK(&b, "SUBSCRIBE\nid:0\ndestination:/sub/r\n\n\0");
	stomp_unsubscribe(&b, STOMP_V12, STR("0"), STR("u"));
	CHECK(&b, "UNSUBSCRIBE\nid:0\nreceipt:u\n\n\0");
	stomp_disconnect(&b, STOMP_V12, STR("d"));
	CHECK(&b, "DISCONNECT\nreceipt:d\n\n\0");
	stomp_disconnect(&b, STOMP_V12, none);
	CHECK(&b, "DISCONNECT\n\n\0");
}

static void
test_escape(void **state)
{
	static const struct str s = {"a\n\r:\\\0z", 7};
	struct buf b = {0};

	stomp_escape(&b, STOMP_V12, s);
	CHECK(&b, "a\\n\\r\\c\\\\?z");
	stomp_escape(&b, STOMP_V11, s);
	CHECK(&b, "a\\n?\\c\\\\?z");
	stomp_escape(&b, STOMP_V10, s);
	CHECK(&b, "a??:\\?z");
	stomp_header(&b, STOMP_V12, "x", STR(""));
	CHECK(&b, "x:\n");
	stomp_header(&b, STOMP_V12, "x", none);
	assert_int_equal(b.len, 0);
	stomp_header_i64(&b, "n", -5);
	CHECK(&b, "n:-5\n");
}

/* S-10: what came in escaped goes out escaped, and adds no header. */
static void
round_trip(enum stomp_version version, struct str evil, struct str want)
{
	struct buf b = {0};
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;

	stomp_receipt(&b, version, evil);
	stomp_error(&b, version, evil, evil, evil);
	stomp_in_init(&in, STOMP_FROM_SERVER, NULL);
	stomp_in_version(&in, version);
	stomp_in_feed(&in, b.data, b.len);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_int_equal(f.count, 1);
	assert_true(str_eq(stomp_frame_get(&f, "receipt-id"), want));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_int_equal(f.command, STOMP_ERROR);
	assert_int_equal(f.count, 4);
	assert_true(str_eq(stomp_frame_get(&f, "message"), want));
	assert_true(str_eq(f.body, evil));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	buf_release(&b);
}

static void
test_injection(void **state)
{
	round_trip(STOMP_V12, STR("1\nevil:yes\n\nbody\r\nx:\\n\\"),
		STR("1\nevil:yes\n\nbody\r\nx:\\n\\"));
	round_trip(
		STOMP_V11, STR("1\nevil:yes\\r\r\n"), STR("1\nevil:yes\\r?\n"));
	round_trip(
		STOMP_V10, STR("1\nevil:yes\r\n\\n"), STR("1?evil:yes??\\n"));
	round_trip(STOMP_V12, STR("1\0MESSAGE\n\n"), STR("1?MESSAGE\n\n"));
}

static void
test_injection_connect(void **state)
{
	struct buf b = {0};

	stomp_connect_open(&b, STR("h\nx:y"), "1.2", 0, 0, STR("t\r\n\0:\\"));
	CHECK(&b, "CONNECT\naccept-version:1.2\nhost:h?x:y\nheart-beat:0,0\n"
		  "Authorization:Bearer t???:\\\n");
}

/* ---- MESSAGE: a tail for all, a head for each -------------------------- */

static void
message(struct buf *b, struct str subscription, struct str tail)
{
	size_t from = b->len;

	stomp_message_head_ws(b, subscription, tail.len);
	buf_add_str(b, tail);
	assert_int_equal(
		b->len - from, stomp_message_size_ws(subscription, tail.len));
}

static void
test_message(void **state)
{
	struct buf tail = {0}, b = {0};

	stomp_message_tail(&tail, STR("/sub/chat/room/1"), STR("room-1-57"), 57,
		STR("{\"seq\":57}"));
	message(&b, STR("sub-0"), buf_str(&tail));
	/* head 26, tail 118: over 125 */
	CHECK(&b,
		"\x81\x7e\x00\x90"
		"MESSAGE\nsubscription:sub-0\ndestination:/sub/chat/room/1\n"
		"message-id:room-1-57\ncontent-type:application/json\nseq:57\n"
		"content-length:10\n\n{\"seq\":57}\0");
	message(&b, none, buf_str(&tail));
	CHECK(&b,
		"\x81\x7d"
		"MESSAGE\ndestination:/sub/chat/room/1\n"
		"message-id:room-1-57\ncontent-type:application/json\nseq:57\n"
		"content-length:10\n\n{\"seq\":57}\0");
	stomp_message_head(&b, STR("x"));
	CHECK(&b, "MESSAGE\nsubscription:x");
	stomp_message_head(&b, none);
	CHECK(&b, "MESSAGE");
	buf_release(&tail);
	stomp_message_tail(&tail, STR("/d"), STR("m"), -1, STR(""));
	CHECK(&tail, "\ndestination:/d\nmessage-id:m\n"
		     "content-type:application/json\ncontent-length:0\n\n\0");
}

/* Every version's parser reads the same tail. */
static void
test_message_versions(void **state)
{
	struct buf b = {0}, escaped = {0};
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;
	int v;

	for (v = STOMP_V10; v <= STOMP_V12; v++) {
		buf_reset(&b);
		buf_reset(&escaped);
		stomp_escape(&escaped, v, STR("a:b\\c"));
		stomp_message_head(&b, buf_str(&escaped));
		stomp_message_tail(&b, STR("/d"), STR("m"), 0, STR("[]"));
		stomp_in_init(&in, STOMP_FROM_SERVER, NULL);
		stomp_in_version(&in, v);
		stomp_in_feed(&in, b.data, b.len);
		assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
		assert_true(str_eq_c(
			stomp_frame_get(&f, "subscription"), "a:b\\c"));
		assert_true(str_eq_c(stomp_frame_get(&f, "seq"), "0"));
		assert_true(str_eq_c(f.body, "[]"));
		assert_int_equal(f.count, 6);
	}
	buf_release(&b);
	buf_release(&escaped);
}

/* ---- WebSocket --------------------------------------------------------- */

static void
header(size_t len, struct str want)
{
	unsigned char out[WS_HEADER_MAX];

	assert_int_equal(ws_header(out, WS_BINARY, len), want.len);
	assert_int_equal(ws_header_len(len), want.len);
	assert_memory_equal(out, want.data, want.len);
}

static void
test_ws_header(void **state)
{
	header(0, STR("\x82\x00"));
	header(125, STR("\x82\x7d"));
	header(126, STR("\x82\x7e\x00\x7e"));
	header(0x1234, STR("\x82\x7e\x12\x34"));
	header(65535, STR("\x82\x7e\xff\xff"));
	header(65536, STR("\x82\x7f\0\0\0\0\0\x01\0\0"));
	header(0x123456789a, STR("\x82\x7f\0\0\0\x12\x34\x56\x78\x9a"));
}

static void
test_ws_frames(void **state)
{
	struct buf b = {0};
	char reason[125];

	ws_frame(&b, WS_PING, STR("p"));
	CHECK(&b, "\x89\x01p");
	ws_frame(&b, WS_PONG, none);
	CHECK(&b, "\x8a\x00");
	ws_frame(&b, WS_TEXT, STR("\n"));
	CHECK(&b, "\x81\x01\n");
	ws_close(&b, 1002, STR("bad"));
	CHECK(&b, "\x88\x05\x03\xea"
		  "bad");
	ws_close(&b, 4001, none);
	CHECK(&b, "\x88\x02\x0f\xa1");
	memset(reason, 'r', sizeof(reason));
	ws_close(&b, 1000, (struct str){reason, 123});
	assert_int_equal(b.len, 2 + 2 + 123);
	assert_int_equal(b.data[1], 125);
	buf_reset(&b);
	ws_close(&b, 1000, (struct str){reason, 124});
	assert_int_equal(b.len, 2 + 2 + 123);
	buf_reset(&b);
	memcpy(reason + 121, "\xed\x95\x9c", 3);
	ws_close(&b, 1000, (struct str){reason, 124});
	assert_int_equal(b.len, 2 + 2 + 121);
	buf_release(&b);
}

/* ---- close codes ------------------------------------------------------- */

static void
test_close_bands(void **state)
{
	static const uint16_t stay[] = {4001, 4002, 4003, 1002, 1007, 1008,
		1009},
			      back[] = {4201, 4202, 4203, 4204, 1013, 1006,
				      1011, 4999, 0},
			      now[] = {1000, 1001, 1012};
	size_t i;

	for (i = 0; i < ARRAY_LEN(stay); i++)
		assert_int_equal(close_band(stay[i]), CLOSE_BAND_STAY);
	for (i = 0; i < ARRAY_LEN(back); i++)
		assert_int_equal(close_band(back[i]), CLOSE_BAND_BACK_OFF);
	for (i = 0; i < ARRAY_LEN(now); i++)
		assert_int_equal(close_band(now[i]), CLOSE_BAND_NOW);
	assert_string_equal(close_text(4201), "slow consumer");
	assert_string_equal(close_text(4001), "a newer session took its place");
	assert_string_equal(close_text(1006), "");
}

static void
reason(uint16_t code, const char *why, int64_t seconds, const char *want)
{
	char out[CLOSE_REASON_MAX + 1];

	assert_int_equal(close_reason(out, code, why, seconds), strlen(want));
	assert_string_equal(out, want);
	assert_int_equal(close_retry_after(str_c(out)), seconds);
}

static void
test_close_reason(void **state)
{
	char why[200], out[CLOSE_REASON_MAX + 1];

	reason(CLOSE_SLOW, NULL, 5, "slow consumer, retry-after=5");
	reason(CLOSE_RESTART, "draining", 0, "draining, retry-after=0");
	reason(CLOSE_TOO_BIG, NULL, -1, "too big");
	reason(CLOSE_IDLE, NULL, INT64_MAX,
		"idle, retry-after=9223372036854775807");
	memset(why, 'w', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	assert_int_equal(close_reason(out, 1013, why, 30), CLOSE_REASON_MAX);
	assert_int_equal(close_retry_after(str_c(out)), 30);
	assert_int_equal(close_reason(out, 1013, why, -1), CLOSE_REASON_MAX);
	assert_int_equal(close_retry_after(str_c(out)), -1);
}

static void
test_retry_after(void **state)
{
	assert_int_equal(close_retry_after(STR("retry-after=7")), 7);
	assert_int_equal(close_retry_after(STR("x retry-after=0")), 0);
	assert_int_equal(close_retry_after(STR("retry-after=")), -1);
	assert_int_equal(close_retry_after(STR("retry-after=-1")), -1);
	assert_int_equal(close_retry_after(STR("retry-after=7 s")), -1);
	assert_int_equal(close_retry_after(STR("retry-afte")), -1);
	assert_int_equal(close_retry_after(none), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_frames),
		cmocka_unit_test(test_client_frames),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_injection),
		cmocka_unit_test(test_injection_connect),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_message_versions),
		cmocka_unit_test(test_ws_header),
		cmocka_unit_test(test_ws_frames),
		cmocka_unit_test(test_close_bands),
		cmocka_unit_test(test_close_reason),
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
