/*
 * api/user.h - a user as chat-rooms loads it, {"id":7,"nickname":"Kim",
 * "profileImageUrl":".."}, checked by the tool (which knows the line) and by
 * chat-api again. Pure.
 */
#ifndef API_USER_H
#define API_USER_H

#include "base/base.h"
#include "base/err.h"
#include "json/json.h"

#define USER_NAME_MAX 100 /* code points; for rooms too */

struct user {
	int64_t id;
	struct str nickname;
	struct str image;
	bool image_given; /* a missing one stays what it was */
	bool image_null;
};

/* Views live in value and scratch: reserve there first. */
int user_parse(struct user *out, struct json value, struct buf *scratch,
	struct err *err) MUST_CHECK;

/* A name of a user or room: 1 to 100 code points, not blank, no U+0000. field
 * is what err calls it. */
int user_name(struct str *out, struct json value, const char *field,
	struct buf *scratch, struct err *err) MUST_CHECK;

#endif
