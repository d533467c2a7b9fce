/* auth/claims.c - see claims.h. */
#include "auth/claims.h"

#include "auth/jwt.h"
#include "base/buf.h"
#include "json/json.h"

static enum claims_result
read_user(struct json payload, int64_t *out, struct err *err)
{
	struct json sub = json_get(payload, "sub");
	struct buf scratch = {0};
	struct str text;
	bool ok, no_memory;

	if (sub.type == JSON_STRING)
		ok = json_text(sub, &scratch, &text) && str_i64(text, out);
	else
		ok = json_i64(sub, out);
	no_memory = buf_bad(&scratch);
	buf_release(&scratch);
	if (ok && *out >= 1 && *out <= CLAIMS_ID_MAX)
		return CLAIMS_OK;
	err_set(err, no_memory ? "out of memory" : "token's sub is no user id");
	return no_memory ? CLAIMS_NO_MEMORY : CLAIMS_INVALID;
}

/* Whole seconds since the epoch, to milliseconds; -1 where it is not there. */
static int
read_time(
	struct json payload, const char *name, int64_t *out_ms, struct err *err)
{
	struct json value = json_get(payload, name);
	int64_t seconds;

	*out_ms = -1;
	if (value.type == JSON_NONE)
		return 0;
	if (!json_i64(value, &seconds) || seconds < 0 ||
		seconds > CLAIMS_ID_MAX)
		return err_set(err, "token's %s is no time", name);
	*out_ms = seconds * 1000;
	return 0;
}

static bool
audience_has(struct json aud, const char *audience)
{
	struct json_iter it;
	struct json key, value;
	bool found = false;

	if (aud.type != JSON_ARRAY)
		return json_is(aud, audience);
	for (it = json_iter(aud); json_next(&it, &key, &value);) {
		if (value.type != JSON_STRING)
			return false;
		found = found || json_is(value, audience);
	}
	return found;
}

static int
check_names(
	struct json payload, const struct claims_rules *rules, struct err *err)
{
	struct json value;
	size_t i;

	if (rules->issuer && !json_is(json_get(payload, "iss"), rules->issuer))
		return err_set(err, "token's iss is not '%s'", rules->issuer);
	if (rules->audience &&
		!audience_has(json_get(payload, "aud"), rules->audience))
		return err_set(err, "token's aud is not '%s'", rules->audience);
	for (i = 0; i < rules->count; i++) {
		value = json_get(payload, rules->demanded[i]);
		if (value.type == JSON_NONE || value.type == JSON_NULL ||
			json_is(value, ""))
			return err_set(err, "token has no claim '%s'",
				rules->demanded[i]);
	}
	return 0;
}

static int
check_times(struct claims *out, struct json payload,
	const struct claims_rules *rules, int64_t now_ms, struct err *err)
{
	int64_t latest_ms = now_ms + rules->leeway_ms, from_ms;

	if (read_time(payload, "exp", &out->expires_ms, err) < 0 ||
		read_time(payload, "iat", &out->issued_ms, err) < 0 ||
		read_time(payload, "nbf", &from_ms, err) < 0)
		return -1;
	if (out->expires_ms < 0)
		return err_set(err, "token has no exp");
	if (out->issued_ms > latest_ms)
		return err_set(err, "token's iat is in the future");
	if (from_ms > latest_ms)
		return err_set(err, "token is not valid yet");
	return 0;
}

enum claims_result
claims_check(struct claims *out, struct str payload,
	const struct claims_rules *rules, int64_t now_ms, struct err *err)
{
	enum claims_result result;
	struct json root;
	unsigned quirks;

	*out = (struct claims){0};
	if (json_scan(payload, &root, &quirks, NULL) < 0 ||
		root.type != JSON_OBJECT || quirks & JSON_REPEATED) {
		err_set(err, "token's payload is no JSON object");
		return CLAIMS_INVALID;
	}
	result = read_user(root, &out->user_id, err);
	if (result != CLAIMS_OK)
		return result;
	if (check_names(root, rules, err) < 0 ||
		check_times(out, root, rules, now_ms, err) < 0)
		return CLAIMS_INVALID;
	if (now_ms < out->expires_ms + rules->leeway_ms)
		return CLAIMS_OK;
	err_set(err, "token has expired");
	return CLAIMS_EXPIRED;
}

enum claims_result
claims_of_token(struct claims *out, const struct key *key, struct str token,
	const struct claims_rules *rules, int64_t now_ms, struct err *err)
{
	struct buf payload = {0};
	enum claims_result r = CLAIMS_INVALID;
	int rc = jwt_verify(key, token, &payload, err);

	if (rc == 0)
		r = claims_check(out, buf_str(&payload), rules, now_ms, err);
	else if (rc == JWT_NO_MEMORY)
		r = CLAIMS_NO_MEMORY;
	buf_release(&payload);
	return r;
}
