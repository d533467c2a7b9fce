/*
 * auth/key.h - what tokens are signed and checked with: a secret shared with
 * the login service (HS256, HS384, HS512). The key says which algorithms are
 * its own; what a token says of itself never widens that (J-02, J-03).
 */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum key_alg { KEY_HS256, KEY_HS384, KEY_HS512, KEY_ALGS };

#define KEY_SECRET_MIN 32 /* bytes: RFC 7518 §3.2, for HS256; 48, 64 */
#define KEY_SIGNATURE_MAX 64

struct key {
	struct buf secret; /* owned, wiped by key_release() */
};

/* From a file (fd_read_secret(): raw bytes less one trailing newline, or
 * "base64:.."; not readable by others). Refused: under 32 bytes, and a PEM,
 * which is no secret. */
int key_load(struct key *key, const char *path, struct err *err) MUST_CHECK;
/* From memory, copied. */
int key_secret(struct key *key, struct str secret, struct err *err) MUST_CHECK;
void key_release(struct key *key);

/* By JWA name ("HS256", exact case); false for others. */
bool key_alg_parse(struct str name, enum key_alg *out);
const char *key_alg_name(enum key_alg alg);
/* The key's own: the secret is long enough for it. */
bool key_allows(const struct key *key, enum key_alg alg);
/* The strongest of its own: what the login service's library picks. */
enum key_alg key_best(const struct key *key);

/* Signs text; returns the signature's length, -1 with err. */
ssize_t key_sign(const struct key *key, enum key_alg alg, struct str text,
	unsigned char signature[KEY_SIGNATURE_MAX], struct err *err) MUST_CHECK;
/* 0 where the signature is text's; compares in constant time (J-23). */
int key_verify(const struct key *key, enum key_alg alg, struct str text,
	struct str signature, struct err *err) MUST_CHECK;

#endif
