/*
 * base/err.h - why something failed, as a sentence part for a person.
 *
 * Library code never prints and never exits: it fills a struct err and returns
 * -1. The text is lower case, without a full stop, whole ("cannot open 'x': No
 * such file or directory"), and is cut at ERR_MAX bytes. Not a code: where a
 * caller branches, the function returns a named enum.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

#define ERR_MAX 400

struct err {
	char text[ERR_MAX];
};

/* Makes the text empty. */
void err_clear(struct err *err);

/* Sets the text; returns -1, so that `return err_set(err, ..)` reads well.
 * err may be NULL: then only -1 is returned. */
int err_set(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* As err_set(), with ": strerror(errno)" behind; keeps errno. */
int err_sys(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* An errno of trouble that passes, and is nobody's mistake: a disk that is full
 * or read only, no descriptor, no memory. */
bool err_passes(int number);

/* Puts "text: " in front of what is there; returns -1. */
int err_prefix(struct err *err, const char *fmt, ...) PRINTF(2, 3);

#endif
