/* base/crc.c - see crc.h. */
#include "base/crc.h"

static uint32_t table[256];

static void
fill_table(void)
{
	uint32_t i, bit, c;

	for (i = 0; i < 256; i++) {
		c = i;
		for (bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		table[i] = c;
	}
}

uint32_t
crc32_of(struct str text)
{
	uint32_t c = 0xffffffff;
	size_t i;

	if (!table[1])
		fill_table();
	for (i = 0; i < text.len; i++)
		c = table[(c ^ (unsigned char)text.data[i]) & 0xff] ^ c >> 8;
	return c ^ 0xffffffff;
}
