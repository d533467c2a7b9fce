/*
 * auth/jwt.h - tokens in compact form (RFC 7515 §3.1, RFC 7519), strictly:
 * three parts of unpadded base64url, a header that is a JSON object. Knows
 * signatures, not what claims mean (auth/claims.h). Of the header only alg
 * counts, and crit, which is refused; jku, x5u, jwk, x5c are not even looked
 * at. No error holds a byte of the token.
 */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "auth/key.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define JWT_MAX 8192 /* bytes of a token */

/* Checks the signature; then appends the payload's bytes (JSON not yet
 * scanned) to payload. -1 with err otherwise, and nothing is appended;
 * JWT_NO_MEMORY: it may be good. */
#define JWT_NO_MEMORY (-2)
int jwt_verify(const struct key *key, struct str token, struct buf *payload,
	struct err *err) MUST_CHECK;

/* Appends a token of that payload, signed with key_best(). */
int jwt_sign(const struct key *key, struct str payload, struct buf *token,
	struct err *err) MUST_CHECK;

/* A token out of a header's value: without "Bearer " (any case) and the spaces
 * around it; may be empty. */
struct str jwt_bearer(struct str value);

#endif
