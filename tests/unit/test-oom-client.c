/*
 * test-oom-client.c - R-27 for what chat-connect and chat-bench are made of.
 * A log of a client that is not whole says so: chat-audit believes it.
 * See oom.h.
 *
 * links: client flow proto auth -lcrypto -luv OOM
 */
#include "oom.h"

#include <unistd.h>

#include "client/history.h"
#include "client/tally.h"
#include "client/template.h"
#include "client/ws.h"
#include "io/fd.h"
#include "proto/ws_out.h"

static char path[] = "/tmp/test-oom-client.XXXXXX";

static int
work_tally(void *arg)
{
	struct tally tally;
	struct err err = {""};
	int rc = tally_init(&tally, 2, 3, 100, 10, &err);

	if (rc < 0)
		assert_string_equal(err.text, "out of memory");
	else
		tally_release(&tally);
	return rc;
}

static int
work_template(void *arg)
{
	struct template template;
	struct template_values values = {.room = 1, .pad = 1000};
	struct buf out = {0};
	struct err err;
	int rc;

	assert_int_equal(template_parse(&template,
				 STR("{room} {id} {stamp}{pad}!"), &err),
		0);
	template_put(&template, &out, &values);
	rc = buf_bad(&out) ? -1 : 0;
	if (rc == 0)
		assert_true(str_ends(buf_str(&out), "!"));
	buf_release(&out);
	return rc;
}

static int
work_ws(void *arg)
{
	static const unsigned char mask[WS_MASK_BYTES] = {1, 2, 3, 4};
	static const char text[1000];
	struct ws_request request = {
		.authority = STR("h"), .protocols = STR("v12.stomp")};
	struct buf out = {0};
	int rc;

	ws_put_request(&out, &request);
	ws_put(&out, WS_TEXT, mask, (struct str){text, sizeof(text)});
	ws_put_close(&out, 1000, STR("bye"));
	rc = buf_bad(&out) ? -1 : 0;
	if (rc == 0)
		assert_true(str_ends(buf_str(&out), "bye"));
	buf_release(&out);
	return rc;
}

/* What stands in the file is whole lines, up to where it broke. */
static int
work_history(void *arg)
{
	struct history history;
	struct history_worker worker = {.history = &history, .name = "a-7"};
	struct json root;
	struct buf text = {0};
	struct str line, rest;
	struct err err;
	uv_loop_t loop;
	int i, lines = 0;

	uv_loop_init(&loop);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(history_open(&history, &loop, path, &err), 0);
	for (i = 0; i < 10; i++)
		history_invoke(&worker, 1, i, "an-id", 7);
	history_recv(&worker, 1, 2,
		STR("{\"content\":\"h\\u00e9\",\"messageId\":1}"));
	history_end(&worker);
	history_close(&history);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	oom.on = false;
	assert_int_equal(fd_read_file(path, 100000, &text, &err), 0);
	for (rest = buf_str(&text); str_cut(rest, '\n', &line, &rest); lines++)
		assert_int_equal(json_scan(line, &root, NULL, &err), 0);
	assert_int_equal(rest.len, 0);
	assert_int_equal(lines, history.broken ? 0 : 12);
	buf_release(&text);
	return history.broken ? -1 : 0;
}

/* optional: a crc may be left out */
static const struct oom_case works[] = {
	{"tally", work_tally, NULL, 5, false},
	{"template", work_template, NULL, 2, false},
	{"ws", work_ws, NULL, 2, false},
	{"history", work_history, NULL, 3, true},
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
	int fd = mkstemp(path), rc;

	if (fd < 0 || !freopen("/dev/null", "w", stderr))
		return 1;
	close(fd);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
