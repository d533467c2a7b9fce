/*
 * links:
 * base: err, buf, str, clock, crc, log, status.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/status.h"
#include "base/str.h"

/* ---- err --------------------------------------------------------------- */

static void
test_err(void **state)
{
	struct err err = {"old"};
	char text[1000];

	err_clear(&err);
	assert_string_equal(err.text, "");
	assert_int_equal(err_set(&err, "bad '%s' at %d", "x", 7), -1);
	assert_string_equal(err.text, "bad 'x' at 7");
	assert_int_equal(err_prefix(&err, "line %d", 3), -1);
	assert_string_equal(err.text, "line 3: bad 'x' at 7");
	errno = ENOENT;
	assert_int_equal(err_sys(&err, "cannot open '%s'", "f"), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(
		err.text, "cannot open 'f': No such file or directory");
	assert_int_equal(err_set(NULL, "x"), -1);
	assert_int_equal(err_sys(NULL, "x"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERR_MAX - 1);
	err_sys(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERR_MAX - 1);
	err_prefix(&err, "%s", "p");
	assert_int_equal(strlen(err.text), ERR_MAX - 1);
	assert_memory_equal(err.text, "p: aaa", 6);
}

/* ---- buf --------------------------------------------------------------- */

static void
test_buf_adds(void **state)
{
	struct buf b = {0};

	buf_reset(&b);
	buf_add(&b, "abc", 2);
	buf_add(&b, NULL, 0);
	buf_add_c(&b, "cd");
	buf_add_char(&b, '!');
	buf_add_str(&b, STR("xy"));
	buf_printf(&b, "%03d%s", 7, "z");
	assert_string_equal(b.data, "abcd!xy007z");
	assert_int_equal(b.len, 11);
	assert_true(str_eq_c(buf_str(&b), "abcd!xy007z"));
	buf_consume(&b, 0);
	buf_consume(&b, 4);
	assert_string_equal(b.data, "!xy007z");
	assert_int_equal(b.len, 7);
	buf_consume(&b, 7);
	assert_string_equal(b.data, "");
	buf_release(&b);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
}

static void
test_buf_numbers(void **state)
{
	struct buf b = {0};
	static const int64_t numbers[] = {
		0, 7, -1, 10, 1234567890, INT64_MAX, INT64_MIN};
	char want[32];
	size_t i;

	for (i = 0; i < ARRAY_LEN(numbers); i++) {
		buf_reset(&b);
		buf_add_i64(&b, numbers[i]);
		snprintf(want, sizeof(want), "%lld", (long long)numbers[i]);
		assert_string_equal(b.data, want);
	}
	buf_release(&b);
}

static void
test_buf_grows(void **state)
{
	struct buf b = {0};
	size_t cap;
	char *at;
	int i;

	for (i = 0; i < 1000; i++) {
		buf_add_char(&b, (char)('a' + i % 26));
		assert_int_equal(b.data[b.len], '\0');
		assert_true(b.len < b.cap);
	}
	for (i = 0; i < 1000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	at = buf_room(&b, 5000);
	assert_ptr_equal(at, b.data + 1000);
	assert_true(b.cap >= 6001);
	cap = b.cap;
	assert_ptr_equal(buf_room(&b, 5000), at);
	assert_int_equal(b.cap, cap);
	/* What was asked for may be filled without a move. */
	memset(at, 'x', 5000);
	buf_advance(&b, 5000);
	assert_int_equal(b.len, 6000);
	assert_int_equal(b.data[6000], '\0');
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.cap, cap);
	assert_string_equal(b.data, "");
	buf_add_c(&b, "abc");
	buf_shrink(&b, cap);
	assert_int_equal(b.cap, cap);
	assert_int_equal(b.len, 0);
	buf_shrink(&b, cap - 1);
	assert_int_equal(b.cap, 0);
	assert_null(b.data);
	buf_release(&b);
}

static void
test_buf_first_size(void **state)
{
	struct buf b = {0};

	/* 127 bytes and their NUL fit the first block of 128. */
	assert_non_null(buf_room(&b, 127));
	assert_int_equal(b.cap, 128);
	assert_non_null(buf_room(&b, 128));
	assert_int_equal(b.cap, 256);
	buf_release(&b);
}

static void
test_buf_bad(void **state)
{
	struct buf b = {0};

	buf_add_c(&b, "abc");
	assert_false(buf_bad(&b));
	assert_null(buf_room(&b, SIZE_MAX / 2));
	assert_true(buf_bad(&b));
	assert_int_equal(b.len, 0);
	assert_null(b.data);
	buf_add_c(&b, "more");
	buf_add_i64(&b, 7);
	buf_printf(&b, "x");
	assert_int_equal(b.len, 0);
	assert_true(buf_bad(&b));
	buf_reset(&b);
	assert_false(buf_bad(&b));
	buf_add_c(&b, "x");
	assert_string_equal(b.data, "x");
	assert_null(buf_room(&b, SIZE_MAX - 1));
	buf_release(&b);
	assert_false(buf_bad(&b));
}

static void
test_buf_json(void **state)
{
	struct buf b = {0};

	buf_add_json(&b, STR(""));
	buf_add_json(&b, STR("a\"b\\c/\n\r\t\b\x1f\x7f"));
	buf_add_json(&b, (struct str){"x\0y", 3});
	buf_add_json(&b, STR("\xed\x95\x9c\xf0\x9f\x98\x80"));
	assert_string_equal(b.data,
		"\"\"\"a\\\"b\\\\c/\\n\\r\\t\\u0008\\u001f\x7f\"\"x\\u0000y\""
		"\"\xed\x95\x9c\xf0\x9f\x98\x80\"");
	buf_reset(&b);
	/* Each byte that is no UTF-8 becomes one U+FFFD. */
	buf_add_json(&b, STR("a\xff\xc3(\xed\xa0\x80z\xc3"));
	assert_string_equal(b.data,
		"\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd"
		"\xef\xbf\xbdz\xef\xbf\xbd\"");
	buf_release(&b);
}

/* ---- str --------------------------------------------------------------- */

static void
test_str_compare(void **state)
{
	assert_int_equal(str_c(NULL).len, 0);
	assert_int_equal(str_c("abc").len, 3);
	assert_true(str_eq(STR("ab"), STR("ab")));
	assert_false(str_eq(STR("ab"), STR("ac")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_true(str_eq((struct str){NULL, 0}, STR("")));
	assert_true(str_eq_c(STR("x"), "x"));
	assert_false(str_eq_c(STR("x"), "xy"));
	assert_true(str_case_eq_c(STR("Content-Length"), "content-length"));
	assert_false(str_case_eq_c(STR("Content-Lengt"), "content-length"));
	assert_false(str_case_eq_c(STR("a"), "b"));
	assert_true(str_case_eq_c((struct str){NULL, 0}, ""));
	assert_true(str_starts(STR("abc"), "ab"));
	assert_true(str_starts(STR("ab"), "ab"));
	assert_false(str_starts(STR("a"), "ab"));
	assert_false(str_starts(STR("xab"), "ab"));
	assert_true(str_ends(STR("a-dlt"), "-dlt"));
	assert_true(str_ends(STR("-dlt"), "-dlt"));
	assert_false(str_ends(STR("dlt"), "-dlt"));
	assert_false(str_ends(STR("-dltx"), "-dlt"));
	assert_int_equal(str_cmp(STR("a"), STR("a")), 0);
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("b"), STR("a")) > 0);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("ab"), STR("a")) > 0);
	assert_true(str_cmp(STR("b"), STR("ab")) > 0);
	assert_true(str_cmp(STR(""), STR("a")) < 0);
	assert_int_equal(str_cmp((struct str){NULL, 0}, STR("")), 0);
}

static void
test_str_cut(void **state)
{
	struct str head, tail;

	assert_true(str_cut(STR("a,b,c"), ',', &head, &tail));
	assert_true(str_eq_c(head, "a") && str_eq_c(tail, "b,c"));
	assert_true(str_cut(STR(",x"), ',', &head, &tail));
	assert_true(str_eq_c(head, "") && str_eq_c(tail, "x"));
	assert_true(str_cut(STR("x,"), ',', &head, &tail));
	assert_true(str_eq_c(head, "x") && str_eq_c(tail, ""));
	assert_false(str_cut(STR("abc"), ',', &head, &tail));
	assert_true(str_eq_c(head, "abc"));
	assert_int_equal(tail.len, 0);
	assert_null(tail.data);
	assert_false(str_cut((struct str){NULL, 0}, ',', &head, &tail));
	assert_int_equal(head.len, 0);
}

static void
test_str_i64(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t n;
	} cases[] = {
		{"0", true, 0},
		{"7", true, 7},
		{"-1", true, -1},
		{"-10", true, -10},
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"-9223372036854775809", false, 0},
		{"92233720368547758070", false, 0},
		{"", false, 0},
		{"-", false, 0},
		{"+1", false, 0},
		{"00", false, 0},
		{"01", false, 0},
		{"-0", false, 0},
		{"-01", false, 0},
		{"1 ", false, 0},
		{" 1", false, 0},
		{"1a", false, 0},
		{"1/", false, 0},
		{"1:", false, 0},
		{"0x1", false, 0},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t n = 99;

		assert_int_equal(
			str_i64(str_c(cases[i].text), &n), cases[i].good);
		assert_true(n == (cases[i].good ? cases[i].n : 99));
	}
}

/* The first and last code point of each length, and the forms beside them
 * that RFC 3629 forbids. */
static void
test_utf8(void **state)
{
	static const struct {
		const char *bytes;
		int len;
		int32_t point; /* -1: none */
	} cases[] = {
		{"\0", 1, 0},
		{"\x7f", 1, 0x7f},
		{"\xc2\x80", 2, 0x80},
		{"\xdf\xbf", 2, 0x7ff},
		{"\xe0\xa0\x80", 3, 0x800},
		{"\xe1\x80\x80", 3, 0x1000},
		{"\xed\x9f\xbf", 3, 0xd7ff},
		{"\xee\x80\x80", 3, 0xe000},
		{"\xef\xbf\xbf", 3, 0xffff},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf1\x80\x80\x80", 4, 0x40000},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\x80", 1, -1},
		{"\xbf", 1, -1},
		{"\xc0\x80", 2, -1},
		{"\xc1\xbf", 2, -1},
		{"\xc2", 1, -1},
		{"\xc2\x7f", 2, -1},
		{"\xc2\xc0", 2, -1},
		{"\xe0\x9f\xbf", 3, -1},
		{"\xe1\x80", 2, -1},
		{"\xe1\x80\x7f", 3, -1},
		{"\xe1\x80\xc0", 3, -1},
		{"\xed\xa0\x80", 3, -1},
		{"\xf0\x8f\xbf\xbf", 4, -1},
		{"\xf0\x90\x80", 3, -1},
		{"\xf1\x80\x80\x41", 4, -1},
		{"\xf4\x90\x80\x80", 4, -1},
		{"\xf5\x80\x80\x80", 4, -1},
		{"\xff", 1, -1},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct str s = {cases[i].bytes, (size_t)cases[i].len};
		size_t at = 0;

		assert_int_equal(str_utf8_next(s, &at), cases[i].point);
		assert_int_equal(at, cases[i].point < 0 ? 0 : cases[i].len);
		assert_int_equal(str_utf8_len(s), cases[i].point < 0 ? -1 : 1);
	}
	assert_int_equal(str_utf8_len(STR("a\xed\x95\x9c\xc3\xa9z")), 4);
	assert_int_equal(str_utf8_len(STR("")), 0);
	assert_int_equal(str_utf8_len(STR("ok\xff")), -1);
	i = 1;
	assert_int_equal(str_utf8_next(STR("a"), &i), -1);
}

static void
test_str_dup(void **state)
{
	char *copy = str_dup(STR("abc"));

	assert_string_equal(copy, "abc");
	free(copy);
	copy = str_dup((struct str){NULL, 0});
	assert_string_equal(copy, "");
	free(copy);
}

/* ---- clock ------------------------------------------------------------- */

static void
test_clock(void **state)
{
	int64_t ms = clock_mono_ms(), us = clock_mono_us();
	struct timespec now;

	assert_true(us / 1000 >= ms && us / 1000 < ms + 1000);
	usleep(2000);
	assert_true(clock_mono_us() >= us + 2000);
	assert_true(clock_mono_us() < us + 5000000);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true(llabs((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
			    clock_mono_ms()) < 1000);
	clock_gettime(CLOCK_REALTIME, &now);
	assert_true(llabs((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
			    clock_wall_ms()) < 1000);
	assert_int_equal(clock_poll_ms(CLOCK_NEVER), -1);
	assert_int_equal(clock_poll_ms(clock_mono_ms()), 0);
	assert_int_equal(clock_poll_ms(clock_mono_ms() - 5), 0);
	assert_int_equal(
		clock_poll_ms(clock_mono_ms() + 1000000000000), INT_MAX);
	assert_in_range(clock_poll_ms(clock_mono_ms() + 5000), 4000, 5000);
}

/* ---- crc --------------------------------------------------------------- */

static void
test_crc(void **state)
{
	assert_int_equal(crc32_of(STR("")), 0);
	assert_int_equal(crc32_of(STR("123456789")), 0xcbf43926);
	assert_int_equal(crc32_of(STR("\xff\xff\xff\xff")), 0xffffffff);
}

/* ---- log --------------------------------------------------------------- */

/* stderr goes into a memory file while f runs; gives what came. */
static void
catch_stderr(void (*f)(void), char *out, size_t size)
{
	int fd = memfd_create("stderr", 0), saved = dup(STDERR_FILENO);
	ssize_t n;

	dup2(fd, STDERR_FILENO);
	f();
	dup2(saved, STDERR_FILENO);
	n = pread(fd, out, size - 1, 0);
	out[n < 0 ? 0 : n] = '\0';
	close(fd);
	close(saved);
}

static void
log_some(void)
{
	struct err err = {"it \"broke\""};

	LOG_INFO("p", "done", LOG_S("s", "a\n"), LOG_I("n", -5),
		LOG_F("f", 1.5), LOG_STR("v", STR("view")), LOG_E(&err));
}

static void
log_bare(void)
{
	LOG_WARN("p", "careful");
}

static void
log_levels(void)
{
	LOG_DEBUG("p", "d0");
	log_level(LOG_DEBUG);
	LOG_DEBUG("p", "d1");
	log_level(LOG_ERROR);
	LOG_WARN("p", "w0");
	LOG_ERROR("p", "e1");
	log_level(LOG_INFO);
}

static void
log_to_nowhere(void)
{
	close(STDERR_FILENO);
	LOG_INFO("p", "lost");
}

/* A pipe that is full: nobody waits for its reader. */
static void
test_log_full(void **state)
{
	int saved = dup(STDERR_FILENO), pipes[2];
	int64_t lost = log_lost(), began;
	static char text[1 << 20];
	ssize_t n;

	assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
	while (write(pipes[1], text, 4096) > 0)
		;
	assert_int_equal(fcntl(pipes[1], F_SETFL, 0), 0);
	dup2(pipes[1], STDERR_FILENO);
	alarm(10); /* it would wait for ever */
	LOG_INFO("p", "first");
	began = clock_mono_ms();
	LOG_INFO("p", "second");
	dup2(saved, STDERR_FILENO);
	assert_true(clock_mono_ms() < began + 50);
	assert_int_equal(log_lost(), lost + 2);
	while (read(pipes[0], text, sizeof(text)) > 0)
		;
	dup2(pipes[1], STDERR_FILENO);
	LOG_INFO("p", "third");
	LOG_INFO("p", "fourth");
	dup2(saved, STDERR_FILENO);
	alarm(0);
	n = read(pipes[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_null(strstr(text, "second"));
	assert_non_null(strstr(text, "\"third\""));
	assert_non_null(strstr(text, "\"message\":\"lines were lost\""));
	assert_true(strstr(text, "fourth") > strstr(text, "lines were lost"));
	assert_null(strstr(strstr(text, "fourth"), "lines were lost"));
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
}

static void
test_log(void **state)
{
	char text[2000], want[400];
	int64_t now = clock_wall_ms();
	time_t seconds = now / 1000;
	struct tm tm;

	unsetenv("CHAT_ENV");
	log_open("chat-x");
	catch_stderr(log_some, text, sizeof(text));
	snprintf(want, sizeof(want),
		"Z\",\"level\":\"INFO\",\"logger\":\"p\",\"message\":\"done\","
		"\"app\":\"chat-x\",\"env\":\"dev\",\"pid\":%d,\"s\":\"a\\n\","
		"\"n\":-5,\"f\":1.5,\"v\":\"view\","
		"\"error\":\"it \\\"broke\\\"\"}\n",
		(int)getpid());
	assert_memory_equal(text, "{\"@timestamp\":\"", 15);
	assert_string_equal(text + 15 + 23, want);
	gmtime_r(&seconds, &tm);
	strftime(want, sizeof(want), "%Y-%m-%dT%H:", &tm);
	assert_memory_equal(text + 15, want, strlen(want));
	assert_int_equal(text[15 + 19], '.');
	setenv("CHAT_ENV", "prod", 1);
	log_open("chat-y");
	catch_stderr(log_bare, text, sizeof(text));
	snprintf(want, sizeof(want),
		"\"level\":\"WARN\",\"logger\":\"p\",\"message\":\"careful\","
		"\"app\":\"chat-y\",\"env\":\"prod\",\"pid\":%d}\n",
		(int)getpid());
	assert_string_equal(strstr(text, "\"level\""), want);
	setenv("CHAT_ENV", "", 1);
	log_open("chat-y");
	catch_stderr(log_bare, text, sizeof(text));
	assert_non_null(strstr(text, "\"env\":\"dev\""));
	catch_stderr(log_levels, text, sizeof(text));
	assert_null(strstr(text, "d0"));
	assert_non_null(strstr(text, "\"DEBUG\",\"logger\":\"p\","
				     "\"message\":\"d1\""));
	assert_null(strstr(text, "w0"));
	assert_non_null(strstr(text, "\"ERROR\""));
	assert_int_equal(log_lost(), 0);
	catch_stderr(log_to_nowhere, text, sizeof(text));
	assert_int_equal(log_lost(), 1);
}

/* ---- status ------------------------------------------------------------ */

static char dir[] = "/tmp/test-base.XXXXXX";
static char path[64];

static void
read_status(char *out, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, out, size - 1);
	assert_true(n > 0);
	out[n] = '\0';
	close(fd);
}

static void
status_says(const char *state, const char *why, int64_t count)
{
	char text[600], want[300], *at;
	int64_t since = 0, when = 0;
	int used = 0;

	read_status(text, sizeof(text));
	snprintf(want, sizeof(want),
		"{\"name\":\"chat-\\\"x\",\"pid\":%d,\"version\":\"" VERSION
		"\",\"state\":\"%s\",\"why\":\"%s\",\"since\":",
		(int)getpid(), state, why);
	assert_memory_equal(text, want, strlen(want));
	at = text + strlen(want);
	assert_int_equal(
		sscanf(at, "%ld,\"at\":%ld%n", &since, &when, &used), 2);
	assert_true(when >= since && since > 1600000000000);
	assert_true(llabs(clock_wall_ms() - when) < 5000);
	snprintf(want, sizeof(want), ",\"done\":%lld,\"bad\":-1}\n",
		(long long)count);
	assert_string_equal(at + used, want);
}

static int64_t
since_of_status(void)
{
	char text[600];
	int64_t since = 0;

	read_status(text, sizeof(text));
	assert_int_equal(
		sscanf(strstr(text, "\"since\""), "\"since\":%ld", &since), 1);
	return since;
}

static void
test_status(void **state)
{
	int64_t done = 0, bad = -1, since, next;
	struct status_counter counters[] = {{"done", &done}, {"bad", &bad}};
	struct status s;
	struct err err;

	snprintf(path, sizeof(path), "%s/s.json", dir);
	assert_int_equal(
		status_open(&s, path, "chat-\"x", counters, 2, &err), 0);
	status_says("starting", "", 0);
	done = 5;
	/* The same state and reason: nothing is written. */
	status_set(&s, STATUS_STARTING, NULL);
	status_says("starting", "", 0);
	usleep(3000);
	status_set(&s, STATUS_READY, NULL);
	status_says("ready", "", 5);
	since = since_of_status();
	usleep(3000);
	status_set(&s, STATUS_WAITING, "postgresql");
	status_says("waiting", "postgresql", 5);
	assert_true(since_of_status() > since);
	since = since_of_status();
	usleep(3000);
	/* Another reason of the same state: since stays. */
	status_set(&s, STATUS_WAITING, "kafka");
	status_says("waiting", "kafka", 5);
	assert_true(since_of_status() == since);
	done = 6;
	next = status_tick(&s, clock_mono_ms());
	status_says("waiting", "kafka", 5);
	assert_true(next > clock_mono_ms() &&
		    next <= clock_mono_ms() + STATUS_EVERY_MS);
	assert_true(status_tick(&s, next - 1) == next);
	status_says("waiting", "kafka", 5);
	assert_true(status_tick(&s, next) >= next);
	status_says("waiting", "kafka", 6);
	done = 7;
	status_write(&s);
	status_says("waiting", "kafka", 7);
	status_set(&s, STATUS_DRAINING, "");
	status_says("draining", "", 7);
	status_close(&s);
	assert_int_equal(access(path, F_OK), -1);
}

static struct status lost_status;

static void
lose_status(void)
{
	status_set(&lost_status, STATUS_READY, NULL);
	status_set(&lost_status, STATUS_DRAINING, NULL);
	status_close(&lost_status);
}

static void
test_status_lost(void **state)
{
	char text[1000], sub[64];
	struct err err;

	assert_int_equal(
		status_open(&lost_status, "/nowhere/x", "n", NULL, 0, &err),
		-1);
	assert_non_null(strstr(err.text, "cannot open '/nowhere/x."));
	/* No path: nothing is written, nothing fails. */
	assert_int_equal(
		status_open(&lost_status, NULL, "n", NULL, 0, &err), 0);
	lose_status();
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	snprintf(path, sizeof(path), "%s/sub/s", dir);
	assert_int_equal(mkdir(sub, 0755), 0);
	assert_int_equal(
		status_open(&lost_status, path, "n", NULL, 0, &err), 0);
	unlink(path);
	rmdir(sub);
	catch_stderr(lose_status, text, sizeof(text));
	assert_non_null(strstr(text, "\"message\":\"status file lost\""));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	/* A place where it cannot be renamed to leaves nothing behind. */
	assert_int_equal(
		status_open(&lost_status, dir, "n", NULL, 0, &err), -1);
	assert_non_null(strstr(err.text, "cannot rename"));
}

/* No descriptor, as a full disk: it begins without, and has one later. */
static void
test_status_later(void **state)
{
	struct rlimit had, none;
	struct status s;
	struct err err;
	char text[1000];
	int rc;

	assert_true(err_passes(ENOSPC) && err_passes(EROFS));
	assert_false(err_passes(ENOENT) || err_passes(EACCES));
	snprintf(path, sizeof(path), "%s/later", dir);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
	none = had;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	rc = status_open(&s, path, "n", NULL, 0, &err);
	setrlimit(RLIMIT_NOFILE, &had);
	assert_int_equal(rc, 0);
	assert_true(s.lost);
	status_write(&s);
	assert_false(s.lost);
	read_status(text, sizeof(text));
	assert_non_null(strstr(text, "\"starting\""));
	status_close(&s);
}

static int
make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -rf %s %s.*.new", dir, dir);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err),
		cmocka_unit_test(test_buf_adds),
		cmocka_unit_test(test_buf_numbers),
		cmocka_unit_test(test_buf_grows),
		cmocka_unit_test(test_buf_first_size),
		cmocka_unit_test(test_buf_bad),
		cmocka_unit_test(test_buf_json),
		cmocka_unit_test(test_str_compare),
		cmocka_unit_test(test_str_cut),
		cmocka_unit_test(test_str_i64),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_str_dup),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_full),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_lost),
		cmocka_unit_test(test_status_later),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
