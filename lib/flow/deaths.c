/* flow/deaths.c - see deaths.h. */
#include "flow/deaths.h"

#include <signal.h>
#include <sys/wait.h>

void
deaths_init(struct deaths *deaths)
{
	*deaths = (struct deaths){.backoff_ms = DEATHS_BACKOFF_MS};
}

enum death
death_of(int wait_status, bool ours)
{
	int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;

	if (ours)
		return DEATH_COUNTED;
	if (code == EXIT_PERM || code == 126 || code == 127)
		return DEATH_PERM;
	if (code >= 0)
		return code == EXIT_BUG ? DEATH_COUNTED : DEATH_OTHER;
	switch (WTERMSIG(wait_status)) {
	case SIGSEGV:
	case SIGABRT:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
		return DEATH_COUNTED;
	default:
		return DEATH_OTHER;
	}
}

int64_t
deaths_backoff(struct deaths *deaths)
{
	int64_t wait = deaths->backoff_ms;

	deaths->backoff_ms *= 2;
	if (deaths->backoff_ms > DEATHS_BACKOFF_MAX_MS)
		deaths->backoff_ms = DEATHS_BACKOFF_MAX_MS;
	return wait;
}

void
deaths_well(struct deaths *deaths)
{
	deaths->backoff_ms = DEATHS_BACKOFF_MS;
}

bool
deaths_blame(
	struct deaths *deaths, const void *part, int64_t offset, size_t sent)
{
	if (deaths->part != part || deaths->offset != offset)
		deaths->same = 0;
	deaths->part = part;
	deaths->offset = offset;
	if (++deaths->same < DEATHS_SAME)
		return false;
	deaths->same = 0;
	deaths->suspects = sent;
	return true;
}

bool
deaths_alone(const struct deaths *deaths)
{
	return deaths->suspects > 0;
}

void
deaths_cleared(struct deaths *deaths)
{
	deaths->suspects--;
}
