/*
 * client/template.h - text with placeholders, cut into parts once and filled in
 * for each message: {room} {user} {n} {id} {sent_us} {token} {stamp} {pad}.
 * Other braces stand for themselves, so that JSON needs no escapes. Pure.
 */
#ifndef CLIENT_TEMPLATE_H
#define CLIENT_TEMPLATE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#define TEMPLATE_PARTS 32

enum template_kind {
	TEMPLATE_TEXT,
	TEMPLATE_ROOM,
	TEMPLATE_USER,
	TEMPLATE_N,	  /* the message's number in this run, from 0 */
	TEMPLATE_ID,	  /* a UUID of its own */
	TEMPLATE_SENT_US, /* when it was due, monotonic microseconds */
	TEMPLATE_TOKEN,
	TEMPLATE_STAMP, /* what receivers find it by: run, number, time */
	TEMPLATE_PAD,
	TEMPLATE_KINDS,
};

struct template
{
	struct {
		enum template_kind kind;
		struct str text; /* views the source */
	} part[TEMPLATE_PARTS];
	size_t count;
};

struct template_values {
	int64_t room, user, n, sent_us;
	uint64_t run; /* random, the same for a whole run */
	struct str token;
	size_t pad; /* bytes of 'x' */
};

/* Borrows text. -1 where it has too many parts. */
int template_parse(
	struct template *template, struct str text, struct err *err) MUST_CHECK;
bool template_has(const struct template *template, enum template_kind kind);
void template_put(const struct template *template, struct buf *out,
	const struct template_values *values);

/* ---- stamps: "~RUN.N.SENT_US~" ------------------------------------------ */

#define STAMP_MARK_MAX 24

/* What every stamp of the run begins with; returns its length. */
size_t stamp_mark(uint64_t run, char mark[STAMP_MARK_MAX]);

/* Finds a stamp of that mark in the text, without parsing anything else. */
bool stamp_find(struct str text, struct str mark, int64_t *n, int64_t *sent_us);

#endif
