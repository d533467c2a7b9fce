/*
 * wire/hello.h - the first line each way, and control lines. Pure.
 *
 * {"hello":"chat/1","from":"chat-store","maxLine":1048576}
 * {"control":"assigned","positions":[{"topic":..,"partition":0,"offset":5}]}
 * {"control":"revoked","positions":[..]}
 * {"control":"ready"}
 */
#ifndef WIRE_HELLO_H
#define WIRE_HELLO_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

#define HELLO_PROTOCOL "chat/1"

struct hello {
	struct str from;
	int64_t max_line;
};

/* Appends the line. */
void hello_print(struct buf *out, const char *from, int64_t max_line);
/* -1 for what is no hello, or another major version (both are named). */
int hello_parse(struct hello *out, struct str line, struct err *err) MUST_CHECK;

enum control_kind { CONTROL_ASSIGNED, CONTROL_REVOKED, CONTROL_READY };

struct position {
	struct str topic;
	int32_t partition;
	int64_t offset; /* -1: none */
	int64_t end;	/* compacted topics: ready waits for it; -1: none */
};

/* Appends the line. */
void control_print(struct buf *out, enum control_kind kind,
	const struct position *positions, size_t count);

/* 1: it is a control line, kind and iterator set; 0: it is something else;
 * -1: a broken control line. */
int control_parse(struct str line, enum control_kind *kind,
	struct json_iter *positions, struct err *err) MUST_CHECK;
/* The next position; false at the end. Scanning was done by control_parse. */
bool control_next(struct json_iter *positions, struct position *out);

#endif
