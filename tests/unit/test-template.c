/*
 * tests/unit/test-template.c - placeholders and stamps, messages as lines for
 * people, tokens out of a file.
 * links: client auth -lcrypto
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <unistd.h>

#include "auth/claims.h"
#include "client/show.h"
#include "client/template.h"
#include "client/token.h"

static struct err err;

static const struct template_values values = {.room = 7,
	.user = 8,
	.n = 9,
	.sent_us = 1234567,
	.run = 0x0123456789abcdef,
	.token = {"tok", 3},
	.pad = 3};

static const char *
filled(const char *text)
{
	static struct buf out;
	struct template t;

	assert_int_equal(template_parse(&t, str_c(text), &err), 0);
	buf_reset(&out);
	template_put(&t, &out, &values);
	return out.data ? out.data : "";
}

static void
placeholders(void **state)
{
	assert_string_equal(filled(""), "");
	assert_string_equal(filled("abc"), "abc");
	assert_string_equal(
		filled("{room}{user} {n}/{sent_us}"), "78 9/1234567");
	assert_string_equal(filled("x{pad}y{token}"), "xxxxytok");
	assert_string_equal(
		filled("{id}"), "01234567-89ab-4cde-8f00-000000000009");
	assert_string_equal(filled("{stamp}"), "~0123456789abcdef.9.1234567~");
}

/* JSON's own braces stand for themselves. */
static void
other_braces(void **state)
{
	assert_string_equal(filled("{\"roomId\":{room},\"a\":{}}"),
		"{\"roomId\":7,\"a\":{}}");
	assert_string_equal(filled("{rooms} {roo {room"), "{rooms} {roo {room");
}

static void
too_many(void **state)
{
	static char text[TEMPLATE_PARTS * 3 + 4];
	struct template t;
	int i;

	for (i = 0; i <= TEMPLATE_PARTS; i++)
		memcpy(text + i * 3, "{n}", 3);
	assert_int_equal(template_parse(&t, str_c(text), &err), -1);
	text[TEMPLATE_PARTS * 3] = '\0';
	assert_int_equal(template_parse(&t, str_c(text), &err), 0);
	assert_true(template_has(&t, TEMPLATE_N));
	assert_false(template_has(&t, TEMPLATE_STAMP));
}

static bool
finds(const char *text, int64_t *n, int64_t *us)
{
	char mark[STAMP_MARK_MAX];
	struct str m = {mark, stamp_mark(values.run, mark)};

	return stamp_find(str_c(text), m, n, us);
}

static void
stamps(void **state)
{
	int64_t n, us;

	assert_true(
		finds("{\"a\":\"~0123456789abcdef.9.1234567~ xx\"}", &n, &us));
	assert_int_equal(n, 9);
	assert_int_equal(us, 1234567);
	assert_false(finds("", &n, &us));
	assert_false(finds("~0123456789abcdee.9.1~", &n, &us));
	assert_false(finds("~0123456789abcdef.9.1", &n, &us));
	assert_false(finds("~0123456789abcdef..1~", &n, &us));
	assert_false(finds("~0123456789abcdef.-9.1~", &n, &us));
	assert_false(finds("~0123456789abcdef.9", &n, &us));
	assert_false(
		finds("~0123456789abcdef.1234567890123456789.1~", &n, &us));
}

/* ---- show --------------------------------------------------------------- */

static const char *
shown(const char *json, bool with_room)
{
	static struct buf out;

	buf_reset(&out);
	show_message(&out, str_c(json), with_room);
	return out.data;
}

static void
messages(void **state)
{
	assert_string_equal(shown("{\"seq\":57,\"senderId\":7,"
				  "\"senderNickname\":\"Kim\","
				  "\"content\":\"hi\",\"type\":\"TEXT\"}",
				    false),
		"[57] Kim: hi\n");
	assert_string_equal(shown("{\"roomId\":3,\"seq\":57,\"senderId\":7,"
				  "\"senderNickname\":null,"
				  "\"content\":\"\\ud55c\"}",
				    true),
		"[3:57] 7: \355\225\234\n");
	assert_string_equal(shown("{\"seq\":58,\"type\":\"SYSTEM_INVITE\","
				  "\"content\":\"Kim invited Lee\"}",
				    false),
		"[58] * Kim invited Lee\n");
	assert_string_equal(
		shown("{\"seq\":59,\"type\":\"DELETED\"}", false), "[59] -\n");
	assert_string_equal(shown("not json", false), "not json\n");
}

/* A stranger's text reaches a terminal as text only. */
static void
terminals(void **state)
{
	assert_string_equal(shown("{\"seq\":1,\"senderNickname\":\"a\\u001bb\","
				  "\"content\":\"x\\ny\\r\\t\\u009b\\u007f\"}",
				    false),
		"[1] a?b: x\\ny????\n");
	assert_string_equal(shown("\x1b[2J\xff", false), "?[2J?\n");
}

/* ---- tokens ------------------------------------------------------------- */

static char path[] = "/tmp/test-token-XXXXXX";

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
given_tokens(void **state)
{
	struct token_source s;
	struct buf out = {0};

	write_file("one\r\ntwo\n");
	assert_int_equal(token_source_open(&s, path, "x", "y", &err), 0);
	assert_int_equal(token_next(&s, 1, &out, &err), 0);
	assert_int_equal(token_next(&s, 2, &out, &err), 0);
	assert_int_equal(token_next(&s, 3, &out, &err), 0);
	assert_string_equal(out.data, "onetwoone");
	token_source_release(&s);
	write_file("");
	assert_int_equal(token_source_open(&s, path, NULL, NULL, &err), -1);
	token_source_release(&s);
	assert_int_equal(token_source_open(&s, NULL, NULL, NULL, &err), -1);
	buf_release(&out);
}

static void
made_tokens(void **state)
{
	struct claims_rules rules = {.demanded = {"auth"}, .count = 1};
	struct claims claims;
	struct token_source s;
	struct buf out = {0};

	write_file("0123456789abcdef0123456789abcdef\n");
	assert_int_equal(token_source_open(&s, NULL, NULL, path, &err), 0);
	assert_int_equal(token_next(&s, 42, &out, &err), 0);
	assert_int_equal(claims_of_token(&claims, &s.key, buf_str(&out), &rules,
				 1000, &err),
		CLAIMS_INVALID); /* issued later than 1970 */
	assert_int_equal(claims_of_token(&claims, &s.key, buf_str(&out), &rules,
				 (int64_t)time(NULL) * 1000 + 1000, &err),
		CLAIMS_OK);
	assert_int_equal(claims.user_id, 42);
	token_source_release(&s);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders),
		cmocka_unit_test(other_braces),
		cmocka_unit_test(too_many),
		cmocka_unit_test(stamps),
		cmocka_unit_test(messages),
		cmocka_unit_test(terminals),
		cmocka_unit_test(given_tokens),
		cmocka_unit_test(made_tokens),
	};
	int fd = mkstemp(path), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
