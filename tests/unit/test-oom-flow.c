/*
 * test-oom-flow.c - R-27 for the state machines of lib/flow that allocate, for
 * what serve keeps (serve/kept), and for chat-store's batch. See oom.h.
 *
 * links: store flow serve pg wire -lpq -luv OOM
 */
#include "oom.h"

#include "flow/follow.h"
#include "flow/resend.h"
#include "flow/runner.h"
#include "pg/array.h"
#include "serve/kept.h"
#include "store/batch.h"
#include "store/outcomes.h"

/* ---- flow/runner --------------------------------------------------------- */

static int
work_runner(void *arg)
{
	const struct runner_options opts = {.max_records = 10,
		.max_bytes = 1000,
		.hang_ms = 1000,
		.control = true};
	struct runner runner;
	struct runner_action action;
	struct part *part;
	struct err err = {""};
	int rc = runner_init(&runner, &opts, 0, &err), i, sent = 0;

	for (i = 0; i < 3 && rc == 0; i++) {
		part = runner_part(&runner, STR("topic"), i);
		rc = part ? 0 : -1;
		if (!part)
			break;
		runner_assigned(&runner, part, 7, 0);
		assert_true(runner_polled(
			&runner, part, 7, NULL, 10, &runner, false, 0));
	}
	/* What it has goes on, though a partition could not be had. */
	if (runner.items && runner.hold.lanes) {
		runner_filter_up(&runner, 0);
		while (runner_next(&runner, 0, &action))
			sent += action.act == ACT_SEND;
		assert_int_equal(sent, i);
	}
	runner_release(&runner);
	return rc;
}

/* ---- flow/resend --------------------------------------------------------- */

static void
count_line(void *arg, struct str line)
{
	(*(int *)arg)++;
}

static int
work_resend(void *arg)
{
	struct resend resend;
	int rc = 0, i, lines = 0;

	resend_init(&resend, 1 << 20);
	for (i = 0; i < 200 && rc == 0; i++) {
		assert_int_equal(resend_next_id(&resend), i + 1);
		if (!resend_add(&resend, STR("a line"), &resend, NULL))
			rc = -1;
	}
	resend_again(&resend, count_line, &lines);
	assert_int_equal(lines, rc ? i - 1 : i);
	while (resend.count)
		resend_done(&resend, resend_find(&resend, resend.first));
	assert_int_equal(resend.bytes, 0);
	resend_release(&resend);
	return rc;
}

/* ---- flow/follow --------------------------------------------------------- */

static int delivered, items;

static bool
ask_follow(struct follow_sub *sub, int64_t from_seq, const char *epoch)
{
	return true;
}

static bool
ask_page(struct follow_sub *sub, int64_t after)
{
	return true;
}

static bool
ask_heads(struct follow *follow, const int64_t *rooms, size_t count)
{
	return true;
}

static bool
has_room(struct follow_sub *sub)
{
	return true;
}

static void
deliver(struct follow_sub *sub, struct follow_item *item)
{
	delivered++;
}

static void
joined(struct follow_sub *sub, const struct follow_answer *answer)
{
}

static void
item_free(struct follow_item *item)
{
	items--;
	free(item);
}

static const struct follow_ops ops = {.ask_follow = ask_follow,
	.ask_page = ask_page,
	.ask_heads = ask_heads,
	.has_room = has_room,
	.deliver = deliver,
	.joined = joined,
	.item_free = item_free};

static void
event(struct follow *follow, int64_t seq)
{
	struct follow_item *item = calloc(1, sizeof(*item));

	if (!item)
		return; /* the edge's own answer to that: a page will do */
	items++;
	item->seq = seq;
	item->bytes = 10;
	follow_item_hold(item);
	follow_event(follow, 1, STR("e"), item);
	follow_item_drop(follow, item);
}

static void
page(struct follow *follow, struct follow_sub *sub, int64_t head)
{
	struct follow_answer answer = {
		.member = true, .head = head, .epoch = STR("e")};
	struct follow_item *list[4];
	struct follow_item fixed[4] = {{0}};

	while (sub->cursor + 1 + (int64_t)answer.count <= head) {
		fixed[answer.count].seq = sub->cursor + 1 + answer.count;
		fixed[answer.count].refs = 2;
		list[answer.count] = &fixed[answer.count];
		answer.count++;
	}
	answer.items = list;
	follow_paged(follow, sub, &answer);
}

/* Without memory for a ring, or an event, a page brings the same. */
static int
work_follow(void *arg)
{
	struct follow follow;
	struct follow_sub sub;
	struct follow_answer answer = {
		.member = true, .head = 5, .epoch = STR("e")};
	int rc;

	delivered = items = 0;
	follow_init(&follow, &ops, NULL, 1000);
	rc = follow_subscribe(&follow, &sub, 1, 7, -1, STR(""));
	if (rc == 0) {
		follow_answered(&follow, &sub, &answer);
		event(&follow, 6);
		event(&follow, 7);
		event(&follow, 8);
		if (sub.in_flight || sub.cursor < 8)
			page(&follow, &sub, 8);
		assert_int_equal(sub.cursor, 8);
		assert_int_equal(delivered, 3);
		follow_unsubscribe(&follow, &sub);
	}
	follow_release(&follow);
	assert_int_equal(items, 0);
	return rc;
}

/* ---- serve/kept ---------------------------------------------------------- */

static int
work_kept(void *arg)
{
	struct record record = {.topic = STR("t"), .value = STR("v")};
	struct kept kept;
	struct buf out = {0};
	char key[8];
	int i, rc = 0;

	kept_init(&kept, 1 << 20);
	for (i = 0; i < 20 && rc == 0; i++) {
		snprintf(key, sizeof(key), "k%d", i % 10);
		record.key = str_c(key);
		record.offset = i;
		rc = kept_record(&kept, &record, STR("a line"));
	}
	assert_true(rc < 0 || kept.count == 10);
	kept_print(&kept, &out);
	if (buf_bad(&out))
		rc = -1;
	buf_release(&out);
	kept_clear(&kept);
	assert_int_equal(kept.count, 0);
	return rc;
}

/* ---- store/batch --------------------------------------------------------- */

static const char message[] =
	"{\"topic\":\"chat-messages\",\"partition\":0,\"offset\":%d,"
	"\"timestamp\":1,\"key\":\"1\",\"value\":{\"roomId\":1,\"senderId\":7,"
	"\"content\":\"h\\u00e9\",\"clientMessageId\":\"%d\","
	"\"type\":\"TEXT\",\"sentAtMs\":1}}";

static int
work_batch(void *arg)
{
	struct store_batch batch = {0};
	struct store_row row = {.state = STORE_STORED,
		.message_id = 1,
		.seq = 2,
		.nickname = STR("Kim"),
		.type = STR("TEXT"),
		.content = STR("h\xc3\xa9"),
		.epoch = STR("e")};
	struct buf out = {0};
	struct err err = {""};
	char line[400];
	int rc = store_batch_init(&batch, 10, 100, &err), i;

	batch.control = true;
	for (i = 0; i < 5 && rc == 0; i++) {
		snprintf(line, sizeof(line), message, i, i);
		rc = store_batch_add(&batch, str_c(line), &err);
	}
	if (rc == 0)
		rc = store_batch_retry(
			&batch, &batch.items[4], "SQLSTATE_23503", &err);
	for (i = 0; i < 5 && rc == 0; i++) {
		if (i < 4)
			store_item_settle(&batch.items[i], &row);
		rc = store_item_answer(&out, &batch.items[i], "chat-events");
		if (rc == 0 && buf_bad(&out))
			rc = -1;
	}
	if (rc == 0)
		assert_true(str_ends(buf_str(&out), "}\n"));
	buf_release(&out);
	store_batch_reset(&batch);
	store_batch_release(&batch);
	return rc;
}

/* ---- pg/array ------------------------------------------------------------ */

static int
work_array(void *arg)
{
	struct pg_array array = {0};
	struct pg_args args;
	char text[200];
	int i, rc;

	memset(text, 'x', sizeof(text));
	pg_args_reset(&args);
	pg_array_reset(&array, PG_TEXT);
	for (i = 0; i < 20; i++)
		pg_array_add_text(&array, (struct str){text, sizeof(text)});
	pg_args_array(&args, &array);
	rc = args.bad ? -1 : 0;
	pg_array_release(&array);
	return rc;
}

/* ---- all ----------------------------------------------------------------- */

/* optional: it goes on without some */
static const struct oom_case works[] = {
	{"runner", work_runner, NULL, 6, false},
	{"resend", work_resend, NULL, 202, false},
	{"follow", work_follow, NULL, 3, true},
	{"kept", work_kept, NULL, 10, false},
	{"batch", work_batch, NULL, 5, false},
	{"array", work_array, NULL, 2, false},
};

static void
test_each(void **unused)
{
	oom_test(works, ARRAY_LEN(works));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each)};

	if (!freopen("/dev/null", "w", stderr))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
