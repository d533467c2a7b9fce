/*
 * client/token.h - where a client's tokens come from: made on the spot with the
 * secret that the server checks them with, or given in a file or in the
 * environment. No error holds a byte of one.
 */
#ifndef CLIENT_TOKEN_H
#define CLIENT_TOKEN_H

#include "auth/key.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#define TOKEN_LIFE_S 86400

struct token_source {
	bool makes; /* with key, for any user */
	struct key key;
	struct buf given; /* a token a line */
	size_t at;	  /* the next line */
};

/* The first that is not NULL counts: a file of tokens, a token, a file that
 * holds the secret. -1 where there is none, or it cannot be used. */
int token_source_open(struct token_source *source, const char *token_file,
	const char *token, const char *secret_file, struct err *err) MUST_CHECK;
void token_source_release(struct token_source *source);

/* Appends a token for the user; where tokens are given: the next one, and
 * after the last the first again. */
int token_next(struct token_source *source, int64_t user_id, struct buf *out,
	struct err *err) MUST_CHECK;

#endif
