/*
 * auth/digest.h - SHA-1, which RFC 6455 §4.2.2 asks of a WebSocket client (it
 * proves nothing but that the other side speaks the protocol). Here because
 * this room alone includes OpenSSL.
 */
#ifndef AUTH_DIGEST_H
#define AUTH_DIGEST_H

#include "base/base.h"
#include "base/str.h"

#define DIGEST_SHA1_BYTES 20

/* All zero when memory is out. */
void digest_sha1(struct str text, unsigned char out[DIGEST_SHA1_BYTES]);

#endif
