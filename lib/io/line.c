/* io/line.c - see line.h. */
#include "io/line.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/fd.h"

#define READ_BYTES 65536

void
line_init(struct line *line, int fd, size_t max_bytes)
{
	*line = (struct line){.fd = fd, .max_bytes = max_bytes};
}

void
line_release(struct line *line)
{
	buf_release(&line->buf);
}

/* What was given goes, so that the buffer holds only what is unread. */
static void
compact(struct line *line)
{
	buf_consume(&line->buf, line->at);
	line->at = 0;
}

/* Takes a line out of the buffer: LINE_OK, LINE_LONG, or LINE_TIMEOUT where
 * no whole one is there. */
static enum line_result
take(struct line *line, struct str *out)
{
	const char *from = line->buf.data ? line->buf.data + line->at : "";
	size_t have = line->buf.len - line->at, len;
	const char *end = NULL;
	bool too_long;

	if (have > line->scanned)
		end = memchr(from + line->scanned, '\n', have - line->scanned);
	if (!end && !(line->eof && have)) {
		line->scanned = have;
		if (have <= line->max_bytes)
			return LINE_TIMEOUT;
		line->skipping = true;
		line->at = line->buf.len;
		line->scanned = 0;
		return LINE_TIMEOUT;
	}
	len = end ? (size_t)(end - from) : have;
	too_long = line->skipping || len > line->max_bytes;
	line->at += len + (end != NULL);
	line->scanned = 0;
	line->skipping = false;
	*out = (struct str){from, len};
	return too_long ? LINE_LONG : LINE_OK;
}

/* One read: 1 got some or the end, 0 nothing there, -1 err. */
static int
fill(struct line *line, struct err *err)
{
	ssize_t n;
	char *room;

	compact(line);
	room = buf_room(&line->buf, READ_BYTES);
	if (!room)
		return err_set(err, "out of memory");
	n = read(line->fd, room, READ_BYTES);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return err_sys(err, "cannot read");
	if (n == 0)
		line->eof = true;
	else
		buf_advance(&line->buf, (size_t)n);
	return 1;
}

enum line_result
line_read(struct line *line, struct str *out, int64_t deadline_ms,
	struct err *err)
{
	enum line_result got;
	int ready;

	for (;;) {
		got = take(line, out);
		if (got != LINE_TIMEOUT)
			return got;
		if (line->eof && line->skipping) {
			line->skipping = false;
			return LINE_LONG;
		}
		if (line->eof)
			return LINE_EOF;
		ready = fd_wait(line->fd, POLLIN, deadline_ms, err);
		if (ready < 0)
			return LINE_ERROR;
		if (!ready)
			return LINE_TIMEOUT;
		if (fill(line, err) < 0)
			return LINE_ERROR;
	}
}

bool
line_ready(struct line *line)
{
	struct err err;
	const char *from;

	for (;;) {
		from = line->buf.data ? line->buf.data + line->at : "";
		if (memchr(from, '\n', line->buf.len - line->at))
			return true;
		if (line->eof || line->buf.len - line->at > line->max_bytes)
			return line->buf.len > line->at;
		if (fd_wait(line->fd, POLLIN, 0, &err) <= 0)
			return false;
		if (fill(line, &err) <= 0)
			return false;
	}
}
