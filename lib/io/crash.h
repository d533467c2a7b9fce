/*
 * io/crash.h - places where a test may kill the program:
 *
 *	crash_point("produce:before-commit");
 *
 * In builds with -DCHAT_CRASH_POINTS the process dies there (SIGKILL) where
 * $CHAT_CRASH_AT is that name, or "name*N": the Nth time. In all others it is
 * nothing.
 */
#ifndef IO_CRASH_H
#define IO_CRASH_H

#ifdef CHAT_CRASH_POINTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static inline void
crash_point(const char *name)
{
	static long passed;
	const char *at = getenv("CHAT_CRASH_AT");
	size_t len = strlen(name);

	if (!at || strncmp(at, name, len) || (at[len] && at[len] != '*'))
		return;
	if (++passed >= (at[len] ? strtol(at + len + 1, NULL, 10) : 1))
		raise(SIGKILL);
}

#else

#define crash_point(name) ((void)0)

#endif

#endif
