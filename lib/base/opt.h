/*
 * base/opt.h - command lines, from one table a program: it parses them, and
 * prints the help, so that the two never differ. A letter means the same in
 * every program (chat(7), OPTIONS). Uses getopt_long(3), POSIXLY: parsing
 * stops at the first operand, so that "-- filter -x" stays the filter's.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include "base/base.h"
#include "base/err.h"

enum opt_kind {
	OPT_END,
	OPT_FLAG,    /* bool: set to true */
	OPT_STRING,  /* const char *: the argument itself, in argv */
	OPT_INT,     /* int64_t, min..max inclusive */
	OPT_SECONDS, /* int64_t, in milliseconds; the argument is seconds, with
		      * an optional suffix ms, s, m, h or d */
	OPT_SIZE,    /* int64_t bytes; with an optional suffix K, M or G (1024) */
	OPT_LIST,    /* struct opt_list: may be given several times */
};

#define OPT_LIST_MAX 64

struct opt_list {
	const char *item[OPT_LIST_MAX];
	size_t count;
};

/* One option. letter 0: the long name only; name NULL: the letter only. */
struct opt {
	enum opt_kind kind;
	char letter;
	const char *name;
	void *target;
	const char *arg;  /* its argument's name in the help, "SOCKET" */
	const char *help; /* a line, lower case */
	int64_t min, max; /* OPT_INT, OPT_SECONDS (ms), OPT_SIZE; both 0: any >= 0 */
};

/* What a program says of itself. -h, -V and -v are added to each table. */
struct opt_about {
	const char *name;    /* "chat-produce" */
	const char *operands;/* "[options] [-- filter ...]" */
	const char *purpose; /* one sentence */
	const struct opt *table;
};

/*
 * Parses argv. Returns the index of the first operand, or -1 with err filled
 * ("option '-b' needs an argument"). -h and -V print to stdout and exit 0
 * (111 where stdout cannot be written). -v sets log_level() to debug.
 */
int opt_parse(const struct opt_about *about, int argc, char **argv,
	struct err *err) MUST_CHECK;

/*
 * The same where options may stand before, between and behind the operands,
 * for programs with verbs. Fills words with at most max of them, borrowed from
 * argv, and returns how many there are; -1 with err.
 */
int opt_words(const struct opt_about *about, int argc, char **argv,
	char **words, int max, struct err *err) MUST_CHECK;

/* Prints "NAME: why" and a hint at -h to stderr, and exits 100. */
void opt_usage(const struct opt_about *about, const struct err *err) NORETURN;

#endif
