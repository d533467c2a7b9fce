/*
 * auth/claims.h - what a token's payload must say, and what it says: sub (the
 * numeric user id), exp, nbf, iat, iss, aud, and claims that are demanded. No
 * error holds a byte of the token. Told the time.
 */
#ifndef AUTH_CLAIMS_H
#define AUTH_CLAIMS_H

#include "auth/key.h"
#include "base/base.h"
#include "base/err.h"
#include "base/str.h"

#define CLAIMS_LEEWAY_MS 5000
#define CLAIMS_ID_MAX 0x20000000000000 /* 2^53 */
#define CLAIMS_DEMANDED_MAX 16

/* All zero: only sub and exp are demanded, without leeway. */
struct claims_rules {
	const char *issuer;   /* NULL: iss is not looked at */
	const char *audience; /* NULL: aud is not looked at */
	const char *demanded[CLAIMS_DEMANDED_MAX]; /* there, not null or "" */
	size_t count;
	int64_t leeway_ms; /* CLAIMS_LEEWAY_MS */
};

struct claims {
	int64_t user_id;    /* 1..2^53 */
	int64_t expires_ms; /* wall; the leeway not added */
	int64_t issued_ms;  /* -1: no iat */
};

enum claims_result {
	CLAIMS_OK = 0,
	CLAIMS_INVALID = -1,
	CLAIMS_EXPIRED = -2,   /* otherwise right: renew it */
	CLAIMS_NO_MEMORY = -3, /* it may be good: ask again */
};

/* Reads a payload. Valid while now_ms < exp + leeway, and now_ms >= nbf and
 * iat less leeway. exp, nbf and iat are integers of seconds; sub is a number or
 * a decimal string. A key twice is refused. */
enum claims_result claims_check(struct claims *out, struct str payload,
	const struct claims_rules *rules, int64_t now_ms,
	struct err *err) MUST_CHECK;

/* jwt_verify() and claims_check() in one: what a server asks of a token. */
enum claims_result claims_of_token(struct claims *out, const struct key *key,
	struct str token, const struct claims_rules *rules, int64_t now_ms,
	struct err *err) MUST_CHECK;

#endif
