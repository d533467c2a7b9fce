/* io/b64.c - see b64.h. */
#include "io/b64.h"

#include <string.h>

static const char std_set[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_set[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
encode(struct str raw, const char *set, bool pad, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)raw.data;
	size_t left = raw.len;
	char *at = buf_room(out, (raw.len + 2) / 3 * 4), *to = at;

	if (!at)
		return;
	for (; left; p += 3) {
		size_t n = left < 3 ? left : 3;
		uint32_t v = (uint32_t)p[0] << 16 |
			     (n > 1 ? (uint32_t)p[1] << 8 : 0) |
			     (n > 2 ? p[2] : 0);

		*to++ = set[v >> 18];
		*to++ = set[v >> 12 & 63];
		if (n > 1 || pad)
			*to++ = n > 1 ? set[v >> 6 & 63] : '=';
		if (n > 2 || pad)
			*to++ = n > 2 ? set[v & 63] : '=';
		left -= n;
	}
	buf_advance(out, (size_t)(to - at));
}

static int
digit(char c, bool url)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (url ? '-' : '+'))
		return 62;
	if (c == (url ? '_' : '/'))
		return 63;
	return -1;
}

/* text without padding; 4n + 1 characters make no whole byte. */
static int
decode(struct str text, bool url, struct buf *out)
{
	uint32_t acc = 0;
	int bits = 0, d;
	size_t i;

	if (text.len % 4 == 1)
		return -1;
	for (i = 0; i < text.len; i++) {
		d = digit(text.data[i], url);
		if (d < 0)
			return -1;
		acc = acc << 6 | (uint32_t)d;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		buf_add_char(out, (char)(acc >> bits & 0xff));
	}
	return acc & ((1u << bits) - 1) ? -1 : 0;
}

void
b64_encode(struct str raw, struct buf *out)
{
	encode(raw, std_set, true, out);
}

void
b64url_encode(struct str raw, struct buf *out)
{
	encode(raw, url_set, false, out);
}

int
b64_decode(struct str text, struct buf *out)
{
	int pads = 0;

	if (text.len % 4)
		return -1;
	while (pads < 2 && text.len && text.data[text.len - 1] == '=') {
		text.len--;
		pads++;
	}
	return decode(text, false, out);
}

int
b64url_decode(struct str text, struct buf *out)
{
	return decode(text, true, out);
}
