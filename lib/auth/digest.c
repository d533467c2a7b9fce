/* auth/digest.c - see digest.h. */
#include "auth/digest.h"

#include <string.h>

#include <openssl/evp.h>

void
digest_sha1(struct str text, unsigned char out[DIGEST_SHA1_BYTES])
{
	unsigned len = DIGEST_SHA1_BYTES;

	if (!EVP_Digest(text.data, text.len, out, &len, EVP_sha1(), NULL))
		memset(out, 0, DIGEST_SHA1_BYTES);
}
