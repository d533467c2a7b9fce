/* auth/key.c - see key.h. */
#include "auth/key.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "io/fd.h"

static const struct {
	const char *name;
	const EVP_MD *(*digest)(void);
	size_t min_bytes; /* of the secret: no shorter than the digest */
} algs[] = {
	[KEY_HS256] = {"HS256", EVP_sha256, 32},
	[KEY_HS384] = {"HS384", EVP_sha384, 48},
	[KEY_HS512] = {"HS512", EVP_sha512, 64},
};

/* Signed with as a secret, a public key would let everybody sign (J-03). */
static int
check_secret(struct str secret, struct err *err)
{
	if (secret.len < KEY_SECRET_MIN)
		return err_set(err,
			"secret has %zu bytes, at least %d are needed",
			secret.len, KEY_SECRET_MIN);
	if (memmem(secret.data, secret.len, "-----BEGIN ", 11))
		return err_set(err, "a PEM is no shared secret");
	return 0;
}

int
key_load(struct key *key, const char *path, struct err *err)
{
	*key = (struct key){0};
	if (fd_read_secret(path, &key->secret, err) < 0)
		goto fail;
	if (check_secret(buf_str(&key->secret), err) == 0)
		return 0;
	err_prefix(err, "'%s'", path);
fail:
	key_release(key);
	return -1;
}

int
key_secret(struct key *key, struct str secret, struct err *err)
{
	*key = (struct key){0};
	if (check_secret(secret, err) < 0)
		return -1;
	buf_add_str(&key->secret, secret);
	if (buf_bad(&key->secret))
		return err_set(err, "out of memory");
	return 0;
}

void
key_release(struct key *key)
{
	if (key->secret.data)
		explicit_bzero(key->secret.data, key->secret.cap);
	buf_release(&key->secret);
}

bool
key_alg_parse(struct str name, enum key_alg *out)
{
	size_t i;

	for (i = 0; i < KEY_ALGS; i++) {
		if (!str_eq_c(name, algs[i].name))
			continue;
		*out = i;
		return true;
	}
	return false;
}

const char *
key_alg_name(enum key_alg alg)
{
	return algs[alg].name;
}

bool
key_allows(const struct key *key, enum key_alg alg)
{
	return key->secret.len >= algs[alg].min_bytes;
}

enum key_alg
key_best(const struct key *key)
{
	int alg = KEY_HS512;

	while (alg > KEY_HS256 && !key_allows(key, alg))
		alg--;
	return alg;
}

ssize_t
key_sign(const struct key *key, enum key_alg alg, struct str text,
	unsigned char signature[KEY_SIGNATURE_MAX], struct err *err)
{
	unsigned len = 0;

	if (!key_allows(key, alg))
		return err_set(
			err, "secret is too short for %s", algs[alg].name);
	if (!HMAC(algs[alg].digest(), key->secret.data, (int)key->secret.len,
		    (const unsigned char *)text.data, text.len, signature,
		    &len))
		return err_set(err, "cannot sign");
	return len;
}

int
key_verify(const struct key *key, enum key_alg alg, struct str text,
	struct str signature, struct err *err)
{
	unsigned char right[KEY_SIGNATURE_MAX];
	ssize_t len = key_sign(key, alg, text, right, err);
	int rc;

	if (len < 0)
		return -1;
	rc = signature.len == (size_t)len &&
			     !CRYPTO_memcmp(signature.data, right, (size_t)len)
		     ? 0
		     : err_set(err, "signature is wrong");
	explicit_bzero(right, sizeof(right));
	return rc;
}
