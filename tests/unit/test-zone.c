/*
 * links: wire
 * zone and shown: local time and back, and the object that subscribers get.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/zone.h"
#include "wire/shown.h"

static void
use_zone(const char *name)
{
	struct err err = {""};

	setenv("CHAT_TZ", name, 1);
	assert_int_equal(zone_init(&err), 0);
}

static void
assert_text(int64_t ms, const char *expected)
{
	struct buf out = {0};

	shown_time(&out, ms);
	assert_string_equal(out.data, expected);
	buf_release(&out);
}

/* -1: it must be refused. */
static void
assert_parsed(const char *json, int64_t expected)
{
	struct json root;
	struct err err = {""};
	int64_t ms = -7;

	assert_int_equal(json_scan(str_c(json), &root, NULL, &err), 0);
	int result = shown_time_parse(root, &ms, &err);
	assert_int_equal(result, expected == -1 ? -1 : 0);
	if (result == 0)
		assert_int_equal(ms, expected);
	else
		assert_true(err.text[0]);
}

static void
prints_local_time(void **state)
{
	use_zone("UTC");
	assert_text(1768127400123, "2026-01-11T10:30:00.123");
	assert_text(0, "1970-01-01T00:00:00.000");
	assert_text(-1, "1969-12-31T23:59:59.999");
	assert_text(-1001, "1969-12-31T23:59:58.999");
	assert_text(253402300799000, "9999-12-31T23:59:59.000");
	use_zone("Asia/Seoul");
	assert_text(1768127400123, "2026-01-11T19:30:00.123");
	use_zone("America/New_York");
	assert_text(1768127400123, "2026-01-11T05:30:00.123");
	assert_text(1783765800000, "2026-07-11T06:30:00.000");
}

static void
reads_text_and_array(void **state)
{
	use_zone("UTC");
	assert_parsed("\"2026-01-11T10:30:00.123\"", 1768127400123);
	assert_parsed("\"2026-01-11T10:30:00.123456789\"", 1768127400123);
	assert_parsed("\"2026-01-11T10:30:00.1\"", 1768127400100);
	assert_parsed("\"2026-01-11T10:30:00\"", 1768127400000);
	assert_parsed("\"2026-01-11T10:30\"", 1768127400000);
	assert_parsed("[2026,1,11,10,30,0,123000000]", 1768127400123);
	assert_parsed("[2026,1,11,10,30,0]", 1768127400000);
	assert_parsed("[2026,1,11,10,30]", 1768127400000);
	use_zone("Asia/Seoul");
	assert_parsed("\"2026-01-11T19:30:00.123\"", 1768127400123);
	assert_parsed("[2026,1,11,19,30,0,123000000]", 1768127400123);
}

static void
refuses_other_forms(void **state)
{
	static const char *const bad[] = {"\"\"", "\"2026-01-11\"",
		"\"2026-01-11T10:30:00Z\"", "\"2026-01-11T10:30:00+01:00\"",
		"\"2026-01-11 10:30:00\"", "\"2026-1-11T10:30:00\"",
		"\"2026-01-11T10:30:00.\"", "\"2026-01-11T10:30:00.1234567890\"",
		"\"2026-13-11T10:30:00\"", "\"2026-00-11T10:30:00\"",
		"\"2026-02-29T10:30:00\"", "\"2026-04-31T10:30:00\"",
		"\"2026-01-11T24:30:00\"", "\"2026-01-11T10:60:00\"",
		"\"2026-01-11T10:30:60\"", "\"0000-01-11T10:30:00\"",
		"\"2026-01-11T10:3\"", "[2026,1,11,10]",
		"[2026,1,11,10,30,0,123000000,1]", "[2026,1,11,10,30,0.5]",
		"[2026,1,11,10,30,-1]", "[2026,1,32,10,30]",
		"[2026,1,0,10,30]", "[2026,0,1,10,30]", "[2026,-1,1,10,30]",
		"[4294967298026,1,11,10,30]", "[2026,1,11,10,30,0,1000000000]",
		"[]", "1768127400123", "null", "{}", "true"};

	use_zone("UTC");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_parsed(bad[i], -1);
	assert_parsed("\"2024-02-29T00:00:00\"", 1709164800000);
	assert_parsed("\"2000-02-29T00:00:00\"", 951782400000);
	assert_parsed("\"1900-02-29T00:00:00\"", -1);
}

static void
months_have_their_days(void **state)
{
	static const int days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t end_ms = 1767225600000; /* 2026-01-01 */
	char json[40];

	use_zone("UTC");
	for (int i = 0; i < 12; i++) {
		end_ms += days[i] * (int64_t)86400000;
		snprintf(
			json, sizeof(json), "[2026,%d,%d,0,0]", i + 1, days[i]);
		assert_parsed(json, end_ms - 86400000);
		snprintf(json, sizeof(json), "[2026,%d,%d,0,0]", i + 1,
			days[i] + 1);
		assert_parsed(json, -1);
	}
}

/* Berlin, 2026: forward at 2:00 on 29 March, back at 3:00 on 25 October. */
static void
changes_of_clocks(void **state)
{
	use_zone("Europe/Berlin");
	assert_parsed("\"2026-03-29T01:59:59.999\"", 1774745999999);
	assert_parsed("\"2026-03-29T03:00:00\"", 1774746000000);
	assert_parsed("\"2026-03-29T02:30:00\"", 1774747800000);
	assert_parsed("\"2026-10-25T01:59:59\"", 1792886399000);
	assert_parsed("\"2026-10-25T02:30:00\"", 1792888200000);
	assert_parsed("\"2026-10-25T03:00:00\"", 1792893600000);
	assert_parsed("\"2026-07-01T12:00:00\"", 1782900000000);
	assert_parsed("\"2026-01-01T12:00:00\"", 1767265200000);
}

static void
unknown_zones(void **state)
{
	static const char *const bad[] = {"Nowhere/Land", "/etc/passwd",
		"../zoneinfo/UTC", "Europe"};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		setenv("CHAT_TZ", bad[i], 1);
		assert_int_equal(zone_init(&err), -1);
	}
	unsetenv("CHAT_TZ");
	assert_int_equal(zone_init(&err), 0);
	assert_text(0, "1970-01-01T00:00:00.000");
}

static void
assert_shown(const struct shown *shown, const char *expected)
{
	struct buf out = {0};

	shown_print(&out, shown);
	assert_string_equal(out.data, expected);
	buf_release(&out);
}

static void
prints_the_object(void **state)
{
	struct shown shown = {
		.message_id = 812,
		.seq = 57,
		.room_id = 1,
		.sender_id = 7,
		.nickname = STR("Kim \"K\""),
		.client_id = STR("42"),
		.content = STR("a\nb"),
		.type = STR("TEXT"),
		.sent_at_ms = 1768127400123,
	};

	use_zone("UTC");
	assert_shown(&shown,
		"{\"messageId\":812,\"seq\":57,\"roomId\":1,\"senderId\":7,"
		"\"senderNickname\":\"Kim \\\"K\\\"\",\"clientMessageId\":"
		"\"42\",\"content\":\"a\\nb\",\"type\":\"TEXT\",\"sentAt\":"
		"\"2026-01-11T10:30:00.123\",\"sentAtMs\":1768127400123}");
	shown.client_id_raw = STR("42");
	shown.content = STR("\"\\u0061\"");
	shown.content_raw = true;
	assert_shown(&shown,
		"{\"messageId\":812,\"seq\":57,\"roomId\":1,\"senderId\":7,"
		"\"senderNickname\":\"Kim \\\"K\\\"\",\"clientMessageId\":42,"
		"\"content\":\"\\u0061\",\"type\":\"TEXT\",\"sentAt\":"
		"\"2026-01-11T10:30:00.123\",\"sentAtMs\":1768127400123}");
}

static void
prints_system_and_deleted(void **state)
{
	struct shown shown = {
		.message_id = 1,
		.seq = 2,
		.room_id = 3,
		.sender_id = 4,
		.content = STR("x"),
		.type = STR("SYSTEM_KICK"),
		.targets = STR("[{\"userId\":9,\"nickname\":\"Lee\"}]"),
	};
	struct buf out = {0};

	use_zone("UTC");
	assert_shown(&shown,
		"{\"messageId\":1,\"seq\":2,\"roomId\":3,\"senderId\":4,"
		"\"senderNickname\":\"\",\"clientMessageId\":null,\"content\":"
		"\"x\",\"type\":\"SYSTEM_KICK\",\"sentAt\":"
		"\"1970-01-01T00:00:00.000\",\"sentAtMs\":0,\"targets\":"
		"[{\"userId\":9,\"nickname\":\"Lee\"}]}");
	shown_print_deleted(&out, 1, 2, 3);
	assert_string_equal(out.data,
		"{\"messageId\":1,\"seq\":2,\"roomId\":3,\"type\":\"DELETED\"}");
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_local_time),
		cmocka_unit_test(reads_text_and_array),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(months_have_their_days),
		cmocka_unit_test(changes_of_clocks),
		cmocka_unit_test(unknown_zones),
		cmocka_unit_test(prints_the_object),
		cmocka_unit_test(prints_system_and_deleted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
