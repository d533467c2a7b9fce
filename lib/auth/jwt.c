/* auth/jwt.c - see jwt.h. */
#include "auth/jwt.h"

#include <string.h>

#include "io/b64.h"
#include "json/json.h"

struct parts {
	struct str header, payload, signature;
	struct str signed_text; /* header '.' payload */
};

static int
split(struct parts *parts, struct str token, struct err *err)
{
	struct str rest;

	if (!token.len)
		return err_set(err, "token is empty");
	if (token.len > JWT_MAX)
		return err_set(err, "token is over %d bytes", JWT_MAX);
	if (!str_cut(token, '.', &parts->header, &rest) ||
		!str_cut(rest, '.', &parts->payload, &parts->signature) ||
		memchr(parts->signature.data, '.', parts->signature.len))
		return err_set(err, "token does not have three parts");
	parts->signed_text = (struct str){
		token.data, parts->header.len + 1 + parts->payload.len};
	return 0;
}

/* The algorithm that the header names, where it is one of the key's own. */
static int
read_header(const struct key *key, struct str text, enum key_alg *alg,
	struct err *err)
{
	struct json root, name;
	unsigned quirks;
	struct str inner;

	if (json_scan(text, &root, &quirks, NULL) < 0 ||
		root.type != JSON_OBJECT || quirks & JSON_REPEATED)
		return err_set(err, "token's header is no JSON object");
	if (json_get(root, "crit").type != JSON_NONE)
		return err_set(err, "token's header has crit");
	name = json_get(root, "alg");
	if (name.type != JSON_STRING)
		return err_set(err, "token's header has no alg");
	inner = (struct str){name.text.data + 1, name.text.len - 2};
	if (!key_alg_parse(inner, alg) || !key_allows(key, *alg))
		return err_set(err, "token's alg is not one of the key's");
	return 0;
}

static int
check_signature(const struct key *key, const struct parts *parts,
	struct buf *scratch, struct err *err)
{
	enum key_alg alg;

	if (b64url_decode(parts->header, scratch) < 0)
		return err_set(err, "token's header is no base64url");
	if (read_header(key, buf_str(scratch), &alg, err) < 0)
		return -1;
	buf_reset(scratch);
	if (b64url_decode(parts->signature, scratch) < 0)
		return err_set(err, "token's signature is no base64url");
	return key_verify(key, alg, parts->signed_text, buf_str(scratch), err);
}

int
jwt_verify(const struct key *key, struct str token, struct buf *payload,
	struct err *err)
{
	struct buf scratch = {0}, raw = {0};
	struct parts parts;
	int rc = -1;

	if (split(&parts, token, err) < 0)
		return -1;
	/* All at once: what fails later is the token's own fault. */
	buf_room(&scratch, token.len);
	buf_room(&raw, token.len);
	buf_room(payload, token.len);
	if (buf_bad(&scratch) || buf_bad(&raw) || buf_bad(payload)) {
		err_set(err, "out of memory");
		rc = JWT_NO_MEMORY;
		goto out;
	}
	if (check_signature(key, &parts, &scratch, err) < 0)
		goto out;
	if (b64url_decode(parts.payload, &raw) < 0) {
		err_set(err, "token's payload is no base64url");
		goto out;
	}
	buf_add_str(payload, buf_str(&raw));
	rc = 0;
out:
	buf_release(&scratch);
	buf_release(&raw);
	return rc;
}

int
jwt_sign(const struct key *key, struct str payload, struct buf *token,
	struct err *err)
{
	unsigned char signature[KEY_SIGNATURE_MAX];
	enum key_alg alg = key_best(key);
	struct buf header = {0};
	size_t from = token->len;
	ssize_t len;

	buf_printf(
		&header, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", key_alg_name(alg));
	b64url_encode(buf_str(&header), token);
	buf_add_char(token, '.');
	b64url_encode(payload, token);
	if (buf_bad(&header) || buf_bad(token)) {
		len = err_set(err, "out of memory");
	} else {
		struct str text = {token->data + from, token->len - from};

		len = key_sign(key, alg, text, signature, err);
	}
	buf_release(&header);
	if (len < 0)
		return -1;
	buf_add_char(token, '.');
	b64url_encode((struct str){(char *)signature, (size_t)len}, token);
	return buf_bad(token) ? err_set(err, "out of memory") : 0;
}

static struct str
trim(struct str s)
{
	while (s.len && strchr(" \t\r\n", s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len && strchr(" \t\r\n", s.data[s.len - 1]))
		s.len--;
	return s;
}

struct str
jwt_bearer(struct str value)
{
	struct str word, rest;

	value = trim(value);
	str_cut(value, ' ', &word, &rest);
	return str_case_eq_c(word, "Bearer") ? trim(rest) : value;
}
