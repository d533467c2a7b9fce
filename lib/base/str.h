/*
 * base/str.h - a view of bytes that somebody else owns. Not NUL-terminated,
 * may hold NULs. data may be NULL only where len is 0.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/base.h"

struct str {
	const char *data;
	size_t len;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).data ? (s).data : ""

/* A view of a C string; of NULL: empty. */
struct str str_c(const char *text);
bool str_eq(struct str a, struct str b);
bool str_eq_c(struct str a, const char *b);
bool str_case_eq_c(struct str a, const char *b); /* ASCII only */
bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);
/* memcmp order, the shorter first where one begins the other. */
int str_cmp(struct str a, struct str b);

/* Cuts s at the first c: head gets what is before, tail what is behind it.
 * Where c is missing head is all, tail empty, and false is returned. */
bool str_cut(struct str s, char c, struct str *head, struct str *tail);

/* A whole decimal int64: an optional '-', digits without superfluous zeros,
 * nothing else; false for anything else, and for what does not fit. */
bool str_i64(struct str s, int64_t *out);

/* Counts the code points of UTF-8, or returns -1 where it is none (overlong
 * forms, surrogates and anything over U+10FFFF are refused; RFC 3629). */
ssize_t str_utf8_len(struct str s);

/* The code point at *at, which is moved behind it; -1 where it is no UTF-8. */
int32_t str_utf8_next(struct str s, size_t *at);

/* At most max_bytes of s, cut between characters where s is UTF-8. */
struct str str_utf8_cut(struct str s, size_t max_bytes);

/* A copy with a NUL behind; the caller frees; NULL when out of memory. */
char *str_dup(struct str s) MUST_CHECK;

#endif
