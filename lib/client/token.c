/* client/token.c - see token.h. */
#include "client/token.h"

#include <stdio.h>
#include <string.h>

#include "auth/jwt.h"
#include "base/clock.h"
#include "io/fd.h"
#include "json/json.h"

#define FILE_MAX (64 << 20)

int
token_source_open(struct token_source *source, const char *token_file,
	const char *token, const char *secret_file, struct err *err)
{
	memset(source, 0, sizeof(*source));
	if (token_file) {
		if (fd_read_file(token_file, FILE_MAX, &source->given, err) < 0)
			return -1;
	} else if (token) {
		buf_add_c(&source->given, token);
	} else if (secret_file) {
		source->makes = true;
		return key_load(&source->key, secret_file, err);
	} else {
		return err_set(err, "no token, and no secret to make one with");
	}
	if (!source->given.len)
		return err_set(err, "there is no token in it");
	return 0;
}

void
token_source_release(struct token_source *source)
{
	if (source->makes)
		key_release(&source->key);
	if (source->given.data)
		explicit_bzero(source->given.data, source->given.cap);
	buf_release(&source->given);
}

/* The claims that the login service's access tokens have. */
static int
make(const struct key *key, int64_t user_id, struct buf *out, struct err *err)
{
	int64_t now = clock_wall_ms() / 1000;
	struct buf payload = {0};
	char sub[24];
	int rc;

	snprintf(sub, sizeof(sub), "%lld", (long long)user_id);
	json_open(&payload, NULL, '{');
	json_put_c(&payload, "sub", sub);
	json_put_c(&payload, "auth", "ROLE_USER");
	json_put_i64(&payload, "iat", now);
	json_put_i64(&payload, "exp", now + TOKEN_LIFE_S);
	json_close(&payload, '}');
	rc = jwt_sign(key, buf_str(&payload), out, err);
	buf_release(&payload);
	return rc;
}

int
token_next(struct token_source *source, int64_t user_id, struct buf *out,
	struct err *err)
{
	struct str rest, line;

	if (source->makes)
		return make(&source->key, user_id, out, err);
	if (source->at >= source->given.len)
		source->at = 0;
	rest = (struct str){source->given.data + source->at,
		source->given.len - source->at};
	(void)str_cut(rest, '\n', &line, &rest);
	source->at = source->given.len - rest.len;
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	if (!line.len)
		return err_set(err, "an empty line where a token should be");
	buf_add_str(out, line);
	return buf_bad(out) ? err_set(err, "out of memory") : 0;
}
