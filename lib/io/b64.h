/*
 * io/b64.h - base64 and base64url (RFC 4648 §4, §5), strict.
 */
#ifndef IO_B64_H
#define IO_B64_H

#include "base/base.h"
#include "base/buf.h"

/* Appends text with padding. */
void b64_encode(struct str raw, struct buf *out);
/* Appends the bytes. -1 for a foreign character, missing or superfluous
 * padding, or bits behind the last byte that are not 0; out then holds a part. */
int b64_decode(struct str text, struct buf *out) MUST_CHECK;
/* The same with '-' and '_', and without padding (JWT: RFC 7515 §2). */
void b64url_encode(struct str raw, struct buf *out);
int b64url_decode(struct str text, struct buf *out) MUST_CHECK;

#endif
