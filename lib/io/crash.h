/*
 * io/crash.h - places where a test may kill or stop the program:
 *
 *	crash_point("produce:before-commit");
 *
 * In builds with -DCHAT_CRASH_POINTS the process dies there (SIGKILL) where
 * $CHAT_CRASH_AT is that name, or "name*N": the Nth time. Where
 * $CHAT_CRASH_FILE names a file, the first process that comes to the point
 * whose name is in it dies ("name"), or stops (SIGSTOP: "name stop"), and has
 * removed the file by then: so one that runs is armed by writing the file. In
 * all other builds it is nothing.
 */
#ifndef IO_CRASH_H
#define IO_CRASH_H

#ifdef CHAT_CRASH_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void
crash_by_file(const char *path, const char *name)
{
	char text[128];
	size_t len = strlen(name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, name, len) || (text[len] && text[len] != ' '))
		return;
	/* Of several that come here at once one may have it. */
	if (unlink(path) == 0)
		raise(text[len] ? SIGSTOP : SIGKILL);
}

static inline void
crash_point(const char *name)
{
	static long passed;
	const char *at = getenv("CHAT_CRASH_AT");
	const char *path = getenv("CHAT_CRASH_FILE");
	size_t len = strlen(name);

	if (path)
		crash_by_file(path, name);
	if (!at || strncmp(at, name, len) || (at[len] && at[len] != '*'))
		return;
	if (++passed >= (at[len] ? strtol(at + len + 1, NULL, 10) : 1))
		raise(SIGKILL);
}

#else

#define crash_point(name) ((void)0)

#endif

#endif
