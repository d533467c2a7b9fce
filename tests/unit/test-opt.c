/*
 * tests/unit/test-opt.c - command lines, log lines, status files, clocks.
 * links:
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/status.h"

/* ---- options ----------------------------------------------------------- */

static bool flag;
static const char *text;
static int64_t number, bounded, wait_ms, size, only_long;
static struct opt_list list;

static const struct opt table[] = {
	{OPT_FLAG, 'f', "flag", &flag, NULL, "a flag", 0, 0},
	{OPT_STRING, 't', "text", &text, "TEXT", "a text", 0, 0},
	{OPT_INT, 'n', "number", &number, "N", "any number", 0, 0},
	{OPT_INT, 'b', "bounded", &bounded, "N", "from 3 to 5", 3, 5},
	{OPT_SECONDS, 'T', "time", &wait_ms, "SECONDS", "a time", 0, 0},
	{OPT_SIZE, 's', "size", &size, "SIZE", "a size", 0, 0},
	{OPT_LIST, 'l', "list", &list, "ITEM", "items", 0, 0},
	{OPT_INT, 0, "only-long", &only_long, "N", "no letter", 0, 0},
	{0},
};
static const struct opt_about about = {
	"prog", "[options]", "Does things.", table};

#define ARGS_MAX 80

/* Parses "prog" and the words of line. */
static int
parse(const char *line, struct err *err)
{
	static char words[1000], name[] = "prog";
	char *argv[ARGS_MAX] = {name}, *save, *word;
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	for (word = strtok_r(words, " ", &save); word;
		word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	flag = false;
	text = NULL;
	number = bounded = wait_ms = size = only_long = -1;
	list.count = 0;
	return opt_parse(&about, argc, argv, err);
}

static void
right(const char *line, int first)
{
	struct err err = {{0}};
	int got = parse(line, &err);

	if (got != first)
		fail_msg("'%s': %d, want %d: %s", line, got, first, err.text);
}

static void
wrong(const char *line, const char *why)
{
	struct err err = {{0}};

	assert_int_equal(parse(line, &err), -1);
	if (strcmp(err.text, why))
		fail_msg("'%s': got '%s', want '%s'", line, err.text, why);
}

static void
test_kinds(void **state)
{
	right("", 1);
	right("-f -t x -n 7 -b 3 -l a -l b", 12);
	assert_true(flag);
	assert_string_equal(text, "x");
	assert_int_equal(number, 7);
	assert_int_equal(bounded, 3);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.item[0], "a");
	assert_string_equal(list.item[1], "b");
	right("--flag --text=x --only-long 9 --bounded 5", 7);
	assert_true(flag);
	assert_string_equal(text, "x");
	assert_int_equal(only_long, 9);
	assert_int_equal(bounded, 5);
	right("-fn0 -t -f", 4);
	assert_int_equal(number, 0);
	assert_string_equal(text, "-f");
}

/* Parsing stops at the first operand: the rest is the filter's. */
static void
test_operands(void **state)
{
	right("-f -- filter -x", 3);
	right("-f filter -n x", 2);
	right("filter", 1);
	assert_false(flag);
}

static void
test_units(void **state)
{
	static const struct {
		const char *arg;
		int64_t ms;
	} times[] = {{"3", 3000}, {"3s", 3000}, {"250ms", 250}, {"2m", 120000},
		{"1h", 3600000}, {"2d", 172800000}, {"0", 0}};
	static const struct {
		const char *arg;
		int64_t bytes;
	} sizes[] = {{"3", 3}, {"2K", 2048}, {"1M", 1048576},
		{"2G", INT64_C(2147483648)}};
	char line[40];
	size_t i;

	for (i = 0; i < ARRAY_LEN(times); i++) {
		snprintf(line, sizeof(line), "-T %s", times[i].arg);
		right(line, 3);
		assert_int_equal(wait_ms, times[i].ms);
	}
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		snprintf(line, sizeof(line), "-s %s", sizes[i].arg);
		right(line, 3);
		assert_int_equal(size, sizes[i].bytes);
	}
	wrong("-T 3x", "'3x' is no time for option 'time'");
	wrong("-T s", "'s' is no time for option 'time'");
	wrong("-T -3", "'-3' is no time for option 'time'");
	wrong("-T 9223372036854775807", "'9223372036854775807' is no time for "
					"option 'time'");
	wrong("-s 3k", "'3k' is no size for option 'size'");
	wrong("-s 9223372036854775807G",
		"'9223372036854775807G' is no size for option 'size'");
}

static void
test_wrong(void **state)
{
	char line[1000] = "";
	int i;

	wrong("-n x", "'x' is no number for option 'number'");
	wrong("-n 1.5", "'1.5' is no number for option 'number'");
	wrong("-n -1",
		"'-1' for option 'number' is not in 0..9223372036854775807");
	wrong("-b 2", "'2' for option 'bounded' is not in 3..5");
	wrong("-b 6", "'6' for option 'bounded' is not in 3..5");
	wrong("-n", "option '-n' needs an argument");
	wrong("--text", "option '--text' needs an argument");
	wrong("-x", "unknown option '-x'");
	wrong("--nothing", "unknown option '--nothing'");
	for (i = 0; i < OPT_LIST_MAX; i++)
		strcat(line, "-lx ");
	right(line, OPT_LIST_MAX + 1);
	assert_int_equal(list.count, OPT_LIST_MAX);
	strcat(line, "-lx");
	wrong(line, "option 'list' given over 64 times");
}

/* ---- a child whose output and exit code are looked at ------------------ */

static int
child(void (*run)(void), int fd, struct buf *out)
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], fd);
		close(ends[0]);
		close(ends[1]);
		run();
		_exit(77);
	}
	close(ends[1]);
	buf_reset(out);
	while ((n = read(ends[0], buf_room(out, 4096), 4096)) > 0)
		buf_advance(out, (size_t)n);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
ask_help(void)
{
	struct err err;

	(void)!parse("-h", &err);
}

static void
ask_version(void)
{
	struct err err;

	(void)!parse("--version", &err);
}

static void
say_usage(void)
{
	struct err err;

	err_set(&err, "what?");
	opt_usage(&about, &err);
}

static void
help_into_nothing(void)
{
	if (!freopen("/dev/full", "w", stdout))
		_exit(EXIT_TEMP); /* no such device here */
	ask_help();
}

static void
test_help(void **state)
{
	struct buf out = {0};

	assert_int_equal(child(ask_help, STDOUT_FILENO, &out), EXIT_DONE);
	assert_string_equal(out.data,
		"usage: prog [options]\n"
		"Does things.\n\n"
		"  -f, --flag                 a flag\n"
		"  -t, --text TEXT            a text\n"
		"  -n, --number N             any number\n"
		"  -b, --bounded N            from 3 to 5\n"
		"  -T, --time SECONDS         a time\n"
		"  -s, --size SIZE            a size\n"
		"  -l, --list ITEM            items\n"
		"      --only-long N          no letter\n"
		"  -v, --verbose              log debug messages too\n"
		"  -V, --version              print the version\n"
		"  -h, --help                 print this help\n"
		"\nman prog has the rest.\n");
	assert_int_equal(child(ask_version, STDOUT_FILENO, &out), EXIT_DONE);
	assert_string_equal(out.data, "prog " VERSION "\n");
	assert_int_equal(child(say_usage, STDERR_FILENO, &out), EXIT_PERM);
	assert_string_equal(out.data,
		"prog: what?\nprog: usage: prog [options]; -h helps\n");
	assert_int_equal(
		child(help_into_nothing, STDERR_FILENO, &out), EXIT_TEMP);
	buf_release(&out);
}

/* ---- log --------------------------------------------------------------- */

static void
say_things(void)
{
	struct err err;

	setenv("CHAT_ENV", "test", 1);
	log_open("prog");
	LOG_DEBUG("x", "not said");
	LOG_INFO("one", "it \"happened\"", LOG_S("s", "a\n"), LOG_I("i", -5),
		LOG_F("f", 0.25), LOG_STR("v", STR("ab")));
	setenv("CHAT_ENV", "", 1);
	log_open("prog");
	err_set(&err, "why");
	LOG_ERROR("two", "failed", LOG_E(&err));
	LOG_WARN("three", "beware");
	log_level(LOG_ERROR);
	LOG_WARN("x", "not said");
	(void)!parse("-v", &err);
	LOG_DEBUG("four", "said now");
	_exit(log_lost() == 0 ? 0 : 1);
}

static void
say_into_nothing(void)
{
	close(STDERR_FILENO);
	LOG_ERROR("x", "lost");
	LOG_ERROR("x", "lost");
	_exit((int)log_lost());
}

/* A line without its time and pid, which are checked for form. */
static void
log_line(struct str *rest, const char *want)
{
	struct str line, head, tail;
	struct buf b = {0};
	size_t i;
	static const char form[] =
		"{\"@timestamp\":\"0000-00-00T00:00:00.000Z\"";

	assert_true(str_cut(*rest, '\n', &line, rest));
	assert_true(line.len > sizeof(form));
	for (i = 0; i + 1 < sizeof(form); i++) {
		if (form[i] == '0')
			assert_in_range(line.data[i], '0', '9');
		else
			assert_int_equal(line.data[i], form[i]);
	}
	line.data += i;
	line.len -= i;
	head = line;
	head.len =
		(size_t)((char *)memmem(line.data, line.len, ",\"pid\":", 7) -
			 line.data);
	tail = (struct str){line.data + head.len + 7, line.len - head.len - 7};
	while (tail.len && tail.data[0] >= '0' && tail.data[0] <= '9') {
		tail.data++;
		tail.len--;
	}
	buf_add_str(&b, head);
	buf_add_str(&b, tail);
	assert_string_equal(b.data, want);
	buf_release(&b);
}

static void
test_log(void **state)
{
	struct buf out = {0};
	struct str rest;

	assert_int_equal(child(say_things, STDERR_FILENO, &out), 0);
	rest = buf_str(&out);
	log_line(&rest, ",\"level\":\"INFO\",\"logger\":\"one\","
			"\"message\":\"it \\\"happened\\\"\",\"app\":\"prog\","
			"\"env\":\"test\",\"s\":\"a\\n\",\"i\":-5,\"f\":0.25,"
			"\"v\":\"ab\"}");
	log_line(&rest, ",\"level\":\"ERROR\",\"logger\":\"two\",\"message\":"
			"\"failed\","
			"\"app\":\"prog\",\"env\":\"dev\",\"error\":\"why\"}");
	log_line(&rest, ",\"level\":\"WARN\",\"logger\":\"three\","
			"\"message\":\"beware\",\"app\":\"prog\","
			"\"env\":\"dev\"}");
	log_line(&rest, ",\"level\":\"DEBUG\",\"logger\":\"four\","
			"\"message\":\"said now\",\"app\":\"prog\","
			"\"env\":\"dev\"}");
	assert_int_equal(rest.len, 0);
	assert_int_equal(child(say_into_nothing, STDOUT_FILENO, &out), 2);
	buf_release(&out);
}

/* ---- status ------------------------------------------------------------ */

static char folder[] = "/tmp/test-opt.XXXXXX";
static char path[100];

static int
make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/status.json", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	unlink(path);
	return rmdir(folder); /* fails where something was left behind */
}

/* The file up to "since", and from the first counter on; "" for no file. */
static const char *
look(int64_t *since, int64_t *at)
{
	static char shown[500];
	char line[500] = "", *from, *end;
	FILE *f = fopen(path, "r");

	*since = *at = 0;
	if (!f)
		return "";
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	from = strstr(line, ",\"since\":");
	assert_non_null(from);
	*since = strtoll(from + 9, &end, 10);
	assert_int_equal(strncmp(end, ",\"at\":", 6), 0);
	*at = strtoll(end + 6, &end, 10);
	snprintf(shown, sizeof(shown), "%.*s%s", (int)(from - line), line, end);
	return shown;
}

static void
shows(const char *state, const char *why, int64_t done)
{
	char want[300];
	int64_t since, at;

	snprintf(want, sizeof(want),
		"{\"name\":\"prog\",\"pid\":%d,\"version\":\"%s\","
		"\"state\":\"%s\",\"why\":\"%s\",\"done\":%lld,\"more\":-1}\n",
		(int)getpid(), VERSION, state, why, (long long)done);
	assert_string_equal(look(&since, &at), want);
	assert_true(since > 1700000000000 && at >= since);
	assert_true(clock_wall_ms() - at < 5000);
}

static void
test_status(void **state)
{
	int64_t done = 1, more = -1, since, at, first;
	const struct status_counter counters[] = {
		{"done", &done}, {"more", &more}};
	struct status s;
	struct err err;

	assert_int_equal(status_open(&s, path, "prog", counters, 2, &err), 0);
	shows("starting", "", 1);
	assert_true(s.next_ms > clock_mono_ms() + STATUS_EVERY_MS - 1000);
	assert_true(s.next_ms <= clock_mono_ms() + STATUS_EVERY_MS);
	done = 2;
	status_set(&s, STATUS_STARTING, NULL); /* nothing new: not written */
	shows("starting", "", 1);
	status_set(&s, STATUS_WAITING, "for \"it\"");
	shows("waiting", "for \\\"it\\\"", 2);
	(void)look(&first, &at);
	usleep(3000);
	status_set(&s, STATUS_WAITING, "for more");
	shows("waiting", "for more", 2);
	(void)look(&since, &at);
	assert_int_equal(since, first); /* the state is the same */
	usleep(3000);
	status_set(&s, STATUS_READY, "for more");
	shows("ready", "for more", 2);
	(void)look(&since, &at);
	assert_true(since > first);
	done = 3;
	assert_int_equal(status_tick(&s, s.next_ms - 1), s.next_ms);
	shows("ready", "for more", 2);
	first = s.next_ms;
	usleep(3000);
	assert_true(status_tick(&s, first) > first);
	shows("ready", "for more", 3);
	status_set(&s, STATUS_DRAINING, "");
	shows("draining", "", 3);
	done = 4;
	status_write(&s);
	shows("draining", "", 4);
	status_close(&s);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_status_without(void **state)
{
	struct status s;
	struct err err;

	assert_int_equal(status_open(&s, NULL, "prog", NULL, 0, &err), 0);
	status_set(&s, STATUS_READY, "x");
	assert_int_equal(s.state, STATUS_READY);
	assert_string_equal(s.why, "x");
	assert_true(status_tick(&s, 0) > 0);
	status_close(&s);
	assert_int_equal(
		status_open(&s, "/no/such/folder/x", "prog", NULL, 0, &err),
		-1);
	assert_non_null(strstr(err.text, "cannot open '/no/such/folder/x."));
	assert_non_null(strstr(err.text, "No such file"));
}

/* A file that can no longer be written is logged, once. */
static void
lose_status(void)
{
	struct status s;
	struct err err;

	if (status_open(&s, path, "prog", NULL, 0, &err) < 0)
		_exit(1);
	unlink(path);
	rmdir(folder);
	log_open("prog");
	status_set(&s, STATUS_READY, "");
	status_write(&s);
	status_write(&s);
	_exit(mkdir(folder, 0700) == 0 ? 0 : 2);
}

static void
test_status_lost(void **state)
{
	struct buf out = {0};
	const char *at;

	assert_int_equal(child(lose_status, STDERR_FILENO, &out), 0);
	at = strstr(out.data, "\"message\":\"status file lost\"");
	assert_non_null(at);
	assert_null(strstr(at + 20, "status file lost"));
	buf_release(&out);
}

/* ---- clock ------------------------------------------------------------- */

static void
test_clock(void **state)
{
	int64_t us = clock_mono_us(), ms = clock_mono_ms();
	int64_t wall = clock_wall_ms();
	struct timespec ts;
	int poll_ms;

	clock_gettime(CLOCK_REALTIME, &ts);
	assert_true(ts.tv_sec * 1000 - wall < 2000 &&
		    wall - ts.tv_sec * 1000 < 2000);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	assert_true(
		ts.tv_sec * 1000 - ms < 2000 && ms - ts.tv_sec * 1000 < 2000);
	assert_true(ms - us / 1000 >= 0 && ms - us / 1000 < 2000);
	usleep(20000);
	assert_true(clock_mono_us() - us >= 20000);
	assert_int_equal(clock_poll_ms(CLOCK_NEVER), -1);
	assert_int_equal(clock_poll_ms(0), 0);
	assert_int_equal(clock_poll_ms(clock_mono_ms() - 1), 0);
	poll_ms = clock_poll_ms(clock_mono_ms() + 60000);
	assert_true(poll_ms > 50000 && poll_ms <= 60000);
	assert_int_equal(clock_poll_ms(CLOCK_NEVER - 1), INT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_without),
		cmocka_unit_test(test_status_lost),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
