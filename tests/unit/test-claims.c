/*
 * tests/unit/test-claims.c - what a payload must say; times to the millisecond.
 * links: auth -lcrypto
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/claims.h"
#include "auth/jwt.h"

#define NOW_MS 1800000000000

static const struct claims_rules plain = {.leeway_ms = CLAIMS_LEEWAY_MS};

static enum claims_result
ask(const struct claims_rules *rules, const char *payload, int64_t now_ms,
	struct claims *claims, struct err *err)
{
	err->text[0] = '\0';
	return claims_check(claims, str_c(payload), rules, now_ms, err);
}

static void
valid(const struct claims_rules *rules, const char *payload)
{
	struct claims claims;
	struct err err;

	if (ask(rules, payload, NOW_MS, &claims, &err) != CLAIMS_OK)
		fail_msg("%s: %s", payload, err.text);
}

static void
invalid(const struct claims_rules *rules, const char *payload, const char *why)
{
	struct claims claims;
	struct err err;

	assert_int_equal(
		ask(rules, payload, NOW_MS, &claims, &err), CLAIMS_INVALID);
	if (strcmp(err.text, why))
		fail_msg("%s: got '%s', want '%s'", payload, err.text, why);
}

/* ---- sub --------------------------------------------------------------- */

static void
user(const char *sub, int64_t want)
{
	struct claims claims;
	struct err err;
	char payload[200];

	snprintf(payload, sizeof(payload), "{\"sub\":%s,\"exp\":1900000000}",
		sub);
	if (want < 0) {
		invalid(&plain, payload, "token's sub is no user id");
		return;
	}
	assert_int_equal(
		ask(&plain, payload, NOW_MS, &claims, &err), CLAIMS_OK);
	assert_int_equal(claims.user_id, want);
	assert_int_equal(claims.expires_ms, 1900000000000);
	assert_int_equal(claims.issued_ms, -1);
}

static void
test_sub(void **state)
{
	user("7", 7);
	user("\"7\"", 7);
	user("\"\\u0037\"", 7);
	user("1", 1);
	user("9007199254740992", 9007199254740992);
	user("\"9007199254740992\"", 9007199254740992);
	user("9007199254740993", -1);
	user("\"9007199254740993\"", -1);
	user("0", -1);
	user("\"0\"", -1);
	user("-1", -1);
	user("\"-1\"", -1);
	user("7.0", -1);
	user("7e0", -1);
	user("\"7.0\"", -1);
	user("\"07\"", -1);
	user("\" 7\"", -1);
	user("\"7 \"", -1);
	user("\"+7\"", -1);
	user("\"\"", -1);
	user("\"seven\"", -1);
	user("null", -1);
	user("true", -1);
	user("[7]", -1);
	user("{\"id\":7}", -1);
	user("99999999999999999999", -1);
	invalid(&plain, "{\"exp\":1900000000}", "token's sub is no user id");
}

/* ---- times ------------------------------------------------------------- */

/* J-06 */
static void
test_exp_forms(void **state)
{
	static const char *const why = "token's exp is no time";

	valid(&plain, "{\"sub\":7,\"exp\":1900000000}");
	valid(&plain, "{\"sub\":7,\"exp\":9007199254740992}");
	invalid(&plain, "{\"sub\":7}", "token has no exp");
	invalid(&plain, "{\"sub\":7,\"exp\":\"1900000000\"}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":1900000000.5}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":1.9e9}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":-1}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":9223372036854775808}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":9223372036854775807}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":9007199254740993}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":null}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":true}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":[1900000000]}", why);
}

static enum claims_result
at(const struct claims_rules *rules, const char *payload, int64_t now_ms)
{
	struct claims claims;
	struct err err;

	return ask(rules, payload, now_ms, &claims, &err);
}

static void
test_expiry(void **state)
{
	static const struct claims_rules strict = {0};
	static const char *const p = "{\"sub\":7,\"exp\":1800000000}";
	struct claims claims;
	struct err err;

	assert_int_equal(at(&plain, p, NOW_MS - 1), CLAIMS_OK);
	assert_int_equal(at(&plain, p, NOW_MS + 4999), CLAIMS_OK);
	assert_int_equal(at(&plain, p, NOW_MS + 5000), CLAIMS_EXPIRED);
	assert_int_equal(at(&plain, p, NOW_MS + 6000), CLAIMS_EXPIRED);
	assert_int_equal(at(&strict, p, NOW_MS - 1), CLAIMS_OK);
	assert_int_equal(at(&strict, p, NOW_MS), CLAIMS_EXPIRED);
	assert_int_equal(
		at(&plain, "{\"sub\":7,\"exp\":0}", NOW_MS), CLAIMS_EXPIRED);
	assert_int_equal(
		ask(&plain, p, NOW_MS + 5000, &claims, &err), CLAIMS_EXPIRED);
	assert_string_equal(err.text, "token has expired");
	assert_int_equal(claims.user_id, 7);
	/* expired, and wrong too: nothing that renewing would mend */
	assert_int_equal(
		at(&plain, "{\"sub\":0,\"exp\":1}", NOW_MS), CLAIMS_INVALID);
}

/* J-07 */
static void
test_not_yet(void **state)
{
	static const char *const nbf =
		"{\"sub\":7,\"exp\":1900000000,\"nbf\":1800000000}";
	static const char *const iat =
		"{\"sub\":7,\"exp\":1900000000,\"iat\":1800000000}";
	struct claims claims;
	struct err err;

	assert_int_equal(at(&plain, nbf, NOW_MS - 5000), CLAIMS_OK);
	assert_int_equal(
		ask(&plain, nbf, NOW_MS - 5001, &claims, &err), CLAIMS_INVALID);
	assert_string_equal(err.text, "token is not valid yet");
	assert_int_equal(
		ask(&plain, iat, NOW_MS - 5000, &claims, &err), CLAIMS_OK);
	assert_int_equal(claims.issued_ms, 1800000000000);
	assert_int_equal(
		ask(&plain, iat, NOW_MS - 5001, &claims, &err), CLAIMS_INVALID);
	assert_string_equal(err.text, "token's iat is in the future");
	invalid(&plain, "{\"sub\":7,\"exp\":1900000000,\"nbf\":\"1\"}",
		"token's nbf is no time");
	invalid(&plain, "{\"sub\":7,\"exp\":1900000000,\"nbf\":1.5}",
		"token's nbf is no time");
	invalid(&plain, "{\"sub\":7,\"exp\":1900000000,\"iat\":-1}",
		"token's iat is no time");
	valid(&plain, "{\"sub\":7,\"exp\":1900000000,\"nbf\":0,\"iat\":0}");
}

/* ---- names ------------------------------------------------------------- */

#define OK "\"sub\":7,\"exp\":1900000000"

/* J-08 */
static void
test_issuer(void **state)
{
	static const struct claims_rules rules = {.issuer = "login"};
	static const char *const why = "token's iss is not 'login'";

	valid(&rules, "{" OK ",\"iss\":\"login\"}");
	invalid(&rules, "{" OK "}", why);
	invalid(&rules, "{" OK ",\"iss\":\"Login\"}", why);
	invalid(&rules, "{" OK ",\"iss\":\"login2\"}", why);
	invalid(&rules, "{" OK ",\"iss\":[\"login\"]}", why);
	invalid(&rules, "{" OK ",\"iss\":null}", why);
	valid(&plain, "{" OK ",\"iss\":\"anybody\"}");
}

static void
test_audience(void **state)
{
	static const struct claims_rules rules = {.audience = "chat"};
	static const char *const why = "token's aud is not 'chat'";

	valid(&rules, "{" OK ",\"aud\":\"chat\"}");
	valid(&rules, "{" OK ",\"aud\":[\"chat\"]}");
	valid(&rules, "{" OK ",\"aud\":[\"x\",\"chat\",\"y\"]}");
	invalid(&rules, "{" OK "}", why);
	invalid(&rules, "{" OK ",\"aud\":\"chats\"}", why);
	invalid(&rules, "{" OK ",\"aud\":[]}", why);
	invalid(&rules, "{" OK ",\"aud\":[\"x\",\"y\"]}", why);
	invalid(&rules, "{" OK ",\"aud\":[[\"chat\"]]}", why);
	invalid(&rules, "{" OK ",\"aud\":[\"chat\",7]}", why);
	invalid(&rules, "{" OK ",\"aud\":{\"chat\":1}}", why);
	invalid(&rules, "{" OK ",\"aud\":7}", why);
	valid(&plain, "{" OK ",\"aud\":\"others\"}");
}

/* J-22: a refresh token has no such claim. */
static void
test_demanded(void **state)
{
	static const struct claims_rules rules = {
		.demanded = {"auth", "device"}, .count = 2};
	static const char *const auth = "token has no claim 'auth'";

	valid(&rules, "{" OK ",\"auth\":\"ROLE_USER\",\"device\":0}");
	valid(&rules, "{" OK ",\"auth\":[],\"device\":false}");
	invalid(&rules, "{" OK "}", auth);
	invalid(&rules, "{" OK ",\"auth\":null,\"device\":1}", auth);
	invalid(&rules, "{" OK ",\"auth\":\"\",\"device\":1}", auth);
	invalid(&rules, "{" OK ",\"Auth\":\"x\",\"device\":1}", auth);
	invalid(&rules, "{" OK ",\"auth\":\"x\"}",
		"token has no claim 'device'");
	invalid(&rules, "{" OK ",\"x\":{\"auth\":\"x\"},\"device\":1}", auth);
}

static void
test_no_object(void **state)
{
	static const char *const why = "token's payload is no JSON object";

	invalid(&plain, "", why);
	invalid(&plain, "7", why);
	invalid(&plain, "[]", why);
	invalid(&plain, "{" OK, why);
	invalid(&plain, "{" OK "}x", why);
	invalid(&plain, "{" OK ",\"sub\":8}", why);
	invalid(&plain, "{" OK ",\"s\\u0075b\":8}", why);
	invalid(&plain, "{" OK ",\"x\":\"\xff\"}", why);
	invalid(&plain, "{\"sub\":7,\"exp\":1900000000,}", why);
	valid(&plain, " {" OK "}\n");
}

/* ---- the whole token --------------------------------------------------- */

static void
test_of_token(void **state)
{
	struct buf token = {0};
	struct claims claims;
	struct key key;
	struct err err;

	assert_int_equal(
		key_secret(&key, STR("0123456789abcdef0123456789abcdef"), &err),
		0);
	assert_int_equal(jwt_sign(&key, STR("{" OK "}"), &token, &err), 0);
	assert_int_equal(claims_of_token(&claims, &key, buf_str(&token), &plain,
				 NOW_MS, &err),
		CLAIMS_OK);
	assert_int_equal(claims.user_id, 7);
	assert_int_equal(claims_of_token(&claims, &key, buf_str(&token), &plain,
				 1900000005000, &err),
		CLAIMS_EXPIRED);
	token.data[token.len - 2] ^= 1;
	assert_int_equal(claims_of_token(&claims, &key, buf_str(&token), &plain,
				 NOW_MS, &err),
		CLAIMS_INVALID);
	assert_string_equal(err.text, "signature is wrong");
	buf_release(&token);
	key_release(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sub),
		cmocka_unit_test(test_exp_forms),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_not_yet),
		cmocka_unit_test(test_issuer),
		cmocka_unit_test(test_audience),
		cmocka_unit_test(test_demanded),
		cmocka_unit_test(test_no_object),
		cmocka_unit_test(test_of_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
