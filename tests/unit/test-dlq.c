/*
 * links: dlq wire
 * dlq, what it decides: marks, edited letters out of any text, where a letter
 * goes back to and as what, and what becomes of each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dlq/edits.h"
#include "dlq/marks.h"
#include "dlq/plan.h"
#include "dlq/resume.h"

static struct err err;

static void
assert_str(struct str have, const char *want)
{
	assert_int_equal(have.len, strlen(want));
	if (have.len)
		assert_memory_equal(have.data, want, have.len);
}

/* ---- marks ----------------------------------------------------------------
 */

static struct str
key_of(int i)
{
	static char text[40];

	snprintf(text, sizeof(text), "t/%d/%d/17000000000", i % 3, i);
	return str_c(text);
}

static void
marks_hold_each_once(void **state)
{
	struct marks marks = {.max = 20000};
	int i;

	assert_false(marks_has(&marks, key_of(1)));
	for (i = 0; i < 20000; i++)
		assert_int_equal(marks_add(&marks, key_of(i), &err), 1);
	for (i = 0; i < 20000; i++) {
		assert_true(marks_has(&marks, key_of(i)));
		assert_int_equal(marks_add(&marks, key_of(i), &err), 0);
	}
	for (; i < 40000; i++)
		assert_false(marks_has(&marks, key_of(i)));
	assert_int_equal(marks_add(&marks, key_of(i), &err), -1);
	assert_string_equal(err.text, "over 20000 marks");
	assert_int_equal(marks.count, 20000);
	marks_release(&marks);
	assert_int_equal(marks_add(&marks, key_of(i), &err), 1);
	assert_int_equal(marks_add(&marks, STR(""), &err), 1);
	assert_true(marks_has(&marks, STR("")));
	marks_release(&marks);
}

static void
a_mark_has_a_bound(void **state)
{
	static char text[MARK_KEY_MAX + 1];
	struct marks marks = {.max = 2};

	memset(text, 'x', sizeof(text));
	assert_int_equal(
		marks_add(&marks, (struct str){text, MARK_KEY_MAX + 1}, &err),
		-1);
	assert_int_equal(
		marks_add(&marks, (struct str){text, MARK_KEY_MAX}, &err), 1);
	marks_release(&marks);
}

/* Against a plain array, in a table that is often as full as it gets: what
 * stands behind a removed one must still be found. */
static void
marks_that_are_taken_back(void **state)
{
	static bool has[600];
	struct marks marks = {.max = 600};
	unsigned seed = 1;
	size_t count = 0;
	int i, k;

	assert_false(marks_remove(&marks, key_of(1)));
	for (i = 0; i < 20000; i++) {
		k = rand_r(&seed) % 600;
		if (rand_r(&seed) % 8) {
			assert_int_equal(
				marks_add(&marks, key_of(k), &err), !has[k]);
			count += !has[k];
			has[k] = true;
		} else {
			assert_int_equal(
				marks_remove(&marks, key_of(k)), has[k]);
			count -= has[k];
			has[k] = false;
		}
		assert_int_equal(marks.count, count);
		if (i % 100 == 0)
			for (k = 0; k < 600; k++)
				assert_int_equal(
					marks_has(&marks, key_of(k)), has[k]);
	}
	for (k = 0; k < 600; k++)
		assert_int_equal(marks_remove(&marks, key_of(k)), has[k]);
	assert_int_equal(marks.count, 0);
	marks_release(&marks);
}

/* ---- edits ----------------------------------------------------------------
 */

#define A "{\"topic\":\"a-dlt\",\"partition\":1,\"offset\":7,\"timestamp\":5,"

static struct edits edits;

static struct letter_edit
get(const char *topic, int32_t partition, int64_t offset)
{
	struct edit *edit = edits_find(&edits, str_c(topic), partition, offset);

	assert_non_null(edit);
	return edits_get(&edits, edit);
}

/* Fed whole, or in pieces of n bytes. */
static int
feed(const char *text, size_t n)
{
	size_t len = strlen(text), at;

	edits_release(&edits);
	for (at = 0; at < len; at += n)
		if (edits_feed(&edits,
			    (struct str){
				    text + at, len - at < n ? len - at : n},
			    &err) < 0)
			return -1;
	return edits_end(&edits, &err);
}

static void
lines_become_edits(void **state)
{
	static const char text[] =
		A "\"key\":\"k\",\"value\":{ \"a\" : [1.50, \"}\\\"{\"] }}\n"
		  "\n"
		  "{\"topic\":\"a-dlt\",\"partition\":0,\"offset\":9,\"key\":"
		  "null,\"valueText\":\"x\\ny\",\"dlt\":{\"class\":\"C\"}} "
		  "{\"topic\":\"b-dlt\",\"partition\":0,\"offset\":9,\"key64\":"
		  "\"/w==\",\"valueBytes\":20000000}";
	size_t n;

	for (n = 1; n < sizeof(text); n += 1 + n / 4) {
		assert_int_equal(feed(text, n), 0);
		assert_int_equal(edits.count, 3);
		assert_int_equal(edits.topics, 2);
		assert_str(get("a-dlt", 1, 7).key, "k");
		/* What stands in one line keeps its very bytes. */
		assert_str(get("a-dlt", 1, 7).value,
			"{ \"a\" : [1.50, \"}\\\"{\"] }");
		assert_true(get("a-dlt", 0, 9).key_null);
		assert_false(get("a-dlt", 0, 9).key_kept);
		assert_str(get("a-dlt", 0, 9).value, "x\ny");
		assert_str(get("b-dlt", 0, 9).key, "\xff");
		assert_true(get("b-dlt", 0, 9).value_kept);
		assert_null(edits_find(&edits, STR("a-dlt"), 0, 7));
		assert_null(edits_find(&edits, STR("c-dlt"), 0, 9));
	}
	assert_int_equal(edits_find(&edits, STR("b-dlt"), 0, 9)->timestamp, -1);
	assert_int_equal(edits_find(&edits, STR("a-dlt"), 1, 7)->timestamp, 5);
	edits_release(&edits);
}

static void
objects_over_many_lines(void **state)
{
	assert_int_equal(
		feed("{\n  \"topic\": \"a-dlt\",\n  \"partition\": 0,\n"
		     "  \"offset\": 3,\n  \"value\": {\n    \"a b\": "
		     "\"c  d\\\\\",\n    \"e\": [\n      1,\n      2"
		     "\n    ]\n  }\n}\n",
			7),
		0);
	assert_str(
		get("a-dlt", 0, 3).value, "{\"a b\":\"c  d\\\\\",\"e\":[1,2]}");
	edits_release(&edits);
}

static void
refused(const char *text, const char *why)
{
	assert_int_equal(feed(text, 3), -1);
	if (!strstr(err.text, why))
		fail_msg("%s: %s", text, err.text);
	edits_release(&edits);
}

static void
what_is_no_edit(void **state)
{
	refused("17", "line 1: no JSON object");
	refused(A "\"value\":null}\n\nx", "line 3: no JSON object");
	refused("{]", "line 1: ");
	refused("{\"topic\":\"a\",\"value\":{}}", "which letter it is");
	refused("{\"topic\":\"a\",\"partition\":0,\"value\":{}}",
		"which letter it is");
	refused("{\"partition\":0,\"offset\":0,\"value\":{}}", "line 1: ");
	refused(A "\"value\":7}", "line 1: ");
	refused(A "\"key\":{}}", "line 1: ");
	refused("{\"topic\":\"a-dlt\\u0000\",\"partition\":0,\"offset\":0,"
		"\"value\":{}}",
		"line 1: a topic with U+0000");
	refused("\n{\"topic\":\"a", "line 2: its object does not end");
	refused(A "\"value\":{}}\n" A "\"value\":{}}",
		"lines 1 and 2 are one letter: a-dlt/1/7");
}

static void
many_edits_are_found(void **state)
{
	struct buf text = {0};
	int i;

	for (i = 0; i < 20000; i++) {
		buf_reset(&text);
		buf_printf(&text,
			"{\"topic\":\"t%d\",\"partition\":%d,\"offset\":%d,"
			"\"key\":\"%d\",\"value\":{}}\n",
			i % EDITS_TOPICS_MAX, i % 3, 100000 - i, i);
		assert_int_equal(edits_feed(&edits, buf_str(&text), &err), 0);
	}
	assert_int_equal(edits_end(&edits, &err), 0);
	for (i = 0; i < 20000; i++) {
		char topic[20], key[20];

		snprintf(topic, sizeof(topic), "t%d", i % EDITS_TOPICS_MAX);
		snprintf(key, sizeof(key), "%d", i);
		assert_str(get(topic, i % 3, 100000 - i).key, key);
	}
	assert_int_equal(edits_feed(&edits,
				 STR("{\"topic\":\"one more\",\"partition\":0,"
				     "\"offset\":0,\"value\":{}}"),
				 &err),
		-1);
	assert_non_null(strstr(err.text, "over 64 topics"));
	edits_release(&edits);
	buf_release(&text);
}

/* ---- letters --------------------------------------------------------------
 */

static struct record_header headers[RECORD_HEADERS_MAX];
static struct record_room room;

static void
header(struct letter *letter, const char *name, const char *value)
{
	letter->record.headers[letter->record.header_count++] =
		(struct record_header){str_c(name), str_c(value), false};
}

static struct letter
letter_from(const char *dlt, const char *topic)
{
	struct letter letter = {.record = {.topic = str_c(dlt),
					.partition = 2,
					.offset = 40,
					.timestamp = 99,
					.key = STR("k"),
					.value = STR("{}"),
					.headers = headers}};

	header(&letter, "kept", "1");
	if (topic) {
		header(&letter, "kafka_dlt-original-topic", topic);
		header(&letter, "kafka_dlt-original-partition", "1");
		header(&letter, "kafka_dlt-original-offset", "7");
		header(&letter, "kafka_dlt-original-timestamp", "5");
	}
	header(&letter, "kafka_dlt-exception-fqcn", "SQLSTATE_22021");
	dlt_read(&letter.info, &letter.record);
	return letter;
}

static void
where_letters_go(void **state)
{
	static const struct {
		const char *dlt, *topic, *target;
	} cases[] = {
		{"a-dlt", "a", "a"},
		{"a-dlt", "b.c_D-9", "b.c_D-9"},
		{"a.DLT", "a", "a"},
		{"a-dlt", NULL, "a"},
		{"a-dlt", "", "a"},
		{"a-dlt", "x-dlt", "a"},
		{"a-dlt", "x-dlt-settled", "a"},
		{"a-dlt", "__consumer_offsets", "a"},
		{"a-dlt", "a/b", "a"},
		{"a-dlt", "a b", "a"},
		{"a-dlt", "..", "a"},
		{"a.DLT", "x-dlt", NULL},
		{"a.DLT", NULL, NULL},
		{"-dlt", NULL, NULL},
		{"__x-dlt", NULL, NULL},
		{"a-dlt-dlt", NULL, NULL},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct letter letter =
			letter_from(cases[i].dlt, cases[i].topic);
		struct str target;
		bool found = letter_target(&target, &letter);

		if (found != (cases[i].target != NULL))
			fail_msg("case %zu", i);
		if (found)
			assert_str(target, cases[i].target);
	}
}

static void
what_goes_back(void **state)
{
	struct letter letter = letter_from("a-dlt", "a");
	const struct letter_edit edit = {
		.key = STR("7"), .value = STR("{\"n\":1}")};
	const struct letter_edit key_only = {
		.key_null = true, .value_kept = true};
	const struct letter_edit value_only = {
		.key_null = true, .key_kept = true, .value = STR("[]")};
	struct buf mark = {0};
	struct record out;

	header(&letter, DLT_REPLAY_COUNT, "2");
	header(&letter, DLT_REPLAY_OF, "a/0/1/2");
	dlt_read(&letter.info, &letter.record);
	assert_int_equal(
		letter_replay(&out, &letter, STR("a"), NULL, &room, &err), 0);
	assert_str(out.topic, "a");
	assert_str(out.key, "k");
	assert_str(out.value, "{}");
	assert_int_equal(out.partition, -1);
	assert_int_equal(out.timestamp, -1);
	assert_int_equal(out.header_count, 3);
	assert_str(out.headers[0].name, "kept");
	assert_str(out.headers[1].name, "chat-replay-count");
	assert_str(out.headers[1].value, "3");
	assert_str(out.headers[2].name, "chat-replay-of");
	assert_str(out.headers[2].value, "a/1/7/5");
	assert_int_equal(
		letter_replay(&out, &letter, STR("a"), &edit, &room, &err), 0);
	assert_str(out.key, "7");
	assert_str(out.value, "{\"n\":1}");
	assert_int_equal(
		letter_replay(&out, &letter, STR("a"), &key_only, &room, &err),
		0);
	assert_true(out.key_null);
	assert_str(out.value, "{}");
	assert_int_equal(letter_replay(&out, &letter, STR("a"), &value_only,
				 &room, &err),
		0);
	assert_str(out.key, "k");
	assert_str(out.value, "[]");
	letter_mark_value(&mark, &letter, false, 1234, 0);
	assert_string_equal(mark.data,
		"{\"letter\":{\"topic\":\"a-dlt\",\"partition\":2,\"offset\":"
		"40},\"replays\":3,\"replayedAtMs\":1234}");
	buf_reset(&mark);
	letter_mark_value(&mark, &letter, true, 1234, 38);
	assert_non_null(strstr(mark.data, "\"replays\":2"));
	assert_non_null(strstr(mark.data, "\"below\":38,\"dropped\":true"));
	buf_release(&mark);
	record_room_release(&room);
}

static void
nothing_drives_a_terminal(void **state)
{
	struct letter letter = letter_from("a-dlt", "a");
	struct buf out = {0};
	size_t i;

	letter.record.key = STR("\x1b[2J\xff");
	letter.record.value = STR("a\tb\nc\x1b]0;x\x07\xc2\x9b"
				  "d\xe2\x82\xac");
	letter.info.error_message = STR("\r\x7f\xc2\x85\xe2\x82\xac");
	letter_print_page(&out, &letter, "open");
	letter_print_row(&out, &letter, "open");
	for (i = 0; i < out.len; i++) {
		unsigned char c = (unsigned char)out.data[i];

		assert_true(c >= 0x20 || c == '\n' || c == '\t');
		assert_int_not_equal(c, 0x7f);
		assert_int_not_equal(c, 0xc2);
	}
	assert_non_null(strstr(out.data, "\\x1b[2J\\xff"));
	assert_non_null(strstr(out.data, "\\xc2\\x9bd\xe2\x82\xac"));
	assert_non_null(strstr(out.data, "\\x0d\\x7f\\xc2\\x85\xe2\x82\xac"));
	buf_release(&out);
}

static void
a_line_is_a_record(void **state)
{
	struct letter letter = letter_from("a-dlt", "a");
	struct buf out = {0};
	struct record back;

	letter_print_json(&out, &letter, "open", 1000);
	assert_non_null(strstr(out.data,
		",\"value\":{},\"dlt\":{\"origin\":\"a/1/7/5\",\"class\":"
		"\"SQLSTATE_22021\",\"message\":\"\",\"group\":\"\","
		"\"replays\":0,\"state\":\"open\"}}\n"));
	assert_int_equal(record_parse(&back, buf_str(&out), &room, &err), 0);
	assert_str(back.value, "{}");
	buf_reset(&out);
	letter_print_json(&out, &letter, "open", 10);
	assert_int_equal(record_parse(&back, buf_str(&out), &room, &err), 0);
	assert_true(back.value_left_out);
	assert_int_equal(back.value_bytes, 2);
	buf_release(&out);
	record_room_release(&room);
}

/* ---- where to begin --------------------------------------------------------
 */

static struct resume resume;

static void
mark(const char *key, const char *value)
{
	assert_int_equal(
		resume_mark(&resume, "a-dlt", str_c(key), str_c(value), &err),
		0);
}

static void
hints_of_marks(void **state)
{
	const struct resume_part *hint;

	assert_null(resume_hint(&resume, 0));
	mark("x", "no json");
	mark("x", "{\"letter\":{\"topic\":\"a-dlt\",\"partition\":1,\"offset\":"
		  "7}}");
	mark("x", "{\"letter\":{\"topic\":\"b-dlt\",\"partition\":1,\"offset\":"
		  "7},"
		  "\"below\":7}");
	mark("x", "{\"letter\":{\"topic\":\"a-dlt\",\"partition\":-1,"
		  "\"offset\":7},"
		  "\"below\":7}");
	mark("x", "{\"letter\":{\"topic\":\"a-dlt\",\"partition\":99999999,"
		  "\"offset\":7},\"below\":7}");
	assert_null(resume_hint(&resume, 1));
	mark("k7", "{\"letter\":{\"topic\":\"a-dlt\",\"partition\":1,"
		   "\"offset\":9},\"below\":7}");
	mark("k5", "{\"letter\":{\"topic\":\"a-dlt\",\"partition\":1,"
		   "\"offset\":12},\"below\":5}");
	hint = resume_hint(&resume, 1);
	assert_int_equal(hint->below, 7);
	assert_int_equal(hint->offset, 9);
	assert_str(buf_str(&hint->key), "k7");
	assert_null(resume_hint(&resume, 0));
	assert_null(resume_hint(&resume, 2));
	assert_null(resume_hint(&resume, -1));
	/* A mark was taken back: what was claimed before is not so. */
	resume_forget(&resume);
	assert_null(resume_hint(&resume, 1));
	mark("k3", "{\"letter\":{\"topic\":\"a-dlt\",\"partition\":1,"
		   "\"offset\":13},\"below\":3}");
	assert_int_equal(resume_hint(&resume, 1)->below, 3);
	assert_str(buf_str(&resume_hint(&resume, 1)->key), "k3");
	resume_release(&resume);
}

static void
claims_of_a_run(void **state)
{
	/* A partition that nobody began claims nothing. */
	assert_int_equal(resume_below(&resume, 0, 40), 0);
	assert_int_equal(resume_begin(&resume, 2, INT64_MAX, &err), 0);
	assert_int_equal(resume_begin(&resume, 1, 0, &err), 0);
	assert_int_equal(resume_below(&resume, 0, 40), 0);
	assert_int_equal(resume_below(&resume, 1, 40), 0);
	assert_int_equal(resume_below(&resume, 2, 40), 40);
	/* One that stays open is the end of it, wherever it was found. */
	resume_open(&resume, 2, 50);
	assert_int_equal(resume_below(&resume, 2, 40), 40);
	assert_int_equal(resume_below(&resume, 2, 50), 50);
	assert_int_equal(resume_below(&resume, 2, 51), 50);
	resume_open(&resume, 2, 30);
	resume_open(&resume, 2, 60);
	resume_open(&resume, 7, 1);
	assert_int_equal(resume_below(&resume, 2, 100), 30);
	resume_release(&resume);
}

/* ---- plans ----------------------------------------------------------------
 */

static struct marks marks;
static struct choice choice;
static struct plan plan;

static int
new_plan(void **state)
{
	marks = (struct marks){.max = 100};
	choice = (struct choice){.since_ms = -1, .until_ms = -1};
	plan = (struct plan){.choice = &choice,
		.marks = &marks,
		.max = 10,
		.max_replays = 3};
	return 0;
}

static int
end_plan(void **state)
{
	marks_release(&marks);
	buf_release(&plan.key);
	edits_release(&edits);
	return 0;
}

static enum plan_word
word_of(const struct letter *letter)
{
	struct edit *edit;
	struct str target;
	enum plan_word word;

	assert_int_equal(
		plan_letter(&plan, letter, &word, &target, &edit, &err), 0);
	return word;
}

static void
once_and_no_more(void **state)
{
	struct letter letter = letter_from("a-dlt", "a");

	assert_int_equal(word_of(&letter), PLAN_REPLAY);
	/* A second letter of the same record. */
	letter.record.offset++;
	assert_int_equal(word_of(&letter), PLAN_SETTLED);
	assert_int_equal(plan.chosen, 1);
	plan_refused(&plan);
	assert_int_equal(plan.chosen, 0);
	assert_int_equal(plan.refused, 1);
}

static void
replayed_often_enough(void **state)
{
	struct letter letter = letter_from("a-dlt", "a");

	letter.info.replays = 3;
	assert_int_equal(word_of(&letter), PLAN_REFUSE);
	assert_non_null(strstr(plan.why, "replayed 3 times"));
	plan.max_replays = 4;
	assert_int_equal(word_of(&letter), PLAN_REPLAY);
}

/* Who cannot read the count does not take it for none. */
static void
replayed_nobody_knows_how_often(void **state)
{
	struct letter letter = letter_from("a-dlt", "a");
	struct buf out = {0};
	struct record back;

	header(&letter, DLT_REPLAY_COUNT, "many");
	dlt_read(&letter.info, &letter.record);
	assert_int_equal(word_of(&letter), PLAN_REFUSE);
	assert_non_null(strstr(plan.why, "chat-replay-count is no number"));
	plan.max_replays = PLAN_UNBOUND - 1;
	assert_int_equal(word_of(&letter), PLAN_REFUSE);
	/* No bound at all: it goes, and is counted from there. */
	plan.max_replays = PLAN_UNBOUND;
	assert_int_equal(word_of(&letter), PLAN_REPLAY);
	assert_int_equal(
		letter_replay(&back, &letter, STR("a"), NULL, &room, &err), 0);
	assert_int_equal(back.header_count, 3);
	assert_str(back.headers[1].value, "1");
	letter_mark_value(&out, &letter, false, 1234, 0);
	assert_non_null(strstr(out.data, "\"replays\":1,"));
	buf_reset(&out);
	letter_mark_value(&out, &letter, true, 1234, 0);
	assert_non_null(strstr(out.data, "\"replays\":null,"));
	buf_reset(&out);
	letter_print_json(&out, &letter, "open", 1000);
	assert_non_null(strstr(out.data, "\"replays\":null,"));
	buf_reset(&out);
	letter_print_row(&out, &letter, "open");
	assert_non_null(strstr(out.data, " ? open"));
	buf_reset(&out);
	letter_print_page(&out, &letter, "open");
	assert_non_null(strstr(out.data, "replays   ?\n"));
	/* Putting it away asks for no count. */
	plan.max_replays = 3;
	plan.drop = true;
	letter.info.origin.offset++;
	assert_int_equal(word_of(&letter), PLAN_REPLAY);
	buf_release(&out);
	record_room_release(&room);
}

static void
what_cannot_go(void **state)
{
	static char name[600];
	struct letter letter = letter_from("a.DLT", NULL);

	assert_int_equal(word_of(&letter), PLAN_REFUSE);
	letter = letter_from("a-dlt", "a");
	letter.cut = true;
	assert_int_equal(word_of(&letter), PLAN_REFUSE);
	letter.cut = false;
	letter.record.header_count = RECORD_HEADERS_MAX - 1;
	assert_int_equal(word_of(&letter), PLAN_REFUSE);
	memset(name, 'x', sizeof(name) - 1);
	letter = letter_from("a-dlt", name);
	assert_int_equal(word_of(&letter), PLAN_REFUSE);
	letter = letter_from("a.DLT", NULL);
	plan.drop = true;
	assert_int_equal(word_of(&letter), PLAN_REPLAY);
}

static void
no_more_than_max(void **state)
{
	struct letter letter = letter_from("a-dlt", NULL);

	plan.max = 2;
	for (letter.info.origin.offset = 0; letter.info.origin.offset < 5;
		letter.info.origin.offset++)
		assert_int_equal(word_of(&letter), letter.info.origin.offset < 2
							   ? PLAN_REPLAY
							   : PLAN_SKIP);
	assert_int_equal(plan.skipped, 3);
}

static void
only_what_is_meant(void **state)
{
	struct letter letter = letter_from("a-dlt", "a");

	choice.rooms.item[choice.rooms.count++] = "l";
	assert_int_equal(word_of(&letter), PLAN_SKIP);
	choice.rooms.item[choice.rooms.count++] = "k";
	choice.reasons.item[choice.reasons.count++] = "SQLSTATE_23";
	assert_int_equal(word_of(&letter), PLAN_SKIP);
	choice.reasons.item[choice.reasons.count++] = "*_22???";
	choice.since_ms = 100;
	assert_int_equal(word_of(&letter), PLAN_SKIP);
	choice.since_ms = 99;
	choice.until_ms = 99;
	assert_int_equal(word_of(&letter), PLAN_SKIP);
	choice.until_ms = 100;
	letter.record.key_null = true;
	assert_int_equal(word_of(&letter), PLAN_SKIP);
	letter.record.key_null = false;
	assert_int_equal(word_of(&letter), PLAN_REPLAY);
}

static void
only_what_came_in(void **state)
{
	struct letter letter = letter_from("a-dlt", "a");

	assert_int_equal(
		feed("{\"topic\":\"a-dlt\",\"partition\":2,\"offset\":40,"
		     "\"timestamp\":98,\"value\":{}}"
		     "{\"topic\":\"a-dlt\",\"partition\":2,\"offset\":41,"
		     "\"timestamp\":99,\"value\":{}}",
			3),
		0);
	plan.edits = &edits;
	/* The topic was made anew: another letter stands at its place. */
	assert_int_equal(word_of(&letter), PLAN_SKIP);
	assert_false(edits.item[0].used);
	letter.record.offset = 41;
	choice.since_ms = 100;
	assert_int_equal(word_of(&letter), PLAN_SKIP);
	assert_true(edits.item[1].used);
	choice.since_ms = -1;
	assert_int_equal(word_of(&letter), PLAN_REPLAY);
	letter.record.offset = 42;
	letter.info.origin.offset++;
	assert_int_equal(word_of(&letter), PLAN_SKIP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_hold_each_once),
		cmocka_unit_test(a_mark_has_a_bound),
		cmocka_unit_test(marks_that_are_taken_back),
		cmocka_unit_test(lines_become_edits),
		cmocka_unit_test(objects_over_many_lines),
		cmocka_unit_test(what_is_no_edit),
		cmocka_unit_test(many_edits_are_found),
		cmocka_unit_test(where_letters_go),
		cmocka_unit_test(what_goes_back),
		cmocka_unit_test(nothing_drives_a_terminal),
		cmocka_unit_test(a_line_is_a_record),
		cmocka_unit_test(hints_of_marks),
		cmocka_unit_test(claims_of_a_run),
		cmocka_unit_test_setup_teardown(
			once_and_no_more, new_plan, end_plan),
		cmocka_unit_test_setup_teardown(
			replayed_often_enough, new_plan, end_plan),
		cmocka_unit_test_setup_teardown(
			replayed_nobody_knows_how_often, new_plan, end_plan),
		cmocka_unit_test_setup_teardown(
			what_cannot_go, new_plan, end_plan),
		cmocka_unit_test_setup_teardown(
			no_more_than_max, new_plan, end_plan),
		cmocka_unit_test_setup_teardown(
			only_what_is_meant, new_plan, end_plan),
		cmocka_unit_test_setup_teardown(
			only_what_came_in, new_plan, end_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
