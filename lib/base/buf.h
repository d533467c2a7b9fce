/*
 * base/buf.h - bytes that grow; the only growable there is.
 *
 *	data |######## len ########|---- room ----| cap
 *
 * All zero is a valid empty buf. Out of memory is sticky: the buf becomes
 * `bad`, takes nothing more, and who is about to use it asks once, buf_bad().
 * A bad buf is empty; buf_reset() and buf_release() make it good again.
 * There is always a NUL behind data[len] where data is not NULL; it does not
 * count. Appending may move data: views into a buf die with the next append.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/base.h"
#include "base/str.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	bool bad;
};

/* Frees the storage; the buf is empty and usable again. */
void buf_release(struct buf *buf);
/* Empties it, and keeps the storage for the next use. */
void buf_reset(struct buf *buf);
/* Keeps the storage only where it is at most max_bytes; for bufs that once
 * held something large. The content is dropped. */
void buf_shrink(struct buf *buf, size_t max_bytes);

/* Room for n bytes behind len; returns where they go, NULL when bad. The
 * caller writes there and calls buf_advance(). */
char *buf_room(struct buf *buf, size_t n);
void buf_advance(struct buf *buf, size_t n);

void buf_add(struct buf *buf, const void *data, size_t len);
void buf_add_str(struct buf *buf, struct str s);
void buf_add_c(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_i64(struct buf *buf, int64_t n);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);

/* A JSON string with its quotes: escapes '"', '\' and control characters
 * only (RFC 8259 §7); bytes that are no UTF-8 become U+FFFD. */
void buf_add_json(struct buf *buf, struct str s);

/* Drops the first n bytes, n <= len, and moves the rest down. */
void buf_consume(struct buf *buf, size_t n);

static inline bool
buf_bad(const struct buf *buf)
{
	return buf->bad;
}

static inline struct str
buf_str(const struct buf *buf)
{
	return (struct str){buf->data, buf->len};
}

#endif
