/*
 * links: wire
 * record, dlt: random records come back byte for byte, the form of a value is
 * the one that survives, and each fault of a line is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dlt.h"
#include "wire/record.h"

static uint64_t seed = 88172645463325252u;

static unsigned
rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static struct record_room room, letter_room;

static void
parse(struct record *out, const char *line)
{
	struct err err = {""};

	if (record_parse(out, str_c(line), &room, &err) < 0)
		fail_msg("%s: %s", line, err.text);
}

static void
refused(const char *line, const char *why)
{
	struct record record;
	struct err err = {""};

	assert_int_equal(record_parse(&record, str_c(line), &room, &err), -1);
	assert_string_equal(err.text, why);
}

static void
assert_str(struct str have, struct str want)
{
	assert_int_equal(have.len, want.len);
	if (want.len)
		assert_memory_equal(have.data, want.data, want.len);
}

/* ---- print ------------------------------------------------------------- */

static void
prints(const struct record *record, const char *want)
{
	struct buf out = {0};

	buf_add_c(&out, "before");
	record_print(&out, record);
	assert_string_equal(out.data + 6, want);
	buf_release(&out);
}

static const struct record empty = {.topic = {"t", 1},
	.partition = -1,
	.offset = -1,
	.timestamp = -1,
	.key_null = true,
	.value_null = true};

static void
test_print_all(void **state)
{
	struct record_header headers[] = {
		{STR("a"), STR("x"), false},
		{STR("a"), STR(""), false},
		{STR("b"), STR(""), true},
		{STR("c"), STR("\xff"), false},
		{STR("\xfe"), STR("\"\n"), false},
	};
	struct record r = {.topic = STR("chat-messages"),
		.partition = 3,
		.offset = 812,
		.timestamp = 1736590200123,
		.append_time = true,
		.again = true,
		.key = STR("42"),
		.value = STR("{\"a\":1.50}"),
		.headers = headers,
		.header_count = 5,
		.id = STR("\"q\"")};

	prints(&r, "{\"id\":\"q\",\"topic\":\"chat-messages\",\"partition\":3,"
		   "\"offset\":812,\"timestamp\":1736590200123,"
		   "\"timestampType\":\"append\",\"again\":true,\"key\":\"42\","
		   "\"headers\":[[\"a\",\"x\"],[\"a\",\"\"],[\"b\",null],"
		   "[\"c\",{\"b64\":\"/w==\"}],[{\"b64\":\"/g==\"},\"\\\"\\n\"]"
		   "],\"value\":{\"a\":1.50}}\n");
	prints(&empty, "{\"topic\":\"t\",\"key\":null,\"value\":null}\n");
	r = empty;
	r.partition = 0;
	r.offset = 0;
	r.timestamp = 0;
	r.value_left_out = true;
	r.value_bytes = 70000;
	prints(&r, "{\"topic\":\"t\",\"partition\":0,\"offset\":0,"
		   "\"timestamp\":0,\"key\":null,\"valueBytes\":70000}\n");
}

static void
test_key_forms(void **state)
{
	struct record r = empty;

	r.key_null = false;
	prints(&r, "{\"topic\":\"t\",\"key\":\"\",\"value\":null}\n");
	r.key = STR("a\"\xc3\xa9");
	prints(&r,
		"{\"topic\":\"t\",\"key\":\"a\\\"\xc3\xa9\",\"value\":null}\n");
	r.key = (struct str){"\0\xff", 2};
	prints(&r, "{\"topic\":\"t\",\"key64\":\"AP8=\",\"value\":null}\n");
}

/* Which form does this value take? */
static void
form(struct str value, const char *want)
{
	struct record r = empty, back;
	struct buf out = {0};
	struct err err = {""};
	char field[32];

	r.value_null = false;
	r.value = value;
	record_print(&out, &r);
	snprintf(field, sizeof(field), ",\"%s\":", want);
	if (!strstr(out.data, field))
		fail_msg("no %s in %s", want, out.data);
	out.len--;
	assert_int_equal(record_parse(&back, buf_str(&out), &room, &err), 0);
	assert_false(back.value_null);
	assert_str(back.value, value);
	buf_release(&out);
}

static void
test_value_forms(void **state)
{
	char deep[2 * 125 + 1];

	form(STR("{}"), "value");
	form(STR("[1, 2.50 ,{\"a\" : null}]"), "value");
	form(STR("{\"n\":9007199254740992}"), "value");
	form(STR(""), "valueText");
	form(STR("7"), "valueText");
	form(STR("\"x\""), "valueText");
	form(STR("null"), "valueText");
	form(STR("{\"a\":1,}"), "valueText");
	form(STR(" {}"), "valueText");
	form(STR("{} "), "valueText");
	form(STR("{\"a\":\n1}"), "valueText");
	form(STR("[1\r]"), "valueText");
	form(STR("{\"a\":1,\"a\":1}"), "valueText");
	form(STR("[9007199254740993]"), "valueText");
	form(STR("[\"\\ud800\"]"), "valueText");
	form(STR("x\0y"), "valueText");
	form(STR("\xff"), "value64");
	form(STR("{\"a\":\"\xff\"}"), "value64");
	memset(deep, '[', 120);
	memset(deep + 120, ']', 120);
	form((struct str){deep, 240}, "value");
	memset(deep, '[', 125);
	memset(deep + 125, ']', 125);
	form((struct str){deep, 250}, "valueText");
}

/* ---- random ------------------------------------------------------------ */

static struct str
random_bytes(struct buf *b)
{
	static const char *const starts[] = {"", "{\"a\":1}", "{\"k\":[true]}",
		"text", "\xed\x95\x9c", "{\"a\":1,\"a\":2}", "[1,\n2]",
		"{\"n\":18446744073709551616}"};
	size_t from = b->len;
	unsigned n = rnd(12), range = rnd(2) ? 256 : 96;

	buf_add_c(b, starts[rnd(ARRAY_LEN(starts))]);
	if (rnd(2))
		while (n--)
			buf_add_char(b, (char)(rnd(range) + (256 - range) / 5));
	return (struct str){b->data + from, b->len - from};
}

static void
make_random(struct record *r, struct record_header *headers, struct buf *b)
{
	size_t i;

	/* One allocation, so that views stay. */
	buf_reset(b);
	assert_non_null(buf_room(b, 4096));
	*r = empty;
	r->partition = (int32_t)rnd(5) - 1;
	r->offset = (int64_t)rnd(1000) - 1;
	r->timestamp = rnd(2) ? -1 : 1736590200000 + rnd(9999);
	r->append_time = rnd(2);
	r->again = rnd(2);
	r->key_null = rnd(4) == 0;
	if (!r->key_null)
		r->key = random_bytes(b);
	r->value_null = rnd(4) == 0;
	if (!r->value_null)
		r->value = random_bytes(b);
	r->headers = headers;
	r->header_count = rnd(4);
	for (i = 0; i < r->header_count; i++) {
		headers[i] = (struct record_header){
			.name = random_bytes(b), .null = rnd(3) == 0};
		if (!headers[i].null)
			headers[i].value = random_bytes(b);
	}
	if (rnd(2))
		r->id = rnd(2) ? STR("\"a\\u0041\"") : STR("17");
}

static void
assert_same(const struct record *a, const struct record *b)
{
	size_t i;

	assert_str(a->topic, b->topic);
	assert_int_equal(a->partition, b->partition);
	assert_int_equal(a->offset, b->offset);
	assert_int_equal(a->timestamp, b->timestamp);
	assert_int_equal(a->append_time, b->append_time);
	assert_int_equal(a->again, b->again);
	assert_int_equal(a->key_null, b->key_null);
	assert_str(a->key, b->key);
	assert_int_equal(a->value_null, b->value_null);
	assert_str(a->value, b->value);
	assert_int_equal(a->header_count, b->header_count);
	for (i = 0; i < a->header_count; i++) {
		assert_str(a->headers[i].name, b->headers[i].name);
		assert_int_equal(a->headers[i].null, b->headers[i].null);
		assert_str(a->headers[i].value, b->headers[i].value);
	}
	assert_str(a->id, b->id);
}

static void
test_round_trip(void **state)
{
	struct record_header headers[4];
	struct record record, back;
	struct buf bytes = {0}, line = {0};
	struct err err = {""};
	int i;

	for (i = 0; i < 10000; i++) {
		make_random(&record, headers, &bytes);
		buf_reset(&line);
		record_print(&line, &record);
		assert_ptr_equal(memchr(line.data, '\n', line.len),
			line.data + line.len - 1);
		line.len--;
		if (record_parse(&back, buf_str(&line), &room, &err) < 0)
			fail_msg("%s: %s", line.data, err.text);
		assert_same(&record, &back);
	}
	buf_release(&bytes);
	buf_release(&line);
}

/* What is decoded must not move under the views that were given before. */
static void
test_views_stay(void **state)
{
	struct buf line = {0};
	struct record r;
	struct err err = {""};
	int i;

	record_room_release(&room);
	buf_add_c(&line, "{\"topic\":\"\\u0074\",\"key\":\"\\u006b\","
			 "\"headers\":[[\"\\u0068\",\"\\u0069\"]],"
			 "\"valueText\":\"");
	for (i = 0; i < 5000; i++)
		buf_add_c(&line, "\\n\\u00e9");
	buf_add_c(&line, "\"}");
	assert_int_equal(record_parse(&r, buf_str(&line), &room, &err), 0);
	assert_str(r.topic, STR("t"));
	assert_str(r.key, STR("k"));
	assert_str(r.headers[0].name, STR("h"));
	assert_str(r.headers[0].value, STR("i"));
	assert_int_equal(r.value.len, 15000);
	buf_release(&line);
}

/* ---- parse ------------------------------------------------------------- */

static void
test_parse_fields(void **state)
{
	struct record r;

	parse(&r,
		" { \"x\":[1], \"value\": {\"a\" : 1.0} , \"topic\":\"t\" } ");
	assert_str(r.value, STR("{\"a\" : 1.0}"));
	assert_false(r.value_null);
	assert_true(r.key_null && r.key_left_out);
	assert_int_equal(r.partition, -1);
	assert_int_equal(r.offset, -1);
	assert_int_equal(r.timestamp, -1);
	assert_false(r.append_time || r.again || r.value_left_out);
	assert_int_equal(r.id.len, 0);
	assert_int_equal(r.header_count, 0);
	parse(&r, "{\"topic\":\"t\",\"partition\":2147483647,"
		  "\"offset\":9223372036854775807,\"timestamp\":0,"
		  "\"timestampType\":\"create\",\"again\":false,\"id\":12,"
		  "\"key64\":\"\",\"value64\":\"\"}");
	assert_int_equal(r.partition, INT32_MAX);
	assert_true(r.offset == INT64_MAX);
	assert_int_equal(r.timestamp, 0);
	assert_false(r.key_null || r.value_null || r.append_time || r.again);
	assert_false(r.key_left_out);
	assert_int_equal(r.key.len + r.value.len, 0);
	assert_str(r.id, STR("12"));
	parse(&r, "{\"topic\":\"t\",\"timestampType\":\"append\","
		  "\"again\":true,\"value\":[]}");
	assert_true(r.append_time && r.again);
	assert_str(r.value, STR("[]"));
	parse(&r, "{\"topic\":\"t\",\"valueBytes\":7}");
	assert_true(r.value_left_out && r.value_null);
	assert_int_equal(r.value_bytes, 7);
}

static void
test_parse_faults(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"x", "expected a value at byte 0"},
		{"[]", "a record is no object"},
		{"{\"value\":{}}", "a record without a topic"},
		{"{\"topic\":\"t\"}", "a record without a value"},
		{"{\"topic\":\"\",\"value\":{}}", "topic is empty"},
		{"{\"topic\":7,\"value\":{}}", "topic is no text"},
		{"{\"topic\":\"t\",\"value\":7}",
			"value is no object, no array and not null"},
		{"{\"topic\":\"t\",\"value\":\"x\"}",
			"value is no object, no array and not null"},
		{"{\"topic\":\"t\",\"value\":{},\"valueText\":\"\"}",
			"'valueText' beside another of its kind"},
		{"{\"topic\":\"t\",\"value64\":\"\",\"value\":null}",
			"'value' beside another of its kind"},
		{"{\"topic\":\"t\",\"value\":{},\"valueBytes\":1}",
			"'valueBytes' beside another of its kind"},
		{"{\"topic\":\"t\",\"key\":\"\",\"key64\":\"\",\"value\":{}}",
			"'key64' beside another of its kind"},
		{"{\"topic\":\"t\",\"topic\":\"t\",\"value\":{}}",
			"'topic' beside another of its kind"},
		{"{\"topic\":\"t\",\"valueText\":null}",
			"valueText is no text"},
		{"{\"topic\":\"t\",\"valueText\":\"\\ud800\"}",
			"valueText is no text"},
		{"{\"topic\":\"t\",\"value64\":\"A\"}", "value64 is no base64"},
		{"{\"topic\":\"t\",\"value64\":null}", "value64 is no base64"},
		{"{\"topic\":\"t\",\"value64\":\"AA\\u003d=\"}",
			"value64 is no base64"},
		{"{\"topic\":\"t\",\"valueBytes\":-1}",
			"valueBytes is no integer in 0..9223372036854775807"},
		{"{\"topic\":\"t\",\"key\":5,\"value\":{}}", "key is no text"},
		{"{\"topic\":\"t\",\"key64\":5,\"value\":{}}",
			"key64 is no base64"},
		{"{\"topic\":\"t\",\"partition\":-1,\"value\":{}}",
			"partition is no integer in 0..2147483647"},
		{"{\"topic\":\"t\",\"partition\":2147483648,\"value\":{}}",
			"partition is no integer in 0..2147483647"},
		{"{\"topic\":\"t\",\"offset\":1.0,\"value\":{}}",
			"offset is no integer in 0..9223372036854775807"},
		{"{\"topic\":\"t\",\"timestamp\":\"1\",\"value\":{}}",
			"timestamp is no integer in 0..9223372036854775807"},
		{"{\"topic\":\"t\",\"timestampType\":\"x\",\"value\":{}}",
			"timestampType is neither 'create' nor 'append'"},
		{"{\"topic\":\"t\",\"again\":1,\"value\":{}}",
			"again is neither true nor false"},
		{"{\"topic\":\"t\",\"id\":null,\"value\":{}}",
			"id is neither text nor a number"},
		{"{\"topic\":\"t\",\"headers\":{},\"value\":{}}",
			"headers is no array"},
		{"{\"topic\":\"t\",\"headers\":[7],\"value\":{}}",
			"a header is no array of two"},
		{"{\"topic\":\"t\",\"headers\":[[]],\"value\":{}}",
			"a header is no array of two"},
		{"{\"topic\":\"t\",\"headers\":[[\"a\"]],\"value\":{}}",
			"a header is no array of two"},
		{"{\"topic\":\"t\",\"headers\":[[\"a\",\"b\",1]],"
		 "\"value\":{}}",
			"a header is no array of two"},
		{"{\"topic\":\"t\",\"headers\":[{\"a\":1,\"b\":2}],"
		 "\"value\":{}}",
			"a header is no array of two"},
		{"{\"topic\":\"t\",\"headers\":[[null,\"b\"]],\"value\":{}}",
			"a header's name or value is no text"},
		{"{\"topic\":\"t\",\"headers\":[[\"a\",7]],\"value\":{}}",
			"a header's name or value is no text"},
		{"{\"topic\":\"t\",\"headers\":[[\"a\",{\"x\":\"\"}]],"
		 "\"value\":{}}",
			"a header's b64 is no base64"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++)
		refused(cases[i].line, cases[i].why);
}

static void
test_header_limit(void **state)
{
	struct buf line = {0};
	struct record r;
	struct err err = {""};
	int count, i;

	for (count = 256; count <= 257; count++) {
		buf_reset(&line);
		json_open(&line, NULL, '{');
		json_put_c(&line, "topic", "t");
		json_open(&line, "headers", '[');
		for (i = 0; i < count; i++)
			json_put_raw(&line, NULL, STR("[\"a\",\"b\"]"));
		json_close(&line, ']');
		json_put_null(&line, "value");
		json_close(&line, '}');
		assert_int_equal(record_parse(&r, buf_str(&line), &room, &err),
			count > RECORD_HEADERS_MAX ? -1 : 0);
	}
	assert_string_equal(err.text, "over 256 headers");
	buf_release(&line);
}

static void
test_header_look_up(void **state)
{
	struct record r;
	struct str value = {NULL, 0};

	parse(&r, "{\"topic\":\"t\",\"headers\":[[\"a\",\"1\"],[\"b\",\"2\"],"
		  "[\"a\",\"3\"],[\"c\",\"4\"],[\"c\",null]],\"value\":null}");
	assert_true(record_header(&r, "a", &value));
	assert_str(value, STR("3"));
	assert_true(record_header(&r, "b", &value));
	assert_str(value, STR("2"));
	assert_false(record_header(&r, "c", &value));
	assert_false(record_header(&r, "d", &value));
}

/* ---- dead letters ------------------------------------------------------ */

static void
test_dlt_names(void **state)
{
	struct buf out = {0};

	assert_true(dlt_is(STR("a-dlt")));
	assert_false(dlt_is(STR("a-dlt-settled")));
	assert_false(dlt_is(STR("dlt")));
	dlt_topic(&out, STR("chat-messages"));
	assert_string_equal(out.data, "chat-messages-dlt");
	buf_release(&out);
}

static void
header(const struct record *letter, const char *name, struct str want)
{
	struct str value;

	if (!record_header(letter, name, &value))
		fail_msg("no header %s", name);
	assert_str(value, want);
}

static void
test_letter(void **state)
{
	struct record_header headers[] = {
		{STR("x"), STR("1"), false},
		{STR("kafka_dlt-exception-message"), STR("old"), false},
		{STR("kafka_dlt-original-offset"), STR("first"), false},
		{STR("n"), STR(""), true},
	};
	struct record failed = {.topic = STR("chat-messages"),
		.partition = 258,
		.offset = 0x0102030405060708,
		.timestamp = 255,
		.again = true,
		.key = STR("k"),
		.value = STR("v"),
		.headers = headers,
		.header_count = 4,
		.id = STR("1")};
	struct record letter;
	struct err err = {""};

	assert_int_equal(dlt_letter(&letter, &failed, "store", STR("NOT_JSON"),
				 STR("why"), &letter_room, &err),
		0);
	assert_str(letter.topic, STR("chat-messages-dlt"));
	assert_int_equal(letter.partition, 258);
	assert_int_equal(letter.offset, -1);
	assert_int_equal(letter.timestamp, -1);
	assert_false(letter.again || letter.append_time);
	assert_int_equal(letter.id.len, 0);
	assert_str(letter.key, STR("k"));
	assert_str(letter.value, STR("v"));
	assert_int_equal(letter.header_count, 3 + 8);
	assert_str(letter.headers[0].name, STR("x"));
	assert_str(letter.headers[1].value, STR("first"));
	assert_true(letter.headers[2].null);
	header(&letter, "kafka_dlt-original-topic", STR("chat-messages"));
	header(&letter, "kafka_dlt-original-partition",
		(struct str){"\0\0\1\2", 4});
	header(&letter, "kafka_dlt-original-offset", STR("\1\2\3\4\5\6\7\10"));
	header(&letter, "kafka_dlt-original-timestamp",
		(struct str){"\0\0\0\0\0\0\0\xff", 8});
	header(&letter, "kafka_dlt-original-timestamp-type", STR("CreateTime"));
	header(&letter, "kafka_dlt-original-consumer-group", STR("store"));
	header(&letter, "kafka_dlt-exception-fqcn", STR("NOT_JSON"));
	header(&letter, "kafka_dlt-exception-message", STR("why"));
	failed.append_time = true;
	assert_int_equal(dlt_letter(&letter, &failed, "store", STR("c"),
				 STR("m"), &letter_room, &err),
		0);
	header(&letter, "kafka_dlt-original-timestamp-type",
		STR("LogAppendTime"));
	assert_false(letter.append_time);
}

static void
test_letter_full(void **state)
{
	static struct record_header headers[RECORD_HEADERS_MAX];
	struct record failed = {.topic = STR("t"), .headers = headers};
	struct record letter;
	struct err err = {""};

	failed.header_count = RECORD_HEADERS_MAX - 8;
	assert_int_equal(dlt_letter(&letter, &failed, "g", STR("c"), STR("m"),
				 &letter_room, &err),
		0);
	assert_int_equal(letter.header_count, RECORD_HEADERS_MAX);
	failed.header_count++;
	assert_int_equal(dlt_letter(&letter, &failed, "g", STR("c"), STR("m"),
				 &letter_room, &err),
		-1);
	assert_string_equal(err.text, "over 256 headers");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print_all),
		cmocka_unit_test(test_key_forms),
		cmocka_unit_test(test_value_forms),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_views_stay),
		cmocka_unit_test(test_parse_fields),
		cmocka_unit_test(test_parse_faults),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_header_look_up),
		cmocka_unit_test(test_dlt_names),
		cmocka_unit_test(test_letter),
		cmocka_unit_test(test_letter_full),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	record_room_release(&room);
	record_room_release(&letter_room);
	return rc;
}
