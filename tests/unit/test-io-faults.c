/*
 * test-io-faults.c - R-28: read(2), write(2), poll(2) and connect(2) that are
 * interrupted, find nothing, or do a part only: at the nth call, for every n,
 * and at each third one. What is read and written is the same all the same.
 *
 * links: --wrap-read --wrap-write --wrap-poll --wrap-connect
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/clock.h"
#include "base/status.h"
#include "io/fd.h"
#include "io/line.h"

enum fault { NO_FAULT, SIGNALLED, NOTHING_THERE, A_PART, FAULTS };

static struct {
	enum fault fault;
	long nth; /* at the nth call; -1: at each third one */
	long calls;
	bool hit, now; /* any call; the last one */
	bool cut;      /* a write */
} f;

ssize_t __real_read(int fd, void *to, size_t len);
ssize_t __real_write(int fd, const void *from, size_t len);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __real_connect(int fd, const struct sockaddr *addr, socklen_t len);
ssize_t __wrap_read(int fd, void *to, size_t len);
ssize_t __wrap_write(int fd, const void *from, size_t len);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len);

/* The fault of this call. */
static enum fault
due(void)
{
	f.now = f.fault != NO_FAULT &&
		(f.nth < 0 ? f.calls % 3 == 1 : f.calls == f.nth);
	f.calls++;
	f.hit |= f.now;
	return f.now ? f.fault : NO_FAULT;
}

/* True: *len is what is left to do; else errno says why nothing is done. */
static bool
may(size_t *len)
{
	switch (due()) {
	case SIGNALLED:
		errno = EINTR;
		return false;
	case NOTHING_THERE:
		errno = EAGAIN;
		return false;
	case A_PART:
		*len = *len > 1 ? 1 : *len;
		return true;
	default:
		return true;
	}
}

ssize_t
__wrap_read(int fd, void *to, size_t len)
{
	return may(&len) ? __real_read(fd, to, len) : -1;
}

ssize_t
__wrap_write(int fd, const void *from, size_t len)
{
	bool some = may(&len);

	f.cut |= f.now;
	return some ? __real_write(fd, from, len) : -1;
}

int
__wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	if (due() != SIGNALLED)
		return __real_poll(fds, count, timeout_ms);
	errno = EINTR;
	return -1;
}

int
__wrap_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (due() != SIGNALLED)
		return __real_connect(fd, addr, len);
	errno = EINTR;
	return -1;
}

/* ---- the works ----------------------------------------------------------- */

static char dir[] = "/tmp/test-io-faults-XXXXXX", file[60], sock[60];
static char text[3000];

static void
work_write(void)
{
	char back[sizeof(text)];
	size_t got = 0;
	struct err err;
	ssize_t n;
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(
		fd_write_all(fd[1], "pipe", text, sizeof(text), &err), 0);
	close(fd[1]);
	while ((n = __real_read(fd[0], back + got, sizeof(back) - got)) > 0)
		got += (size_t)n;
	assert_int_equal(got, sizeof(text));
	assert_memory_equal(back, text, sizeof(text));
	close(fd[0]);
}

static void
work_lines(void)
{
	struct line line;
	struct str one;
	struct err err;
	enum line_result got = LINE_TIMEOUT;
	int fd = open(file, O_RDONLY | O_CLOEXEC), lines = 0, waits = 0;
	size_t bytes = 0;

	line_init(&line, fd, 2000);
	while (got != LINE_EOF) {
		(void)line_ready(&line);
		got = line_read(&line, &one, clock_mono_ms() + 1000, &err);
		assert_true(got == LINE_OK || got == LINE_TIMEOUT ||
			    got == LINE_EOF);
		lines += got == LINE_OK;
		bytes += got == LINE_OK ? one.len + 1 : 0;
		/* A signal ends a wait, and is no end. */
		waits += got == LINE_TIMEOUT;
		assert_true(waits < 10000);
	}
	assert_int_equal(lines, 3);
	assert_int_equal(bytes, sizeof(text));
	line_release(&line);
	close(fd);
}

static void
work_file(void)
{
	struct buf out = {0};
	struct err err;

	assert_int_equal(fd_read_file(file, 1 << 20, &out, &err), 0);
	assert_int_equal(out.len, sizeof(text));
	assert_memory_equal(out.data, text, sizeof(text));
	buf_release(&out);
}

static void
work_connect(void)
{
	struct err err;
	int fd = fd_unix_connect(sock, &err);

	assert_true(fd >= 0);
	close(fd);
}

static void
work_log(void)
{
	int64_t lost = log_lost();

	LOG_INFO("test", "a line", LOG_I("n", 7));
	/* In one piece, or counted: a log is not waited for. */
	assert_int_equal(log_lost() - lost, f.cut && f.fault != SIGNALLED);
}

static void
work_status(void)
{
	struct status status;
	struct buf out = {0};
	struct err err;
	char path[80];
	bool may_fail = f.fault == NOTHING_THERE; /* files do not */

	snprintf(path, sizeof(path), "%s/status", dir);
	if (status_open(&status, path, "test", NULL, 0, &err) < 0) {
		assert_true(may_fail);
		return;
	}
	status_set(&status, STATUS_READY, NULL);
	f.fault = NO_FAULT;
	assert_true(may_fail || !status.lost);
	/* What could not be written is written the next time. */
	status_write(&status);
	assert_false(status.lost);
	assert_int_equal(fd_read_file(path, 1000, &out, &err), 0);
	assert_non_null(strstr(out.data, "\"ready\""));
	assert_true(str_ends(buf_str(&out), "}\n"));
	buf_release(&out);
	status_close(&status);
}

/* ---- all ----------------------------------------------------------------- */

static void
each(void (*work)(void), enum fault most)
{
	enum fault fault;
	long n;

	for (fault = SIGNALLED; fault <= most; fault++) {
		for (n = -1; n < 0 || f.hit; n++) {
			f.fault = fault;
			f.nth = n;
			f.calls = 0;
			f.hit = f.cut = false;
			work();
			f.fault = NO_FAULT;
			assert_true(n != 0 || f.hit);
			if (n > 20)
				break;
		}
	}
}

static void
test_write(void **unused)
{
	each(work_write, A_PART);
}

static void
test_lines(void **unused)
{
	each(work_lines, A_PART);
}

static void
test_file(void **unused)
{
	each(work_file, A_PART);
}

static void
test_connect(void **unused)
{
	each(work_connect, SIGNALLED);
}

static void
test_log(void **unused)
{
	each(work_log, A_PART);
}

static void
test_status(void **unused)
{
	each(work_status, A_PART);
}

static void
listen_at(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sock, sizeof(sock), "%s/socket", dir);
	memcpy(addr.sun_path, sock, strlen(sock) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 100), 0);
}

static int
set_up(void **unused)
{
	int fd;

	assert_non_null(mkdtemp(dir));
	memset(text, 'x', sizeof(text));
	text[1000] = text[2000] = text[sizeof(text) - 1] = '\n';
	snprintf(file, sizeof(file), "%s/file", dir);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(__real_write(fd, text, sizeof(text)), sizeof(text));
	close(fd);
	listen_at();
	log_open("test");
	return 0;
}

static int
tear_down(void **unused)
{
	unlink(file);
	unlink(sock);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_write),
		cmocka_unit_test(test_lines), cmocka_unit_test(test_file),
		cmocka_unit_test(test_connect), cmocka_unit_test(test_log),
		cmocka_unit_test(test_status)};

	if (!freopen("/dev/null", "w", stderr))
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
