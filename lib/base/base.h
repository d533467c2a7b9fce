/*
 * base/base.h - what every file of ours may rely on: fixed-width integers,
 * attributes, the exit vocabulary. No functions.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Exit codes, the same in all programs (chat(7), EXIT STATUS). */
enum {
	EXIT_DONE = 0,	   /* done */
	EXIT_NO = 1,	   /* done, and the answer is no */
	EXIT_PERM = 100,   /* usage, or what only a person can put right */
	EXIT_BUG = 101,	   /* a bug of ours */
	EXIT_TEMP = 111,   /* temporary: run me again */
};

#endif
