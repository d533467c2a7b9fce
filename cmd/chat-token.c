/*
 * chat-token - mints a token, as the login service would, and checks one, as a
 * server would (chat-token(1)).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/claims.h"
#include "auth/jwt.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "io/fd.h"
#include "json/json.h"

static int64_t user_id, life_ms = 3600000;
static const char *secret_file, *issuer, *audience;
static struct opt_list named;

static const struct opt table[] = {
	{OPT_INT, 'u', "user", &user_id, "ID", "whose token", 1, CLAIMS_ID_MAX},
	{OPT_SECONDS, 'T', "time", &life_ms, "SECONDS",
		"how long it is valid; default 1h", 1000, 1LL << 40},
	{OPT_LIST, 0, "claim", &named, "CLAIM",
		"NAME=TEXT or NAME:=JSON; check: a NAME that it must have", 0,
		0},
	{OPT_STRING, 0, "issuer", &issuer, "TEXT",
		"iss; check: what it must be", 0, 0},
	{OPT_STRING, 0, "audience", &audience, "TEXT",
		"aud; check: what it must name", 0, 0},
	{OPT_STRING, 0, "jwt-secret", &secret_file, "FILE",
		"the shared secret; default $CHAT_JWT_SECRET_FILE", 0, 0},
	{0},
};

static const struct opt_about about = {"chat-token",
	"-u ID [options] | check [options] < token",
	"Mints a token; or says what a server would say to one.", table};

static int
complain(int code, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", about.name, err->text);
	return code;
}

static int
print_line(struct buf *line)
{
	struct err err;

	buf_add_char(line, '\n');
	return fd_print(line, 0, &err) < 0 ? complain(EXIT_TEMP, &err)
					   : EXIT_DONE;
}

/* ---- mint -------------------------------------------------------------- */

/* Cuts "NAME=TEXT" or "NAME:=JSON". */
static int
cut_claim(const char *arg, struct str *name, struct str *value, bool *json,
	struct err *err)
{
	if (!str_cut(str_c(arg), '=', name, value) || !name->len)
		return err_set(err, "claim '%s' is no NAME=TEXT", arg);
	*json = name->data[name->len - 1] == ':';
	if (*json && !--name->len)
		return err_set(err, "claim '%s' is no NAME=TEXT", arg);
	return 0;
}

static bool
is_named(const char *own)
{
	struct str name, value;
	struct err err;
	bool json;
	size_t i;

	for (i = 0; i < named.count; i++)
		if (cut_claim(named.item[i], &name, &value, &json, &err) == 0 &&
			str_eq_c(name, own))
			return true;
	return false;
}

static int
put_claim(struct buf *out, const char *arg, struct err *err)
{
	struct str name, value;
	struct json root;
	char *key;
	bool json;

	if (cut_claim(arg, &name, &value, &json, err) < 0)
		return -1;
	if (json && json_scan(value, &root, NULL, err) < 0)
		return err_prefix(err, "claim '%s'", arg);
	key = str_dup(name);
	if (!key)
		return err_set(err, "out of memory");
	if (json)
		json_put_raw(out, key, value);
	else
		json_put_str(out, key, value);
	free(key);
	return 0;
}

static void
put_own(struct buf *out, int64_t now_s)
{
	char sub[24];

	snprintf(sub, sizeof(sub), "%lld", (long long)user_id);
	if (!is_named("sub"))
		json_put_c(out, "sub", sub);
	/* What tells the login service's access tokens from its refresh
	 * tokens. */
	if (!is_named("auth"))
		json_put_c(out, "auth", "ROLE_USER");
	if (issuer)
		json_put_c(out, "iss", issuer);
	if (audience)
		json_put_c(out, "aud", audience);
	if (!is_named("iat"))
		json_put_i64(out, "iat", now_s);
	if (!is_named("exp"))
		json_put_i64(out, "exp", now_s + life_ms / 1000);
}

static int
build_payload(struct buf *out, struct err *err)
{
	struct json root;
	unsigned quirks;
	size_t i;

	json_open(out, NULL, '{');
	put_own(out, clock_wall_ms() / 1000);
	for (i = 0; i < named.count; i++)
		if (put_claim(out, named.item[i], err) < 0)
			return -1;
	json_close(out, '}');
	if (json_scan(buf_str(out), &root, &quirks, err) < 0)
		return -1;
	if (quirks & JSON_REPEATED)
		return err_set(err, "a claim is given twice");
	return 0;
}

static int
mint(const struct key *key)
{
	struct buf payload = {0}, token = {0};
	struct err err;
	int code;

	if (build_payload(&payload, &err) < 0)
		code = complain(EXIT_PERM, &err);
	else if (jwt_sign(key, buf_str(&payload), &token, &err) < 0)
		code = complain(EXIT_TEMP, &err);
	else if (token.len > JWT_MAX)
		code = complain(EXIT_PERM,
			(err_set(&err, "token would be over %d bytes", JWT_MAX),
				&err));
	else
		code = print_line(&token);
	buf_release(&payload);
	buf_release(&token);
	return code;
}

/* ---- check ------------------------------------------------------------- */

static int
read_stdin(struct buf *out, struct err *err)
{
	ssize_t n;
	char *at;

	/* What is longer than a token and its white space is none. */
	while (out->len <= 2 * JWT_MAX) {
		at = buf_room(out, JWT_MAX);
		if (!at)
			return err_set(err, "out of memory");
		n = fd_read(STDIN_FILENO, at, JWT_MAX);
		if (n < 0)
			return err_sys(err, "cannot read stdin");
		if (n == 0)
			return 0;
		buf_advance(out, (size_t)n);
	}
	return 0;
}

static enum claims_result
judge(const struct key *key, struct str token, struct buf *payload,
	struct err *err)
{
	struct claims_rules rules = {.issuer = issuer,
		.audience = audience,
		.leeway_ms = CLAIMS_LEEWAY_MS};
	struct claims claims;

	for (; rules.count < named.count; rules.count++)
		rules.demanded[rules.count] = named.item[rules.count];
	int rc = jwt_verify(key, token, payload, err);
	if (rc < 0)
		return rc == JWT_NO_MEMORY ? CLAIMS_NO_MEMORY : CLAIMS_INVALID;
	return claims_check(
		&claims, buf_str(payload), &rules, clock_wall_ms(), err);
}

static int
check(const struct key *key)
{
	struct buf text = {0}, payload = {0};
	enum claims_result result = CLAIMS_NO_MEMORY;
	struct err err;
	int code;

	if (read_stdin(&text, &err) == 0)
		result = judge(key, jwt_bearer(buf_str(&text)), &payload, &err);
	if (result == CLAIMS_OK)
		code = print_line(&payload);
	else
		code = complain(
			result == CLAIMS_NO_MEMORY ? EXIT_TEMP : EXIT_NO, &err);
	buf_release(&text);
	buf_release(&payload);
	return code;
}

/* ---- the command line -------------------------------------------------- */

/* Options may stand on both sides of the word. */
static bool
parse(int argc, char **argv)
{
	struct err err;
	bool checks = false;
	int at = opt_parse(&about, argc, argv, &err);

	if (at >= 0 && at < argc && !strcmp(argv[at], "check")) {
		checks = true;
		argc -= at;
		argv += at;
		at = opt_parse(&about, argc, argv, &err);
	}
	if (at >= 0 && at < argc)
		at = err_set(&err, "what is '%s'?", argv[at]);
	if (at >= 0 && !checks && !user_id && !is_named("sub"))
		at = err_set(&err, "option '-u' is missing");
	if (at >= 0 && checks && named.count > CLAIMS_DEMANDED_MAX)
		at = err_set(&err, "over %d claims", CLAIMS_DEMANDED_MAX);
	if (at < 0)
		opt_usage(&about, &err);
	return checks;
}

int
main(int argc, char **argv)
{
	struct key key;
	struct err err;
	bool checks;
	int code;

	log_open(about.name);
	checks = parse(argc, argv);
	if (!secret_file)
		secret_file = getenv("CHAT_JWT_SECRET_FILE");
	if (!secret_file || !*secret_file) {
		err_set(&err, "no --jwt-secret, and no $CHAT_JWT_SECRET_FILE");
		opt_usage(&about, &err);
	}
	if (key_load(&key, secret_file, &err) < 0)
		return complain(EXIT_PERM, &err);
	code = checks ? check(&key) : mint(&key);
	key_release(&key);
	return code;
}
