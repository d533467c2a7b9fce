/*
 * Who a message is, histories line by line, and the rules that compare two
 * clients of one user. What compares whole systems is tests/t/audit.t.
 *
 * links: audit wire
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "audit/time.h"
#include "base/crc.h"
#include "json/json.h"

static struct audit audit;

static int
begin(void **state)
{
	struct audit_options opts = {
		.since_ms = -1, .slack_ms = 10000, .only_room = -1};

	audit_init(&audit, &opts);
	audit_has(&audit, AUDIT_HISTORIES);
	return 0;
}

static int
end(void **state)
{
	audit_release(&audit);
	return 0;
}

/* {"op":..,"worker":..,"userId":7} and what else is given. */
static void
says(const char *worker, const char *op, const char *more)
{
	struct err err = {""};
	char line[512];

	snprintf(line, sizeof(line),
		"{\"op\":\"%s\",\"worker\":\"%s\",\"userId\":7%s%s}", op,
		worker, *more ? "," : "", more);
	if (audit_line(&audit, 0, str_c(line), &err) < 0)
		fail_msg("%s: %s", line, err.text);
}

static int64_t
violations(enum invariant invariant)
{
	return audit.verdicts.of[invariant].violations;
}

static void
judge(void)
{
	assert_int_equal(audit_judge(&audit), 0);
}

/* ---- who a message is --------------------------------------------------- */

static struct ident
ident(struct names *names, const char *text)
{
	struct ident id;

	assert_true(ident_of_text(names, str_c(text), &id));
	return id;
}

static bool
same(struct ident a, struct ident b)
{
	struct key x = {1, 2, a}, y = {1, 2, b};

	return key_same(&x, &y) && key_hash(&x) == key_hash(&y);
}

static void
ids_are_the_same_in_every_form(void **state)
{
	struct names names = {0};
	struct buf out = {0};
	struct json token;
	struct ident id;
	struct err err;

	assert_true(same(ident(&names, "ABCDEF01-0000-4000-8000-00000000000A"),
		ident(&names, "abcdef01-0000-4000-8000-00000000000a")));
	assert_false(same(ident(&names, "abcdef01-0000-4000-8000-00000000000a"),
		ident(&names, "abcdef01-0000-4000-8000-00000000000b")));
	assert_true(same(ident(&names, "any text"), ident(&names, "any text")));
	assert_false(same(ident(&names, "any text"), ident(&names, "another")));
	assert_int_equal(json_scan(STR("42"), &token, NULL, &err), 0);
	assert_true(ident_of_json(&names, token, &id));
	assert_true(same(id, ident(&names, "42")));
	assert_false(same(id, ident(&names, "042")));
	id = ident(&names, "ABCDEF01-2345-4678-9abc-DEF012345678");
	ident_print(&out, &names, &id);
	assert_string_equal(out.data, "abcdef01-2345-4678-9abc-def012345678");
	buf_release(&out);
	names_release(&names);
}

static void
names_keep_their_numbers(void **state)
{
	struct names names = {0};
	char text[16];
	uint32_t i;

	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		assert_int_equal(names_number(&names, str_c(text)), i);
	}
	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		assert_int_equal(names_number(&names, str_c(text)), i);
		assert_string_equal(names.text[i], text);
	}
	names_release(&names);
}

static int64_t
instant(const char *json)
{
	struct json value;
	struct err err;

	assert_int_equal(json_scan(str_c(json), &value, NULL, &err), 0);
	return audit_time(value);
}

static void
instants(void **state)
{
	assert_int_equal(instant("1768127400123"), 1768127400123);
	assert_int_equal(
		instant("\"2026-01-11T10:30:00.123+00:00\""), 1768127400123);
	assert_int_equal(
		instant("\"2026-01-11 11:30:00.12+01\""), 1768127400120);
	assert_int_equal(
		instant("\"2026-01-11T05:00:00-05:30\""), 1768127400000);
	assert_int_equal(instant("\"2026-01-11T10:30:00Z\""), 1768127400000);
	assert_int_equal(instant("\"yesterday\""), -1);
	assert_int_equal(instant("null"), -1);
}

static void
rule_of_three(void **state)
{
	assert_true(verdict_bound(0) == 1);
	assert_true(verdict_bound(3000) == 0.001);
}

/* ---- two clients of one user -------------------------------------------- */

static void
two_messages(const char *a_ok, const char *b_invoke)
{
	char more[128];

	says("a", "joined", "\"roomId\":1,\"status\":\"live\",\"head\":0");
	says("a", "invoke",
		"\"roomId\":1,\"clientMessageId\":\"1\",\"ns\":100");
	snprintf(more, sizeof(more), "\"clientMessageId\":\"1\",\"ns\":%s",
		a_ok);
	says("a", "ok", more);
	snprintf(more, sizeof(more),
		"\"roomId\":1,\"clientMessageId\":\"2\",\"ns\":%s", b_invoke);
	says("b", "invoke", more);
	says("b", "ok", "\"clientMessageId\":\"2\",\"ns\":900");
	says("a", "recv",
		"\"roomId\":1,\"seq\":1,\"senderId\":7,\"clientMessageId\":2");
	says("a", "recv",
		"\"roomId\":1,\"seq\":2,\"senderId\":7,\"clientMessageId\":1");
	judge();
}

static void
after_the_receipt_two_clients_are_ordered(void **state)
{
	two_messages("300", "301");
	assert_int_equal(violations(I4_ORDER), 1);
}

static void
before_it_they_are_not(void **state)
{
	two_messages("300", "299");
	assert_int_equal(violations(I4_ORDER), 0);
}

/* ---- what an answer says ------------------------------------------------ */

static const struct audit_msg *
after(const char *const ops[], size_t count)
{
	const char *more = "\"roomId\":1,\"clientMessageId\":\"1\"";
	const char *final =
		"\"roomId\":1,\"clientMessageId\":\"1\",\"final\":true";
	size_t i;

	for (i = 0; i < count; i++)
		says("a", ops[i][strlen(ops[i]) - 1] == '!' ? "fail" : ops[i],
			ops[i][strlen(ops[i]) - 1] == '!' ? final : more);
	judge();
	return &audit.msg[0];
}
#define AFTER(...)                                                             \
	after((const char *const[]){__VA_ARGS__},                              \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void
a_fail_after_an_info_leaves_it(void **state)
{
	assert_int_equal(AFTER("invoke", "info", "invoke", "fail")->flags &
				 (MSG_OPEN | MSG_NOWHERE),
		MSG_OPEN);
}

static void
a_fail_went_nowhere(void **state)
{
	assert_int_equal(AFTER("invoke", "fail")->flags, MSG_NOWHERE);
}

static void
a_fail_after_an_ok_leaves_it(void **state)
{
	assert_int_equal(
		AFTER("invoke", "ok", "invoke", "fail")->flags, MSG_OK);
}

static void
what_went_nowhere_is_sent_again(void **state)
{
	assert_int_equal(
		AFTER("invoke", "fail", "invoke", "ok")->flags, MSG_OK);
}

static void
no_answer_is_unknown(void **state)
{
	assert_int_equal(AFTER("invoke")->flags, MSG_OPEN);
	assert_int_equal(audit.unknown_absent, 1);
}

static void
final_is_final(void **state)
{
	assert_int_equal(AFTER("invoke", "info", "fail!")->flags, MSG_FINAL);
}

static void
final_after_ok_was_told(void **state)
{
	assert_int_equal(AFTER("invoke", "ok", "fail!")->flags,
		MSG_OK | MSG_FINAL | MSG_TOLD);
}

/* ---- lines -------------------------------------------------------------- */

static void
lines_that_are_none(void **state)
{
	static const char *const lines[] = {"", "[]", "{\"op\":\"ok\"}",
		"{\"op\":\"ok\",\"worker\":\"a\"}",
		"{\"op\":\"invoke\",\"worker\":\"a\",\"userId\":7}",
		"{\"op\":\"recv\",\"worker\":\"a\",\"userId\":7,\"roomId\":1}",
		"{\"op\":\"joined\",\"worker\":\"a\",\"userId\":7}"};
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(lines); i++)
		assert_int_equal(
			audit_line(&audit, 0, str_c(lines[i]), &err), -1);
	says("a", "something new", "");
}

static void
the_same_name_in_two_files_is_two_workers(void **state)
{
	struct err err;
	struct str line =
		STR("{\"op\":\"connected\",\"worker\":\"a\",\"userId\":7}");

	assert_int_equal(audit_line(&audit, 0, line, &err), 0);
	assert_int_equal(audit_line(&audit, 0, line, &err), 0);
	assert_int_equal(audit_line(&audit, 1, line, &err), 0);
	assert_int_equal(audit.workers, 2);
}

static void
a_hole_in_the_middle_of_a_hole(void **state)
{
	says("a", "joined", "\"roomId\":1,\"status\":\"live\",\"head\":0");
	says("a", "recv", "\"roomId\":1,\"seq\":9");
	says("a", "recv", "\"roomId\":1,\"seq\":5");
	says("a", "recv", "\"roomId\":1,\"seq\":1");
	says("a", "recv", "\"roomId\":1,\"seq\":8");
	judge();
	assert_int_equal(violations(I4_ORDER), 3);
	assert_int_equal(audit.gaps, 2); /* 2 to 4, 6 and 7 */
	assert_int_equal(violations(I5_DENSE), 2);
}

/* ---- a part of a living system ------------------------------------------ */

/* A record of that time, its row, and no event: the first of its room. */
static int64_t
lost_event(int64_t ms, bool whole, bool event_before)
{
	struct record record = {.topic = STR("chat-messages"),
		.offset = 7,
		.timestamp = ms,
		.key = STR("1"),
		.value = STR("{\"roomId\":1,\"senderId\":2,"
			     "\"clientMessageId\":\"3\",\"content\":\"x\"}")};
	struct record event = {.topic = STR("chat-events"),
		.timestamp = ms,
		.value = STR("{\"event\":\"message\",\"epoch\":\"e\","
			     "\"message\":{\"messageId\":1,\"seq\":1,"
			     "\"roomId\":1,\"senderId\":2,"
			     "\"senderNickname\":\"n\","
			     "\"clientMessageId\":\"2\",\"content\":\"x\","
			     "\"type\":\"TEXT\",\"sentAt\":\"\","
			     "\"sentAtMs\":1000}}")};
	struct audit_row row = {.id = 2,
		.room_id = 1,
		.seq = 2,
		.sender_id = 2,
		.client_id = STR("3"),
		.type = STR("TEXT"),
		.sent_ms = ms,
		.topic = record.topic,
		.offset = 7,
		.timestamp = ms};

	audit.opts = (struct audit_options){.since_ms = 1000,
		.slack_ms = 100,
		.only_room = -1,
		.part = true};
	audit_has(&audit, AUDIT_MESSAGES);
	audit_has(&audit, AUDIT_EVENTS);
	audit_has(&audit, AUDIT_ROWS);
	audit.events_whole = whole;
	assert_int_equal(audit_record(&audit, AUDIT_MESSAGES, &record), 0);
	if (event_before)
		assert_int_equal(audit_record(&audit, AUDIT_EVENTS, &event), 0);
	assert_int_equal(audit_rows_from(&audit, 1, 2), 0);
	assert_int_equal(audit_row(&audit, &row), 0);
	judge();
	return violations(I1_LOSS);
}

static void
a_rooms_first_event_is_missed(void **state)
{
	assert_int_equal(lost_event(1100, true, false), 1);
}

static void
not_by_who_may_have_begun_too_late(void **state)
{
	assert_int_equal(lost_event(1099, true, false), 0);
}

static void
not_where_events_are_gone(void **state)
{
	assert_int_equal(lost_event(1100, false, false), 0);
}

static void
but_where_an_earlier_one_is_there(void **state)
{
	assert_int_equal(lost_event(1000, false, true), 1);
}

/* A room whose rows are all older than the part; its events come by the log's
 * clock, which may have jumped, and one of them is read. */
static int64_t
old_room(int64_t last_seq)
{
	struct record event = {.topic = STR("chat-events"),
		.timestamp = 900,
		.value = STR("{\"event\":\"message\",\"epoch\":\"e\","
			     "\"message\":{\"messageId\":1,\"seq\":1,"
			     "\"roomId\":1,\"senderId\":2,"
			     "\"senderNickname\":\"n\","
			     "\"clientMessageId\":\"2\",\"content\":\"x\","
			     "\"type\":\"TEXT\",\"sentAt\":\"\","
			     "\"sentAtMs\":900}}")};

	audit.opts = (struct audit_options){.since_ms = 1000,
		.slack_ms = 100,
		.only_room = -1,
		.part = true};
	audit_has(&audit, AUDIT_EVENTS);
	audit_has(&audit, AUDIT_ROWS);
	assert_int_equal(audit_epoch(&audit, STR("e")), 0);
	assert_int_equal(audit_room(&audit, 1, last_seq, STR("GROUP")), 0);
	assert_int_equal(audit_rows_from(&audit, 1, 2), 0);
	assert_int_equal(audit_record(&audit, AUDIT_EVENTS, &event), 0);
	judge();
	return violations(I5_DENSE);
}

static void
rows_before_the_part_are_there(void **state)
{
	assert_int_equal(old_room(1), 0);
}

static void
a_row_behind_them_is_missed(void **state)
{
	assert_int_equal(old_room(2), 1);
}

#define SAID(content)                                                          \
	STR("{\"roomId\":1,\"senderId\":2,\"clientMessageId\":\"3\","          \
	    "\"content\":\"" content "\"}")

/* Two records of a message, with two contents; the row is from the second. */
static int64_t
two_contents(const char *header, const char *stored)
{
	struct record_header headers[] = {
		{str_c(header), STR("chat-messages/0/7/1100"), false}};
	struct record first = {.topic = STR("chat-messages"),
		.offset = 7,
		.timestamp = 1100,
		.key = STR("1"),
		.value = SAID("long")};
	struct record second = first;
	struct audit_row row = {.id = 2,
		.room_id = 1,
		.seq = 1,
		.sender_id = 2,
		.client_id = STR("3"),
		.type = STR("TEXT"),
		.crc = crc32_of(str_c(stored)),
		.has_crc = true,
		.sent_ms = 1100,
		.topic = first.topic,
		.offset = 8,
		.timestamp = 1200};

	second.offset = 8;
	second.timestamp = 1200;
	second.value = SAID("mended");
	second.headers = headers;
	second.header_count = 1;
	audit_has(&audit, AUDIT_MESSAGES);
	audit_has(&audit, AUDIT_ROWS);
	assert_int_equal(audit_record(&audit, AUDIT_MESSAGES, &first), 0);
	assert_int_equal(audit_record(&audit, AUDIT_MESSAGES, &second), 0);
	assert_int_equal(audit_row(&audit, &row), 0);
	judge();
	return violations(I3_PHANTOM);
}

static void
a_mended_letter_is_no_phantom(void **state)
{
	assert_int_equal(two_contents("chat-replay-of", "mended"), 0);
}

static void
but_what_is_stored_is_what_came_back(void **state)
{
	assert_int_equal(two_contents("chat-replay-of", "long"), 1);
}

static void
another_record_with_another_content_is_one(void **state)
{
	/* the record, and the row that is from it */
	assert_int_equal(two_contents("traceparent", "mended"), 2);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(ids_are_the_same_in_every_form),
		T(names_keep_their_numbers),
		T(instants),
		T(rule_of_three),
		T(after_the_receipt_two_clients_are_ordered),
		T(before_it_they_are_not),
		T(a_fail_after_an_info_leaves_it),
		T(a_fail_went_nowhere),
		T(a_fail_after_an_ok_leaves_it),
		T(what_went_nowhere_is_sent_again),
		T(no_answer_is_unknown),
		T(final_is_final),
		T(final_after_ok_was_told),
		T(lines_that_are_none),
		T(the_same_name_in_two_files_is_two_workers),
		T(a_hole_in_the_middle_of_a_hole),
		T(a_rooms_first_event_is_missed),
		T(not_by_who_may_have_begun_too_late),
		T(not_where_events_are_gone),
		T(but_where_an_earlier_one_is_there),
		T(rows_before_the_part_are_there),
		T(a_row_behind_them_is_missed),
		T(a_mended_letter_is_no_phantom),
		T(but_what_is_stored_is_what_came_back),
		T(another_record_with_another_content_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
