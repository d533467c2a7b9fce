/*
 * test-oom-lines.c - R-27 for what reads and writes bytes: base, json, io,
 * wire, proto, auth. See oom.h.
 *
 * links: auth wire proto -lcrypto OOM
 */
#include "oom.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/claims.h"
#include "auth/jwt.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/status.h"
#include "io/b64.h"
#include "io/fd.h"
#include "io/line.h"
#include "json/json.h"
#include "proto/stomp_in.h"
#include "proto/stomp_out.h"
#include "proto/ws_out.h"
#include "wire/dlt.h"
#include "wire/event.h"
#include "wire/hello.h"
#include "wire/message.h"
#include "wire/record.h"
#include "wire/request.h"
#include "wire/result.h"
#include "wire/shown.h"

static char big[3000]; /* over a buf's first size: it has to grow */

/* What was printed ends with `end`, or the buf is bad, and empty. */
static int
printed(struct buf *out, const char *end)
{
	int rc = buf_bad(out) ? -1 : 0;

	if (rc == 0)
		assert_true(str_ends(buf_str(out), end));
	else
		assert_int_equal(out->len, 0);
	buf_release(out);
	return rc;
}

/* ---- base, json, io ------------------------------------------------------ */

static int
work_buf(void *arg)
{
	struct buf out = {0};

	buf_add_c(&out, "a");
	buf_printf(&out, "%s", big);
	buf_add_i64(&out, -7);
	buf_add_json(&out, str_c("\x01\xff\""));
	buf_add_char(&out, '\n');
	buf_consume(&out, out.len ? 1 : 0);
	return printed(&out, "\n");
}

static int
work_json(void *arg)
{
	struct buf out = {0}, scratch = {0};
	struct json root;
	struct str text;
	struct err err;
	int rc;

	json_open(&out, NULL, '{');
	json_put_c(&out, "text", big);
	json_put_c(&out, "line", "a\nb");
	json_put_raw(&out, "raw", STR("[1,\n2]"));
	json_put_i64(&out, "n", 7);
	json_put_bool(&out, "b", true);
	json_put_null(&out, "0");
	json_close(&out, '}');
	rc = buf_bad(&out) ? -1 : 0;
	if (rc == 0) {
		assert_int_equal(
			json_scan(buf_str(&out), &root, NULL, &err), 0);
		rc = json_text(json_get(root, "line"), &scratch, &text) ? 0
									: -1;
		assert_true(rc < 0 || str_eq_c(text, "a\nb"));
	}
	buf_release(&scratch);
	buf_release(&out);
	return rc;
}

static int
work_b64(void *arg)
{
	struct buf text = {0}, back = {0};
	int rc = -1;

	b64_encode(str_c(big), &text);
	if (!buf_bad(&text) && b64_decode(buf_str(&text), &back) == 0 &&
		!buf_bad(&back)) {
		assert_true(str_eq_c(buf_str(&back), big));
		rc = 0;
	}
	buf_release(&text);
	buf_release(&back);
	return rc;
}

static int
work_line(void *arg)
{
	struct line line;
	struct str text;
	struct err err = {""};
	enum line_result got;
	int fd = open(arg, O_RDONLY | O_CLOEXEC), lines = 0;

	line_init(&line, fd, 100000);
	while ((got = line_read(&line, &text, 0, &err)) == LINE_OK) {
		(void)line_ready(&line);
		lines++;
	}
	assert_true(got == LINE_EOF || got == LINE_ERROR);
	assert_true(got == LINE_EOF ? lines == 3
				    : str_ends(str_c(err.text), "memory"));
	line_release(&line);
	close(fd);
	return got == LINE_EOF ? 0 : -1;
}

static int
work_file(void *arg)
{
	struct buf out = {0};
	struct err err = {""};
	int rc = fd_read_file(arg, 1 << 20, &out, &err);

	assert_true(
		rc < 0 ? str_ends(str_c(err.text), "memory") : out.len > 80000);
	buf_release(&out);
	return rc;
}

/* A status file that cannot be written is not written; the program lives. */
static int
work_status(void *arg)
{
	const int64_t n = 7;
	const struct status_counter counters[] = {{"n", &n}};
	struct status status;
	struct err err = {""};
	bool lost;
	int rc;

	rc = status_open(&status, arg, "test", counters, 1, &err);
	if (rc == 0) {
		lost = status.lost;
		status_set(&status, STATUS_READY, NULL);
		rc = lost || status.lost ? -1 : 0;
		status_close(&status);
	}
	return rc;
}

static int
work_log(void *arg)
{
	int64_t lost = log_lost();

	LOG_INFO("test", "a line", LOG_S("text", big), LOG_I("n", 7));
	return log_lost() > lost ? -1 : 0;
}

/* ---- wire ---------------------------------------------------------------- */

static const char record_line[] =
	"{\"topic\":\"t\",\"partition\":1,\"offset\":2,\"timestamp\":3,"
	"\"key64\":\"AAEC\",\"headers\":[[\"a\\u00e9\",\"b\\n\"],"
	"[\"c\",{\"b64\":\"/w==\"}],[\"d\",null]],\"valueText\":\"x\\ny\"}";

static int
work_record(void *arg)
{
	static struct record_room room;
	struct record record;
	struct buf out = {0};
	struct err err = {""};
	int rc = record_parse(&record, str_c(record_line), &room, &err);

	if (rc == 0) {
		record_print(&out, &record);
		rc = printed(&out, "\"valueText\":\"x\\ny\"}\n");
	} else {
		assert_string_equal(err.text, "out of memory");
	}
	record_room_release(&room);
	return rc;
}

static int
work_filter_line(void *arg)
{
	static struct record_room room;
	struct filter_line line;
	struct result result = {.topic = STR("t"),
		.partition = 1,
		.offset = 2,
		.status = RESULT_RETRY,
		.error_class = STR("C"),
		.error_message = str_c(big)};
	struct buf out = {0};
	struct err err = {""};
	int rc = -1;

	result_print(&out, &result);
	if (!buf_bad(&out))
		rc = filter_line_parse(&line, buf_str(&out), &room, &err);
	if (rc == 0)
		assert_true(str_eq_c(line.result.error_message, big));
	buf_release(&out);
	record_room_release(&room);
	return rc;
}

static int
work_answer(void *arg)
{
	struct answer answer = {.id = STR("7"),
		.topic = STR("t"),
		.error_class = STR("C"),
		.status = RESULT_DEAD,
		.error_message = STR("a\"b")};
	struct answer back;
	struct buf out = {0}, scratch = {0};
	struct err err = {""};
	int rc = -1;

	answer_print(&out, &answer);
	if (!buf_bad(&out))
		rc = answer_parse(&back, buf_str(&out), &scratch, &err);
	if (rc == 0)
		assert_true(str_eq_c(back.error_message, "a\"b"));
	buf_release(&out);
	buf_release(&scratch);
	return rc;
}

static int
work_request(void *arg)
{
	struct request request = {.id = 7,
		.user = 1,
		.method = STR("GET"),
		.path = STR("/a\"b"),
		.deadline_ms = 5};
	struct request back;
	struct buf out = {0}, scratch = {0};
	struct err err = {""};
	int rc = -1;

	request_print(&out, &request);
	if (!buf_bad(&out))
		rc = request_parse(&back, buf_str(&out), &scratch, &err);
	if (rc == 0)
		assert_true(str_eq_c(back.path, "/a\"b"));
	buf_release(&out);
	buf_release(&scratch);
	return rc;
}

static int
work_hello(void *arg)
{
	struct position position = {
		.topic = STR("t"), .partition = 1, .offset = 2, .end = 3};
	struct buf out = {0};

	hello_print(&out, "test", 100);
	control_print(&out, CONTROL_ASSIGNED, &position, 1);
	waiting_print(&out, "postgresql");
	reply_print(&out, 7, 200, STR("{}"));
	return printed(&out, "}\n");
}

static int
work_message(void *arg)
{
	struct json root;
	struct message message;
	struct buf out = {0};
	struct err err;

	assert_int_equal(json_scan(STR("{\"roomId\":1,\"content\":\"h\\u00e9\","
				       "\"clientMessageId\":\"42\"}"),
				 &root, NULL, &err),
		0);
	assert_int_equal(message_parse(&message, root, 10, &err), MESSAGE_OK);
	message.sender_id = 7;
	message_print(&out, &message);
	event_print_message(&out, STR("e"), str_c("{}"));
	event_print_duplicate(&out, STR("e"), 1, 2, STR("3"), 4, 5);
	event_print_refused(&out, STR("e"), 1, 2, STR("3"), "C", "text");
	return printed(&out, "}");
}

static int
work_shown(void *arg)
{
	struct shown shown = {.message_id = 1,
		.nickname = STR("Kim"),
		.client_id = STR("42"),
		.content = str_c(big),
		.type = STR("TEXT")};
	struct buf out = {0};

	shown_print(&out, &shown);
	shown_print_deleted(&out, 1, 2, 3);
	return printed(&out, "\"DELETED\"}");
}

static int
work_letter(void *arg)
{
	static struct record_room room;
	struct record failed = {.topic = STR("t"), .key_null = true}, letter;
	struct dlt_info info;
	struct buf out = {0};
	struct err err = {""};
	int rc = dlt_letter(
		&letter, &failed, "g", STR("C"), str_c(big), &room, &err);

	if (rc == 0) {
		dlt_read(&info, &letter);
		dlt_place_print(&out, &info.origin);
		rc = printed(&out, "t/0/0/0");
	}
	record_room_release(&room);
	return rc;
}

/* ---- proto --------------------------------------------------------------- */

/* A frame in two pieces, and one that is kept. */
static int
work_stomp_in(void *arg)
{
	char first[2000] = "SEND\ndestination:/x\n\n";
	char last[] = "end\0SEND\ndestination:/y\n\nz";
	struct stomp_in in;
	struct stomp_frame frame;
	struct err err = {""};
	enum stomp_in_result got;
	int rc = -1;

	memset(first + strlen(first), 'x', sizeof(first) - strlen(first));
	stomp_in_init(&in, STOMP_FROM_CLIENT, &stomp_limits_default);
	stomp_in_feed(&in, first, sizeof(first));
	got = stomp_in_next(&in, &frame, &err);
	if (got == STOMP_IN_MORE) {
		stomp_in_feed(&in, last, sizeof(last));
		got = stomp_in_next(&in, &frame, &err);
	}
	if (got == STOMP_IN_FRAME && stomp_in_keep(&in)) {
		stomp_in_feed(&in, NULL, 0);
		got = stomp_in_next(&in, &frame, &err);
		if (got == STOMP_IN_FRAME) {
			assert_true(str_eq_c(frame.body, "z"));
			rc = 0;
		}
	}
	if (rc < 0)
		assert_true(got == STOMP_IN_NO_MEMORY || got == STOMP_IN_FRAME);
	stomp_in_release(&in);
	return rc;
}

static int
work_stomp_out(void *arg)
{
	struct stomp_beat beat = {1000, 1000};
	struct buf out = {0};

	stomp_connected(&out, STOMP_V12, STR("1"), &beat, 7);
	stomp_receipt(&out, STOMP_V12, STR("a:b"));
	stomp_error(&out, STOMP_V12, STR("no"), STR("r"), str_c(big));
	stomp_message_tail(&out, STR("/d"), STR("1"), 7, STR("{}"));
	stomp_message_head_ws(&out, STR("s"), 7);
	stomp_message_head(&out, STR("s"));
	stomp_send(&out, STOMP_V12, STR("/d"), STR("r"), STR("{}"));
	stomp_subscribe(
		&out, STOMP_V12, STR("s"), STR("/d"), STR("r"), 7, STR("e"));
	stomp_connect_open(&out, STR("h"), "1.2", 1, 1, STR("t"));
	stomp_close(&out);
	ws_frame(&out, WS_TEXT, str_c(big));
	ws_close(&out, 1012, STR("bye"));
	return printed(&out, "bye");
}

/* ---- auth ---------------------------------------------------------------- */

static int
work_token(void *arg)
{
	struct claims_rules rules = {
		.issuer = "me", .audience = "you", .leeway_ms = 0};
	struct claims claims;
	struct key key = {0};
	struct buf token = {0};
	struct err err = {""};
	bool made;
	int rc;

	rc = key_secret(&key, STR("0123456789abcdef0123456789abcdef"), &err);
	if (rc == 0)
		rc = jwt_sign(&key,
			STR("{\"sub\":\"\\u0037\",\"exp\":100,\"iss\":"
			    "\"m\\u0065\","
			    "\"aud\":[\"yo\\u0075\"]}"),
			&token, &err);
	made = rc == 0;
	if (made)
		rc = claims_of_token(
			&claims, &key, buf_str(&token), &rules, 1000, &err);
	if (rc == 0)
		assert_int_equal(claims.user_id, 7);
	else /* never "invalid": it is not */
		assert_true(!made || rc == CLAIMS_NO_MEMORY);
	buf_release(&token);
	key_release(&key);
	return rc ? -1 : 0;
}

static int
work_key_file(void *arg)
{
	struct key key = {0};
	struct err err = {""};
	int rc = key_load(&key, arg, &err);

	assert_true(rc == 0 || err.text[0]);
	key_release(&key);
	return rc;
}

/* ---- all ----------------------------------------------------------------- */

static char dir[] = "/tmp/test-oom-XXXXXX", lines[60], secret[60], state[60];

static const struct oom_case works[] = {
	{"buf", work_buf, NULL, 2, false},
	{"json", work_json, NULL, 3, false},
	{"b64", work_b64, NULL, 2, false},
	{"line", work_line, lines, 2, false},
	{"file", work_file, lines, 5, false},
	{"status", work_status, state, 4, false},
	{"log", work_log, NULL, 2, false},
	{"record", work_record, NULL, 2, false},
	{"filter line", work_filter_line, NULL, 3, false},
	{"answer", work_answer, NULL, 2, false},
	{"request", work_request, NULL, 2, false},
	{"hello", work_hello, NULL, 2, false},
	{"message", work_message, NULL, 2, false},
	{"shown", work_shown, NULL, 2, false},
	{"letter", work_letter, NULL, 2, false},
	{"stomp in", work_stomp_in, NULL, 2, false},
	{"stomp out", work_stomp_out, NULL, 2, false},
	{"token", work_token, NULL, 5, false},
	{"key file", work_key_file, secret, 1, false},
};

static void
test_each(void **unused)
{
	oom_test(works, ARRAY_LEN(works));
}

static void
put_file(char *path, const char *name, mode_t mode, const char *text)
{
	FILE *f;

	snprintf(path, 60, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static int
set_up(void **unused)
{
	char *text = calloc(1, 90010);

	assert_non_null(mkdtemp(dir));
	memset(big, 'x', sizeof(big) - 1);
	memset(text, 'y', 90000);
	memcpy(text + 10, "\n", 1);
	memcpy(text + 20, "\n", 1);
	put_file(lines, "lines", 0600, text);
	put_file(secret, "secret", 0600, "0123456789abcdef0123456789abcdef\n");
	snprintf(state, sizeof(state), "%s/state", dir);
	free(text);
	log_open("test");
	return 0;
}

static int
tear_down(void **unused)
{
	unlink(lines);
	unlink(secret);
	unlink(state);
	rmdir(dir);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each)};

	if (!freopen("/dev/null", "w", stderr))
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
