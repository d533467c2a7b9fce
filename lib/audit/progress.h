/*
 * audit/progress.h - how far the reading of a source is, once a second, for who
 * waits for it.
 */
#ifndef AUDIT_PROGRESS_H
#define AUDIT_PROGRESS_H

#include "base/base.h"

struct audit_progress {
	/* total: -1: not known */
	void (*tell)(const char *what, const char *unit, int64_t seen,
		int64_t total);
	int64_t told_ms; /* 0 at first */
};

/* progress: NULL: nobody waits. */
void audit_progress(struct audit_progress *progress, const char *what,
	const char *unit, int64_t seen, int64_t total);

#endif
