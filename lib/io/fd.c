/* io/fd.c - see fd.h. */
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/b64.h"

#define SECRET_MAX 16384

/* The call has to be made again: a signal came; or the descriptor does not
 * block (a shell's or ssh's other end may have asked for that), which is waited
 * for. */
static bool
again(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	if (errno == EAGAIN)
		(void)poll(&p, 1, -1);
	else if (errno != EINTR)
		return false;
	return true;
}

ssize_t
fd_read(int fd, void *to, size_t len)
{
	ssize_t n;

	do
		n = read(fd, to, len);
	while (n < 0 && again(fd, POLLIN));
	return n;
}

int
fd_write_all(
	int fd, const char *name, const void *data, size_t len, struct err *err)
{
	const char *at = data;
	ssize_t n;

	while (len) {
		n = write(fd, at, len);
		if (n < 0 && again(fd, POLLOUT))
			continue;
		if (n < 0)
			return err_sys(err, "cannot write to %s", name);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int
fd_print(struct buf *out, size_t keep, struct err *err)
{
	int rc;

	if (buf_bad(out))
		return err_set(err, "out of memory");
	rc = fd_write_all(STDOUT_FILENO, "stdout", out->data, out->len, err);
	buf_shrink(out, keep);
	return rc;
}

int
fd_printf(struct err *err, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len, rc;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		return err_set(err, "out of memory");
	rc = fd_write_all(STDOUT_FILENO, "stdout", text, (size_t)len, err);
	free(text);
	return rc;
}

int
fd_nonblock(int fd, bool on, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return err_sys(err, "cannot read descriptor flags");
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(fd, F_SETFL, flags) < 0)
		return err_sys(err, "cannot set descriptor flags");
	return 0;
}

int
fd_wait(int fd, short events, int64_t deadline_ms, struct err *err)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n = poll(&p, 1, clock_poll_ms(deadline_ms));

	if (n < 0 && errno != EINTR)
		return err_sys(err, "cannot poll");
	return n > 0;
}

void
fd_pipe_grow(int fd, int bytes)
{
	if (fcntl(fd, F_GETPIPE_SZ) < bytes)
		(void)fcntl(fd, F_SETPIPE_SZ, bytes);
}

int
fd_unix_connect(const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, "socket name '%s' is over %zu bytes", path,
			sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "cannot make a socket");
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		if (errno == EINTR)
			continue;
		err_sys(err, "cannot connect to '%s'", path);
		close(fd);
		return -1;
	}
	return fd;
}

static int
read_fd(int fd, const char *path, size_t max_bytes, struct buf *out,
	struct err *err)
{
	ssize_t n;
	char *at;

	for (;;) {
		at = buf_room(out, 4096);
		if (!at)
			return err_set(err, "out of memory");
		n = fd_read(fd, at, 4096);
		if (n < 0)
			return err_sys(err, "cannot read '%s'", path);
		if (n == 0)
			return 0;
		buf_advance(out, (size_t)n);
		if (out->len > max_bytes)
			return err_set(
				err, "'%s' is over %zu bytes", path, max_bytes);
	}
}

int
fd_read_file(
	const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	rc = read_fd(fd, path, max_bytes, out, err);
	close(fd);
	return rc;
}

static int
decode_secret(const char *path, struct buf *out, struct err *err)
{
	static const char mark[] = "base64:";
	struct buf raw = {0};
	struct str text = buf_str(out);

	if (!str_starts(text, mark))
		return 0;
	text.data += sizeof(mark) - 1;
	text.len -= sizeof(mark) - 1;
	if (b64_decode(text, &raw) < 0) {
		buf_release(&raw);
		return err_set(err, "'%s' is no base64", path);
	}
	explicit_bzero(out->data, out->len);
	buf_release(out);
	*out = raw;
	return 0;
}

int
fd_read_secret(const char *path, struct buf *out, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0)
		err_sys(err, "cannot stat '%s'", path);
	else if (st.st_mode & 007)
		err_set(err, "'%s' may be read by others: chmod o-rwx", path);
	else
		rc = read_fd(fd, path, SECRET_MAX, out, err);
	close(fd);
	if (rc < 0)
		return -1;
	if (out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	return decode_secret(path, out, err);
}
