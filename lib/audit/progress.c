/* audit/progress.c - see progress.h. */
#include "audit/progress.h"

#include "base/clock.h"

#define TELL_MS 1000

void
audit_progress(struct audit_progress *progress, const char *what,
	const char *unit, int64_t seen, int64_t total)
{
	int64_t now = progress ? clock_mono_ms() : 0;

	if (!progress || now - progress->told_ms < TELL_MS)
		return;
	/* What takes less than a second is not worth a word. */
	if (progress->told_ms)
		progress->tell(what, unit, seen, total);
	progress->told_ms = now;
}
