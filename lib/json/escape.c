/* json/escape.c - see escape.h. */
#include "json/escape.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits of "\uXXXX" that begins at `at`; -1 where it is none. */
static int32_t
unit(struct str s, size_t at)
{
	int32_t n = 0;
	int i, d;

	if (s.len - at < 6 || s.data[at] != '\\' || s.data[at + 1] != 'u')
		return -1;
	for (i = 2; i < 6; i++) {
		d = hex_digit(s.data[at + (size_t)i]);
		if (d < 0)
			return -1;
		n = n << 4 | d;
	}
	return n;
}

static int32_t
unicode(struct str s, size_t *at)
{
	int32_t high = unit(s, *at), low;

	if (high < 0)
		return -1;
	*at += 6;
	if (high < 0xd800 || high > 0xdbff)
		return high;
	low = unit(s, *at);
	if (low < 0xdc00 || low > 0xdfff)
		return high;
	*at += 6;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

int32_t
json_escape_next(struct str s, size_t *at)
{
	int32_t point;

	if (s.len - *at < 2)
		return -1;
	switch (s.data[*at + 1]) {
	case '"':
	case '\\':
	case '/':
		point = s.data[*at + 1];
		break;
	case 'b':
		point = '\b';
		break;
	case 'f':
		point = '\f';
		break;
	case 'n':
		point = '\n';
		break;
	case 'r':
		point = '\r';
		break;
	case 't':
		point = '\t';
		break;
	case 'u':
		return unicode(s, at);
	default:
		return -1;
	}
	*at += 2;
	return point;
}
