/*
 * json/scan.c - see json.h. One pass, no recursion: what is open stands in a
 * stack of JSON_DEPTH_MAX, and the hashes of the keys of all open objects in
 * another, an object's behind those of the one around it.
 */
#include <string.h>

#include "json/escape.h"
#include "json/json.h"

#define KEYS_MAX 1024	/* of all open objects together */
#define KEYS_OF_ONE 256 /* each is compared with all before it */
#define DEEP (JSON_DEPTH_MAX - 8)

enum state { VALUE, FIRST_VALUE, KEY, FIRST_KEY, AFTER, FAILED };

struct scan {
	struct str doc;
	size_t at;
	struct err *err;
	unsigned quirks;
	bool want_quirks;
	int depth;
	char open[JSON_DEPTH_MAX];
	uint16_t first_key[JSON_DEPTH_MAX];
	uint16_t keys;
	uint64_t hash[KEYS_MAX];
};

static enum state
fail(struct scan *s, const char *what)
{
	err_set(s->err, "%s at byte %zu", what, s->at);
	return FAILED;
}

static int
peek(const struct scan *s)
{
	return s->at < s->doc.len ? (unsigned char)s->doc.data[s->at] : -1;
}

static int
skip_space(struct scan *s)
{
	int c;

	for (;; s->at++) {
		c = peek(s);
		if (c == '\n' || c == '\r')
			s->quirks |= JSON_NEWLINE;
		else if (c != ' ' && c != '\t')
			return c;
	}
}

/* Over what stands for itself: most of any string. */
static size_t
skip_plain(struct str doc, size_t at)
{
	while (at < doc.len) {
		unsigned char c = (unsigned char)doc.data[at];

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
		at++;
	}
	return at;
}

/* s->at is on the opening quote; it is moved behind the closing one. */
static int
string(struct scan *s, bool *escaped)
{
	int32_t point;
	int c;

	*escaped = false;
	s->at++;
	for (;;) {
		s->at = skip_plain(s->doc, s->at);
		c = peek(s);
		if (c == '"') {
			s->at++;
			return 0;
		} else if (c == '\\') {
			point = json_escape_next(s->doc, &s->at);
			if (point < 0)
				break;
			if (json_is_surrogate(point))
				s->quirks |= JSON_SURROGATE;
			*escaped = true;
		} else if (c < 0x20 || str_utf8_next(s->doc, &s->at) < 0) {
			break;
		}
	}
	fail(s, c == -1	    ? "unfinished string"
		: c == '\\' ? "no such escape"
		: c < 0x20  ? "control character"
			    : "invalid UTF-8");
	return -1;
}

static bool
digits(struct scan *s)
{
	size_t from = s->at;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at > from;
}

/* An integer's digits, without its sign, are over 2^53. */
static bool
is_big(struct str number)
{
	struct str limit = STR("9007199254740992");

	if (number.len != limit.len)
		return number.len > limit.len;
	return str_cmp(number, limit) > 0;
}

/* What may stand behind the integer part: 1 there is something, 0 nothing,
 * -1 it is broken. */
static int
fraction_and_exponent(struct scan *s)
{
	size_t from = s->at;

	if (peek(s) == '.') {
		s->at++;
		if (!digits(s))
			return -1;
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		if (!digits(s))
			return -1;
	}
	return s->at > from;
}

static enum state
number(struct scan *s)
{
	struct str integer;
	size_t from;
	int more;

	if (peek(s) == '-')
		s->at++;
	from = s->at;
	if (!digits(s))
		return fail(s, "expected a digit");
	integer = (struct str){s->doc.data + from, s->at - from};
	if (integer.data[0] == '0' && integer.len > 1)
		return fail(s, "a number that begins with 0");
	more = fraction_and_exponent(s);
	if (more < 0)
		return fail(s, "expected a digit");
	if (!more && is_big(integer))
		s->quirks |= JSON_BIG_INT;
	return AFTER;
}

static enum state
literal(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if (s->doc.len - s->at < len ||
		memcmp(s->doc.data + s->at, word, len) != 0)
		return fail(s, "expected a value");
	s->at += len;
	return AFTER;
}

static uint64_t
hash_byte(uint64_t hash, int32_t c)
{
	return (hash ^ (uint32_t)c) * 0x100000001b3u;
}

/* FNV-1a over the code points, so that "a" and "\u0061" are one key. Two keys
 * with one hash count as repeated: that costs a copy as text, nothing else. */
static uint64_t
hash_key(struct str key, bool escaped)
{
	uint64_t hash = 0xcbf29ce484222325u;
	size_t at = 0;

	while (at < key.len) {
		unsigned char c = (unsigned char)key.data[at];

		if (escaped && c == '\\') {
			hash = hash_byte(hash, json_escape_next(key, &at));
		} else if (c < 0x80) {
			hash = hash_byte(hash, c);
			at++;
		} else {
			hash = hash_byte(hash, str_utf8_next(key, &at));
		}
	}
	return hash;
}

static void
note_key(struct scan *s, struct str key, bool escaped)
{
	uint16_t i = s->first_key[s->depth - 1];
	uint64_t hash;

	if (s->quirks & JSON_REPEATED)
		return;
	if (s->keys == KEYS_MAX || s->keys - i == KEYS_OF_ONE) {
		s->quirks |= JSON_REPEATED;
		return;
	}
	hash = hash_key(key, escaped);
	for (; i < s->keys; i++)
		if (s->hash[i] == hash)
			s->quirks |= JSON_REPEATED;
	s->hash[s->keys++] = hash;
}

static enum state
key_and_colon(struct scan *s)
{
	size_t from = s->at + 1;
	bool escaped;

	if (string(s, &escaped) < 0)
		return FAILED;
	if (s->want_quirks)
		note_key(s, (struct str){s->doc.data + from, s->at - from - 1},
			escaped);
	if (skip_space(s) != ':')
		return fail(s, "expected ':'");
	s->at++;
	return VALUE;
}

static enum state
push(struct scan *s, int c)
{
	if (s->depth == JSON_DEPTH_MAX)
		return fail(s, "nested too deep");
	s->open[s->depth] = (char)c;
	s->first_key[s->depth++] = s->keys;
	if (s->depth > DEEP)
		s->quirks |= JSON_DEEP;
	s->at++;
	return c == '{' ? FIRST_KEY : FIRST_VALUE;
}

static enum state
pop(struct scan *s)
{
	s->at++;
	s->keys = s->first_key[--s->depth];
	return AFTER;
}

static enum state
value(struct scan *s, int c)
{
	bool escaped;

	switch (c) {
	case '{':
	case '[':
		return push(s, c);
	case '"':
		return string(s, &escaped) < 0 ? FAILED : AFTER;
	case 't':
		return literal(s, "true");
	case 'f':
		return literal(s, "false");
	case 'n':
		return literal(s, "null");
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return number(s);
		return fail(s, "expected a value");
	}
}

static enum state
after(struct scan *s, int c)
{
	bool object = s->open[s->depth - 1] == '{';

	if (c == ',') {
		s->at++;
		return object ? KEY : VALUE;
	}
	if (c == (object ? '}' : ']'))
		return pop(s);
	return fail(s, object ? "expected ',' or '}'" : "expected ',' or ']'");
}

static enum state
step(struct scan *s, enum state state, int c)
{
	switch (state) {
	case FIRST_VALUE:
		return c == ']' ? pop(s) : value(s, c);
	case FIRST_KEY:
		if (c == '}')
			return pop(s);
		/* fall through */
	case KEY:
		return c == '"' ? key_and_colon(s) : fail(s, "expected a key");
	case AFTER:
		return after(s, c);
	default:
		return value(s, c);
	}
}

static enum json_type
type_of(char c)
{
	switch (c) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

int
json_scan(struct str doc, struct json *root, unsigned *quirks, struct err *err)
{
	struct scan s;
	enum state state = VALUE;
	size_t from, end;

	s.doc = doc;
	s.at = 0;
	s.err = err;
	s.quirks = 0;
	s.want_quirks = quirks != NULL;
	s.depth = 0;
	s.keys = 0;
	skip_space(&s);
	from = s.at;
	do {
		state = step(&s, state, skip_space(&s));
		if (state == FAILED)
			return -1;
	} while (state != AFTER || s.depth);
	end = s.at;
	if (skip_space(&s) != -1) {
		fail(&s, "something behind the value");
		return -1;
	}
	root->text = (struct str){doc.data + from, end - from};
	root->type = type_of(doc.data[from]);
	if (quirks)
		*quirks = s.quirks;
	return 0;
}
