/* base/str.c - see str.h. */
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct str
str_c(const char *text)
{
	return (struct str){text, text ? strlen(text) : 0};
}

bool
str_eq(struct str a, struct str b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

bool
str_eq_c(struct str a, const char *b)
{
	return str_eq(a, str_c(b));
}

bool
str_case_eq_c(struct str a, const char *b)
{
	size_t len = strlen(b);

	return a.len == len && (!len || !strncasecmp(a.data, b, len));
}

bool
str_starts(struct str s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && !memcmp(s.data, prefix, len);
}

bool
str_ends(struct str s, const char *suffix)
{
	size_t len = strlen(suffix);

	return s.len >= len && !memcmp(s.data + s.len - len, suffix, len);
}

int
str_cmp(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.data, b.data, len) : 0;

	if (order)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool
str_cut(struct str s, char c, struct str *head, struct str *tail)
{
	const char *at = s.len ? memchr(s.data, c, s.len) : NULL;

	if (!at) {
		*head = s;
		*tail = (struct str){NULL, 0};
		return false;
	}
	*head = (struct str){s.data, (size_t)(at - s.data)};
	*tail = (struct str){at + 1, s.len - head->len - 1};
	return true;
}

bool
str_i64(struct str s, int64_t *out)
{
	bool minus = s.len && s.data[0] == '-';
	uint64_t limit = minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	uint64_t n = 0;
	size_t i = minus;

	if (i == s.len || (s.data[i] == '0' && (s.len > i + 1 || minus)))
		return false;
	for (; i < s.len; i++) {
		unsigned digit = (unsigned char)s.data[i] - (unsigned)'0';

		if (digit > 9 || n > (limit - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = minus ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}

/* The forms of RFC 3629 §4: for each first byte the length, and the range of
 * the second byte, which alone rules out overlong forms and surrogates. */
static int
utf8_form(unsigned char c, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c == 0xe0)
		*low = 0xa0;
	if (c == 0xed)
		*high = 0x9f;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	if (c == 0xf0)
		*low = 0x90;
	if (c == 0xf4)
		*high = 0x8f;
	if (c >= 0xf0 && c <= 0xf4)
		return 4;
	return 0;
}

int32_t
str_utf8_next(struct str s, size_t *at)
{
	const unsigned char *p = (const unsigned char *)s.data + *at;
	unsigned char low, high;
	int len, i;
	int32_t point;

	if (*at >= s.len)
		return -1;
	len = utf8_form(p[0], &low, &high);
	if (!len || s.len - *at < (size_t)len)
		return -1;
	if (len == 1) {
		(*at)++;
		return p[0];
	}
	if (p[1] < low || p[1] > high)
		return -1;
	point = p[0] & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		point = point << 6 | (p[i] & 0x3f);
	}
	*at += (size_t)len;
	return point;
}

ssize_t
str_utf8_len(struct str s)
{
	ssize_t count = 0;
	size_t at = 0;

	while (at < s.len) {
		if (str_utf8_next(s, &at) < 0)
			return -1;
		count++;
	}
	return count;
}

struct str
str_utf8_cut(struct str s, size_t max_bytes)
{
	size_t len = max_bytes;

	if (s.len <= max_bytes)
		return s;
	while (len && ((unsigned char)s.data[len] & 0xc0) == 0x80)
		len--;
	return (struct str){s.data, len};
}

char *
str_dup(struct str s)
{
	char *copy = malloc(s.len + 1);

	if (!copy)
		return NULL;
	if (s.len)
		memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	return copy;
}
