/*
 * links: wire
 * What a letter says of itself: ours come back, Spring's are read, what is
 * broken counts as missing; places as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dlt.h"

static uint64_t seed = 88172645463325252u;

static unsigned
rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

#define ASSERT_STR(have, want)                                                 \
	do {                                                                   \
		assert_int_equal((have).len, strlen(want));                    \
		assert_memory_equal((have).data, want, (have).len);            \
	} while (0)

static struct record_header headers[RECORD_HEADERS_MAX];
static struct record letter;

/* A letter that stands at x-dlt/2/50, without headers. */
static void
begin(void)
{
	letter = (struct record){.topic = STR("x-dlt"),
		.partition = 2,
		.offset = 50,
		.timestamp = 1000,
		.headers = headers};
}

static void
add(const char *name, const char *bytes, size_t len)
{
	headers[letter.header_count++] = (struct record_header){
		.name = str_c(name), .value = {bytes, len}};
}

#define ADD(name, literal) add(name, literal, sizeof(literal) - 1)

/* As Spring Kafka writes it. */
static void
spring(void)
{
	begin();
	ADD("kafka_dlt-original-topic", "x");
	ADD("kafka_dlt-original-partition", "\0\0\1\2");
	ADD("kafka_dlt-original-offset", "\0\0\0\1\0\0\0\7");
	ADD("kafka_dlt-original-timestamp", "\0\0\1\x9b\xab\xcd\xef\x01");
	ADD("kafka_dlt-original-timestamp-type", "CreateTime");
	ADD("kafka_dlt-original-consumer-group", "g");
	ADD("kafka_dlt-exception-fqcn", "a.ListenerExecutionFailedException");
	ADD("kafka_dlt-exception-message", "Listener failed");
}

static struct dlt_info
read(void)
{
	struct dlt_info info;

	memset(&info, 0x55, sizeof(info));
	dlt_read(&info, &letter);
	return info;
}

static void
assert_own_place(const struct dlt_info *info)
{
	assert_false(info->named);
	ASSERT_STR(info->origin.topic, "x-dlt");
	assert_int_equal(info->origin.partition, 2);
	assert_int_equal(info->origin.offset, 50);
	assert_int_equal(info->origin.timestamp, 1000);
}

/* ---- reading ------------------------------------------------------------- */

static void
ours_come_back(void **state)
{
	static const int64_t numbers[] = {
		0, 1, 255, 256, INT32_MAX, 1768127400123, INT64_MAX};
	static struct record_room room;
	struct record failed = {.topic = STR("chat-messages"),
		.key = STR("42"),
		.value = STR("{}"),
		.headers = headers};
	struct dlt_info info;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(numbers); i++) {
		failed.partition = (int32_t)(numbers[i] & INT32_MAX);
		failed.offset = numbers[i];
		failed.timestamp = numbers[ARRAY_LEN(numbers) - 1 - i];
		failed.append_time = i % 2;
		assert_int_equal(
			dlt_letter(&letter, &failed, "store",
				STR("SQLSTATE_22021"), STR("no"), &room, &err),
			0);
		info = read();
		assert_true(info.named);
		ASSERT_STR(info.origin.topic, "chat-messages");
		assert_int_equal(info.origin.partition, failed.partition);
		assert_int_equal(info.origin.offset, failed.offset);
		assert_int_equal(info.origin.timestamp, failed.timestamp);
		ASSERT_STR(info.group, "store");
		ASSERT_STR(info.error_class, "SQLSTATE_22021");
		ASSERT_STR(info.error_message, "no");
		assert_int_equal(info.replays, 0);
		assert_int_equal(info.replay_of.len, 0);
		assert_int_equal(letter.partition, failed.partition);
		ASSERT_STR(letter.topic, "chat-messages-dlt");
	}
	record_room_release(&room);
}

static void
springs_are_read(void **state)
{
	struct dlt_info info;

	spring();
	info = read();
	assert_true(info.named);
	ASSERT_STR(info.origin.topic, "x");
	assert_int_equal(info.origin.partition, 258);
	assert_int_equal(info.origin.offset, 0x100000007);
	assert_int_equal(info.origin.timestamp, 0x19babcdef01);
	ASSERT_STR(info.group, "g");
	ASSERT_STR(info.error_class, "a.ListenerExecutionFailedException");
	ASSERT_STR(info.error_message, "Listener failed");
	ADD("kafka_dlt-exception-cause-fqcn", "a.b.BadThing");
	info = read();
	ASSERT_STR(info.error_class, "a.b.BadThing");
}

/* Spring adds its own behind what an earlier failure had left. */
static void
the_newest_counts(void **state)
{
	struct dlt_info info;

	spring();
	ADD("kafka_dlt-original-topic", "y");
	ADD("kafka_dlt-original-partition", "\0\0\0\3");
	ADD("kafka_dlt-original-offset", "\0\0\0\0\0\0\0\4");
	ADD("kafka_dlt-original-timestamp", "\0\0\0\0\0\0\0\5");
	ADD("chat-replay-count", "1");
	ADD("chat-replay-count", "2");
	ADD("chat-replay-of", "x/1/2/3");
	info = read();
	ASSERT_STR(info.origin.topic, "y");
	assert_int_equal(info.origin.partition, 3);
	assert_int_equal(info.origin.offset, 4);
	assert_int_equal(info.origin.timestamp, 5);
	assert_int_equal(info.replays, 2);
	ASSERT_STR(info.replay_of, "x/1/2/3");
}

static void
text_is_read_too(void **state)
{
	struct dlt_info info;

	begin();
	ADD("kafka_dlt-original-topic", "x");
	ADD("kafka_dlt-original-partition", "1234"); /* as long as an int32 */
	ADD("kafka_dlt-original-offset", "12345678");
	ADD("kafka_dlt-original-timestamp", "1768127400123");
	info = read();
	assert_true(info.named);
	assert_int_equal(info.origin.partition, 1234);
	assert_int_equal(info.origin.offset, 12345678);
	assert_int_equal(info.origin.timestamp, 1768127400123);
}

/* One that is broken, and the origin is the letter's own place. */
static void
broken_ones(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
	} bad[] = {
		{"kafka_dlt-original-topic", "", 0},
		{"kafka_dlt-original-topic", NULL, 0},
		{"kafka_dlt-original-partition", "\xff\xff\xff\xff", 4},
		{"kafka_dlt-original-partition", "\0\0\1", 3},
		{"kafka_dlt-original-partition", "\0\0\0\0\0\0\0\1", 8},
		{"kafka_dlt-original-partition", "2147483648", 10},
		{"kafka_dlt-original-partition", "-1", 2},
		{"kafka_dlt-original-partition", "1 ", 2},
		{"kafka_dlt-original-partition", "", 0},
		{"kafka_dlt-original-partition", NULL, 0},
		{"kafka_dlt-original-offset", "\x80\0\0\0\0\0\0\0", 8},
		{"kafka_dlt-original-offset", "\0\0\0\1", 4},
		{"kafka_dlt-original-offset", "9223372036854775808", 19},
		{"kafka_dlt-original-offset", NULL, 0},
		{"kafka_dlt-original-timestamp",
			"\xff\xff\xff\xff\xff\xff\xff\xff", 8},
		{"kafka_dlt-original-timestamp", "now", 3},
	};
	struct dlt_info info;
	size_t i;

	begin();
	info = read();
	assert_own_place(&info);
	assert_int_equal(info.group.len + info.error_class.len +
				 info.error_message.len + info.replay_of.len,
		0);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		spring();
		add(bad[i].name, bad[i].bytes, bad[i].len);
		headers[letter.header_count - 1].null = !bad[i].bytes;
		info = read();
		assert_own_place(&info);
		ASSERT_STR(info.group, "g"); /* what is whole is read */
	}
	for (i = 0; i < 4; i++) { /* one that is not there */
		spring();
		headers[i].name = STR("other");
		info = read();
		assert_own_place(&info);
	}
}

static void
how_often_it_was_replayed(void **state)
{
	spring();
	assert_int_equal(read().replays, 0);
	ADD("chat-replay-count", "3");
	assert_int_equal(read().replays, 3);
	/* We write one: where there are several, somebody else had it. */
	ADD("chat-replay-count", "0");
	assert_int_equal(read().replays, 3);
	ADD("chat-replay-count", "7");
	assert_int_equal(read().replays, 7);
	ADD("chat-replay-count", "three");
	assert_int_equal(read().replays, DLT_REPLAYS_UNKNOWN);
	spring();
	ADD("chat-replay-count", "-3");
	assert_int_equal(read().replays, DLT_REPLAYS_UNKNOWN);
	spring();
	add("chat-replay-count", NULL, 0);
	headers[letter.header_count - 1].null = true;
	assert_int_equal(read().replays, DLT_REPLAYS_UNKNOWN);
	spring();
	ADD("chat-replay-count", "");
	assert_int_equal(read().replays, DLT_REPLAYS_UNKNOWN);
}

static void
random_bytes_harm_nobody(void **state)
{
	static const char *const names[] = {"kafka_dlt-original-topic",
		"kafka_dlt-original-partition", "kafka_dlt-original-offset",
		"kafka_dlt-original-timestamp",
		"kafka_dlt-original-consumer-group", "kafka_dlt-exception-fqcn",
		"kafka_dlt-exception-cause-fqcn", "kafka_dlt-exception-message",
		"chat-replay-count", "chat-replay-of", "traceparent"};
	char *bytes;
	struct dlt_info info;
	int i, k, named = 0;
	size_t len, b;

	for (i = 0; i < 20000; i++) {
		begin();
		for (k = (int)rnd(12); k >= 0; k--) {
			/* Of its very size, so that a sanitizer sees more. */
			len = rnd(2) ? 4u << rnd(2) : rnd(20);
			bytes = malloc(len ? len : 1);
			for (b = 0; b < len; b++)
				bytes[b] = (char)(rnd(3) ? rnd(256)
							 : '0' + rnd(10));
			if (len && rnd(2))
				bytes[0] &= 0x7f;
			add(names[rnd(ARRAY_LEN(names))], bytes, len);
		}
		info = read();
		assert_true(info.origin.partition >= 0);
		assert_true(info.origin.offset >= 0);
		assert_true(info.replays >= DLT_REPLAYS_UNKNOWN);
		assert_true(info.origin.topic.len > 0);
		named += info.named;
		if (!info.named)
			assert_own_place(&info);
		while (letter.header_count) {
			union {
				const char *in;
				void *out;
			} cast = {.in = headers[--letter.header_count]
						.value.data};

			free(cast.out);
		}
	}
	assert_true(named > 10);
}

/* ---- places -------------------------------------------------------------- */

static void
places_come_back(void **state)
{
	struct buf out = {0};
	struct dlt_place place = {STR("a.b_c-d"), INT32_MAX, INT64_MAX, 0};
	struct dlt_place back;
	int i;

	for (i = 0; i < 1000; i++) {
		buf_reset(&out);
		dlt_place_print(&out, &place);
		assert_true(dlt_place_parse(&back, buf_str(&out)));
		ASSERT_STR(back.topic, "a.b_c-d");
		assert_int_equal(back.partition, place.partition);
		assert_int_equal(back.offset, place.offset);
		assert_int_equal(back.timestamp, place.timestamp);
		place.partition = (int32_t)rnd(INT32_MAX);
		place.offset = (int64_t)rnd(UINT32_MAX) << rnd(31);
		place.timestamp = (int64_t)rnd(UINT32_MAX) << rnd(31);
	}
	buf_release(&out);
	assert_true(dlt_place_parse(&back, STR("t/3/812/-1")));
	assert_int_equal(back.timestamp, -1); /* a record without one */
}

static void
no_places(void **state)
{
	static const char *const bad[] = {"", "t", "t/", "t/1", "t/1/2",
		"t/1/2/", "/1/2/3", "t/-1/2/3", "t/1/-2/3", "t/2147483648/2/3",
		"t/1/9223372036854775808/3", "t/1/2/3/4", "t/1/2/x", "t/x/2/3",
		"t/1/x/3", "t/1 /2/3", "t//2/3", "t/1//3", "t/1/2/3 "};
	struct dlt_place place;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (dlt_place_parse(&place, str_c(bad[i])))
			fail_msg("'%s' is taken", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_come_back),
		cmocka_unit_test(springs_are_read),
		cmocka_unit_test(the_newest_counts),
		cmocka_unit_test(text_is_read_too),
		cmocka_unit_test(broken_ones),
		cmocka_unit_test(how_often_it_was_replayed),
		cmocka_unit_test(random_bytes_harm_nobody),
		cmocka_unit_test(places_come_back),
		cmocka_unit_test(no_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
