/*
 * links:
 * io: base64, descriptors, lines, locks, signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/b64.h"
#include "io/fd.h"
#include "io/line.h"
#include "io/lock.h"
#include "io/stop.h"

static char dir[] = "/tmp/test-io.XXXXXX";

static const char *
in_dir(const char *name)
{
	static char path[2][200];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[0]), "%s/%s", dir, name);
	return path[turn];
}

static const char *
make_file(const char *name, const void *data, size_t len, mode_t mode)
{
	const char *path = in_dir(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

/* ---- base64 ------------------------------------------------------------ */

static void
test_b64_known(void **state)
{
	/* RFC 4648 §10 */
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="},
		{"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
		{"\xfb\xff\xbf", "+/+/"}};
	struct buf out = {0};
	size_t i;

	for (i = 0; i < ARRAY_LEN(pairs); i++) {
		buf_reset(&out);
		b64_encode(str_c(pairs[i][0]), &out);
		assert_true(str_eq_c(buf_str(&out), pairs[i][1]));
		buf_reset(&out);
		assert_int_equal(b64_decode(str_c(pairs[i][1]), &out), 0);
		assert_true(str_eq_c(buf_str(&out), pairs[i][0]));
	}
	buf_reset(&out);
	b64url_encode(STR("\xfb\xff\xbf\xff"), &out);
	assert_string_equal(out.data, "-_-__w");
	buf_reset(&out);
	assert_int_equal(b64url_decode(STR("-_-__w"), &out), 0);
	assert_string_equal(out.data, "\xfb\xff\xbf\xff");
	buf_release(&out);
}

static void
test_b64_refused(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "Zm9",
		"Zm9v=", "====", "Z===", "Zm9vZ===", "Zh==", "Zm9=", "Z g=",
		"Zg==Zg==", "-_-_", "Zm9v\n", "Zm=v", "@m9v", "[m9v", "`m9v",
		"{m9v", "/:9v", "Zm9vYg", ".m9v"};
	static const char *const bad_url[] = {
		"Z", "Zg==", "+/+/", "Zh", "Zm9", "Zm9vY", "Zm9v-"};
	struct buf out = {0};
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (b64_decode(str_c(bad[i]), &out) != -1)
			fail_msg("%s was taken", bad[i]);
	for (i = 0; i < ARRAY_LEN(bad_url); i++)
		if (b64url_decode(str_c(bad_url[i]), &out) != -1)
			fail_msg("%s was taken", bad_url[i]);
	buf_release(&out);
}

static void
test_b64_all(void **state)
{
	unsigned char raw[300];
	struct buf text = {0}, back = {0};
	size_t i, len;

	for (i = 0; i < sizeof(raw); i++)
		raw[i] = (unsigned char)(i * 7 + i / 13);
	for (len = 0; len <= sizeof(raw); len++) {
		struct str s = {(const char *)raw, len};

		buf_reset(&text);
		buf_reset(&back);
		b64_encode(s, &text);
		assert_int_equal(text.len, (len + 2) / 3 * 4);
		assert_int_equal(b64_decode(buf_str(&text), &back), 0);
		assert_true(str_eq(buf_str(&back), s));
		buf_reset(&text);
		buf_reset(&back);
		b64url_encode(s, &text);
		assert_int_equal(b64url_decode(buf_str(&text), &back), 0);
		assert_true(str_eq(buf_str(&back), s));
	}
	buf_release(&text);
	buf_release(&back);
}

/* ---- fd ---------------------------------------------------------------- */

static void
test_write_all(void **state)
{
	static char block[300000];
	int pipes[2], status;
	struct err err = {""};
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	/* More than a pipe holds: several writes. */
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		memset(block, 'x', sizeof(block));
		close(pipes[0]);
		_exit(fd_write_all(pipes[1], "pipe", block, sizeof(block),
			      &err) != 0);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], block, sizeof(block))) > 0)
		got += (size_t)n;
	assert_int_equal(got, sizeof(block));
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(pipes[0]);
	assert_int_equal(fd_write_all(-1, "stdout", "x", 1, &err), -1);
	assert_string_equal(
		err.text, "cannot write to stdout: Bad file descriptor");
	assert_int_equal(fd_write_all(-1, "stdout", "", 0, &err), 0);
}

/* In a process of its own, whose stdout is a pipe, and then closed: 0, or the
 * number of what went wrong. */
static int
print_twice(int fd)
{
	struct buf out = {0};
	struct err err = {""};

	dup2(fd, STDOUT_FILENO);
	buf_add_c(&out, "a line\n");
	if (fd_print(&out, 0, &err) < 0 || out.len || out.cap)
		return 1;
	if (fd_print(&out, 0, &err) < 0)
		return 2;
	close(STDOUT_FILENO);
	buf_add_c(&out, "lost\n");
	if (fd_print(&out, 100000, &err) == 0 || out.len || !out.cap)
		return 3;
	buf_release(&out);
	out.bad = true;
	return fd_print(&out, 0, &err) == 0 ||
			       strcmp(err.text, "out of memory") != 0
		       ? 4
		       : 0;
}

static void
test_print(void **state)
{
	int pipes[2], status;
	char text[32];
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid)
		_exit(print_twice(pipes[1]));
	close(pipes[1]);
	assert_int_equal(read(pipes[0], text, sizeof(text)), 7);
	assert_memory_equal(text, "a line\n", 7);
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 0);
	close(pipes[0]);
}

static void
test_nonblock(void **state)
{
	int pipes[2];
	struct err err;
	char c;

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(fd_nonblock(pipes[0], true, &err), 0);
	assert_int_equal(read(pipes[0], &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fd_nonblock(pipes[0], false, &err), 0);
	assert_false(fcntl(pipes[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_nonblock(-1, true, &err), -1);
	close(pipes[0]);
	close(pipes[1]);
}

static void
test_wait(void **state)
{
	int pipes[2];
	struct err err;
	int64_t now = clock_mono_ms();

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(fd_wait(pipes[0], POLLIN, now + 20, &err), 0);
	assert_true(clock_mono_ms() >= now + 20);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(fd_wait(pipes[0], POLLIN, CLOCK_NEVER, &err), 1);
	assert_int_equal(fd_wait(pipes[1], POLLIN, 0, &err), 0);
	close(pipes[0]);
	close(pipes[1]);
}

static void
test_unix_connect(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	char path[109];
	struct err err = {""};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", in_dir("s"));
	assert_int_equal(
		bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 1), 0);
	fd = fd_unix_connect(in_dir("s"), &err);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(listener);
	assert_int_equal(fd_unix_connect("/nowhere/s", &err), -1);
	assert_string_equal(err.text, "cannot connect to '/nowhere/s': "
				      "No such file or directory");
	memset(path, 'a', 108);
	path[108] = '\0';
	assert_int_equal(fd_unix_connect(path, &err), -1);
	assert_non_null(strstr(err.text, "is over 107 bytes"));
	path[107] = '\0';
	assert_int_equal(fd_unix_connect(path, &err), -1);
	assert_non_null(strstr(err.text, "cannot connect"));
}

static void
test_read_file(void **state)
{
	char data[10000];
	struct buf out = {0};
	struct err err = {""};

	memset(data, 'd', sizeof(data));
	make_file("f", data, sizeof(data), 0644);
	assert_int_equal(fd_read_file(in_dir("f"), 10000, &out, &err), 0);
	assert_int_equal(out.len, 10000);
	assert_memory_equal(out.data, data, 10000);
	buf_reset(&out);
	assert_int_equal(fd_read_file(in_dir("f"), 9999, &out, &err), -1);
	assert_non_null(strstr(err.text, "f' is over 9999 bytes"));
	assert_int_equal(fd_read_file(in_dir("none"), 9, &out, &err), -1);
	assert_non_null(strstr(err.text, "cannot open '"));
	buf_reset(&out);
	assert_int_equal(fd_read_file(dir, 9, &out, &err), -1);
	assert_non_null(strstr(err.text, "cannot read '"));
	buf_release(&out);
}

static void
secret(const char *file, mode_t mode, const char *want)
{
	struct buf out = {0};
	struct err err = {""};
	int rc = fd_read_secret(
		make_file("k", file, strlen(file), mode), &out, &err);

	assert_int_equal(rc, want ? 0 : -1);
	if (want)
		assert_true(str_eq_c(buf_str(&out), want));
	buf_release(&out);
}

static void
test_secret(void **state)
{
	struct buf out = {0};
	struct err err = {""};
	char big[16386];

	secret("abc\n", 0640, "abc");
	secret("abc", 0600, "abc");
	secret("abc\n\n", 0600, "abc\n");
	secret("\n", 0600, "");
	secret("base64:Zm9vYg==\n", 0600, "foob");
	secret("base64:!\n", 0600, NULL);
	secret("xbase64:Zg==", 0600, "xbase64:Zg==");
	secret("abc", 0644, NULL);
	secret("abc", 0602, NULL);
	secret("abc", 0601, NULL);
	assert_int_equal(fd_read_secret(in_dir("none"), &out, &err), -1);
	assert_non_null(strstr(err.text, "cannot open"));
	assert_int_equal(
		fd_read_secret(make_file("k", "x", 1, 0604), &out, &err), -1);
	assert_non_null(strstr(err.text, "may be read by others"));
	memset(big, 'k', sizeof(big));
	assert_int_equal(
		fd_read_secret(make_file("k", big, 16384, 0600), &out, &err),
		0);
	buf_reset(&out);
	assert_int_equal(
		fd_read_secret(make_file("k", big, 16385, 0600), &out, &err),
		-1);
	buf_release(&out);
}

/* ---- lines ------------------------------------------------------------- */

static int pipes[2];
static struct line in;

static void
begin_lines(size_t max)
{
	struct err err;

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(fd_nonblock(pipes[0], true, &err), 0);
	line_init(&in, pipes[0], max);
}

static void
put(const char *text)
{
	assert_int_equal(
		write(pipes[1], text, strlen(text)), (ssize_t)strlen(text));
}

static void
end_lines(void)
{
	line_release(&in);
	close(pipes[0]);
	if (pipes[1] >= 0)
		close(pipes[1]);
}

static void
end_of_input(void)
{
	close(pipes[1]);
	pipes[1] = -1;
}

static void
gives(enum line_result result, const char *text)
{
	struct str line = {NULL, 0};
	struct err err = {""};

	assert_int_equal(line_read(&in, &line, 0, &err), result);
	if (text && !str_eq_c(line, text))
		fail_msg("'%.*s', not '%s'", STR_ARG(line), text);
}

static void
test_lines(void **state)
{
	begin_lines(10);
	gives(LINE_TIMEOUT, NULL);
	assert_false(line_ready(&in));
	put("a\n\nbc");
	assert_true(line_ready(&in));
	gives(LINE_OK, "a");
	assert_true(line_ready(&in));
	gives(LINE_OK, "");
	assert_false(line_ready(&in));
	gives(LINE_TIMEOUT, NULL);
	put("d");
	assert_false(line_ready(&in));
	gives(LINE_TIMEOUT, NULL);
	put("\ne\n");
	gives(LINE_OK, "bcd");
	gives(LINE_OK, "e");
	put("last");
	assert_false(line_ready(&in));
	end_of_input();
	assert_true(line_ready(&in));
	gives(LINE_OK, "last");
	assert_false(line_ready(&in));
	gives(LINE_EOF, NULL);
	gives(LINE_EOF, NULL);
	end_lines();
}

static void
test_long_lines(void **state)
{
	begin_lines(10);
	put("1234567890\n12345678901\nx\n");
	gives(LINE_OK, "1234567890");
	gives(LINE_LONG, NULL);
	gives(LINE_OK, "x");
	/* In pieces: it is dropped as it comes. */
	put("12345678901");
	assert_true(line_ready(&in));
	gives(LINE_TIMEOUT, NULL);
	put("more");
	gives(LINE_TIMEOUT, NULL);
	put("\n1234567890\n");
	gives(LINE_LONG, NULL);
	gives(LINE_OK, "1234567890");
	put("12345678901");
	gives(LINE_TIMEOUT, NULL);
	end_of_input();
	gives(LINE_LONG, NULL);
	gives(LINE_EOF, NULL);
	end_lines();
	begin_lines(10);
	put("12345678901");
	end_of_input();
	gives(LINE_LONG, NULL);
	gives(LINE_EOF, NULL);
	end_lines();
}

/* A long line that comes in pieces does not gather in memory. */
static void
test_long_is_bounded(void **state)
{
	char piece[4097];
	int i;

	memset(piece, 'x', 4096);
	piece[4096] = '\0';
	begin_lines(10);
	for (i = 0; i < 300; i++) {
		put(piece);
		gives(LINE_TIMEOUT, NULL);
	}
	assert_true(in.buf.cap <= 4 * 65536);
	put("\nok\n");
	gives(LINE_LONG, NULL);
	gives(LINE_OK, "ok");
	end_lines();
}

static void
test_line_waits(void **state)
{
	struct str line;
	struct err err = {""};
	int64_t now = clock_mono_ms();

	begin_lines(100);
	assert_int_equal(line_read(&in, &line, now + 30, &err), LINE_TIMEOUT);
	assert_true(clock_mono_ms() >= now + 30);
	if (!fork()) {
		usleep(20000);
		put("late\n");
		_exit(0);
	}
	assert_int_equal(
		line_read(&in, &line, clock_mono_ms() + 10000, &err), LINE_OK);
	assert_true(str_eq_c(line, "late"));
	wait(NULL);
	end_lines();
	line_init(&in, open(dir, O_RDONLY), 10);
	assert_int_equal(line_read(&in, &line, 0, &err), LINE_ERROR);
	assert_string_equal(err.text, "cannot read: Is a directory");
	assert_false(line_ready(&in));
	close(in.fd);
	line_release(&in);
}

/* Many lines in random pieces come out as they went in. */
static void
test_random_pieces(void **state)
{
	struct buf text = {0};
	struct str rest, want, line;
	struct err err;
	size_t at = 0, n;
	unsigned seed = 7;
	int i;

	for (i = 0; i < 3000; i++)
		buf_printf(&text, "%.*s%d\n", i % 97,
			"0123456789012345678901234567890123456789012345678901"
			"2345678901234567890123456789012345678901234567890123",
			i);
	begin_lines(200);
	rest = buf_str(&text);
	while (str_cut(rest, '\n', &want, &rest)) {
		enum line_result got;

		while ((got = line_read(&in, &line, 0, &err)) == LINE_TIMEOUT) {
			seed = seed * 1103515245 + 12345;
			n = 1 + seed / 65536 % 300;
			if (n > text.len - at)
				n = text.len - at;
			assert_int_equal(write(pipes[1], text.data + at, n), n);
			at += n;
		}
		assert_int_equal(got, LINE_OK);
		assert_true(str_eq(line, want));
	}
	assert_int_equal(at, text.len);
	buf_release(&text);
	end_lines();
}

/* ---- lock -------------------------------------------------------------- */

static void
test_lock(void **state)
{
	struct lock a, b;
	struct err err = {""};
	struct rlimit had;
	char text[40] = "";
	int fd;

	/* What a predecessor left is no part of the pid. */
	make_file("l", "123456789\n", 10, 0644);
	assert_int_equal(lock_try(&a, in_dir("l"), &err), 1);
	assert_true(a.fd >= 0);
	assert_true(fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
	fd = open(in_dir("l"), O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_int_equal(atoi(text), getpid());
	assert_int_equal(strlen(text), strspn(text, "0123456789") + 1);
	assert_int_equal(lock_try(&b, in_dir("l"), &err), 0);
	assert_int_equal(b.owner, getpid());
	assert_int_equal(b.fd, -1);
	lock_release(&b);
	lock_release(&a);
	assert_int_equal(a.fd, -1);
	assert_int_equal(lock_try(&b, in_dir("l"), &err), 1);
	assert_int_equal(b.owner, 0);
	lock_release(&b);
	lock_release(&b);
	/* What may pass is tried again. */
	getrlimit(RLIMIT_NOFILE, &had);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, had.rlim_max});
	fd = lock_try(&a, in_dir("l"), &err);
	setrlimit(RLIMIT_NOFILE, &had);
	assert_int_equal(fd, 0);
	assert_int_equal(a.owner, 0);
	assert_non_null(strstr(err.text, "Too many open files"));
	assert_int_equal(lock_try(&a, "/nowhere/l", &err), -1);
	assert_string_equal(err.text, "cannot open lock '/nowhere/l': "
				      "No such file or directory");
}

/* ---- stop -------------------------------------------------------------- */

static void
test_stop(void **state)
{
	sigset_t old, now;

	stop_init();
	assert_false(stop_asked || stop_hup || stop_usr1);
	raise(SIGHUP);
	assert_true(stop_hup && !stop_asked && !stop_usr1);
	raise(SIGUSR1);
	assert_true(stop_usr1 && !stop_asked);
	stop_hup = stop_usr1 = 0;
	raise(SIGTERM);
	assert_true(stop_asked && !stop_hup && !stop_usr1);
	stop_asked = 0;
	raise(SIGINT);
	assert_true(stop_asked);
	stop_asked = 0;
	raise(SIGPIPE);
	stop_block(&old);
	raise(SIGTERM);
	raise(SIGINT);
	raise(SIGHUP);
	raise(SIGUSR1);
	assert_false(stop_asked || stop_hup || stop_usr1);
	stop_unblock(&old);
	assert_true(stop_asked && stop_hup && stop_usr1);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	assert_false(sigismember(&now, SIGTERM));
	stop_asked = stop_hup = stop_usr1 = 0;
}

/* A signal ends a wait. */
static void
test_stop_wakes(void **state)
{
	struct str line;
	struct err err;
	int64_t now = clock_mono_ms();
	pid_t parent = getpid();

	begin_lines(10);
	if (!fork()) {
		usleep(30000);
		kill(parent, SIGTERM);
		_exit(0);
	}
	assert_int_equal(
		line_read(&in, &line, now + 20000, &err), LINE_TIMEOUT);
	assert_true(clock_mono_ms() < now + 10000);
	assert_true(stop_asked);
	stop_asked = 0;
	while (wait(NULL) < 0 && errno == EINTR)
		;
	end_lines();
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

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* Told to stop: on for as long as lines come, ten seconds at most. */
static void
filter_stops(void **state)
{
	struct stop_filter stop = {.line_ms = 5};

	stop_asked = 0;
	assert_false(stop_filter_over(&stop, 100000));
	stop_asked = 1;
	assert_false(stop_filter_over(&stop, 200000));
	assert_false(stop_filter_over(&stop, 200999));
	stop.line_ms = 200999;
	assert_false(stop_filter_over(&stop, 201998));
	assert_true(stop_filter_over(&stop, 201999));
	stop.line_ms = 209900;
	assert_false(stop_filter_over(&stop, 209999));
	assert_true(stop_filter_over(&stop, 210000));
	stop_asked = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_stops),
		cmocka_unit_test(test_b64_known),
		cmocka_unit_test(test_b64_refused),
		cmocka_unit_test(test_b64_all),
		cmocka_unit_test(test_write_all),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_nonblock),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_unix_connect),
		cmocka_unit_test(test_read_file),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_long_is_bounded),
		cmocka_unit_test(test_line_waits),
		cmocka_unit_test(test_random_pieces),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_wakes),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
