/*
 * json/escape.h - the escapes of RFC 8259 §7, for the files of lib/json only.
 */
#ifndef JSON_ESCAPE_H
#define JSON_ESCAPE_H

#include "base/base.h"
#include "base/str.h"

/* s.data[*at] is a backslash: gives what the escape stands for (\u pairs of
 * surrogates as one code point; half a pair as the surrogate itself, U+D800 to
 * U+DFFF) and moves *at behind it. -1: it is no escape; *at is unchanged. */
int32_t json_escape_next(struct str s, size_t *at);

static inline bool
json_is_surrogate(int32_t point)
{
	return point >= 0xd800 && point <= 0xdfff;
}

#endif
