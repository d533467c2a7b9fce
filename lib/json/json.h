/*
 * json/json.h - JSON by spans: a strict scanner that checks a whole document
 * once (RFC 8259, UTF-8, no allocation), readers that walk what was checked,
 * and writers that append to a buf. Values are views into the document, so
 * that what is copied is copied byte for byte (a number keeps its digits).
 * Not a tree, not a printer of what it read.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define JSON_DEPTH_MAX 128

enum json_type {
	JSON_NONE, /* not there */
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/* A value inside a scanned document: its type, and its very bytes without the
 * white space around it (a string's with its quotes). Lives as long as they. */
struct json {
	enum json_type type;
	struct str text;
};

/* What is legal but would not survive other readers (chat-record(7)). */
enum json_quirk {
	JSON_NEWLINE = 1,   /* a raw LF or CR between tokens */
	JSON_REPEATED = 2,  /* a key twice in one object, or too many keys in
			     * one object to be sure in bounded time */
	JSON_BIG_INT = 4,   /* an integer outside +-2^53 */
	JSON_SURROGATE = 8, /* half a surrogate pair as \u escape */
	JSON_DEEP = 16,     /* so deep that inside another document it might be
			     * over JSON_DEPTH_MAX */
};

/* ---- scan ------------------------------------------------------------- */

/* Checks that doc is one JSON value with nothing but white space around it.
 * Fills root, and quirks (a set of enum json_quirk; may be NULL). -1 with err
 * ("expected ',' or '}' at byte 17") otherwise. Linear time, no allocation.
 * Refuses: invalid UTF-8 anywhere, depth over JSON_DEPTH_MAX, NUL, BOM. */
int json_scan(struct str doc, struct json *root, unsigned *quirks,
	struct err *err) MUST_CHECK;

/* ---- get: only on values that came out of json_scan() ------------------ */

/* The first member of that name (given unescaped), or type JSON_NONE; also
 * where obj is no object. */
struct json json_get(struct json obj, const char *name);

/* Walks an object or an array: start with json_iter(); json_next() gives
 * false at the end. key is JSON_NONE in arrays, else the key as JSON_STRING. */
struct json_iter {
	struct str rest;
	bool object;
};
struct json_iter json_iter(struct json container);
bool json_next(struct json_iter *it, struct json *key, struct json *value);

/* An integer token (no fraction, no exponent) that fits; false otherwise. */
bool json_i64(struct json value, int64_t *out);
bool json_bool(struct json value, bool *out);

/* A string's text. Without escapes *out views the document; else it is
 * appended to scratch and views that: with one scratch for several strings,
 * reserve first (buf_room) or read one at a time. false where it is no
 * string, holds half a surrogate pair, or memory is out. */
bool json_text(struct json value, struct buf *scratch, struct str *out);

/* The string equals text, without allocation, escapes undone. */
bool json_is(struct json value, const char *text);

/* ---- put --------------------------------------------------------------- */
/*
 * Append to a buf. The comma is put where one is needed, by the last byte that
 * is there: nothing behind '{', '[', ':' and at the start of a line. name is
 * NULL inside arrays and at the top.
 *
 *	json_open(b, NULL, '{'); json_put_i64(b, "roomId", 1); json_close(b, '}');
 */
void json_open(struct buf *b, const char *name, char bracket);
void json_close(struct buf *b, char bracket);
void json_put_str(struct buf *b, const char *name, struct str text);
void json_put_c(struct buf *b, const char *name, const char *text);
void json_put_i64(struct buf *b, const char *name, int64_t n);
void json_put_bool(struct buf *b, const char *name, bool v);
void json_put_null(struct buf *b, const char *name);
/* A value that is JSON already, copied as it stands; but newlines between its
 * tokens become spaces, so that a line stays one. */
void json_put_raw(struct buf *b, const char *name, struct str raw);

#endif
