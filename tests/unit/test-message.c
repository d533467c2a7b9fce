/*
 * links: wire
 * message: every rule of a user's message, where it comes in and where it is
 * stored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message.h"

#define UUID "8d2cbb5e-4b44-4d1c-9a43-0123456789ab"
#define UUID_UPPER "8D2CBB5E-4B44-4D1C-9A43-0123456789AB"

static struct json
scan(const char *doc)
{
	struct json root;
	struct err err = {""};

	if (json_scan(str_c(doc), &root, NULL, &err) < 0)
		fail_msg("%s: %s", doc, err.text);
	return root;
}

static void
good(struct message *out, const char *doc)
{
	struct err err = {""};

	if (message_parse(out, scan(doc), 10, &err) != MESSAGE_OK)
		fail_msg("%s: %s", doc, err.text);
}

static void
bad(const char *doc, enum message_fault fault, const char *why)
{
	struct message m;
	struct err err = {""};

	assert_int_equal(message_parse(&m, scan(doc), 10, &err), fault);
	assert_string_equal(err.text, why);
}

static void
test_whole(void **state)
{
	struct message m;
	struct buf out = {0};

	good(&m, "{\"x\":{},\"roomId\":1,\"senderId\":7,\"clientMessageId\":"
		 "\"" UUID_UPPER "\",\"content\":\"h\\u0069\",\"type\":"
		 "\"IMAGE\",\"sentAtMs\":1768127400123,\"sentAt\":[2026]}");
	assert_int_equal(m.room_id, 1);
	assert_int_equal(m.sender_id, 7);
	assert_true(m.has_id);
	assert_string_equal(m.id.canonical, UUID);
	assert_true(str_eq_c(m.id.raw, "\"" UUID_UPPER "\""));
	assert_true(str_eq_c(m.content.text, "\"h\\u0069\""));
	assert_int_equal(m.type, MESSAGE_IMAGE);
	assert_true(m.sent_at_ms == 1768127400123);
	assert_true(str_eq_c(m.sent_at.text, "[2026]"));
	message_print(&out, &m);
	assert_string_equal(out.data,
		"{\"roomId\":1,\"senderId\":7,\"clientMessageId\":\"" UUID_UPPER
		"\",\"content\":\"h\\u0069\",\"type\":\"IMAGE\","
		"\"sentAtMs\":1768127400123}");
	buf_reset(&out);
	m.sent_at_ms = -1;
	m.sender_id = -1;
	m.has_id = false;
	message_print(&out, &m);
	assert_string_equal(out.data, "{\"roomId\":1,\"content\":\"h\\u0069\","
				      "\"type\":\"IMAGE\",\"sentAt\":[2026]}");
	buf_release(&out);
}

static void
test_least(void **state)
{
	struct message m;
	struct buf out = {0};

	good(&m, "{\"roomId\":9007199254740992,\"content\":\"x\"}");
	assert_true(m.room_id == MESSAGE_NUMBER_MAX);
	assert_int_equal(m.sender_id, -1);
	assert_false(m.has_id);
	assert_int_equal(m.type, MESSAGE_TEXT);
	assert_int_equal(m.sent_at_ms, -1);
	assert_int_equal(m.sent_at.type, JSON_NONE);
	m.sender_id = 0;
	message_print(&out, &m);
	assert_string_equal(out.data,
		"{\"roomId\":9007199254740992,\"senderId\":0,"
		"\"content\":\"x\",\"type\":\"TEXT\"}");
	/* null is as good as nothing. */
	good(&m, "{\"roomId\":1,\"content\":\"x\",\"type\":null,\"senderId\":"
		 "null,\"clientMessageId\":null,\"sentAtMs\":null,"
		 "\"sentAt\":null}");
	assert_false(m.has_id);
	assert_int_equal(m.type, MESSAGE_TEXT);
	assert_int_equal(m.sent_at.type, JSON_NONE);
	/* Whatever a client says of the sender does not refuse it. */
	good(&m, "{\"roomId\":1,\"content\":\"x\",\"senderId\":\"me\"}");
	assert_int_equal(m.sender_id, -1);
	good(&m, "{\"roomId\":1,\"content\":\"x\",\"senderId\":-5}");
	assert_int_equal(m.sender_id, -1);
	good(&m, "{\"roomId\":1,\"content\":\"x\",\"type\":\"TEXT\","
		 "\"sentAtMs\":0}");
	assert_int_equal(m.sent_at_ms, 0);
	good(&m, "{\"roomId\":1,\"content\":\"x\","
		 "\"sentAtMs\":253402300799999}");
	buf_release(&out);
}

static void
test_bodies(void **state)
{
	bad("[]", MESSAGE_INVALID_BODY, "the body is no object");
	bad("\"x\"", MESSAGE_INVALID_BODY, "the body is no object");
	bad("{\"roomId\":1,\"content\":\"x\",\"roomId\":2}",
		MESSAGE_INVALID_BODY, "'roomId' is given twice");
	bad("{\"roomId\":1,\"content\":\"x\",\"content\":null}",
		MESSAGE_INVALID_BODY, "'content' is given twice");
	bad("{\"content\":\"x\"}", MESSAGE_INVALID_ROOM,
		"roomId is no integer in 1..2^53");
	bad("{\"roomId\":0,\"content\":\"x\"}", MESSAGE_INVALID_ROOM,
		"roomId is no integer in 1..2^53");
	bad("{\"roomId\":-1,\"content\":\"x\"}", MESSAGE_INVALID_ROOM,
		"roomId is no integer in 1..2^53");
	bad("{\"roomId\":\"1\",\"content\":\"x\"}", MESSAGE_INVALID_ROOM,
		"roomId is no integer in 1..2^53");
	bad("{\"roomId\":1.0,\"content\":\"x\"}", MESSAGE_INVALID_ROOM,
		"roomId is no integer in 1..2^53");
	bad("{\"roomId\":9007199254740993,\"content\":\"x\"}",
		MESSAGE_INVALID_ROOM, "roomId is no integer in 1..2^53");
	bad("{\"roomId\":9223372036854775808,\"content\":\"x\"}",
		MESSAGE_INVALID_ROOM, "roomId is no integer in 1..2^53");
	bad("{\"roomId\":1,\"content\":\"x\",\"sentAtMs\":-1}",
		MESSAGE_INVALID_BODY, "sentAtMs is no time in milliseconds");
	bad("{\"roomId\":1,\"content\":\"x\",\"sentAtMs\":253402300800000}",
		MESSAGE_INVALID_BODY, "sentAtMs is no time in milliseconds");
	bad("{\"roomId\":1,\"content\":\"x\",\"sentAtMs\":\"1\"}",
		MESSAGE_INVALID_BODY, "sentAtMs is no time in milliseconds");
	bad("{\"roomId\":1,\"content\":\"x\",\"type\":\"SYSTEM_KICK\"}",
		MESSAGE_INVALID_TYPE, "type is neither TEXT nor IMAGE");
	bad("{\"roomId\":1,\"content\":\"x\",\"type\":\"text\"}",
		MESSAGE_INVALID_TYPE, "type is neither TEXT nor IMAGE");
	bad("{\"roomId\":1,\"content\":\"x\",\"type\":7}", MESSAGE_INVALID_TYPE,
		"type is neither TEXT nor IMAGE");
	bad("{\"roomId\":1,\"content\":\"x\",\"clientMessageId\":true}",
		MESSAGE_INVALID_ID,
		"clientMessageId is neither a UUID nor a 64-bit integer");
}

static void
test_content(void **state)
{
	struct message m;

	bad("{\"roomId\":1}", MESSAGE_EMPTY, "content is missing");
	bad("{\"roomId\":1,\"content\":null}", MESSAGE_EMPTY,
		"content is missing");
	bad("{\"roomId\":1,\"content\":\"\"}", MESSAGE_EMPTY,
		"content is empty");
	bad("{\"roomId\":1,\"content\":7}", MESSAGE_INVALID_BODY,
		"content is no text");
	bad("{\"roomId\":1,\"content\":\" \\t\\n\xc2\xa0\xe3\x80\x80\"}",
		MESSAGE_EMPTY, "content is blank");
	bad("{\"roomId\":1,\"content\":\"a\\u0000\"}", MESSAGE_INVALID_CONTENT,
		"content has U+0000 at character 2");
	bad("{\"roomId\":1,\"content\":\"\\ud800a\"}", MESSAGE_INVALID_CONTENT,
		"content has half a surrogate pair at character 1");
	bad("{\"roomId\":1,\"content\":\"12345678901\"}", MESSAGE_TOO_LONG,
		"content has 11 characters, the limit is 10");
	good(&m, "{\"roomId\":1,\"content\":\"1234567890\"}");
	/* Code points, not bytes, not UTF-16 units, not escapes. */
	good(&m, "{\"roomId\":1,\"content\":\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
		 "\\ud83d\\ude00\\ud83d\\ude00\xed\x95\x9c\xed\x95\x9c\\u00e9"
		 "\\n\\n.\"}");
	bad("{\"roomId\":1,\"content\":\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
	    "\\ud83d\\ude00\\ud83d\\ude00\xed\x95\x9c\xed\x95\x9c\\u00e9"
	    "\\n\\n..\"}",
		MESSAGE_TOO_LONG, "content has 11 characters, the limit is 10");
}

/* Unicode's White_Space, each and its neighbours. */
static void
test_white_space(void **state)
{
	static const int spaces[] = {0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x85,
		0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005,
		0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f,
		0x205f, 0x3000};
	struct message m;
	struct err err;
	int c;
	size_t i;
	char doc[60];

	for (c = 1; c < 0x3100; c++) {
		bool space = false;

		for (i = 0; i < ARRAY_LEN(spaces); i++)
			space = space || spaces[i] == c;
		snprintf(doc, sizeof(doc),
			"{\"roomId\":1,\"content\":\"\\u%04x\"}", (unsigned)c);
		assert_int_equal(message_parse(&m, scan(doc), 10, &err),
			space ? MESSAGE_EMPTY : MESSAGE_OK);
	}
}

static void
test_text_chars(void **state)
{
	assert_int_equal(message_text_chars(STR("")), 0);
	assert_int_equal(message_text_chars(STR(" \xe3\x80\x80")), 0);
	assert_int_equal(message_text_chars(STR(" \xed\x95\x9c ")), 3);
	assert_int_equal(message_text_chars(STR("\\u0041")), 6);
	assert_int_equal(message_text_chars((struct str){"a\0b", 3}), -1);
	assert_int_equal(message_text_chars(STR("a\xff")), -1);
}

static void
id(const char *token, const char *canonical)
{
	struct message_id out;
	struct json value = scan(token);

	assert_int_equal(message_id_parse(&out, value), canonical != NULL);
	if (!canonical)
		return;
	assert_string_equal(out.canonical, canonical);
	assert_true(str_eq(out.raw, value.text));
}

static void
test_ids(void **state)
{
	id("\"" UUID "\"", UUID);
	id("\"" UUID_UPPER "\"", UUID);
	id("\"00000000-0000-0000-0000-000000000000\"",
		"00000000-0000-0000-0000-000000000000");
	id("\"fFfFfFfF-ffff-FFFF-ffff-FFFFFFFFFFFF\"",
		"ffffffff-ffff-ffff-ffff-ffffffffffff");
	id("42", "42");
	id("\"42\"", "42");
	id("0", "0");
	id("-1", "-1");
	id("9223372036854775807", "9223372036854775807");
	id("\"-9223372036854775808\"", "-9223372036854775808");
	id("9223372036854775808", NULL);
	id("\"9223372036854775808\"", NULL);
	id("42.0", NULL);
	id("4e1", NULL);
	id("-0", NULL);
	id("\"042\"", NULL);
	id("\"+42\"", NULL);
	id("\" 42\"", NULL);
	id("\"\"", NULL);
	id("\"abc\"", NULL);
	id("\"{" UUID "}\"", NULL);
	id("\"8d2cbb5e4b444d1c9a430123456789ab\"", NULL);
	id("\"8d2cbb5e-4b44-4d1c-9a43-0123456789a\"", NULL);
	id("\"8d2cbb5e-4b44-4d1c-9a43-0123456789ag\"", NULL);
	id("\"8d2cbb5e-4b44-4d1c-9a43_0123456789ab\"", NULL);
	id("\"8d2cbb5e-4b44-4d1c_9a43-0123456789ab\"", NULL);
	id("\"8d2cbb5e-4b44_4d1c-9a43-0123456789ab\"", NULL);
	id("\"8d2cbb5e_4b44-4d1c-9a43-0123456789ab\"", NULL);
	id("\"8d2cbb5-e4b44-4d1c-9a43-0123456789ab\"", NULL);
	id("\"8d2cbb5e-4b44-4d1c-9a43-0123456789\\u0061\"", NULL);
	id("true", NULL);
	id("{}", NULL);
	id("null", NULL);
}

static void
test_id_make(void **state)
{
	static const unsigned char ones[16] = {255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
	static const unsigned char count[16] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	char quoted[MESSAGE_ID_MAX + 2];
	struct message_id out, again;

	message_id_make(&out, quoted, ones);
	assert_string_equal(
		out.canonical, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	message_id_make(&out, quoted, count);
	assert_string_equal(
		out.canonical, "00010203-0405-4607-8809-0a0b0c0d0e0f");
	assert_true(
		str_eq_c(out.raw, "\"00010203-0405-4607-8809-0a0b0c0d0e0f\""));
	assert_ptr_equal(out.raw.data, quoted);
	assert_true(
		message_id_parse(&again, (struct json){JSON_STRING, out.raw}));
	assert_string_equal(again.canonical, out.canonical);
}

static void
test_names(void **state)
{
	static const struct {
		enum message_fault fault;
		const char *code;
	} codes[] = {
		{MESSAGE_OK, "OK"},
		{MESSAGE_INVALID_BODY, "INVALID_BODY"},
		{MESSAGE_INVALID_ROOM, "INVALID_ROOM"},
		{MESSAGE_INVALID_ID, "INVALID_CLIENT_MESSAGE_ID"},
		{MESSAGE_EMPTY, "CONTENT_EMPTY"},
		{MESSAGE_TOO_LONG, "CONTENT_TOO_LONG"},
		{MESSAGE_INVALID_CONTENT, "INVALID_CONTENT"},
		{MESSAGE_INVALID_TYPE, "INVALID_TYPE"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(codes); i++)
		assert_string_equal(
			message_fault_code(codes[i].fault), codes[i].code);
	assert_string_equal(message_type_name(MESSAGE_TEXT), "TEXT");
	assert_string_equal(message_type_name(MESSAGE_IMAGE), "IMAGE");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_white_space),
		cmocka_unit_test(test_text_chars),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_id_make),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
