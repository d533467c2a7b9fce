/* base/buf.c - see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 128

void
buf_release(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}

void
buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->bad = false;
	if (buf->data)
		buf->data[0] = '\0';
}

void
buf_shrink(struct buf *buf, size_t max_bytes)
{
	if (buf->cap > max_bytes)
		buf_release(buf);
	else
		buf_reset(buf);
}

static char *
fail(struct buf *buf)
{
	buf_release(buf);
	buf->bad = true;
	return NULL;
}

char *
buf_room(struct buf *buf, size_t n)
{
	size_t need, cap;
	char *data;

	if (buf->bad)
		return NULL;
	if (n >= SIZE_MAX / 2 - buf->len)
		return fail(buf);
	need = buf->len + n + 1;
	if (need <= buf->cap)
		return buf->data + buf->len;
	cap = buf->cap ? buf->cap : BUF_FIRST;
	while (cap < need)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (!data)
		return fail(buf);
	buf->data = data;
	buf->cap = cap;
	return data + buf->len;
}

void
buf_advance(struct buf *buf, size_t n)
{
	buf->len += n;
	buf->data[buf->len] = '\0';
}

void
buf_add(struct buf *buf, const void *data, size_t len)
{
	char *at = buf_room(buf, len);

	if (!at)
		return;
	if (len)
		memcpy(at, data, len);
	buf_advance(buf, len);
}

void
buf_add_str(struct buf *buf, struct str s)
{
	buf_add(buf, s.data, s.len);
}

void
buf_add_c(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void
buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void
buf_add_i64(struct buf *buf, int64_t n)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (n < 0)
		*--at = '-';
	buf_add(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void
buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;
	char *at;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0) {
		fail(buf);
		return;
	}
	at = buf_room(buf, (size_t)len);
	if (!at)
		return;
	va_start(ap, fmt);
	vsnprintf(at, (size_t)len + 1, fmt, ap);
	va_end(ap);
	buf_advance(buf, (size_t)len);
}

static void
add_escape(struct buf *buf, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char out[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	switch (c) {
	case '"':
	case '\\':
		out[1] = (char)c;
		break;
	case '\n':
		out[1] = 'n';
		break;
	case '\r':
		out[1] = 'r';
		break;
	case '\t':
		out[1] = 't';
		break;
	default:
		buf_add(buf, out, 6);
		return;
	}
	buf_add(buf, out, 2);
}

void
buf_add_json(struct buf *buf, struct str s)
{
	size_t at = 0, from = 0, before;

	buf_add_char(buf, '"');
	while (at < s.len) {
		unsigned char c = (unsigned char)s.data[at];

		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
			at++;
			continue;
		}
		before = at;
		if (c >= 0x80 && str_utf8_next(s, &at) >= 0)
			continue;
		buf_add(buf, s.data + from, before - from);
		if (c >= 0x80)
			buf_add_c(buf, "\xef\xbf\xbd");
		else
			add_escape(buf, c);
		from = at = before + 1;
	}
	if (at > from)
		buf_add(buf, s.data + from, at - from);
	buf_add_char(buf, '"');
}

void
buf_consume(struct buf *buf, size_t n)
{
	if (!n)
		return;
	memmove(buf->data, buf->data + n, buf->len - n);
	buf->len -= n;
	buf->data[buf->len] = '\0';
}
