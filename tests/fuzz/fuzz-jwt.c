/* links: auth -lcrypto */
/*
 * As a token: what is accepted is, byte for byte, what signing its own text
 * gives. As a header, and as a payload, rightly signed: accepted only with an
 * algorithm of the key's, a user in range and a time to come; and no refusal
 * repeats eight bytes of the input.
 */
#include <assert.h>
#include <string.h>

#include "auth/claims.h"
#include "auth/jwt.h"
#include "io/b64.h"
#include "json/json.h"

#define SECRET "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL" /* 48 */
#define NOW_MS 1800000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct key key;

static void
add_signature(struct buf *token, enum key_alg alg)
{
	unsigned char signature[KEY_SIGNATURE_MAX];
	ssize_t len = key_sign(&key, alg, buf_str(token), signature, NULL);

	assert(len > 0);
	buf_add_char(token, '.');
	b64url_encode((struct str){(char *)signature, (size_t)len}, token);
}

/* What an input may have in common with a refusal: our own words. */
static const char own[] =
	"token's header is no JSON object|token's payload is no JSON object|"
	"token's header is no base64url|token's payload is no base64url|"
	"token's signature is no base64url|token does not have three parts|"
	"token is over 8192 bytes|token is empty|token's header has crit|"
	"token's header has no alg|token's alg is not one of the key's|"
	"signature is wrong|token's sub is no user id|token's exp is no time|"
	"token's nbf is no time|token's iat is no time|token has no exp|"
	"token's iat is in the future|token is not valid yet|token has expired";

static void
check_silent(struct str input, const struct err *err)
{
	size_t i;

	for (i = 0; i + 8 <= input.len; i++)
		if (memmem(err->text, strlen(err->text), input.data + i, 8))
			assert(memmem(own, sizeof(own) - 1, input.data + i, 8));
}

static void
as_token(struct str token)
{
	struct buf payload = {0}, again = {0};
	struct err err;
	const char *dot =
		token.len ? memrchr(token.data, '.', token.len) : NULL;
	bool same = false;
	int alg;

	if (jwt_verify(&key, token, &payload, &err) == 0) {
		for (alg = KEY_HS256; alg <= KEY_HS384; alg++) {
			buf_reset(&again);
			buf_add(&again, token.data, (size_t)(dot - token.data));
			add_signature(&again, alg);
			same = same || str_eq(buf_str(&again), token);
		}
		assert(same);
	} else {
		check_silent(token, &err);
	}
	buf_release(&payload);
	buf_release(&again);
}

static void
as_header(struct str header)
{
	struct buf token = {0}, payload = {0};
	struct json root;

	b64url_encode(header, &token);
	buf_add_c(&token, ".e30");
	add_signature(&token, KEY_HS384);
	if (jwt_verify(&key, buf_str(&token), &payload, NULL) == 0) {
		assert(str_eq_c(buf_str(&payload), "{}"));
		assert(json_scan(header, &root, NULL, NULL) == 0);
		assert(json_is(json_get(root, "alg"), "HS384"));
	}
	buf_release(&token);
	buf_release(&payload);
}

static void
as_payload(struct str payload)
{
	static const struct claims_rules rules = {
		.leeway_ms = CLAIMS_LEEWAY_MS};
	struct claims claims;
	struct err err;

	switch (claims_check(&claims, payload, &rules, NOW_MS, &err)) {
	case CLAIMS_OK:
		assert(claims.user_id >= 1 && claims.user_id <= CLAIMS_ID_MAX);
		assert(claims.expires_ms > NOW_MS - CLAIMS_LEEWAY_MS);
		assert(claims.issued_ms <= NOW_MS + CLAIMS_LEEWAY_MS);
		break;
	case CLAIMS_EXPIRED:
		assert(claims.expires_ms <= NOW_MS - CLAIMS_LEEWAY_MS);
		break;
	case CLAIMS_NO_MEMORY:
		break;
	case CLAIMS_INVALID:
		check_silent(payload, &err);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = {(const char *)data, size};

	if (!key.secret.len)
		assert(key_secret(&key, STR(SECRET), NULL) == 0);
	as_token(input);
	as_payload(input);
	if (size <= JWT_MAX / 2)
		as_header(input);
	(void)jwt_bearer(input);
	return 0;
}
