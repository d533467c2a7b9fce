/*
 * tests/unit/test-jwt.c - tokens made by another implementation (Python's hmac)
 * are accepted and made alike; the J cases that are about form and signature
 * are refused, and no refusal repeats a byte of the token.
 * links: auth -lcrypto
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/digest.h"
#include "auth/jwt.h"
#include "io/b64.h"

#define SECRET                                                                 \
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
#define PAYLOAD "{\"sub\":\"7\",\"exp\":2000000000}"
#define PAYLOAD64 "eyJzdWIiOiI3IiwiZXhwIjoyMDAwMDAwMDAwfQ"
#define HEADER256 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
#define SIGNATURE256 "qyNU_c2bs1p3h-FC820g7_gCksj5gVAWA9h0SyCMGos"

static const char *const golden[] = {
	[KEY_HS256] = HEADER256 "." PAYLOAD64 "." SIGNATURE256,
	[KEY_HS384] =
		"eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9." PAYLOAD64
		".lRqQETvBwDyOKMkvdmMtUFfRpQEJxK9h80EZZLDCugYkGILk5QfIjseJ2KIX"
		"qCFE",
	[KEY_HS512] =
		"eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9." PAYLOAD64
		".0cUZ4Hb96l6Uun-v-E1HjmLo0-5EQ60tP9lBTEn4OiE5AjOkBFUragR7n8Jx"
		"HFo3p77U80mYn4gdFreF6LOr_A",
};

static void
key_of(struct key *key, size_t bytes)
{
	struct err err;

	assert_int_equal(key_secret(key, (struct str){SECRET, bytes}, &err), 0);
}

/* The text is refused, for that reason. */
static void
refused(const struct key *key, struct str token, const char *why)
{
	struct buf payload = {0};
	struct err err = {{0}};

	assert_int_equal(jwt_verify(key, token, &payload, &err), -1);
	if (strcmp(err.text, why))
		fail_msg("got '%s', want '%s'", err.text, why);
	assert_int_equal(payload.len, 0);
	buf_release(&payload);
}

/* header and payload as text, rightly signed with alg. */
static void
make(struct buf *token, const struct key *key, enum key_alg alg,
	const char *header, const char *payload)
{
	unsigned char signature[KEY_SIGNATURE_MAX];
	struct err err;
	ssize_t len;

	buf_reset(token);
	b64url_encode(str_c(header), token);
	buf_add_char(token, '.');
	b64url_encode(str_c(payload), token);
	len = key_sign(key, alg, buf_str(token), signature, &err);
	assert_true(len > 0);
	buf_add_char(token, '.');
	b64url_encode((struct str){(char *)signature, (size_t)len}, token);
}

static void
accepted(const struct key *key, const char *header)
{
	struct buf token = {0}, payload = {0};
	struct err err = {{0}};

	make(&token, key, KEY_HS256, header, PAYLOAD);
	if (jwt_verify(key, buf_str(&token), &payload, &err) < 0)
		fail_msg("'%s': %s", header, err.text);
	assert_true(str_eq_c(buf_str(&payload), PAYLOAD));
	buf_release(&token);
	buf_release(&payload);
}

static void
header_refused(const char *header, const char *why)
{
	struct buf token = {0};
	struct key key;

	key_of(&key, 64);
	make(&token, &key, KEY_HS256, header, PAYLOAD);
	refused(&key, buf_str(&token), why);
	buf_release(&token);
	key_release(&key);
}

/* ---- keys -------------------------------------------------------------- */

static void
test_golden(void **state)
{
	static const size_t bytes[] = {32, 48, 64};
	struct buf payload = {0}, token = {0};
	struct key key;
	struct err err;
	size_t i;

	for (i = 0; i < 3; i++) {
		key_of(&key, bytes[i]);
		buf_reset(&payload);
		buf_reset(&token);
		assert_int_equal(
			jwt_verify(&key, str_c(golden[i]), &payload, &err), 0);
		assert_true(str_eq_c(buf_str(&payload), PAYLOAD));
		assert_int_equal(jwt_sign(&key, STR(PAYLOAD), &token, &err), 0);
		assert_true(str_eq_c(buf_str(&token), golden[i]));
		key_release(&key);
		assert_null(key.secret.data);
	}
	buf_release(&payload);
	buf_release(&token);
}

/* What stands in the bufs stays before it. */
static void
test_appends(void **state)
{
	struct buf b = {0}, token = {0};
	struct key key;
	struct err err;

	key_of(&key, 32);
	buf_add_c(&b, "x");
	buf_add_c(&token, "Bearer ");
	assert_int_equal(jwt_sign(&key, STR(PAYLOAD), &token, &err), 0);
	assert_true(str_eq_c(jwt_bearer(buf_str(&token)), golden[0]));
	assert_int_equal(
		jwt_verify(&key, jwt_bearer(buf_str(&token)), &b, &err), 0);
	assert_true(str_eq_c(buf_str(&b), "x" PAYLOAD));
	buf_release(&b);
	buf_release(&token);
	key_release(&key);
}

static void
test_lengths(void **state)
{
	static const struct {
		size_t bytes;
		bool hs384, hs512;
		enum key_alg best;
	} rows[] = {{32, false, false, KEY_HS256},
		{47, false, false, KEY_HS256}, {48, true, false, KEY_HS384},
		{63, true, false, KEY_HS384}, {64, true, true, KEY_HS512}};
	unsigned char signature[KEY_SIGNATURE_MAX];
	struct key key;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		key_of(&key, rows[i].bytes);
		assert_true(key_allows(&key, KEY_HS256));
		assert_int_equal(key_allows(&key, KEY_HS384), rows[i].hs384);
		assert_int_equal(key_allows(&key, KEY_HS512), rows[i].hs512);
		assert_int_equal(key_best(&key), rows[i].best);
		assert_int_equal(
			key_sign(&key, KEY_HS512, STR("x"), signature, &err),
			rows[i].hs512 ? 64 : -1);
		key_release(&key);
	}
	/* the stronger key accepts the weaker algorithms too */
	key_of(&key, 64);
	accepted(&key, "{\"alg\":\"HS256\"}");
	key_release(&key);
}

/* J-14 */
static void
test_weak_secret(void **state)
{
	struct buf token = {0};
	struct key key = {0};
	struct err err;

	assert_int_equal(jwt_sign(&key, STR(PAYLOAD), &token, &err), -1);
	assert_string_equal(err.text, "secret is too short for HS256");
	buf_release(&token);

	assert_int_equal(key_secret(&key, (struct str){SECRET, 31}, &err), -1);
	assert_string_equal(
		err.text, "secret has 31 bytes, at least 32 are needed");
	assert_int_equal(key_secret(&key, STR(""), &err), -1);
}

/* J-03 */
static void
test_pem_is_no_secret(void **state)
{
	struct key key;
	struct err err;

	assert_int_equal(
		key_secret(&key,
			STR("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n"
			    "-----END PUBLIC KEY-----\n"),
			&err),
		-1);
	assert_string_equal(err.text, "a PEM is no shared secret");
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
test_load(void **state)
{
	char path[] = "/tmp/test-jwt.XXXXXX";
	int fd = mkstemp(path);
	struct key key;
	struct err err;

	assert_true(fd >= 0);
	close(fd);
	write_file(path, SECRET "\n", 0600);
	assert_int_equal(key_load(&key, path, &err), 0);
	assert_true(str_eq_c(buf_str(&key.secret), SECRET));
	key_release(&key);
	write_file(path,
		"base64:MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=\n", 0600);
	assert_int_equal(key_load(&key, path, &err), 0);
	assert_true(str_eq_c(
		buf_str(&key.secret), "0123456789abcdefghijklmnopqrstuv"));
	key_release(&key);
	write_file(path, "short\n", 0600);
	assert_int_equal(key_load(&key, path, &err), -1);
	assert_non_null(strstr(err.text, "5 bytes"));
	assert_non_null(strstr(err.text, path));
	assert_null(key.secret.data);
	write_file(path, SECRET "\n", 0604);
	assert_int_equal(key_load(&key, path, &err), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(key_load(&key, path, &err), -1);
	assert_non_null(strstr(err.text, "No such file"));
}

static void
test_alg_names(void **state)
{
	enum key_alg alg = KEY_HS256;

	assert_true(key_alg_parse(STR("HS512"), &alg));
	assert_int_equal(alg, KEY_HS512);
	assert_true(key_alg_parse(STR("HS384"), &alg));
	assert_int_equal(alg, KEY_HS384);
	assert_false(key_alg_parse(STR("hs512"), &alg));
	assert_false(key_alg_parse(STR("HS"), &alg));
	assert_false(key_alg_parse(STR(""), &alg));
	assert_string_equal(key_alg_name(KEY_HS256), "HS256");
}

/* ---- tokens ------------------------------------------------------------ */

/* J-01, and what is not three parts. */
static void
test_form(void **state)
{
	static const char *const parts = "token does not have three parts";
	struct buf big = {0};
	struct key key;

	key_of(&key, 32);
	refused(&key, STR(""), "token is empty");
	refused(&key, (struct str){NULL, 0}, "token is empty");
	refused(&key, STR("x"), parts);
	refused(&key, STR("a.b"), parts);
	refused(&key, STR("a.b.c.d"), parts);
	refused(&key, STR("a.b.c.d.e"), parts);
	refused(&key, STR(HEADER256 "." PAYLOAD64 "." SIGNATURE256 "."), parts);
	refused(&key, STR(".."), "token's header is no JSON object");
	refused(&key, STR("!.b.c"), "token's header is no base64url");
	refused(&key, STR(HEADER256 "=." PAYLOAD64 "." SIGNATURE256),
		"token's header is no base64url");
	refused(&key, STR(" " HEADER256 "." PAYLOAD64 "." SIGNATURE256),
		"token's header is no base64url");
	refused(&key, STR(HEADER256 "." PAYLOAD64 "." SIGNATURE256 "\n"),
		"token's signature is no base64url");
	refused(&key, STR(HEADER256 "." PAYLOAD64 "." SIGNATURE256 "="),
		"token's signature is no base64url");
	while (big.len < JWT_MAX + 1)
		buf_add_char(&big, '.');
	refused(&key, buf_str(&big), "token is over 8192 bytes");
	big.len = JWT_MAX;
	refused(&key, buf_str(&big), parts);
	buf_release(&big);
	key_release(&key);
}

/* Every byte of a right token counts. */
static void
test_every_byte(void **state)
{
	struct buf payload = {0};
	struct key key;
	struct err err;
	char token[300];
	size_t i, len = strlen(golden[0]);

	key_of(&key, 32);
	for (i = 0; i < len; i++) {
		strcpy(token, golden[0]);
		token[i] = token[i] == 'A' ? 'B' : 'A';
		assert_int_equal(jwt_verify(&key, (struct str){token, len},
					 &payload, &err),
			-1);
		assert_int_equal(jwt_verify(&key, (struct str){golden[0], i},
					 &payload, &err),
			-1);
	}
	assert_int_equal(payload.len, 0);
	key_release(&key);
	buf_release(&payload);
}

static void
test_signature(void **state)
{
	struct key key, other;
	struct err err;

	key_of(&key, 32);
	refused(&key, STR(HEADER256 "." PAYLOAD64 "."), "signature is wrong");
	/* 31 of the 32 right bytes, and the right ones with one behind */
	refused(&key,
		STR(HEADER256 "." PAYLOAD64
			      ".qyNU_c2bs1p3h-FC820g7_gCksj5gVAWA9h0SyCMGg"),
		"signature is wrong");
	refused(&key,
		STR(HEADER256 "." PAYLOAD64
			      ".qyNU_c2bs1p3h-FC820g7_gCksj5gVAWA9h0SyCMGosA"),
		"signature is wrong");
	/* another payload under the same signature */
	refused(&key, STR(HEADER256 ".eyJzdWIiOiI4In0." SIGNATURE256),
		"signature is wrong");
	assert_int_equal(key_secret(&other,
				 STR("another secret of 32 bytes......"), &err),
		0);
	refused(&other, str_c(golden[0]), "signature is wrong");
	key_release(&key);
	key_release(&other);
}

/* The payload is looked at only once it is known to be ours. */
static void
test_payload_base64(void **state)
{
	unsigned char signature[KEY_SIGNATURE_MAX];
	struct buf token = {0};
	struct key key;
	struct err err;
	ssize_t len;

	key_of(&key, 32);
	refused(&key, STR(HEADER256 ".!!." SIGNATURE256), "signature is wrong");
	buf_add_c(&token, HEADER256 ".!!");
	len = key_sign(&key, KEY_HS256, buf_str(&token), signature, &err);
	buf_add_char(&token, '.');
	b64url_encode((struct str){(char *)signature, (size_t)len}, &token);
	refused(&key, buf_str(&token), "token's payload is no base64url");
	buf_release(&token);
	key_release(&key);
}

/* J-02, J-03, J-18: whatever alg is named, signed as well as may be. */
static void
test_foreign_algs(void **state)
{
	static const char *const why = "token's alg is not one of the key's";
	struct buf token = {0};
	struct key key;

	header_refused("{\"alg\":\"none\"}", why);
	header_refused("{\"alg\":\"None\"}", why);
	header_refused("{\"alg\":\"nOnE\"}", why);
	header_refused("{\"alg\":\"\"}", why);
	header_refused("{\"alg\":\"hs256\"}", why);
	header_refused("{\"alg\":\"HS256 \"}", why);
	header_refused("{\"alg\":\"HS1\"}", why);
	header_refused("{\"alg\":\"RS256\"}", why);
	header_refused("{\"alg\":\"ES256\"}", why);
	header_refused("{\"alg\":\"EdDSA\"}", why);
	header_refused("{\"alg\":\"PS256\"}", why);
	header_refused("{\"alg\":\"HS\\u003256\"}", why);
	header_refused("{\"alg\":256}", "token's header has no alg");
	header_refused("{\"alg\":null}", "token's header has no alg");
	header_refused("{\"alg\":[\"HS256\"]}", "token's header has no alg");
	header_refused("{}", "token's header has no alg");
	/* named rightly, but the secret is too short for it */
	key_of(&key, 32);
	refused(&key, str_c(golden[KEY_HS512]), why);
	refused(&key, str_c(golden[KEY_HS384]), why);
	/* none with an empty signature */
	b64url_encode(STR("{\"alg\":\"none\"}"), &token);
	buf_add_c(&token, "." PAYLOAD64 ".");
	refused(&key, buf_str(&token), why);
	buf_release(&token);
	key_release(&key);
}

/* The signature must be by the named algorithm, not by another of the key's. */
static void
test_alg_and_signature_agree(void **state)
{
	struct buf token = {0};
	struct key key;

	key_of(&key, 64);
	make(&token, &key, KEY_HS256, "{\"alg\":\"HS512\"}", PAYLOAD);
	refused(&key, buf_str(&token), "signature is wrong");
	make(&token, &key, KEY_HS512, "{\"alg\":\"HS256\"}", PAYLOAD);
	refused(&key, buf_str(&token), "signature is wrong");
	buf_release(&token);
	key_release(&key);
}

static void
test_headers(void **state)
{
	static const char *const object = "token's header is no JSON object";
	struct key key;

	key_of(&key, 32);
	/* J-10: not looked at */
	accepted(&key,
		"{\"alg\":\"HS256\",\"jku\":\"http://evil.example/k\","
		"\"x5u\":\"http://evil.example/c\",\"jwk\":{\"kty\":\"oct\"},"
		"\"x5c\":[\"x\"],\"kid\":\"../../dev/null\",\"typ\":\"x\"}");
	accepted(&key, " { \"typ\" : \"JWT\" ,\n \"alg\" : \"HS256\" } ");
	header_refused("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}",
		"token's header has crit");
	header_refused(
		"{\"alg\":\"HS256\",\"crit\":null}", "token's header has crit");
	header_refused("{\"alg\":\"none\",\"alg\":\"HS256\"}", object);
	header_refused("{\"alg\":\"HS256\",\"alg\":\"HS256\"}", object);
	header_refused("[\"HS256\"]", object);
	header_refused("\"HS256\"", object);
	header_refused("{\"alg\":\"HS256\"", object);
	header_refused("{\"alg\":\"HS256\"}{}", object);
	header_refused("{\"alg\":\"HS256\",\"x\":\"\xff\"}", object);
	key_release(&key);
}

static void
test_bearer(void **state)
{
	assert_true(str_eq_c(jwt_bearer(STR("Bearer a.b.c")), "a.b.c"));
	assert_true(str_eq_c(jwt_bearer(STR("bEARER   a.b.c \r\n")), "a.b.c"));
	assert_true(str_eq_c(jwt_bearer(STR(" \ta.b.c\n")), "a.b.c"));
	assert_true(str_eq_c(jwt_bearer(STR("a.b.c")), "a.b.c"));
	assert_true(str_eq_c(jwt_bearer(STR("Basic a")), "Basic a"));
	assert_int_equal(jwt_bearer(STR("Bearer ")).len, 0);
	assert_int_equal(jwt_bearer(STR("Bearer")).len, 0);
	assert_int_equal(jwt_bearer(STR("")).len, 0);
	assert_int_equal(jwt_bearer((struct str){NULL, 0}).len, 0);
}

/* RFC 6455 §1.3 */
static void
test_digest(void **state)
{
	unsigned char out[DIGEST_SHA1_BYTES];
	struct buf b = {0};

	digest_sha1(STR("dGhlIHNhbXBsZSBub25jZQ=="
			"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"),
		out);
	b64_encode((struct str){(char *)out, sizeof(out)}, &b);
	assert_true(str_eq_c(buf_str(&b), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_weak_secret),
		cmocka_unit_test(test_pem_is_no_secret),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_alg_names),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_payload_base64),
		cmocka_unit_test(test_foreign_algs),
		cmocka_unit_test(test_alg_and_signature_agree),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
