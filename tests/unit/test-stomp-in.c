/*
 * tests/unit/test-stomp-in.c - every case is fed whole, cut in two at every
 * byte, and byte by byte; all three must give the same.
 * links: proto
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/stomp_in.h"

struct setup {
	enum stomp_from from;
	enum stomp_version version;
	const struct stomp_limits *limits;
};

static const struct setup client12 = {STOMP_FROM_CLIENT, STOMP_V12, NULL};
static const struct setup client11 = {STOMP_FROM_CLIENT, STOMP_V11, NULL};
static const struct setup client10 = {STOMP_FROM_CLIENT, STOMP_V10, NULL};
static const struct setup server12 = {STOMP_FROM_SERVER, STOMP_V12, NULL};

/* CMD{name=value;..}[body]bytes| */
static void
dump(struct buf *out, const struct stomp_frame *f)
{
	size_t i;

	buf_add_c(out, stomp_command_name(f->command));
	buf_add_char(out, '{');
	for (i = 0; i < f->count; i++) {
		buf_add_str(out, f->headers[i].name);
		buf_add_char(out, '=');
		buf_add_str(out, f->headers[i].value);
		buf_add_char(out, ';');
	}
	buf_add_c(out, "}[");
	buf_add_str(out, f->body);
	buf_printf(out, "]%u|", f->bytes);
}

/* Feeds one piece, in memory of exactly its size, and takes all frames. */
static enum stomp_in_result
piece(struct stomp_in *in, struct str bytes, struct buf *out)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);
	enum stomp_in_result r;
	struct stomp_frame f;
	struct err err = {{0}};

	memcpy(copy, bytes.data, bytes.len);
	stomp_in_feed(in, copy, bytes.len);
	while ((r = stomp_in_next(in, &f, &err)) == STOMP_IN_FRAME)
		dump(out, &f);
	memset(copy, 'X', bytes.len);
	free(copy);
	if (r < 0)
		buf_printf(out, "%d %s", r, err.text);
	return r;
}

/* at: where to cut; step: 0 for one cut, else every step bytes. */
static void
run(const struct setup *s, struct str bytes, size_t at, size_t step,
	struct buf *out)
{
	struct stomp_in in;
	size_t from = 0, to = at;

	stomp_in_init(&in, s->from, s->limits);
	stomp_in_version(&in, s->version);
	while (from < bytes.len) {
		if (to > bytes.len || to <= from)
			to = bytes.len;
		if (piece(&in, (struct str){bytes.data + from, to - from},
			    out) < 0)
			break;
		from = to;
		to = step ? to + step : bytes.len;
	}
	if (!in.refused && stomp_in_midway(&in))
		buf_add_c(out, "midway");
	else
		assert_null(in.buf.data);
	stomp_in_release(&in);
}

static void
check_cut(const struct setup *s, struct str bytes, size_t at, size_t step,
	const char *want)
{
	struct buf got = {0};

	run(s, bytes, at, step, &got);
	buf_add_char(&got, '\0');
	if (strcmp(got.data, want))
		fail_msg("cut at %zu, step %zu: got '%s', want '%s'", at, step,
			got.data, want);
	buf_release(&got);
}

static void
check_all(const struct setup *s, struct str bytes, const char *want)
{
	size_t at;

	check_cut(s, bytes, bytes.len, 0, want);
	for (at = 1; at < bytes.len; at++)
		check_cut(s, bytes, at, 0, want);
	for (at = 1; at < 4; at++)
		check_cut(s, bytes, at, at, want);
}

#define CHECK(setup, lit, want) check_all(&(setup), STR(lit), want)

/* ---- what is right ----------------------------------------------------- */

static void
test_frames(void **state)
{
	CHECK(client12, "SEND\ndestination:/a\n\nhi\0",
		"SEND{destination=/a;}[hi]23|");
	CHECK(client12, "SEND\r\ndestination:/a\r\n\r\nhi\0",
		"SEND{destination=/a;}[hi]26|");
	CHECK(client12, "SEND\n\n\0", "SEND{}[]6|");
	CHECK(client12, "SEND\ncontent-length:0\n\n\0\n",
		"SEND{content-length=0;}[]23|");
	CHECK(client12, "SUBSCRIBE\nid:a/1\nid:2\nack:auto\n\n\n\n\0",
		"SUBSCRIBE{id=a/1;id=2;ack=auto;}[]34|");
	CHECK(client12, "SUBSCRIBE\nid:1\n\n\r\n\0", "SUBSCRIBE{id=1;}[]18|");
	CHECK(client12, "SEND\na:\nb: x:y \n\n\0", "SEND{a=;b= x:y ;}[]17|");
	CHECK(client12, "DISCONNECT\nreceipt:77\n\n\0",
		"DISCONNECT{receipt=77;}[]23|");
	CHECK(client12, "UNSUBSCRIBE\r\nid:1\r\n\r\n\0",
		"UNSUBSCRIBE{id=1;}[]21|");
	CHECK(client12, "SEND\n\xed\x95\x9c:\xea\xb8\x80\n\n\xff\xfe\0",
		"SEND{\xed\x95\x9c=\xea\xb8\x80;}[\xff\xfe]16|");
}

static void
test_many(void **state)
{
	CHECK(client12,
		"\n\r\n\nCONNECT\naccept-version:1.2\n\n\0\n\n\r\n"
		"SUBSCRIBE\nid:0\n\n\0SEND\ncontent-length:2\n\nab\0\r\n\n"
		"DISCONNECT\n\n\0\n",
		"CONNECT{accept-version=1.2;}[]28|SUBSCRIBE{id=0;}[]16|"
		"SEND{content-length=2;}[ab]25|DISCONNECT{}[]12|");
}

static void
test_commands(void **state)
{
	CHECK(client12,
		"CONNECT\n\n\0STOMP\n\n\0ACK\n\n\0NACK\n\n\0BEGIN\n\n\0COMMIT\n"
		"\n\0ABORT\n\n\0",
		"CONNECT{}[]9|STOMP{}[]7|ACK{}[]5|NACK{}[]6|BEGIN{}[]7|"
		"COMMIT{}[]8|ABORT{}[]7|");
	CHECK(server12,
		"CONNECTED\nversion:1.2\n\n\0MESSAGE\na:b\n\nx\0RECEIPT\n"
		"receipt-id:1\n\n\0ERROR\nmessage:m\n\nwhy\0",
		"CONNECTED{version=1.2;}[]23|MESSAGE{a=b;}[x]14|"
		"RECEIPT{receipt-id=1;}[]22|ERROR{message=m;}[why]20|");
}

static void
test_beats(void **state)
{
	CHECK(client12, "\n", "");
	CHECK(client12, "\r\n\r\n\n\n\r\n", "");
	CHECK(client12, "\r\rSEND\n\n\0", "-1 CR between frames");
	CHECK(client12, "\rSEND\n\n\0", "-1 CR between frames");
	CHECK(client12, "SEND\n\n\0\n\r", "SEND{}[]6|");
}

static void
test_escapes(void **state)
{
	CHECK(client12, "SEND\na\\cb:x\\n\\r\\c\\\\y\\\\n\n\nb\\n\0",
		"SEND{a:b=x\n\r:\\y\\n;}[b\\n]28|");
	CHECK(client11, "SEND\na\\cb:x\\n\\c\\\\y\n\n\0",
		"SEND{a:b=x\n:\\y;}[]20|");
	CHECK(client11, "SEND\na:\\r\n\n\0", "-1 undefined escape in a header");
	CHECK(client12, "SEND\na:\\t\n\n\0", "-1 undefined escape in a header");
	CHECK(client12, "SEND\na:\\\n\n\0", "-1 undefined escape in a header");
	CHECK(client12, "SEND\na\\:b\n\n\0", "-1 undefined escape in a header");
	CHECK(client12, "SEND\na\\q:b\n\n\0",
		"-1 undefined escape in a header");
	CHECK(client12, "SEND\na:\\N\n\n\0", "-1 undefined escape in a header");
	CHECK(client12, "SEND\na:b\\\r\n\n\0",
		"-1 undefined escape in a header");
	CHECK(client10, "SEND\na:\\t\\n\\\n\n\0", "SEND{a=\\t\\n\\;}[]14|");
	CHECK(client12, "CONNECT\na:\\t\\n\n\n\0STOMP\na:\\c\n\n\0",
		"CONNECT{a=\\t\\n;}[]16|STOMP{a=\\c;}[]12|");
	CHECK(server12, "CONNECTED\na:\\t\n\n\0ERROR\na:\\c\n\n\0",
		"CONNECTED{a=\\t;}[]16|ERROR{a=:;}[]12|");
}

static void
test_body(void **state)
{
	CHECK(client12, "SEND\ncontent-length:5\n\na\0b\0c\0SEND\n\nz\0",
		"SEND{content-length=5;}[a" /* a NUL ends what is compared */);
	CHECK(client12, "SUBSCRIBE\n\nbody\0",
		"-1 body in a frame that has none");
	CHECK(client12, "CONNECT\ncontent-length:1\n\nx\0",
		"-1 body in a frame that has none");
	CHECK(client12, "DISCONNECT\ncontent-length:1\n\n\n\0",
		"DISCONNECT{content-length=1;}[]30|");
	CHECK(server12, "RECEIPT\n\n\nx\0", "-1 body in a frame that has none");
}

/* NULs in a body that content-length covers. */
static void
test_nul_in_body(void **state)
{
	static const char bytes[] =
		"SEND\ncontent-length:3\n\na\0b\0SEND\n\nz\0";
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;
	char copy[sizeof(bytes) - 1];

	memcpy(copy, bytes, sizeof(copy));
	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, copy, sizeof(copy));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_int_equal(f.body.len, 3);
	assert_memory_equal(f.body.data, "a\0b", 3);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_true(str_eq_c(f.body, "z"));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
}

/* ---- what is refused --------------------------------------------------- */

/* S-06 */
static void
test_content_length(void **state)
{
	static const char *const none = "-1 content-length is no number";

	CHECK(client12, "SEND\ncontent-length:-1\n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length:+5\n\nhello\0", none);
	CHECK(client12, "SEND\ncontent-length:1e9\n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length:\n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length: 1\n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length:1 \n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length:01\n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length:0x1\n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length:1/\n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length:1:\n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length:five\n\nx\0", none);
	CHECK(client12, "SEND\ncontent-length:99999999999999999999x\n\nx\0",
		none);
	CHECK(client12, "SEND\ncontent-length:1\ncontent-length:2\n\nxy\0",
		"-1 two content-length headers differ");
	CHECK(client12, "SEND\ncontent-length:0\ncontent-length:1\n\nx\0",
		"-1 two content-length headers differ");
	CHECK(client12, "SEND\ncontent-length:2\ncontent-length:2\n\nxy\0",
		"SEND{content-length=2;content-length=2;}[xy]42|");
	CHECK(client12, "SEND\ncontent-length:1\n\nxy\0",
		"-1 no NUL where content-length ends");
	CHECK(client12, "SEND\ncontent-length:0\n\nx\0",
		"-1 no NUL where content-length ends");
	CHECK(client12, "SEND\ncontent-length:9\n\nhi\0", "midway");
	CHECK(client12, "SEND\ncontent-length:9\n\nhi\0SEND\n\nx\0",
		"-1 no NUL where content-length ends");
	CHECK(client12, "SEND\nContent-Length:x\n\nhi\0",
		"SEND{Content-Length=x;}[hi]25|");
	/* the second frame starts anew */
	CHECK(client12,
		"SEND\ncontent-length:1\n\nx\0SEND\ncontent-length:2\n\nxy\0",
		"SEND{content-length=1;}[x]24|SEND{content-length=2;}[xy]25|");
	CHECK(client12, "SEND\ncontent-length:1\n\nx\0SEND\n\nlonger\0",
		"SEND{content-length=1;}[x]24|SEND{}[longer]12|");
}

static void
test_big_declared(void **state)
{
	static const char *const want = "-2 frame is over 65536 bytes";

	CHECK(client12, "SEND\ncontent-length:65537\n", want);
	CHECK(client12, "SEND\ncontent-length:1073741824\n", want);
	CHECK(client12, "SEND\ncontent-length:4294967297\n", want);
	CHECK(client12, "SEND\ncontent-length:9223372036854775807\n", want);
	CHECK(client12, "SEND\ncontent-length:18446744073709551617\n", want);
	/* 5 + 21 + 1 bytes come before the body */
	CHECK(client12, "SEND\ncontent-length:65510\n\n", want);
	CHECK(client12, "SEND\ncontent-length:65509\n\n", "midway");
}

/* S-13, S-14 */
static void
test_bad_commands(void **state)
{
	static const char *const unknown = "-1 unknown command";
	static const char *const other = "-1 command of the other side";

	CHECK(client12, "send\n\n\0", unknown);
	CHECK(client12, "Connect\n\n\0", unknown);
	CHECK(client12, "SENDX\n\n\0", unknown);
	CHECK(client12, "SEN\n\n\0", unknown);
	CHECK(client12, " SEND\n\n\0", unknown);
	CHECK(client12, "SEND \n\n\0", unknown);
	CHECK(client12, "UNSUBSCRIBED", "midway");
	CHECK(client12, "UNSUBSCRIBED\n", unknown);
	CHECK(client12, "GET / HTTP/1.1\r\n\r\n", unknown);
	CHECK(client12, "\xef\xbb\xbfSEND\n\n\0", unknown);
	CHECK(client12, "MESSAGE\n\n\0", other);
	CHECK(client12, "CONNECTED\n\n\0", other);
	CHECK(client12, "RECEIPT\n\n\0", other);
	CHECK(client12, "ERROR\n\n\0", other);
	CHECK(server12, "SEND\n\n\0", other);
	CHECK(server12, "CONNECT\n\n\0", other);
	CHECK(client12, "\0", "-1 frame ends before its headers do");
	CHECK(client12, "SEND\0", "-1 frame ends before its headers do");
	CHECK(client12, "SEND\n\n\0\0\n",
		"SEND{}[]6|-1 frame ends before its headers do");
}

static void
test_bad_headers(void **state)
{
	CHECK(client12, "SEND\nabc\n\n\0", "-1 header line without ':'");
	CHECK(client12, "SEND\n \n\n\0", "-1 header line without ':'");
	CHECK(client12, "SEND\n:abc\n\n\0", "-1 header without a name");
	CHECK(client12, "SEND\na:b\rc\n\n\0", "-1 CR in a header");
	CHECK(client12, "SEND\na:b\r\r\n\n\0", "-1 CR in a header");
	CHECK(client12, "SEND\na\r:b\n\n\0", "-1 CR in a header");
	CHECK(client12, "SEND\na:b\n\0\n",
		"-1 frame ends before its headers do");
	CHECK(client12, "SEND\na:b\0c\n\n\0",
		"-1 frame ends before its headers do");
	CHECK(client12, "SEND\na:\xff\n\n\0", "-1 header is no UTF-8");
	CHECK(client12, "SEND\n\xc0\x80:b\n\n\0", "-1 header is no UTF-8");
	CHECK(client12, "SEND\na:\xed\xa0\x80\n\n\0", "-1 header is no UTF-8");
	CHECK(client12, "CONNECT\na:\xe2\x82\n\n\0", "-1 header is no UTF-8");
}

/* S-08 */
static void
test_midway(void **state)
{
	CHECK(client12, "S", "midway");
	CHECK(client12, "SEND\n", "midway");
	CHECK(client12, "SEND\na:b", "midway");
	CHECK(client12, "SEND\na:b\n\n", "midway");
	CHECK(client12, "SEND\na:b\n\nbody", "midway");
	CHECK(client12, "SEND\n\n\0S", "SEND{}[]6|midway");
}

/* After a refusal nothing comes any more, whatever is fed. */
static void
test_refused_for_ever(void **state)
{
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;
	char bad[] = "send\n", good[] = "SEND\n\n";

	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, bad, 5);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_BAD);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_BAD);
	assert_string_equal(err.text, "an earlier frame was refused");
	stomp_in_feed(&in, good, 7);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_BAD);
	assert_false(stomp_in_keep(&in));
	assert_null(in.buf.data);
}

/* ---- limits: exactly at and one over ----------------------------------- */

static const struct stomp_limits small = {40, 3, 10};
static const struct setup limited = {STOMP_FROM_CLIENT, STOMP_V12, &small};

static void
test_limit_headers(void **state)
{
	CHECK(limited, "SEND\na:1\nb:2\nc:3\n\n\0", "SEND{a=1;b=2;c=3;}[]18|");
	CHECK(limited, "SEND\na:1\nb:2\nc:3\nd:4\n\n\0",
		"-3 more than 3 headers");
	CHECK(limited, "SEND\na:1\nb:2\n\n\0SEND\nc:3\nd:4\n\n\0",
		"SEND{a=1;b=2;}[]14|SEND{c=3;d=4;}[]14|");
}

static void
test_limit_line(void **state)
{
	static const char *const over = "-3 header line is over 10 bytes";

	CHECK(limited, "SEND\na:12345678\n\n\0", "SEND{a=12345678;}[]17|");
	CHECK(limited, "SEND\na:12345678\r\n\r\n\0", "SEND{a=12345678;}[]19|");
	CHECK(limited, "SEND\na:123456789\n\n\0", over);
	CHECK(limited, "SEND\na:123456789\r\n\n\0", over);
	CHECK(limited, "SEND\na:1234567890", over);
	CHECK(limited, "SEND\na:123456789\0\n\n\0", over);
	CHECK(limited, "SEND\na:12345678\0\n\n\0",
		"-1 frame ends before its headers do");
	CHECK(limited, "SEND\n12345678901\n\n\0", over);
}

static void
test_limit_frame(void **state)
{
	static const char *const over = "-2 frame is over 40 bytes";

	/* 6 bytes come before the body */
	CHECK(limited, "SEND\n\n1234567890123456789012345678901234\0",
		"SEND{}[1234567890123456789012345678901234]40|");
	CHECK(limited, "SEND\n\n12345678901234567890123456789012345\0", over);
	CHECK(limited, "SEND\n\n12345678901234567890123456789012345", over);
	CHECK(limited, "SEND\n\n1234567890123456789012345678901234", "midway");
	CHECK(limited, "SEND\nb:12345678\na:12345678\nc:12345678\n\n\0",
		"SEND{b=12345678;a=12345678;c=12345678;}[]39|");
	CHECK(limited, "SEND\nb:12345678\na:12345678\nc:12345678\n\nx\0",
		"SEND{b=12345678;a=12345678;c=12345678;}[x]40|");
	CHECK(limited, "SEND\nb:12345678\na:12345678\nc:12345678\n\nxy\0",
		over);
	CHECK(limited, "SEND\r\nb:12345678\r\na:12345678\r\nc:12\r\n\r\n\0",
		"SEND{b=12345678;a=12345678;c=12;}[]38|");
	CHECK(limited, "SEND\r\nb:12345678\r\na:12345678\r\nc:12345\r\n\r\n\0",
		over);
}

/* S-03, S-05 with the numbers of the contract. */
static void
fill_headers(struct buf *b, int count)
{
	buf_add_c(b, "SEND\n");
	while (count--)
		buf_add_c(b, "a:1\n");
	buf_add(b, "\n\0", 2);
}

static void
test_default_limits(void **state)
{
	struct buf b = {0}, got = {0};

	fill_headers(&b, 64);
	run(&client12, buf_str(&b), 7, 7, &got);
	assert_true(str_ends(buf_str(&got), "a=1;}[]262|"));
	buf_reset(&b);
	buf_reset(&got);
	fill_headers(&b, 65);
	run(&client12, buf_str(&b), b.len, 0, &got);
	assert_true(str_eq_c(buf_str(&got), "-3 more than 64 headers"));
	buf_reset(&b);
	buf_reset(&got);
	fill_headers(&b, 100000);
	run(&client12, buf_str(&b), 1000, 1000, &got);
	assert_true(str_eq_c(buf_str(&got), "-3 more than 64 headers"));
	buf_release(&b);
	buf_release(&got);
}

static void
one_header(struct buf *b, size_t line_len)
{
	buf_reset(b);
	buf_add_c(b, "SEND\nreceipt:");
	while (b->len < 5 + line_len)
		buf_add_char(b, 'r');
	buf_add(b, "\n\n\0", 3);
}

static void
test_header_8k(void **state)
{
	struct buf b = {0}, got = {0};

	one_header(&b, 8192);
	run(&client12, buf_str(&b), 1000, 1000, &got);
	assert_true(str_ends(buf_str(&got), "r;}[]8199|"));
	buf_reset(&got);
	one_header(&b, 8193);
	run(&client12, buf_str(&b), 1000, 1000, &got);
	assert_true(
		str_eq_c(buf_str(&got), "-3 header line is over 8192 bytes"));
	buf_reset(&got);
	one_header(&b, 1 << 20);
	run(&client12, buf_str(&b), b.len, 0, &got);
	assert_true(
		str_eq_c(buf_str(&got), "-3 header line is over 8192 bytes"));
	buf_release(&b);
	buf_release(&got);
}

static void
body_frame(struct buf *b, size_t bytes)
{
	buf_reset(b);
	buf_add_c(b, "SEND\n\n");
	while (b->len < bytes)
		buf_add_char(b, 'x');
	buf_add_char(b, '\0');
}

static void
test_frame_64k(void **state)
{
	struct buf b = {0}, got = {0};

	body_frame(&b, 65536);
	run(&client12, buf_str(&b), 4096, 4096, &got);
	assert_true(str_ends(buf_str(&got), "x]65536|"));
	buf_reset(&got);
	body_frame(&b, 65537);
	run(&client12, buf_str(&b), 4096, 4096, &got);
	assert_true(str_eq_c(buf_str(&got), "-2 frame is over 65536 bytes"));
	buf_release(&b);
	buf_release(&got);
}

/* The array in struct stomp_frame bounds whatever a setting says. */
static void
test_headers_cap(void **state)
{
	static const struct stomp_limits wide = {65536, 1000, 100};
	static const struct setup s = {STOMP_FROM_CLIENT, STOMP_V12, &wide};
	struct buf b = {0}, got = {0};

	fill_headers(&b, STOMP_HEADERS_CAP);
	run(&s, buf_str(&b), b.len, 0, &got);
	assert_true(str_ends(buf_str(&got), "a=1;}[]518|"));
	buf_reset(&b);
	buf_reset(&got);
	fill_headers(&b, STOMP_HEADERS_CAP + 1);
	run(&s, buf_str(&b), b.len, 0, &got);
	assert_true(str_starts(buf_str(&got), "-3 more than"));
	buf_release(&b);
	buf_release(&got);
}

/* ---- memory ------------------------------------------------------------ */

static void
test_no_copy(void **state)
{
	char bytes[] = "SEND\na:\\c\n\nhi\0\nSEND\n\nho";
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;

	assert_true(sizeof(in) <= 96);
	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, bytes, sizeof(bytes));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_ptr_equal(f.body.data, bytes + 11);
	assert_ptr_equal(f.headers[0].value.data, bytes + 7);
	assert_false(stomp_in_midway(&in));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_ptr_equal(f.body.data, bytes + sizeof(bytes) - 3);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	assert_null(in.buf.data);
}

/* Only the cut frame is copied; those behind it are read where they were
 * fed. */
static void
test_no_copy_behind_cut(void **state)
{
	char one[] = "SEND\n\nfi", two[] = "rst\0SEND\n\nsecond\0SEND\n\nthird";
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;

	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, one, sizeof(one) - 1);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	memset(one, 0, sizeof(one));
	stomp_in_feed(&in, two, sizeof(two));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_true(str_eq_c(f.body, "first"));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_ptr_equal(f.body.data, two + 10);
	assert_true(str_eq_c(f.body, "second"));
	assert_null(in.buf.data);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_true(str_eq_c(f.body, "third"));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	assert_null(in.buf.data);
}

/* 10 bytes of a declared 60,000 do not cost 60,000. */
static void
test_no_allocation_ahead(void **state)
{
	char bytes[] = "SEND\ncontent-length:60000\n\n0123456789";
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;

	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, bytes, sizeof(bytes) - 1);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	assert_true(in.buf.cap <= 256);
	stomp_in_release(&in);
	assert_null(in.buf.data);
}

/* What has been searched for an end is not searched again: linear time. */
static void
test_searched_once(void **state)
{
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;
	char head[] = "SEND\na:bcd", end[] = "\n\nbody";

	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, head, 10);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	assert_int_equal(in.scan, 10);
	stomp_in_feed(&in, end, 6);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	assert_int_equal(in.scan, 16);
	stomp_in_release(&in);
}

/* A cut frame with much behind it: no more than one frame is held. */
static void
test_bounded(void **state)
{
	struct buf b = {0};
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;
	char first[] = "SEND\ncontent-length:1\n";
	int count = 0;

	buf_add(&b, "\nx\0", 3);
	while (b.len < 256 * 1024)
		buf_add(&b, "SEND\n\nabc\0", 10);
	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, first, sizeof(first) - 1);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	stomp_in_feed(&in, b.data, b.len);
	while (stomp_in_next(&in, &f, &err) == STOMP_IN_FRAME) {
		assert_true(in.buf.cap <= 2 * STOMP_FRAME_MAX);
		count++;
	}
	assert_int_equal(count, 1 + (256 * 1024 - 3 + 9) / 10);
	assert_null(in.buf.data);
	buf_release(&b);
}

/* A reader that pauses after its first frame. */
static void
test_keep(void **state)
{
	char one[] = "SEND\n\n1\0SEND\n\n2\0SEND\n\n3";
	char two[] = "\0SEND\n\n4\0SEND\n\n5";
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;
	int i;

	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, one, sizeof(one) - 1);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_true(stomp_in_keep(&in));
	memset(one, 'X', sizeof(one));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_true(str_eq_c(f.body, "2"));
	assert_true(stomp_in_keep(&in));
	stomp_in_feed(&in, two, sizeof(two));
	for (i = '3'; i <= '5'; i++) {
		assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
		assert_int_equal(f.body.len, 1);
		assert_int_equal(f.body.data[0], i);
	}
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_MORE);
	assert_true(stomp_in_keep(&in));
	assert_null(in.buf.data);
}

/* The version agreed upon holds from the next frame on, in the same piece. */
static void
test_version_between(void **state)
{
	char bytes[] = "CONNECT\n\n\0SEND\na:\\t\n\n\0SEND\na:\\t\n\n";
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;

	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, bytes, sizeof(bytes));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	stomp_in_version(&in, STOMP_V10);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_true(str_eq_c(stomp_frame_get(&f, "a"), "\\t"));
	stomp_in_version(&in, STOMP_V12);
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_BAD);
}

static void
test_get(void **state)
{
	char bytes[] = "SEND\nid:1\nid:2\nempty:\n\n";
	struct stomp_in in;
	struct stomp_frame f;
	struct err err;

	stomp_in_init(&in, STOMP_FROM_CLIENT, NULL);
	stomp_in_feed(&in, bytes, sizeof(bytes));
	assert_int_equal(stomp_in_next(&in, &f, &err), STOMP_IN_FRAME);
	assert_true(str_eq_c(stomp_frame_get(&f, "id"), "1"));
	assert_non_null(stomp_frame_get(&f, "empty").data);
	assert_int_equal(stomp_frame_get(&f, "empty").len, 0);
	assert_null(stomp_frame_get(&f, "ID").data);
	assert_null(stomp_frame_get(&f, "").data);
}

/* ---- negotiation ------------------------------------------------------- */

static void
test_versions(void **state)
{
	static const struct str none = {NULL, 0};

	assert_int_equal(stomp_version_pick(STR("1.0,1.1,1.2"), 7), STOMP_V12);
	assert_int_equal(stomp_version_pick(STR("1.2,1.1,1.0"), 7), STOMP_V12);
	assert_int_equal(stomp_version_pick(STR("1.1,1.0"), 7), STOMP_V11);
	assert_int_equal(stomp_version_pick(STR("1.0"), 7), STOMP_V10);
	assert_int_equal(stomp_version_pick(STR("1.1,2.0"), 7), STOMP_V11);
	assert_int_equal(stomp_version_pick(none, 7), STOMP_V10);
	assert_int_equal(stomp_version_pick(none, 6), -1);
	assert_int_equal(stomp_version_pick(STR("1.0,1.2"), 3), STOMP_V10);
	assert_int_equal(stomp_version_pick(STR("1.2"), 3), -1);
	assert_int_equal(stomp_version_pick(STR("0.9"), 7), -1);
	assert_int_equal(stomp_version_pick(STR(""), 7), -1);
	assert_int_equal(stomp_version_pick(STR(",,1.1,"), 7), STOMP_V11);
	assert_int_equal(stomp_version_pick(STR("1.25;1.1x"), 7), -1);
	assert_string_equal(stomp_version_name(STOMP_V10), "1.0");
	assert_string_equal(stomp_version_name(STOMP_V11), "1.1");
	assert_string_equal(stomp_version_name(STOMP_V12), "1.2");
}

static void
beat(const char *header, int64_t send_ms, int64_t expect_ms)
{
	struct stomp_beat b = {-9, -9};

	assert_int_equal(stomp_beat_agree(&b, str_c(header), 25000, 20000), 0);
	assert_int_equal(b.send_ms, send_ms);
	assert_int_equal(b.expect_ms, expect_ms);
}

static void
test_beat_agree(void **state)
{
	static const char *const bad[] = {"", ",", "1", "1,", ",1", "1,2,3",
		"-1,0", "0,-1", "+1,0", "1 ,2", "a,b", "1.5,2", "01,2",
		"2147483648,0", "0,99999999999999999999"};
	struct stomp_beat b;
	size_t i;

	beat(NULL, 0, 0);
	beat("0,0", 0, 0);
	beat("10000,10000", 25000, 20000);
	beat("30000,0", 0, 30000);
	beat("0,60000", 60000, 0);
	beat("1,1", 25000, 20000);
	beat("2147483647,2147483647", 2147483647, 2147483647);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(stomp_beat_agree(&b, str_c(bad[i]), 1, 1), -1);
	assert_int_equal(stomp_beat_agree(&b, STR("5,5"), 0, 0), 0);
	assert_int_equal(b.send_ms, 0);
	assert_int_equal(b.expect_ms, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_beats),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_nul_in_body),
		cmocka_unit_test(test_content_length),
		cmocka_unit_test(test_big_declared),
		cmocka_unit_test(test_bad_commands),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_midway),
		cmocka_unit_test(test_refused_for_ever),
		cmocka_unit_test(test_limit_headers),
		cmocka_unit_test(test_limit_line),
		cmocka_unit_test(test_limit_frame),
		cmocka_unit_test(test_default_limits),
		cmocka_unit_test(test_header_8k),
		cmocka_unit_test(test_frame_64k),
		cmocka_unit_test(test_headers_cap),
		cmocka_unit_test(test_no_copy),
		cmocka_unit_test(test_no_copy_behind_cut),
		cmocka_unit_test(test_no_allocation_ahead),
		cmocka_unit_test(test_searched_once),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_version_between),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_beat_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
