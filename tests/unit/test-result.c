/*
 * links: wire
 * result, hello: what filters, producers and runners say to each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/hello.h"
#include "wire/result.h"

static struct record_room room;

static void
assert_str(struct str have, const char *want)
{
	if (!str_eq_c(have, want))
		fail_msg("'%.*s', not '%s'", STR_ARG(have), want);
}

/* ---- a filter's lines -------------------------------------------------- */

static void
filter(struct filter_line *out, const char *line)
{
	struct err err = {""};

	if (filter_line_parse(out, str_c(line), &room, &err) < 0)
		fail_msg("%s: %s", line, err.text);
}

static void
test_result(void **state)
{
	struct filter_line f;

	filter(&f, "{\"topic\":\"t\",\"partition\":3,\"offset\":812,"
		   "\"status\":\"done\"}");
	assert_int_equal(f.kind, FILTER_RESULT);
	assert_int_equal(f.result.status, RESULT_DONE);
	assert_str(f.result.topic, "t");
	assert_int_equal(f.result.partition, 3);
	assert_int_equal(f.result.offset, 812);
	assert_int_equal(f.result.error_class.len, 0);
	filter(&f, "{\"x\":1,\"status\":\"dead\",\"offset\":0,\"partition\":0,"
		   "\"topic\":\"\\u0074\\u0074\",\"error\":{\"message\":"
		   "\"a\\nb\",\"class\":\"\\u0043\"}}");
	assert_int_equal(f.result.status, RESULT_DEAD);
	assert_str(f.result.topic, "tt");
	assert_str(f.result.error_class, "C");
	assert_str(f.result.error_message, "a\nb");
	filter(&f, "{\"topic\":\"t\",\"partition\":2147483647,"
		   "\"offset\":9223372036854775807,\"status\":\"retry\","
		   "\"error\":{\"class\":\"C\",\"message\":\"\"}}");
	assert_int_equal(f.result.status, RESULT_RETRY);
	assert_int_equal(f.result.partition, INT32_MAX);
	assert_true(f.result.offset == INT64_MAX);
}

static void
test_other_lines(void **state)
{
	struct filter_line f;

	filter(&f, "{\"status\":\"waiting\",\"for\":\"postgresql\"}");
	assert_int_equal(f.kind, FILTER_WAITING);
	assert_str(f.waiting_for, "postgresql");
	filter(&f, "{\"hello\":\"chat/1\",\"from\":\"x\",\"maxLine\":1}");
	assert_int_equal(f.kind, FILTER_HELLO);
	filter(&f, "{\"emit\":{\"topic\":\"e\",\"key\":\"\\u0031\","
		   "\"value\":{\"a\":1}}}");
	assert_int_equal(f.kind, FILTER_EMIT);
	assert_str(f.emit.topic, "e");
	assert_str(f.emit.key, "1");
	assert_str(f.emit.value, "{\"a\":1}");
}

static void
test_broken_lines(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"", "expected a value at byte 0"},
		{"7", "neither result, emit, status nor hello"},
		{"{}", "neither result, emit, status nor hello"},
		{"{\"status\":\"ok\"}", "unknown status \"ok\""},
		{"{\"status\":7}", "unknown status 7"},
		{"{\"status\":\"done\"}",
			"a result without topic, partition and offset"},
		{"{\"status\":\"done\",\"topic\":7,\"partition\":1,"
		 "\"offset\":1}",
			"a result without topic, partition and offset"},
		{"{\"status\":\"done\",\"topic\":\"t\",\"partition\":-1,"
		 "\"offset\":1}",
			"a result without topic, partition and offset"},
		{"{\"status\":\"done\",\"topic\":\"t\","
		 "\"partition\":2147483648,\"offset\":1}",
			"a result without topic, partition and offset"},
		{"{\"status\":\"done\",\"topic\":\"t\",\"partition\":1,"
		 "\"offset\":-1}",
			"a result without topic, partition and offset"},
		{"{\"status\":\"done\",\"topic\":\"t\",\"partition\":1,"
		 "\"offset\":\"1\"}",
			"a result without topic, partition and offset"},
		{"{\"status\":\"dead\",\"topic\":\"t\",\"partition\":1,"
		 "\"offset\":1}",
			"status dead without an error"},
		{"{\"status\":\"retry\",\"topic\":\"t\",\"partition\":1,"
		 "\"offset\":1}",
			"status retry without an error"},
		{"{\"status\":\"dead\",\"topic\":\"t\",\"partition\":1,"
		 "\"offset\":1,\"error\":\"x\"}",
			"an error without class and message"},
		{"{\"status\":\"dead\",\"topic\":\"t\",\"partition\":1,"
		 "\"offset\":1,\"error\":{\"class\":\"c\"}}",
			"an error without class and message"},
		{"{\"status\":\"waiting\"}", "status waiting without 'for'"},
		{"{\"emit\":{\"topic\":\"t\"}}",
			"emit: a record without a value"},
		{"{\"emit\":7}", "emit: a record is no object"},
		{"{\"emit\":{\"topic\":\"t\",\"value\":null},"
		 "\"status\":\"done\"}",
			"an emit and a status in one line"},
	};
	struct filter_line f;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(filter_line_parse(
					 &f, str_c(cases[i].line), &room, &err),
			-1);
		assert_string_equal(err.text, cases[i].why);
	}
}

static void
test_print(void **state)
{
	struct result r = {.topic = STR("t"), .partition = 3, .offset = 8};
	struct record e = {.topic = STR("e"),
		.partition = -1,
		.offset = -1,
		.timestamp = -1,
		.key = STR("1"),
		.value = STR("{}")};
	struct buf out = {0};

	result_print(&out, &r);
	r.status = RESULT_DEAD;
	r.error_class = STR("C");
	r.error_message = STR("\"m");
	result_print(&out, &r);
	r.status = RESULT_RETRY;
	r.error_message = STR("");
	result_print(&out, &r);
	emit_print(&out, &e);
	waiting_print(&out, "postgresql");
	assert_string_equal(out.data,
		"{\"topic\":\"t\",\"partition\":3,\"offset\":8,"
		"\"status\":\"done\"}\n"
		"{\"topic\":\"t\",\"partition\":3,\"offset\":8,"
		"\"status\":\"dead\",\"error\":{\"class\":\"C\","
		"\"message\":\"\\\"m\"}}\n"
		"{\"topic\":\"t\",\"partition\":3,\"offset\":8,"
		"\"status\":\"retry\",\"error\":{\"class\":\"C\","
		"\"message\":\"\"}}\n"
		"{\"emit\":{\"topic\":\"e\",\"key\":\"1\",\"value\":{}}}\n"
		"{\"status\":\"waiting\",\"for\":\"postgresql\"}\n");
	buf_release(&out);
}

/* ---- a producer's answers ---------------------------------------------- */

static void
test_answer(void **state)
{
	struct buf scratch = {0}, out = {0};
	struct answer a;
	struct err err = {""};
	const char *line = "{\"id\":\"q\\n\",\"status\":\"done\","
			   "\"topic\":\"t\",\"partition\":2,\"offset\":9}";

	assert_int_equal(answer_parse(&a, str_c(line), &scratch, &err), 0);
	assert_str(a.id, "\"q\\n\"");
	assert_int_equal(a.status, RESULT_DONE);
	assert_str(a.topic, "t");
	assert_int_equal(a.partition, 2);
	assert_int_equal(a.offset, 9);
	answer_print(&out, &a);
	assert_memory_equal(out.data, line, strlen(line));
	assert_int_equal(out.len, strlen(line) + 1);
	line = "{\"id\":7,\"status\":\"dead\",\"error\":{\"class\":\"TOO_BIG\","
	       "\"message\":\"m\"}}";
	assert_int_equal(answer_parse(&a, str_c(line), &scratch, &err), 0);
	assert_str(a.id, "7");
	assert_int_equal(a.status, RESULT_DEAD);
	assert_int_equal(a.partition, -1);
	assert_int_equal(a.offset, -1);
	assert_str(a.error_class, "TOO_BIG");
	buf_reset(&out);
	answer_print(&out, &a);
	assert_memory_equal(out.data, line, strlen(line));
	assert_int_equal(out.data[out.len - 1], '\n');
	/* A record without an id, and one at the very start of a topic. */
	line = "{\"status\":\"done\",\"topic\":\"t\",\"partition\":0,"
	       "\"offset\":0}";
	assert_int_equal(answer_parse(&a, str_c(line), &scratch, &err), 0);
	assert_int_equal(a.id.len, 0);
	buf_reset(&out);
	answer_print(&out, &a);
	assert_memory_equal(out.data, line, strlen(line));
	buf_release(&scratch);
	buf_release(&out);
}

static void
test_broken_answers(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"{", "expected a key at byte 1"},
		{"{\"id\":1}", "an answer is neither done nor dead"},
		{"{\"id\":1,\"status\":\"retry\",\"error\":{\"class\":\"c\","
		 "\"message\":\"\"}}",
			"an answer is neither done nor dead"},
		{"{\"id\":1,\"status\":\"done\",\"topic\":\"t\"}",
			"a done answer without topic, partition and offset"},
		{"{\"id\":{},\"status\":\"dead\"}",
			"id is neither text nor a number"},
		{"{\"id\":1,\"status\":\"dead\",\"error\":7}",
			"an error without class and message"},
	};
	struct buf scratch = {0};
	struct answer a;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
			answer_parse(&a, str_c(cases[i].line), &scratch, &err),
			-1);
		assert_string_equal(err.text, cases[i].why);
	}
	buf_release(&scratch);
}

/* ---- hello and control ------------------------------------------------- */

static void
test_hello(void **state)
{
	struct buf out = {0};
	struct hello h;
	struct err err = {""};

	hello_print(&out, "chat-store", 1048576);
	assert_string_equal(out.data,
		"{\"hello\":\"chat/1\",\"from\":\"chat-store\","
		"\"maxLine\":1048576}\n");
	out.len--;
	assert_int_equal(hello_parse(&h, buf_str(&out), &err), 0);
	assert_str(h.from, "chat-store");
	assert_int_equal(h.max_line, 1048576);
	assert_int_equal(hello_parse(&h,
				 STR("{\"hello\":\"chat/1.7\",\"new\":[],"
				     "\"from\":\"x\",\"maxLine\":1}"),
				 &err),
		0);
	buf_release(&out);
}

static void
test_broken_hellos(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"GET / HTTP/1.1", "no hello: expected a value at byte 0"},
		{"{}", "no hello in the first line"},
		{"{\"hello\":1}", "no hello in the first line"},
		{"{\"hello\":\"chat/2\",\"from\":\"x\",\"maxLine\":1}",
			"the other side speaks 'chat/2', this one 'chat/1'"},
		{"{\"hello\":\"chat/10\",\"from\":\"x\",\"maxLine\":1}",
			"the other side speaks 'chat/10', this one 'chat/1'"},
		{"{\"hello\":\"chat/1\",\"maxLine\":1}",
			"a hello without a name in 'from'"},
		{"{\"hello\":\"chat/1\",\"from\":\"x\"}",
			"a hello without 'maxLine'"},
		{"{\"hello\":\"chat/1\",\"from\":\"x\",\"maxLine\":0}",
			"a hello without 'maxLine'"},
	};
	struct hello h;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
			hello_parse(&h, str_c(cases[i].line), &err), -1);
		assert_string_equal(err.text, cases[i].why);
	}
}

static void
test_control(void **state)
{
	struct position in[] = {{STR("a"), 0, 5, -1}, {STR("b"), 7, -1, 0},
		{STR("c"), 1, 0, 9}};
	struct json_iter it;
	struct position p;
	struct buf out = {0};
	struct err err = {""};
	enum control_kind kind;
	size_t i;

	control_print(&out, CONTROL_ASSIGNED, in, 3);
	assert_string_equal(out.data,
		"{\"control\":\"assigned\",\"positions\":[{\"topic\":\"a\","
		"\"partition\":0,\"offset\":5},{\"topic\":\"b\","
		"\"partition\":7,\"end\":0},{\"topic\":\"c\",\"partition\":1,"
		"\"offset\":0,\"end\":9}]}\n");
	out.len--;
	assert_int_equal(control_parse(buf_str(&out), &kind, &it, &err), 1);
	assert_int_equal(kind, CONTROL_ASSIGNED);
	for (i = 0; i < 3; i++) {
		assert_true(control_next(&it, &p));
		assert_true(str_eq(p.topic, in[i].topic));
		assert_int_equal(p.partition, in[i].partition);
		assert_int_equal(p.offset, in[i].offset);
		assert_int_equal(p.end, in[i].end);
	}
	assert_false(control_next(&it, &p));
	buf_reset(&out);
	control_print(&out, CONTROL_REVOKED, in, 0);
	control_print(&out, CONTROL_READY, in, 3);
	assert_string_equal(out.data,
		"{\"control\":\"revoked\",\"positions\":[]}\n"
		"{\"control\":\"ready\"}\n");
	assert_int_equal(
		control_parse(STR("{\"control\":\"ready\"}"), &kind, &it, &err),
		1);
	assert_int_equal(kind, CONTROL_READY);
	assert_false(control_next(&it, &p));
	assert_int_equal(control_parse(STR("{\"control\":\"revoked\","
					   "\"positions\":[]}"),
				 &kind, &it, &err),
		1);
	assert_int_equal(kind, CONTROL_REVOKED);
	assert_int_equal(
		control_parse(STR("{\"topic\":\"t\"}"), &kind, &it, &err), 0);
	buf_release(&out);
}

static void
test_broken_control(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"{", "expected a key at byte 1"},
		{"{\"control\":\"x\"}", "unknown control \"x\""},
		{"{\"control\":\"assigned\"}",
			"a control line without positions"},
		{"{\"control\":\"assigned\",\"positions\":[7]}",
			"a control line with a broken position"},
		{"{\"control\":\"assigned\",\"positions\":[{\"topic\":\"t\"}]}",
			"a control line with a broken position"},
		{"{\"control\":\"assigned\",\"positions\":[{\"topic\":\"t\","
		 "\"partition\":-1}]}",
			"a control line with a broken position"},
		{"{\"control\":\"assigned\",\"positions\":[{\"topic\":\"t\","
		 "\"partition\":2147483648}]}",
			"a control line with a broken position"},
		{"{\"control\":\"assigned\",\"positions\":[{\"topic\":\"t\","
		 "\"partition\":1,\"offset\":\"x\"}]}",
			"a control line with a broken position"},
		{"{\"control\":\"assigned\",\"positions\":[{\"topic\":\"t\","
		 "\"partition\":1,\"offset\":-1}]}",
			"a control line with a broken position"},
		{"{\"control\":\"revoked\",\"positions\":[{\"topic\":\"t\","
		 "\"partition\":1,\"offset\":1,\"end\":-1}]}",
			"a control line with a broken position"},
	};
	struct json_iter it;
	enum control_kind kind;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
			control_parse(str_c(cases[i].line), &kind, &it, &err),
			-1);
		assert_string_equal(err.text, cases[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_other_lines),
		cmocka_unit_test(test_broken_lines),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_broken_answers),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_broken_hellos),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_broken_control),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	record_room_release(&room);
	return rc;
}
