/*
 * links: store pg wire -lpq
 * store/batch: what is dead at once, holds; store/outcomes: what is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/batch.h"
#include "store/outcomes.h"

#define ID "\"8D2CB8BA-0000-4000-8000-00000000000A\""

static struct store_batch batch;

static int
begin(void **state)
{
	struct err err;

	return store_batch_init(&batch, 4, 10, &err);
}

static int
end(void **state)
{
	store_batch_release(&batch);
	return 0;
}

/* Adds a record of partition 1 with this key and, as it stands, value. */
static struct store_item *
add_to(const char *topic, int64_t offset, const char *key, const char *rest)
{
	struct buf line = {0};
	struct err err = {""};

	buf_printf(&line,
		"{\"topic\":\"%s\",\"partition\":1,\"offset\":%lld,"
		"\"timestamp\":1768127400000,\"key\":\"%s\",%s}",
		topic, (long long)offset, key, rest);
	int result = store_batch_add(&batch, buf_str(&line), &err);
	/* What the item views must not be the line's. */
	memset(line.data, 'x', line.len);
	buf_release(&line);
	assert_string_equal(err.text, "");
	assert_int_equal(result, 0);
	return &batch.items[batch.count - 1];
}

static struct store_item *
add(int64_t offset, const char *key, const char *rest)
{
	return add_to("m", offset, key, rest);
}

#define VALUE(room, more)                                                      \
	"\"value\":{\"roomId\":" room ",\"senderId\":7,"                       \
	"\"clientMessageId\":" ID more "}"

#define FINE(room) VALUE(room, ",\"content\":\"x\"")

static void
reads_a_message(void **state)
{
	struct store_item *item = add(5, "42",
		"\"headers\":[[\"chat-replay-count\",\"1\"]]," VALUE(
			"42", ",\"content\":\"h\\u00e9\\n\",\"sentAtMs\":9"));

	assert_int_equal(item->state, STORE_OPEN);
	assert_true(str_eq_c(item->topic, "m"));
	assert_true(str_eq_c(item->key, "42"));
	assert_int_equal(item->partition, 1);
	assert_int_equal(item->offset, 5);
	assert_true(item->replayed);
	assert_int_equal(item->message.room_id, 42);
	assert_string_equal(item->message.id.canonical,
		"8d2cb8ba-0000-4000-8000-00000000000a");
	assert_true(str_eq_c(item->message.id.raw, ID));
	assert_true(str_eq_c(item->content, "h\303\251\n"));
	assert_int_equal(item->message.sent_at_ms, 9);
}

static void
takes_springs_times(void **state)
{
	struct store_item *item = add(1, "1",
		VALUE("1", ",\"content\":\"x\",\"sentAt\":"
			   "[2026,1,11,10,30,0,123000000]"));

	assert_int_equal(item->message.sent_at_ms, 1768127400123);
	assert_false(item->replayed);
	item = add(2, "1",
		VALUE("1", ",\"content\":\"x\",\"sentAt\":"
			   "\"2026-01-11T10:30:00.5\""));
	assert_int_equal(item->message.sent_at_ms, 1768127400500);
	/* sentAtMs counts, also where it is the first of all. */
	item = add(3, "1",
		VALUE("1", ",\"content\":\"x\",\"sentAtMs\":0,\"sentAt\":"
			   "\"2026-01-11T10:30:00.5\""));
	assert_int_equal(item->message.sent_at_ms, 0);
	assert_int_equal(item->state, STORE_OPEN);
	/* Neither: the record's own time. */
	item = add(4, "1", VALUE("1", ",\"content\":\"x\""));
	assert_int_equal(item->message.sent_at_ms, 1768127400000);
	assert_int_equal(item->state, STORE_OPEN);
}

static void
dead_at_once(void **state)
{
	static const struct {
		const char *key, *rest, *error_class;
	} cases[] = {
		{"1", "\"value\":null", "NO_VALUE"},
		{"1", "\"valueText\":\"{\"", "NOT_JSON"},
		{"1", "\"valueText\":\"\"", "NOT_JSON"},
		{"1", "\"value64\":\"/w==\"", "NOT_JSON"},
		{"1", "\"value\":[]", "INVALID_BODY"},
		{"1", VALUE("0", ",\"content\":\"x\""), "INVALID_ROOM"},
		{"2", VALUE("1", ",\"content\":\"x\""), "KEY_MISMATCH"},
		{"01", VALUE("1", ",\"content\":\"x\""), "KEY_MISMATCH"},
		{"", VALUE("1", ",\"content\":\"x\""), "KEY_MISMATCH"},
		{"1", VALUE("1", ""), "CONTENT_EMPTY"},
		{"1", VALUE("1", ",\"content\":\" \""), "CONTENT_EMPTY"},
		{"1", VALUE("1", ",\"content\":\"12345678901\""),
			"CONTENT_TOO_LONG"},
		{"1", VALUE("1", ",\"content\":\"a\\u0000\""),
			"INVALID_CONTENT"},
		{"1", VALUE("1", ",\"content\":\"x\",\"type\":\"SYSTEM_KICK\""),
			"INVALID_TYPE"},
		{"1", VALUE("1", ",\"content\":\"x\",\"sentAt\":\"now\""),
			"INVALID_SENT_AT"},
		{"1",
			VALUE("1", ",\"content\":\"x\",\"sentAt\":"
				   "\"1969-12-31T23:59:59.999\""),
			"INVALID_SENT_AT"},
		{"1",
			VALUE("1", ",\"content\":\"x\",\"sentAtMs\":"
				   "253402300799999"),
			"INVALID_SENT_AT"},
		{"1",
			"\"value\":{\"roomId\":1,\"clientMessageId\":1,"
			"\"content\":\"x\"}",
			"INVALID_SENDER"},
		{"1",
			"\"valueText\":\"{\\\"roomId\\\":1,\\\"senderId\\\":"
			"9007199254740993,\\\"clientMessageId\\\":1,"
			"\\\"content\\\":\\\"x\\\"}\"",
			"INVALID_SENDER"},
		{"1",
			"\"value\":{\"roomId\":1,\"senderId\":7,"
			"\"content\":\"x\"}",
			"INVALID_CLIENT_MESSAGE_ID"},
		{"1",
			"\"value\":{\"roomId\":1,\"senderId\":7,"
			"\"clientMessageId\":\"x\",\"content\":\"x\"}",
			"INVALID_CLIENT_MESSAGE_ID"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct store_item *item =
			add((int64_t)i, cases[i].key, cases[i].rest);
		assert_string_equal(item->error_class, cases[i].error_class);
		assert_int_equal(item->state, STORE_DEAD);
		assert_true(item->why.text[0]);
		store_batch_reset(&batch);
	}
}

static void
broken_lines(void **state)
{
	struct err err;

	assert_int_equal(store_batch_add(&batch, STR("{}"), &err), -1);
	assert_int_equal(store_batch_add(&batch,
				 STR("{\"topic\":\"m\",\"value\":{}}"), &err),
		-1);
	assert_int_equal(batch.count, 0);
}

/* Whom a replay is of, where it says so. */
static void
reads_replay_of(void **state)
{
	static const struct {
		const char *of, *topic;
	} cases[] = {
		{"m/3/17/1768127400000", "m"},
		{"m/3/17", ""},
		{"/3/17/1768127400000", ""},
		{"a\\u0000b/3/17/1768127400000", ""},
		{"m/3/17/1768127400000/", ""},
	};
	char rest[300];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(rest, sizeof(rest),
			"\"headers\":[[\"chat-replay-of\",\"%s\"]]," FINE("1"),
			cases[i].of);
		struct store_item *item = add(1, "1", rest);
		assert_int_equal(item->state, STORE_OPEN);
		assert_true(str_eq_c(item->replay_of.topic, cases[i].topic));
		if (item->replay_of.topic.len) {
			assert_int_equal(item->replay_of.partition, 3);
			assert_int_equal(item->replay_of.offset, 17);
			assert_int_equal(
				item->replay_of.timestamp, 1768127400000);
		}
		store_batch_reset(&batch);
	}
}

/* Spring's binary forms: partition 3, offset 17, timestamp 1768127400000. */
#define ORIGIN                                                                 \
	"[\"kafka_dlt-original-topic\",\"m\"],"                                \
	"[\"kafka_dlt-original-partition\",{\"b64\":\"AAAAAw==\"}],"           \
	"[\"kafka_dlt-original-offset\",{\"b64\":\"AAAAAAAAABE=\"}],"          \
	"[\"kafka_dlt-original-timestamp\",{\"b64\":\"AAABm6ybCEA=\"}]"
#define WHY(class, message)                                                    \
	",[\"kafka_dlt-exception-fqcn\"," class "],"                           \
						"[\"kafka_dlt-exception-"      \
						"message\"," message "]"

static struct store_item *
letter(const char *headers, const char *value)
{
	struct buf rest = {0};

	batch.letters = true;
	store_batch_reset(&batch);
	buf_printf(&rest, "\"headers\":[%s],%s", headers, value);
	struct store_item *item = add_to("m-dlt", 5, "1", rest.data);
	buf_release(&rest);
	assert_int_equal(item->state, STORE_OPEN);
	assert_false(buf_bad(&item->text));
	return item;
}

static void
reads_a_letter(void **state)
{
	struct store_item *item =
		letter(ORIGIN WHY("\"KEY_MISMATCH\"",
			       "\"why\"") ",[\"chat-replay-of\",\"m/1/2/3\"]",
			VALUE("42", ",\"content\":\"\""));

	assert_true(str_eq_c(item->topic, "m-dlt"));
	assert_int_equal(item->offset, 5);
	assert_true(str_eq_c(item->origin.topic, "m"));
	assert_int_equal(item->origin.partition, 3);
	assert_int_equal(item->origin.offset, 17);
	assert_int_equal(item->origin.timestamp, 1768127400000);
	assert_true(str_eq_c(item->reason, "KEY_MISMATCH"));
	assert_true(str_eq_c(item->detail, "why"));
	assert_true(str_eq_c(item->replay_of.topic, "m"));
	assert_int_equal(item->message.room_id, 42);
	assert_int_equal(item->message.sender_id, 7);
	assert_true(item->message.has_id);
	assert_string_equal(item->message.id.canonical,
		"8d2cb8ba-0000-4000-8000-00000000000a");
}

/* What is missing or broken leaves a gap, and never a letter unread. */
static void
reads_broken_letters(void **state)
{
	static const char *const values[] = {"\"value\":null",
		"\"valueBytes\":9000000", "\"valueText\":\"{\"",
		"\"value64\":\"/w==\"", "\"value\":[]",
		("\"value\":{\"roomId\":\"1\",\"senderId\":-4,"
		 "\"clientMessageId\":1.5}")};

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct store_item *item = letter("", values[i]);
		assert_true(str_eq_c(item->origin.topic, "m-dlt"));
		assert_int_equal(item->origin.partition, 1);
		assert_int_equal(item->origin.offset, 5);
		assert_int_equal(item->origin.timestamp, 1768127400000);
		assert_true(str_eq_c(item->reason, "UNKNOWN"));
		assert_int_equal(item->message.room_id, 0);
		assert_int_equal(item->message.sender_id, -1);
		assert_false(item->message.has_id);
	}
	/* A place with a topic that is none. */
	struct store_item *item =
		letter("[\"kafka_dlt-original-topic\",{\"b64\":\"/w==\"}],"
		       "[\"kafka_dlt-original-partition\",\"3\"],"
		       "[\"kafka_dlt-original-offset\",\"17\"],"
		       "[\"kafka_dlt-original-timestamp\",\"1\"]",
			"\"value\":null");
	assert_true(str_eq_c(item->origin.topic, "m-dlt"));
	assert_int_equal(item->origin.offset, 5);
}

/* PostgreSQL takes no NUL and nothing that is no UTF-8; nobody a novel. */
static void
cleans_a_letters_words(void **state)
{
	struct buf headers = {0};
	struct store_item *item = letter(
		ORIGIN WHY("{\"b64\":\"QQD/Qg==\"}", "\"\""), "\"value\":null");

	assert_true(str_eq_c(item->reason, "A\357\277\275\357\277\275"
					   "B"));
	buf_add_c(&headers, ORIGIN ",[\"kafka_dlt-exception-message\",\"x");
	for (int i = 0; i < 600; i++)
		buf_add_c(&headers, "\303\251");
	buf_add_c(&headers, "\"]");
	item = letter(headers.data, FINE("1"));
	assert_int_equal(item->detail.len, 999);
	assert_int_equal(str_utf8_len(item->detail), 500);
	assert_true(str_eq_c(item->reason, "UNKNOWN"));
	buf_release(&headers);
}

static void
full_by_count(void **state)
{
	for (int i = 0; i < 4; i++) {
		assert_false(store_batch_full(&batch));
		add(i, "1", VALUE("1", ",\"content\":\"x\""));
	}
	assert_true(store_batch_full(&batch));
	store_batch_reset(&batch);
	assert_false(store_batch_full(&batch));
	assert_int_equal(batch.count, 0);
}

/* Large lines fill it before their number does; their storage goes again. */
static void
full_by_bytes(void **state)
{
	struct buf rest = {0};

	buf_add_c(&rest, "\"valueText\":\"");
	while (rest.len < STORE_BATCH_BYTES)
		buf_add_c(&rest, "0123456789abcdef0123456789abcdef");
	buf_add_char(&rest, '"');
	struct store_item *item = add(1, "1", rest.data);
	assert_true(store_batch_full(&batch));
	assert_true(item->text.cap >= STORE_BATCH_BYTES);
	store_batch_reset(&batch);
	assert_false(store_batch_full(&batch));
	assert_true(item->text.cap <= 64 << 10);
	buf_release(&rest);
}

static const struct err gone = {"not there"};

/* A retry holds its key until `again`. */
static void
holds_the_key(void **state)
{
	batch.control = true;
	struct store_item *first = add(1, "1", FINE("1"));
	struct store_item *later = add(2, "1", FINE("1"));
	struct store_item *other = add(3, "2", FINE("2"));

	assert_false(store_batch_held(&batch, first));
	assert_int_equal(
		store_batch_retry(&batch, first, "SQLSTATE_23503", &gone), 0);
	assert_int_equal(first->state, STORE_RETRY);
	assert_true(store_batch_held(&batch, later));
	assert_int_equal(later->state, STORE_RETRY);
	assert_string_equal(later->error_class, "HELD");
	assert_false(store_batch_held(&batch, other));
	assert_int_equal(other->state, STORE_OPEN);
	store_batch_reset(&batch);
	/* Also what can never work waits its turn. */
	assert_int_equal(add(4, "1", "\"value\":null")->state, STORE_RETRY);
	assert_int_equal(add(5, "2", FINE("2"))->state, STORE_OPEN);
	/* The same key of another topic is another key. */
	assert_int_equal(add_to("n", 1, "1", FINE("1"))->state, STORE_OPEN);
	store_batch_reset(&batch);
	assert_int_equal(
		add(1, "1", "\"again\":true," FINE("1"))->state, STORE_OPEN);
	assert_int_equal(add(2, "1", FINE("1"))->state, STORE_OPEN);
}

static void
revoked_ends_holds(void **state)
{
	batch.control = true;
	struct store_item *item = add(1, "1", FINE("1"));

	assert_int_equal(store_batch_retry(&batch, item, "X", &gone), 0);
	assert_int_equal(store_batch_retry(&batch, item, "X", &gone), 0);
	store_batch_revoked(&batch, STR("m"), 2);
	store_batch_revoked(&batch, STR("n"), 1);
	assert_int_equal(add(2, "1", FINE("1"))->state, STORE_RETRY);
	store_batch_revoked(&batch, STR("m"), 1);
	assert_int_equal(add(2, "1", FINE("1"))->state, STORE_OPEN);
}

static void
no_holds_without_control(void **state)
{
	struct store_item *item = add(1, "1", FINE("1"));

	assert_int_equal(store_batch_retry(&batch, item, "X", &gone), 0);
	assert_int_equal(item->state, STORE_RETRY);
	assert_int_equal(add(2, "1", FINE("1"))->state, STORE_OPEN);
}

static void
assert_said(struct store_item *item, const struct store_row *row,
	const char *expected)
{
	struct buf out = {0};

	if (row)
		store_item_settle(item, row);
	assert_int_equal(store_item_answer(&out, item, "ev"), 0);
	assert_string_equal(out.data, expected);
	buf_release(&out);
}

#define DONE                                                                   \
	"{\"topic\":\"m\",\"partition\":1,\"offset\":1,\"status\":\"done\"}\n"
#define EMIT "{\"emit\":{\"topic\":\"ev\",\"key\":\"1\",\"value\":{\"event\":"

static void
says_stored_and_again(void **state)
{
	struct store_row row = {.state = STORE_STORED,
		.message_id = 8,
		.seq = 3,
		.nickname = STR("Kim"),
		.epoch = STR("e")};
	struct store_item *item = add(1, "1", FINE("1"));

	assert_said(item, &row,
		EMIT "\"message\",\"epoch\":\"e\",\"message\":{\"messageId\":8,"
		     "\"seq\":3,\"roomId\":1,\"senderId\":7,\"senderNickname\":"
		     "\"Kim\",\"clientMessageId\":" ID ",\"content\":\"x\","
		     "\"type\":\"TEXT\",\"sentAt\":\"2026-01-11T10:30:00.000\","
		     "\"sentAtMs\":1768127400000}}}}\n" DONE);
	store_batch_reset(&batch);
	item = add(1, "1", FINE("1"));
	row.state = STORE_AGAIN;
	row.type = STR("IMAGE");
	row.content = STR("y");
	row.sent_at_ms = 1000;
	assert_said(item, &row,
		EMIT
		"\"message\",\"epoch\":\"e\",\"message\":{\"messageId\":8,"
		"\"seq\":3,\"roomId\":1,\"senderId\":7,\"senderNickname\":"
		"\"Kim\",\"clientMessageId\":"
		"\"8d2cb8ba-0000-4000-8000-00000000000a\",\"content\":"
		"\"y\",\"type\":\"IMAGE\",\"sentAt\":"
		"\"1970-01-01T00:00:01.000\",\"sentAtMs\":1000}}}}\n" DONE);
	/* A replay: its sender is not told once more. */
	buf_reset(&item->event);
	item->replayed = true;
	store_item_settle(item, &row);
	assert_non_null(strstr(item->event.data, "\"replayed\":true"));
}

/* A letter's answer publishes nothing. */
static void
says_noted(void **state)
{
	struct store_item *item = letter(ORIGIN, FINE("1"));

	item->state = STORE_NOTED;
	assert_said(item, NULL,
		"{\"topic\":\"m-dlt\",\"partition\":1,\"offset\":5,"
		"\"status\":\"done\"}\n");
}

static void
says_duplicate_and_refused(void **state)
{
	struct store_row row = {.state = STORE_DUPLICATE,
		.message_id = 8,
		.seq = 3,
		.epoch = STR("e")};

	assert_said(add(1, "1", FINE("1")), &row,
		EMIT "\"duplicate\",\"epoch\":\"e\",\"userId\":7,\"roomId\":1,"
		     "\"clientMessageId\":" ID
		     ",\"messageId\":8,\"seq\":3}}}\n" DONE);
	store_batch_reset(&batch);
	row.state = STORE_REFUSED;
	row.reason = STR("BLOCKED");
	assert_said(add(1, "1", FINE("1")), &row,
		EMIT
		"\"refused\",\"epoch\":\"e\",\"userId\":7,\"roomId\":1,"
		"\"clientMessageId\":" ID ",\"code\":\"BLOCKED\","
		"\"message\":\"one of you has blocked the other\"}}}\n" DONE);
}

static void
says_dead_and_retry(void **state)
{
	struct store_item *item = add(1, "1", FINE("1"));

	store_item_dead(item, "C", &gone);
	assert_said(item, NULL,
		"{\"topic\":\"m\",\"partition\":1,\"offset\":1,\"status\":"
		"\"dead\",\"error\":{\"class\":\"C\",\"message\":"
		"\"not there\"}}\n");
	assert_int_equal(store_batch_retry(&batch, item, "D", &gone), 0);
	assert_said(item, NULL,
		"{\"topic\":\"m\",\"partition\":1,\"offset\":1,\"status\":"
		"\"retry\",\"error\":{\"class\":\"D\",\"message\":"
		"\"not there\"}}\n");
}

static void
names_of_states(void **state)
{
	enum store_state s;

	assert_true(store_state_parse(STR("reused"), &s));
	assert_int_equal(s, STORE_REUSED);
	assert_false(store_state_parse(STR("dead"), &s));
	assert_false(store_state_parse(STR("open"), &s));
	assert_false(store_state_parse(STR(""), &s));
	assert_string_equal(store_state_name(STORE_AGAIN), "again");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_a_message),
		TEST(takes_springs_times),
		TEST(dead_at_once),
		TEST(reads_replay_of),
		TEST(reads_a_letter),
		TEST(reads_broken_letters),
		TEST(cleans_a_letters_words),
		TEST(broken_lines),
		TEST(full_by_count),
		TEST(full_by_bytes),
		TEST(holds_the_key),
		TEST(revoked_ends_holds),
		TEST(no_holds_without_control),
		TEST(says_stored_and_again),
		TEST(says_duplicate_and_refused),
		TEST(says_dead_and_retry),
		TEST(says_noted),
		TEST(names_of_states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
