/*
 * audit/names.h - texts that stand for themselves by a number: workers, topics,
 * and clientMessageIds of no known form; and who a message is.
 */
#ifndef AUDIT_NAMES_H
#define AUDIT_NAMES_H

#include "audit/table.h"
#include "base/buf.h"
#include "json/json.h"

struct names {
	char **text; /* NUL-terminated */
	size_t count, cap;
	struct table table;
};

void names_release(struct names *names);
/* Its number, a new one where it was not known; TABLE_NONE: out of memory. */
uint32_t names_number(struct names *names, struct str text) MUST_CHECK;

/* A clientMessageId: a UUID in any case, an int64 (42 and "42" are one), or any
 * other text, which is kept in names. */
enum ident_kind { IDENT_NONE, IDENT_UUID, IDENT_NUMBER, IDENT_TEXT };
struct ident {
	uint64_t hi, lo;
	uint32_t kind;
};
/* False: it is neither text nor an integer; or out of memory. */
bool ident_of_json(struct names *names, struct json token, struct ident *out);
bool ident_of_text(struct names *names, struct str text, struct ident *out);
void ident_print(
	struct buf *out, const struct names *names, const struct ident *ident);

/* What a message is known by. */
struct key {
	int64_t room_id, sender_id;
	struct ident id;
};
uint64_t key_hash(const struct key *key);
bool key_same(const struct key *a, const struct key *b);

#endif
