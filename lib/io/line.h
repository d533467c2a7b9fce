/*
 * io/line.h - lines out of a descriptor, with a limit and a deadline.
 *
 *	buf.data |~~~~ given ~~~~|---- unread ----|  room
 *	                         at              buf.len
 *
 * For filters, which have no loop: line_read() waits, line_ready() says
 * whether a whole line is there without waiting ("what is there now" is the
 * batch). Works on blocking and non-blocking descriptors.
 */
#ifndef IO_LINE_H
#define IO_LINE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

enum line_result {
	LINE_ERROR = -1, /* err is filled */
	LINE_EOF = 0,    /* the end; an unfinished last line was given before */
	LINE_OK = 1,
	LINE_TIMEOUT = 2, /* the deadline passed, or a signal came */
	LINE_LONG = 3,    /* over max_bytes: skipped to its end */
};

struct line {
	int fd;
	size_t max_bytes; /* of one line, without its newline */
	struct buf buf;
	size_t at;
	size_t scanned; /* no newline before this offset from at */
	bool eof;
	bool skipping; /* inside a line that is too long */
};

/* Borrows fd. */
void line_init(struct line *line, int fd, size_t max_bytes);
void line_release(struct line *line);

/* The next line without its newline; borrowed until the next call. An
 * unfinished line before the end of the input counts as a line. */
enum line_result line_read(struct line *line, struct str *out,
	int64_t deadline_ms, struct err *err) MUST_CHECK;

/* A whole line waits in the buffer or can be read at once. */
bool line_ready(struct line *line);

#endif
