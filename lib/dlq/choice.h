/*
 * dlq/choice.h - which letters are meant: by room, reason, time. Pure. (Places
 * are where reading begins and ends: kafka/range.h.)
 */
#ifndef DLQ_CHOICE_H
#define DLQ_CHOICE_H

#include "base/opt.h"
#include "dlq/letter.h"

struct choice {
	struct opt_list rooms;	    /* keys; none: all */
	struct opt_list reasons;    /* globs (fnmatch(3)), or how a class
				     * begins; none: all */
	int64_t since_ms, until_ms; /* the letter's own time: since <= it <
				     * until; -1: no bound */
};

/* It says which: not all of them. After scope_parse(). */
bool choice_is_narrow(const struct choice *choice);
bool choice_takes(const struct choice *choice, const struct letter *letter);

#endif
