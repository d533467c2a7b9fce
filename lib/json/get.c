/*
 * json/get.c - see json.h. Walks text that json_scan() has found good: it
 * looks for ends, not for faults.
 */
#include <string.h>

#include "json/escape.h"
#include "json/json.h"

static const struct json none = {JSON_NONE, {NULL, 0}};

static size_t
skip_space(struct str s, size_t at)
{
	while (at < s.len && (s.data[at] == ' ' || s.data[at] == '\t' ||
				     s.data[at] == '\n' || s.data[at] == '\r'))
		at++;
	return at;
}

/* at is on the opening quote; gives what is behind the closing one. The first
 * quote is mostly that: none with a backslash before it. */
static size_t
skip_string(struct str s, size_t at)
{
	const char *quote = memchr(s.data + at + 1, '"', s.len - at - 1);

	if (quote && quote[-1] != '\\')
		return (size_t)(quote - s.data) + 1;
	for (at++; s.data[at] != '"'; at++)
		at += s.data[at] == '\\';
	return at + 1;
}

static size_t
skip_container(struct str s, size_t at)
{
	int depth = 0;

	for (;;) {
		switch (s.data[at]) {
		case '"':
			at = skip_string(s, at);
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return at + 1;
			break;
		default:
			break;
		}
		at++;
	}
}

static size_t
skip_plain(struct str s, size_t at)
{
	while (at < s.len && !memchr(",}] \t\r\n", s.data[at], 7))
		at++;
	return at;
}

/* The value at `at`, which is moved behind it. */
static struct json
take(struct str s, size_t *at)
{
	struct json value;
	size_t from = *at;

	switch (s.data[from]) {
	case '{':
		value.type = JSON_OBJECT;
		*at = skip_container(s, from);
		break;
	case '[':
		value.type = JSON_ARRAY;
		*at = skip_container(s, from);
		break;
	case '"':
		value.type = JSON_STRING;
		*at = skip_string(s, from);
		break;
	default:
		value.type = s.data[from] == 'n' ? JSON_NULL
			     : s.data[from] == 't' || s.data[from] == 'f'
				     ? JSON_BOOL
				     : JSON_NUMBER;
		*at = skip_plain(s, from);
	}
	value.text = (struct str){s.data + from, *at - from};
	return value;
}

struct json_iter
json_iter(struct json container)
{
	struct json_iter it = {{NULL, 0}, container.type == JSON_OBJECT};

	if (container.type == JSON_OBJECT || container.type == JSON_ARRAY)
		it.rest = (struct str){
			container.text.data + 1, container.text.len - 2};
	return it;
}

bool
json_next(struct json_iter *it, struct json *key, struct json *value)
{
	struct str s = it->rest;
	size_t at = skip_space(s, 0);

	*key = none;
	if (at == s.len) {
		*value = none;
		return false;
	}
	if (it->object) {
		*key = take(s, &at);
		at = skip_space(s, at) + 1; /* the colon */
		at = skip_space(s, at);
	}
	*value = take(s, &at);
	at = skip_space(s, at);
	if (at < s.len)
		at++; /* the comma */
	it->rest = (struct str){s.data + at, s.len - at};
	return true;
}

struct json
json_get(struct json obj, const char *name)
{
	struct json_iter it = json_iter(obj);
	struct json key, value;

	if (!it.object)
		return none;
	while (json_next(&it, &key, &value))
		if (json_is(key, name))
			return value;
	return none;
}

bool
json_i64(struct json value, int64_t *out)
{
	return value.type == JSON_NUMBER && str_i64(value.text, out);
}

bool
json_bool(struct json value, bool *out)
{
	if (value.type != JSON_BOOL)
		return false;
	*out = value.text.data[0] == 't';
	return true;
}

/* A code point as UTF-8; returns its length. */
static size_t
encode(int32_t point, char out[4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

static struct str
inside(struct json string)
{
	return (struct str){string.text.data + 1, string.text.len - 2};
}

bool
json_text(struct json value, struct buf *scratch, struct str *out)
{
	struct str s;
	size_t at = 0, from;
	const char *slash;
	char *to;
	int32_t point;

	if (value.type != JSON_STRING)
		return false;
	s = inside(value);
	slash = s.len ? memchr(s.data, '\\', s.len) : NULL;
	if (!slash) {
		*out = s;
		return true;
	}
	to = buf_room(scratch, s.len);
	if (!to)
		return false;
	from = scratch->len;
	while (slash) {
		size_t plain = (size_t)(slash - s.data) - at;

		memcpy(to, s.data + at, plain);
		to += plain;
		at += plain;
		point = json_escape_next(s, &at);
		if (json_is_surrogate(point))
			return false;
		to += encode(point, to);
		slash = memchr(s.data + at, '\\', s.len - at);
	}
	memcpy(to, s.data + at, s.len - at);
	to += s.len - at;
	buf_advance(scratch, (size_t)(to - scratch->data) - from);
	*out = (struct str){scratch->data + from, scratch->len - from};
	return true;
}

bool
json_is(struct json value, const char *text)
{
	struct str s, rest = str_c(text);
	size_t at = 0, n;
	char piece[4];

	if (value.type != JSON_STRING)
		return false;
	s = inside(value);
	/* An escape is longer than what it stands for. */
	if (s.len < rest.len)
		return false;
	if (s.len == rest.len && !str_eq(s, rest))
		return false;
	if (!s.len || !memchr(s.data, '\\', s.len))
		return s.len == rest.len;
	while (at < s.len) {
		if (s.data[at] == '\\') {
			n = encode(json_escape_next(s, &at), piece);
		} else {
			piece[0] = s.data[at++];
			n = 1;
		}
		if (rest.len < n || memcmp(rest.data, piece, n) != 0)
			return false;
		rest.data += n;
		rest.len -= n;
	}
	return rest.len == 0;
}
