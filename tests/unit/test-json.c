/*
 * links: -ljansson
 * json: each rule by example, and random and broken documents, about which
 * jansson must say the same but for what is listed in differs().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Both name their types so; theirs get another name. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_NULL JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_NULL

#include "json/json.h"

static uint64_t seed = 0x9e3779b97f4a7c15u;

static unsigned
rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

/* ---- by example -------------------------------------------------------- */

static struct json
scan(const char *doc)
{
	struct json root;
	struct err err = {""};

	if (json_scan(str_c(doc), &root, NULL, &err) < 0)
		fail_msg("%s: %s", doc, err.text);
	return root;
}

static unsigned
quirks(const char *doc)
{
	struct json root;
	struct err err = {""};
	unsigned found = 99;

	if (json_scan(str_c(doc), &root, &found, &err) < 0)
		fail_msg("%s: %s", doc, err.text);
	return found;
}

static void
refused(const char *doc, size_t len, const char *why)
{
	struct json root;
	struct err err = {""};

	assert_int_equal(
		json_scan((struct str){doc, len}, &root, NULL, &err), -1);
	assert_string_equal(err.text, why);
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *doc, *why;
	} cases[] = {
		{"", "expected a value at byte 0"},
		{" \t\r\n", "expected a value at byte 4"},
		{"[1,]", "expected a value at byte 3"},
		{"[1", "expected ',' or ']' at byte 2"},
		{"[1}", "expected ',' or ']' at byte 2"},
		{"{\"a\":1]", "expected ',' or '}' at byte 6"},
		{"{\"a\":1,}", "expected a key at byte 7"},
		{"{a:1}", "expected a key at byte 1"},
		{"{\"a\" 1}", "expected ':' at byte 5"},
		{"{\"a\":}", "expected a value at byte 5"},
		{"[,1]", "expected a value at byte 1"},
		{"]", "expected a value at byte 0"},
		{"}", "expected a value at byte 0"},
		{"1 2", "something behind the value at byte 2"},
		{"{}x", "something behind the value at byte 2"},
		{"tru", "expected a value at byte 0"},
		{"trux", "expected a value at byte 0"},
		{"nul", "expected a value at byte 0"},
		{"falze", "expected a value at byte 0"},
		{"-", "expected a digit at byte 1"},
		{"+1", "expected a value at byte 0"},
		{"01", "a number that begins with 0 at byte 2"},
		{"-012", "a number that begins with 0 at byte 4"},
		{"1.", "expected a digit at byte 2"},
		{".5", "expected a value at byte 0"},
		{"1.e5", "expected a digit at byte 2"},
		{"1e", "expected a digit at byte 2"},
		{"1e+", "expected a digit at byte 3"},
		{"\"a", "unfinished string at byte 2"},
		{"\"\\x\"", "no such escape at byte 1"},
		{"\"\\u12g4\"", "no such escape at byte 1"},
		{"\"\\u123\"", "no such escape at byte 1"},
		{"\"\\", "no such escape at byte 1"},
		{"\"a\nb\"", "control character at byte 2"},
		{"\"\x1f\"", "control character at byte 1"},
		{"\"\xc3(\"", "invalid UTF-8 at byte 1"},
		{"\"\xed\xa0\x80\"", "invalid UTF-8 at byte 1"},
		{"\"\x80\"", "invalid UTF-8 at byte 1"},
		{"\xef\xbb\xbf{}", "expected a value at byte 0"},
		{"{\"a\xff\":1}", "invalid UTF-8 at byte 3"},
		{"'a'", "expected a value at byte 0"},
		{"[1 /*x*/]", "expected ',' or ']' at byte 3"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++)
		refused(cases[i].doc, strlen(cases[i].doc), cases[i].why);
	refused("\"a\0b\"", 5, "control character at byte 2");
	refused("{}\0", 3, "something behind the value at byte 2");
	refused("[1\0]", 4, "expected ',' or ']' at byte 2");
	assert_int_equal(
		json_scan(STR("x"), &(struct json){0}, NULL, NULL), -1);
}

static char *
nested(int depth)
{
	char *doc = malloc((size_t)depth * 2 + 1);

	memset(doc, '[', (size_t)depth);
	memset(doc + depth, ']', (size_t)depth);
	doc[depth * 2] = '\0';
	return doc;
}

static void
test_depth(void **state)
{
	char *doc = nested(JSON_DEPTH_MAX);

	assert_int_equal(quirks(doc), JSON_DEEP);
	free(doc);
	doc = nested(JSON_DEPTH_MAX - 8);
	assert_int_equal(quirks(doc), 0);
	free(doc);
	doc = nested(JSON_DEPTH_MAX - 7);
	assert_int_equal(quirks(doc), JSON_DEEP);
	free(doc);
	doc = nested(JSON_DEPTH_MAX + 1);
	refused(doc, strlen(doc), "nested too deep at byte 128");
	free(doc);
	/* Beside each other is not inside each other. */
	assert_int_equal(quirks("[[],[],[[]],{},{\"a\":{}}]"), 0);
}

static void
test_quirks(void **state)
{
	assert_int_equal(quirks(" { \"a\" : [ 1 , 2.5e-3 ] } "), 0);
	assert_int_equal(quirks("{\"a\":1,\n\"b\":2}"), JSON_NEWLINE);
	assert_int_equal(quirks("\r{}"), JSON_NEWLINE);
	assert_int_equal(quirks("{}\n"), JSON_NEWLINE);
	assert_int_equal(quirks("{\"a\":1,\"a\":1}"), JSON_REPEATED);
	assert_int_equal(quirks("{\"a\":1,\"\\u0061\":1}"), JSON_REPEATED);
	assert_int_equal(
		quirks("{\"\\u00e9\":1,\"\xc3\xa9\":1}"), JSON_REPEATED);
	assert_int_equal(
		quirks("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}"),
		JSON_REPEATED);
	assert_int_equal(quirks("{\"a\\n\":1,\"an\":1,\"a\\\\n\":2}"), 0);
	assert_int_equal(
		quirks("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}"), 0);
	assert_int_equal(
		quirks("{\"a\":{\"b\":1},\"b\":1,\"c\":{\"c\":1}}"), 0);
	assert_int_equal(
		quirks("[{\"a\":{\"b\":1},\"c\":2,\"c\":3}]"), JSON_REPEATED);
	assert_int_equal(quirks("{\"\":1,\"\":2}"), JSON_REPEATED);
	assert_int_equal(quirks("9007199254740992"), 0);
	assert_int_equal(quirks("-9007199254740992"), 0);
	assert_int_equal(quirks("9007199254740993"), JSON_BIG_INT);
	assert_int_equal(quirks("-9007199254740993"), JSON_BIG_INT);
	assert_int_equal(quirks("9999999999999999"), JSON_BIG_INT);
	assert_int_equal(quirks("999999999999999"), 0);
	assert_int_equal(quirks("10000000000000000"), JSON_BIG_INT);
	assert_int_equal(quirks("90071992547409930.5"), 0);
	assert_int_equal(quirks("9007199254740993e0"), 0);
	assert_int_equal(quirks("\"\\ud800\""), JSON_SURROGATE);
	assert_int_equal(quirks("\"\\udfffx\""), JSON_SURROGATE);
	assert_int_equal(quirks("\"\\ud83d\\ude00\""), 0);
	assert_int_equal(quirks("\"\\ud83d\\ud83d\""), JSON_SURROGATE);
	assert_int_equal(quirks("\"\\ud83dx\""), JSON_SURROGATE);
	assert_int_equal(quirks("\"\\ud7ff\\ue000\""), 0);
}

/* So many keys that one cannot be sure: said to be repeated. */
static void
test_many_keys(void **state)
{
	struct buf doc = {0};
	int count, i;

	for (count = 255; count <= 257; count++) {
		buf_reset(&doc);
		json_open(&doc, NULL, '{');
		for (i = 0; i < count; i++) {
			char key[16];

			snprintf(key, sizeof(key), "k%d", i);
			json_put_i64(&doc, key, i);
		}
		json_close(&doc, '}');
		assert_int_equal(
			quirks(doc.data), count > 256 ? JSON_REPEATED : 0);
	}
	buf_release(&doc);
	/* And over 1024 in all objects that are open. */
	buf_reset(&doc);
	for (count = 0; count < 5; count++) {
		json_open(&doc, count ? "in" : NULL, '{');
		for (i = 0; i < 206; i++) {
			char key[16];

			snprintf(key, sizeof(key), "k%d", i);
			json_put_i64(&doc, key, i);
		}
	}
	for (count = 0; count < 5; count++)
		json_close(&doc, '}');
	assert_int_equal(quirks(doc.data), JSON_REPEATED);
	buf_release(&doc);
}

static void
test_root(void **state)
{
	static const struct {
		const char *doc, *text;
		enum json_type type;
	} cases[] = {
		{" {\"a\": 1} ", "{\"a\": 1}", JSON_OBJECT},
		{"\t[ ]\r\n", "[ ]", JSON_ARRAY},
		{"\"x\"", "\"x\"", JSON_STRING},
		{" -1.50e+03 ", "-1.50e+03", JSON_NUMBER},
		{"0", "0", JSON_NUMBER},
		{"true", "true", JSON_BOOL},
		{"false ", "false", JSON_BOOL},
		{" null", "null", JSON_NULL},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct json root = scan(cases[i].doc);

		assert_int_equal(root.type, cases[i].type);
		assert_true(str_eq_c(root.text, cases[i].text));
	}
}

static void
test_get(void **state)
{
	struct json root = scan("{\"a\\\"b\":1 , \"k\":[ 1,\"]\",{\"x\":\"}\"} "
				"] ,\"k\":2,\"\\u006e\":null,\"\":0}");
	struct json value = json_get(root, "k");

	assert_true(str_eq_c(value.text, "[ 1,\"]\",{\"x\":\"}\"} ]"));
	assert_int_equal(json_get(root, "n").type, JSON_NULL);
	assert_true(str_eq_c(json_get(root, "a\"b").text, "1"));
	assert_true(str_eq_c(json_get(root, "").text, "0"));
	assert_int_equal(json_get(root, "a").type, JSON_NONE);
	assert_int_equal(json_get(root, "kk").type, JSON_NONE);
	assert_int_equal(json_get(value, "k").type, JSON_NONE);
	assert_int_equal(json_get(scan("[\"k\",1]"), "k").type, JSON_NONE);
	assert_int_equal(json_get(scan("\"k\""), "k").type, JSON_NONE);
	assert_int_equal(json_get((struct json){0}, "k").type, JSON_NONE);
}

static void
test_iter(void **state)
{
	struct json_iter it = json_iter(scan("[1 , [2,3],{} ,\"a,b\",null]"));
	static const char *const want[] = {
		"1", "[2,3]", "{}", "\"a,b\"", "null"};
	struct json key, value;
	size_t i;

	for (i = 0; i < ARRAY_LEN(want); i++) {
		assert_true(json_next(&it, &key, &value));
		assert_int_equal(key.type, JSON_NONE);
		assert_true(str_eq_c(value.text, want[i]));
	}
	assert_false(json_next(&it, &key, &value));
	assert_int_equal(value.type, JSON_NONE);
	assert_false(json_next(&it, &key, &value));
	it = json_iter(scan("{ \"a\" : true , \"b\" :\n\"x\" }"));
	assert_true(json_next(&it, &key, &value));
	assert_true(str_eq_c(key.text, "\"a\""));
	assert_int_equal(key.type, JSON_STRING);
	assert_int_equal(value.type, JSON_BOOL);
	assert_true(str_eq_c(value.text, "true"));
	assert_true(json_next(&it, &key, &value));
	assert_true(str_eq_c(key.text, "\"b\""));
	assert_true(str_eq_c(value.text, "\"x\""));
	assert_false(json_next(&it, &key, &value));
	it = json_iter(scan("[ ]"));
	assert_false(json_next(&it, &key, &value));
	it = json_iter(scan("7"));
	assert_false(json_next(&it, &key, &value));
}

static void
test_numbers(void **state)
{
	int64_t n = -5;
	bool b = false;

	assert_true(json_i64(scan("9223372036854775807"), &n));
	assert_true(n == INT64_MAX);
	assert_true(json_i64(scan("-9223372036854775808"), &n));
	assert_true(n == INT64_MIN);
	assert_false(json_i64(scan("9223372036854775808"), &n));
	assert_false(json_i64(scan("1.0"), &n));
	assert_false(json_i64(scan("1e2"), &n));
	assert_false(json_i64(scan("\"1\""), &n));
	assert_false(json_i64((struct json){0}, &n));
	assert_true(json_bool(scan("true"), &b) && b);
	assert_true(json_bool(scan("false"), &b) && !b);
	assert_false(json_bool(scan("1"), &b));
	assert_false(json_bool(scan("\"true\""), &b));
}

static void
assert_reads(const char *doc, const char *want, size_t len)
{
	struct buf scratch = {0};
	struct str text;

	assert_true(json_text(scan(doc), &scratch, &text));
	assert_int_equal(text.len, len);
	assert_memory_equal(text.data, want, len);
	assert_int_equal(json_is(scan(doc), want), len == strlen(want));
	buf_release(&scratch);
}

static void
test_text(void **state)
{
	struct buf scratch = {0}, bad = {.bad = true};
	struct str a, b;
	const char *doc = "\"plain\"";
	struct json value = scan(doc);

	assert_reads("\"\"", "", 0);
	assert_reads("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	assert_reads("\"a\\u0041b\"", "aAb", 3);
	assert_reads("\"\\u007f\\u0080\\u07ff\"", "\x7f\xc2\x80\xdf\xbf", 5);
	assert_reads("\"\\u0800\\uFFFF\"", "\xe0\xa0\x80\xef\xbf\xbf", 6);
	assert_reads("\"\\ud800\\udc00\"", "\xf0\x90\x80\x80", 4);
	assert_reads("\"\\uDBFF\\uDFFFz\"", "\xf4\x8f\xbf\xbfz", 5);
	assert_reads("\"\xed\x95\x9c\\t\"", "\xed\x95\x9c\t", 4);
	assert_reads("\"x\\u0000y\"", "x\0y", 3);
	/* Without escapes it is the document itself. */
	assert_true(json_text(value, &bad, &a));
	assert_ptr_equal(a.data, doc + 1);
	assert_false(json_text(scan("\"\\n\""), &bad, &a));
	/* Two in one scratch, with the room kept. */
	assert_non_null(buf_room(&scratch, 100));
	assert_true(json_text(scan("\"\\na\""), &scratch, &a));
	assert_true(json_text(scan("\"b\\t\""), &scratch, &b));
	assert_true(str_eq_c(a, "\na") && str_eq_c(b, "b\t"));
	assert_false(json_text(scan("\"x\\ud800\""), &scratch, &a));
	assert_false(json_text(scan("\"\\udc00\\ud800\""), &scratch, &a));
	assert_false(json_text(scan("7"), &scratch, &a));
	assert_false(json_text((struct json){0}, &scratch, &a));
	assert_false(json_is(scan("\"ab\""), "a"));
	assert_false(json_is(scan("\"a\\u0062\""), "a"));
	assert_false(json_is(scan("\"a\\u0062\""), "abc"));
	assert_false(json_is(scan("\"a\\u0062\""), "ac"));
	assert_true(json_is(scan("\"\\u0061b\\u00e9\""), "ab\xc3\xa9"));
	assert_false(json_is(scan("7"), "7"));
	buf_release(&scratch);
}

/* What is made of lines is one line. */
static void
test_put_raw(void **state)
{
	struct buf b = {0}, bad = {.bad = true};
	const char *raw = "\n{\"a\":\r\n[1,\n\n2],\t\"b\\n\": 3\r}\n";

	json_open(&b, NULL, '[');
	json_put_raw(&b, NULL, str_c(raw));
	json_put_raw(&b, NULL, STR("\r"));
	assert_string_equal(b.data, "[ {\"a\":  [1,  2],\t\"b\\n\": 3 } , ");
	assert_int_equal(raw[0], '\n');
	json_put_raw(&bad, "x", str_c(raw));
	assert_true(buf_bad(&bad));
	buf_release(&b);
}

static void
test_put(void **state)
{
	struct buf b = {0};

	json_open(&b, NULL, '{');
	json_put_i64(&b, "n", -7);
	json_put_str(&b, "s", STR("a\"\\\n\x01\xc3\xa9\xff"));
	json_put_c(&b, "c", "x");
	json_put_bool(&b, "t", true);
	json_put_bool(&b, "f", false);
	json_put_null(&b, "z\"");
	json_open(&b, "o", '{');
	json_close(&b, '}');
	json_open(&b, "a", '[');
	json_put_i64(&b, NULL, 1);
	json_put_raw(&b, NULL, STR("[2 , 3]"));
	json_open(&b, NULL, '[');
	json_close(&b, ']');
	json_put_null(&b, NULL);
	json_close(&b, ']');
	json_close(&b, '}');
	buf_add_char(&b, '\n');
	json_put_c(&b, NULL, "next");
	assert_string_equal(b.data,
		"{\"n\":-7,\"s\":\"a\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\","
		"\"c\":\"x\",\"t\":true,\"f\":false,\"z\\\"\":null,\"o\":{},"
		"\"a\":[1,[2 , 3],[],null]}\n\"next\"");
	buf_release(&b);
}

/* ---- against jansson --------------------------------------------------- */

static void add_value(struct buf *b, int depth);

static void
add_space(struct buf *b)
{
	static const char *const kinds[] = {
		"", "", "", " ", "\t", "\n", "\r\n"};

	buf_add_c(b, kinds[rnd(ARRAY_LEN(kinds))]);
}

static void
add_string(struct buf *b)
{
	static const char *const parts[] = {"a", "bc", "\\n", "\\\"", "\\\\",
		"\\u0041", "\\u00e9", "\\ud83d\\ude00", "\xc3\xa9",
		"\xed\x95\x9c", "\xf0\x9f\x98\x80", " ", "{", "]", ",", ":",
		"\\/", "\x7f"};
	unsigned n = rnd(6);

	buf_add_char(b, '"');
	while (n--)
		buf_add_c(b, parts[rnd(ARRAY_LEN(parts))]);
	buf_add_char(b, '"');
}

static void
add_number(struct buf *b)
{
	static const char *const numbers[] = {"0", "-0", "1", "-17", "37.5665",
		"1e5", "2E-3", "0.10", "9007199254740993", "1.5e+10",
		"-9223372036854775808"};

	buf_add_c(b, numbers[rnd(ARRAY_LEN(numbers))]);
}

static void
add_container(struct buf *b, int depth, bool object)
{
	unsigned n = rnd(5);

	buf_add_char(b, object ? '{' : '[');
	add_space(b);
	while (n--) {
		if (object) {
			add_string(b);
			add_space(b);
			buf_add_char(b, ':');
		}
		add_value(b, depth + 1);
		if (n)
			buf_add_char(b, ',');
		add_space(b);
	}
	buf_add_char(b, object ? '}' : ']');
}

static void
add_value(struct buf *b, int depth)
{
	static const char *const words[] = {"true", "false", "null"};

	add_space(b);
	switch (rnd(depth > 5 ? 3 : 6)) {
	case 0:
		add_string(b);
		break;
	case 1:
		add_number(b);
		break;
	case 2:
		buf_add_c(b, words[rnd(3)]);
		break;
	default:
		add_container(b, depth, rnd(2));
		break;
	}
	add_space(b);
}

/* Changes, drops or adds some bytes. No NUL: jansson overlooks one behind a
 * word. */
static void
mutate(struct buf *b)
{
	static const char likely[] = "{}[]\",:\\u0e.-+1 \n\xff\xc3";
	unsigned n = 1 + rnd(3);

	while (n-- && b->len) {
		size_t at = rnd((unsigned)b->len);

		switch (rnd(3)) {
		case 0:
			b->data[at] = likely[rnd(sizeof(likely) - 1)];
			break;
		case 1:
			memmove(b->data + at, b->data + at + 1,
				b->len - at - 1);
			b->len--;
			break;
		default:
			buf_add_char(b, 'x');
			memmove(b->data + at + 1, b->data + at,
				b->len - at - 1);
			b->data[at] = likely[rnd(sizeof(likely) - 1)];
		}
	}
}

static void compare(struct json ours, json_t *theirs);

static void
compare_string(struct json ours, const char *text, size_t len)
{
	struct buf scratch = {0};
	struct str read;

	assert_true(json_text(ours, &scratch, &read));
	assert_int_equal(read.len, len);
	assert_memory_equal(read.data, text, len);
	buf_release(&scratch);
}

static void
compare_object(struct json ours, json_t *theirs)
{
	struct json_iter it = json_iter(ours);
	struct buf scratch = {0};
	struct json key, value;
	struct str name;
	size_t count = 0;

	while (json_next(&it, &key, &value)) {
		count++;
		buf_reset(&scratch);
		assert_true(json_text(key, &scratch, &name));
		compare(value, json_object_getn(theirs, name.data, name.len));
	}
	assert_int_equal(count, json_object_size(theirs));
	buf_release(&scratch);
}

static void
compare(struct json ours, json_t *theirs)
{
	struct json_iter it = json_iter(ours);
	struct json key, value;
	size_t i = 0;
	int64_t n;

	assert_non_null(theirs);
	switch (theirs->type) {
	case JANSSON_OBJECT:
		assert_int_equal(ours.type, JSON_OBJECT);
		compare_object(ours, theirs);
		break;
	case JANSSON_ARRAY:
		assert_int_equal(ours.type, JSON_ARRAY);
		while (json_next(&it, &key, &value))
			compare(value, json_array_get(theirs, i++));
		assert_int_equal(i, json_array_size(theirs));
		break;
	case JANSSON_STRING:
		compare_string(ours, json_string_value(theirs),
			json_string_length(theirs));
		break;
	case JSON_INTEGER:
		assert_int_equal(ours.type, JSON_NUMBER);
		if (json_i64(ours, &n))
			assert_true(n == json_integer_value(theirs));
		else
			assert_true(str_eq_c(ours.text, "-0"));
		break;
	case JSON_REAL:
		assert_int_equal(ours.type, JSON_NUMBER);
		assert_false(json_i64(ours, &n));
		break;
	default:
		assert_int_equal(
			ours.text.data[0], theirs->type == JSON_TRUE	? 't'
					   : theirs->type == JSON_FALSE ? 'f'
									: 'n');
	}
}

/* What jansson refuses and RFC 8259 allows: half a surrogate pair, NUL in a
 * key, numbers that do not fit a C type. */
static bool
differs(const json_error_t *why, unsigned found)
{
	enum json_error_code code = json_error_code(why);

	if (found & JSON_SURROGATE)
		return true;
	return code == json_error_numeric_overflow ||
	       code == json_error_null_byte_in_key;
}

static void
check_both(struct str doc)
{
	size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	unsigned found;
	struct json root;
	struct err err = {""};
	json_error_t why;
	json_t *theirs = json_loadb(doc.data, doc.len, flags, &why);
	json_t *unique;

	if (json_scan(doc, &root, &found, &err) < 0) {
		if (theirs)
			fail_msg("%.*s: %s", STR_ARG(doc), err.text);
		return;
	}
	if (!theirs) {
		if (!differs(&why, found))
			fail_msg("%.*s: %s", STR_ARG(doc), why.text);
		return;
	}
	unique = json_loadb(
		doc.data, doc.len, flags | JSON_REJECT_DUPLICATES, &why);
	assert_int_equal(unique == NULL, (found & JSON_REPEATED) != 0);
	if (unique)
		compare(root, theirs);
	json_decref(unique);
	json_decref(theirs);
}

static void
test_random(void **state)
{
	struct buf b = {0};
	struct json root;
	unsigned found;
	int i;

	for (i = 0; i < 4000; i++) {
		buf_reset(&b);
		add_value(&b, 0);
		assert_int_equal(
			json_scan(buf_str(&b), &root, &found, NULL), 0);
		assert_int_equal(memchr(b.data, '\n', b.len) != NULL,
			(found & JSON_NEWLINE) != 0);
		check_both(buf_str(&b));
	}
	buf_release(&b);
}

static void
test_broken(void **state)
{
	struct buf b = {0};
	int i;

	for (i = 0; i < 20000; i++) {
		buf_reset(&b);
		add_value(&b, 2);
		mutate(&b);
		check_both(buf_str(&b));
	}
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_quirks),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_iter),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_put_raw),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
