/* json/put.c - see json.h. */
#include <string.h>

#include "json/json.h"

static bool
wants_comma(const struct buf *b)
{
	switch (b->len ? b->data[b->len - 1] : '\n') {
	case '{':
	case '[':
	case ':':
	case '\n':
		return false;
	default:
		return true;
	}
}

static void
begin(struct buf *b, const char *name)
{
	if (wants_comma(b))
		buf_add_char(b, ',');
	if (!name)
		return;
	buf_add_json(b, str_c(name));
	buf_add_char(b, ':');
}

void
json_open(struct buf *b, const char *name, char bracket)
{
	begin(b, name);
	buf_add_char(b, bracket);
}

void
json_close(struct buf *b, char bracket)
{
	buf_add_char(b, bracket);
}

void
json_put_str(struct buf *b, const char *name, struct str text)
{
	begin(b, name);
	buf_add_json(b, text);
}

void
json_put_c(struct buf *b, const char *name, const char *text)
{
	json_put_str(b, name, str_c(text));
}

void
json_put_i64(struct buf *b, const char *name, int64_t n)
{
	begin(b, name);
	buf_add_i64(b, n);
}

void
json_put_bool(struct buf *b, const char *name, bool v)
{
	json_put_raw(b, name, v ? STR("true") : STR("false"));
}

void
json_put_null(struct buf *b, const char *name)
{
	json_put_raw(b, name, STR("null"));
}

/* A raw newline in JSON stands between tokens only: a space says the same. */
static void
join_lines(char *data, size_t len, char newline)
{
	char *at;

	while (len && (at = memchr(data, newline, len))) {
		*at++ = ' ';
		len -= (size_t)(at - data);
		data = at;
	}
}

void
json_put_raw(struct buf *b, const char *name, struct str raw)
{
	begin(b, name);
	buf_add_str(b, raw);
	if (buf_bad(b))
		return;
	join_lines(b->data + b->len - raw.len, raw.len, '\n');
	join_lines(b->data + b->len - raw.len, raw.len, '\r');
}
