/*
 * links: wire
 * request, event: what chat-api is asked and answers, and what chat-events
 * holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/event.h"
#include "wire/request.h"

static void
assert_str(struct str have, const char *want)
{
	if (!str_eq_c(have, want))
		fail_msg("'%.*s', not '%s'", STR_ARG(have), want);
}

/* ---- requests ---------------------------------------------------------- */

static void
test_request(void **state)
{
	struct buf scratch = {0}, out = {0};
	struct request r;
	struct err err = {""};
	const char *line =
		"{\"id\":7,\"user\":12,\"method\":\"GET\","
		"\"path\":\"/api/v1/chat/rooms\",\"query\":{\"limit\":\"5\"},"
		"\"body\":{\"a\":[1]},\"deadlineMs\":5000}";

	assert_int_equal(request_parse(&r, str_c(line), &scratch, &err), 0);
	assert_int_equal(r.id, 7);
	assert_int_equal(r.user, 12);
	assert_str(r.method, "GET");
	assert_str(r.path, "/api/v1/chat/rooms");
	assert_str(r.query.text, "{\"limit\":\"5\"}");
	assert_str(r.body.text, "{\"a\":[1]}");
	assert_int_equal(r.deadline_ms, 5000);
	request_print(&out, &r);
	assert_memory_equal(out.data, line, strlen(line));
	assert_int_equal(out.len, strlen(line) + 1);
	assert_int_equal(out.data[out.len - 1], '\n');
	line = "{\"id\":0,\"user\":0,\"method\":\"G\\u0045T\","
	       "\"path\":\"\\/x\\u00e9\",\"query\":null,\"body\":null,"
	       "\"deadlineMs\":null}";
	assert_int_equal(request_parse(&r, str_c(line), &scratch, &err), 0);
	assert_int_equal(r.user, 0);
	assert_str(r.method, "GET");
	assert_str(r.path, "/x\xc3\xa9");
	assert_int_equal(r.query.type, JSON_NONE);
	assert_int_equal(r.body.type, JSON_NONE);
	assert_int_equal(r.deadline_ms, 0);
	buf_reset(&out);
	request_print(&out, &r);
	assert_string_equal(out.data, "{\"id\":0,\"user\":0,\"method\":\"GET\","
				      "\"path\":\"/x\xc3\xa9\"}\n");
	line = "{\"id\":1,\"method\":\"M\",\"path\":\"p\",\"body\":[]}";
	assert_int_equal(request_parse(&r, str_c(line), &scratch, &err), 0);
	assert_int_equal(r.user, -1);
	assert_int_equal(r.body.type, JSON_ARRAY);
	buf_reset(&out);
	request_print(&out, &r);
	assert_string_equal(out.data, "{\"id\":1,\"method\":\"M\","
				      "\"path\":\"p\",\"body\":[]}\n");
	/* A body in several lines leaves in one. */
	r.body.text = STR("[1,\n2]");
	buf_reset(&out);
	request_print(&out, &r);
	assert_string_equal(out.data, "{\"id\":1,\"method\":\"M\","
				      "\"path\":\"p\",\"body\":[1, 2]}\n");
	buf_release(&scratch);
	buf_release(&out);
}

static void
test_broken_requests(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"", "expected a value at byte 0"},
		{"[]", "a request without an id"},
		{"{\"id\":\"1\",\"method\":\"M\",\"path\":\"p\"}",
			"a request without an id"},
		{"{\"id\":1,\"user\":-1,\"method\":\"M\",\"path\":\"p\"}",
			"user is no integer from 0 on"},
		{"{\"id\":1,\"user\":\"7\",\"method\":\"M\",\"path\":\"p\"}",
			"user is no integer from 0 on"},
		{"{\"id\":1,\"deadlineMs\":-1,\"method\":\"M\","
		 "\"path\":\"p\"}",
			"deadlineMs is no integer from 0 on"},
		{"{\"id\":1,\"path\":\"p\"}",
			"a request without method and path"},
		{"{\"id\":1,\"method\":\"M\",\"path\":7}",
			"a request without method and path"},
		{"{\"id\":1,\"method\":\"M\",\"path\":\"p\",\"query\":[]}",
			"query is no object"},
	};
	struct buf scratch = {0};
	struct request r;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
			request_parse(&r, str_c(cases[i].line), &scratch, &err),
			-1);
		assert_string_equal(err.text, cases[i].why);
	}
	buf_release(&scratch);
}

static void
test_reply(void **state)
{
	struct buf out = {0};
	struct reply r;
	struct err err = {""};

	reply_print(&out, 7, 200, STR("{\"a\":1}"));
	reply_print(&out, -1, 404, STR(""));
	assert_string_equal(out.data,
		"{\"id\":7,\"status\":200,\"body\":{\"a\":1}}\n"
		"{\"id\":-1,\"status\":404}\n");
	assert_int_equal(reply_parse(&r, (struct str){out.data, 37}, &err), 0);
	assert_int_equal(r.id, 7);
	assert_int_equal(r.status, 200);
	assert_str(r.body.text, "{\"a\":1}");
	assert_int_equal(r.headers.type, JSON_NONE);
	assert_int_equal(reply_parse(&r,
				 STR("{\"id\":1,\"status\":405,"
				     "\"headers\":{\"Allow\":\"GET\"}}"),
				 &err),
		0);
	assert_str(r.headers.text, "{\"Allow\":\"GET\"}");
	assert_int_equal(r.body.type, JSON_NONE);
	assert_int_equal(
		reply_parse(&r, STR("{\"id\":1,\"status\":100}"), &err), 0);
	assert_int_equal(
		reply_parse(&r, STR("{\"id\":1,\"status\":599}"), &err), 0);
	buf_release(&out);
}

static void
test_broken_replies(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"x", "expected a value at byte 0"},
		{"{\"status\":200}", "a reply without an id"},
		{"{\"id\":1}", "a reply without a status"},
		{"{\"id\":1,\"status\":99}", "a reply without a status"},
		{"{\"id\":1,\"status\":600}", "a reply without a status"},
		{"{\"id\":1,\"status\":200,\"headers\":[]}",
			"headers is no object"},
	};
	struct reply r;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
			reply_parse(&r, str_c(cases[i].line), &err), -1);
		assert_string_equal(err.text, cases[i].why);
	}
}

/* ---- events ------------------------------------------------------------ */

static int
event(struct event *out, const char *doc, struct err *err)
{
	struct json root;

	if (json_scan(str_c(doc), &root, NULL, err) < 0)
		fail_msg("%s: %s", doc, err->text);
	return event_parse(out, root, err);
}

static void
good_event(struct event *out, const char *doc)
{
	struct err err = {""};

	if (event(out, doc, &err) < 0)
		fail_msg("%s: %s", doc, err.text);
}

static void
test_event_message(void **state)
{
	static const char message[] =
		"{\"messageId\":812,\"seq\":57,\"roomId\":1,\"senderId\":7,"
		"\"senderNickname\":\"K\\n\",\"clientMessageId\":\"u\","
		"\"content\":\"hi\",\"type\":\"TEXT\",\"sentAt\":\"x\","
		"\"sentAtMs\":1768127400123}";
	struct buf out = {0};
	struct event e;

	event_print_message(&out, STR("ep"), str_c(message));
	assert_memory_equal(out.data,
		"{\"event\":\"message\",\"epoch\":\"ep\",\"message\":{", 43);
	good_event(&e, out.data);
	assert_int_equal(e.kind, EVENT_MESSAGE);
	assert_str(e.epoch, "ep");
	assert_int_equal(e.room_id, 1);
	assert_int_equal(e.user_id, 7);
	assert_int_equal(e.seq, 57);
	assert_int_equal(e.message_id, 812);
	assert_int_equal(e.revision, -1);
	assert_str(e.client_message_id.text, "\"u\"");
	assert_str(e.message.text, message);
	assert_str(e.type, "TEXT");
	assert_int_equal(e.targets.type, JSON_NONE);
	assert_true(e.sent_at_ms == 1768127400123);
	buf_release(&out);
	good_event(&e, "{\"epoch\":\"e\",\"event\":\"message\",\"message\":{"
		       "\"messageId\":1,\"seq\":2,\"roomId\":3,\"type\":"
		       "\"SYSTEM_KICK\",\"targets\":[{\"userId\":9}]}}");
	assert_int_equal(e.user_id, -1);
	assert_int_equal(e.sent_at_ms, -1);
	assert_int_equal(e.client_message_id.type, JSON_NONE);
	assert_str(e.type, "SYSTEM_KICK");
	assert_str(e.targets.text, "[{\"userId\":9}]");
	assert_false(e.replayed);
	good_event(&e, "{\"epoch\":\"e\",\"event\":\"message\",\"replayed\":"
		       "true,\"message\":{\"messageId\":1,\"seq\":2,\"roomId\":"
		       "3,\"type\":\"TEXT\"}}");
	assert_true(e.replayed);
}

static void
test_event_others(void **state)
{
	struct buf out = {0};
	struct event e;

	event_print_duplicate(&out, STR("ep"), 7, 1, STR("42"), 812, 57);
	assert_string_equal(out.data,
		"{\"event\":\"duplicate\",\"epoch\":\"ep\",\"userId\":7,"
		"\"roomId\":1,\"clientMessageId\":42,\"messageId\":812,"
		"\"seq\":57}");
	good_event(&e, out.data);
	assert_int_equal(e.kind, EVENT_DUPLICATE);
	assert_int_equal(e.user_id, 7);
	assert_int_equal(e.room_id, 1);
	assert_int_equal(e.message_id, 812);
	assert_int_equal(e.seq, 57);
	assert_str(e.client_message_id.text, "42");
	assert_int_equal(e.message.type, JSON_NONE);
	buf_reset(&out);
	event_print_refused(&out, STR("ep"), 7, 1, STR("\"u\""), "NOT_A_MEMBER",
		"not \"a\"");
	assert_string_equal(out.data,
		"{\"event\":\"refused\",\"epoch\":\"ep\",\"userId\":7,"
		"\"roomId\":1,\"clientMessageId\":\"u\","
		"\"code\":\"NOT_A_MEMBER\",\"message\":\"not \\\"a\\\"\"}");
	good_event(&e, out.data);
	assert_int_equal(e.kind, EVENT_REFUSED);
	assert_int_equal(e.user_id, 7);
	assert_str(e.code, "NOT_A_MEMBER");
	assert_str(e.text, "not \\\"a\\\"");
	assert_int_equal(e.seq, -1);
	good_event(&e, "{\"event\":\"read\",\"epoch\":\"e\",\"roomId\":1,"
		       "\"userId\":7,\"revision\":9}");
	assert_int_equal(e.kind, EVENT_READ);
	assert_int_equal(e.user_id, 7);
	assert_int_equal(e.revision, 9);
	good_event(&e, "{\"event\":\"room\",\"epoch\":\"e\",\"roomId\":1,"
		       "\"change\":\"RENAMED\",\"revision\":0}");
	assert_int_equal(e.kind, EVENT_ROOM);
	assert_int_equal(e.user_id, -1);
	assert_int_equal(e.revision, 0);
	good_event(&e, "{\"event\":\"later\"}");
	assert_int_equal(e.kind, EVENT_UNKNOWN);
	buf_release(&out);
}

static void
test_broken_events(void **state)
{
	static const struct {
		const char *doc, *why;
	} cases[] = {
		{"[]", "an event is no object"},
		{"{}", "an event without a name"},
		{"{\"event\":7}", "an event without a name"},
		{"{\"event\":\"message\"}", "an event without epoch"},
		{"{\"event\":\"message\",\"epoch\":\"\\n\"}",
			"an event without epoch"},
		{"{\"event\":\"message\",\"epoch\":\"e\"}",
			"an event without message"},
		{"{\"event\":\"message\",\"epoch\":\"e\",\"message\":{}}",
			"an event without roomId"},
		{"{\"event\":\"message\",\"epoch\":\"e\",\"message\":"
		 "{\"roomId\":1}}",
			"an event without seq"},
		{"{\"event\":\"message\",\"epoch\":\"e\",\"message\":"
		 "{\"roomId\":1,\"seq\":-1}}",
			"an event without seq"},
		{"{\"event\":\"message\",\"epoch\":\"e\",\"message\":"
		 "{\"roomId\":1,\"seq\":1}}",
			"an event without messageId"},
		{"{\"event\":\"message\",\"epoch\":\"e\",\"message\":"
		 "{\"roomId\":1,\"seq\":1,\"messageId\":1}}",
			"an event without type"},
		{"{\"event\":\"duplicate\",\"epoch\":\"e\"}",
			"an event without roomId"},
		{"{\"event\":\"duplicate\",\"epoch\":\"e\",\"roomId\":1}",
			"an event without seq"},
		{"{\"event\":\"duplicate\",\"epoch\":\"e\",\"roomId\":1,"
		 "\"seq\":1}",
			"an event without messageId"},
		{"{\"event\":\"duplicate\",\"epoch\":\"e\",\"roomId\":1,"
		 "\"seq\":1,\"messageId\":1}",
			"an event without userId"},
		{"{\"event\":\"refused\",\"epoch\":\"e\",\"roomId\":1}",
			"an event without code"},
		{"{\"event\":\"refused\",\"epoch\":\"e\",\"roomId\":1,"
		 "\"code\":\"C\"}",
			"an event without message"},
		{"{\"event\":\"refused\",\"epoch\":\"e\",\"roomId\":1,"
		 "\"code\":\"C\",\"message\":\"m\"}",
			"an event without userId"},
		{"{\"event\":\"read\",\"epoch\":\"e\",\"roomId\":1,"
		 "\"revision\":1}",
			"an event without userId"},
		{"{\"event\":\"room\",\"epoch\":\"e\",\"roomId\":1}",
			"an event without revision"},
	};
	struct event e;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(event(&e, cases[i].doc, &err), -1);
		assert_string_equal(err.text, cases[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_broken_requests),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_broken_replies),
		cmocka_unit_test(test_event_message),
		cmocka_unit_test(test_event_others),
		cmocka_unit_test(test_broken_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
