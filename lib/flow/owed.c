/* flow/owed.c - see owed.h. */
#include "flow/owed.h"

#include "base/clock.h"

void
owed_init(struct owed *owed)
{
	TAILQ_INIT(&owed->debts);
	owed->count = 0;
	owed->said_ms = 0;
}

void
owed_add(struct owed *owed, struct debt *debt, const void *part, int64_t offset,
	int64_t now_ms)
{
	if (!owed->count)
		owed->said_ms = now_ms;
	debt->part = part;
	debt->offset = offset;
	TAILQ_INSERT_TAIL(&owed->debts, debt, entry);
	owed->count++;
}

static struct debt *
drop(struct owed *owed, struct debt *debt)
{
	TAILQ_REMOVE(&owed->debts, debt, entry);
	owed->count--;
	return debt;
}

struct debt *
owed_take(struct owed *owed, const void *part, int64_t offset, int64_t now_ms)
{
	struct debt *debt;

	/* Answers come about in order: it stands near the front. */
	TAILQ_FOREACH (debt, &owed->debts, entry) {
		if (debt->part != part || debt->offset != offset)
			continue;
		owed->said_ms = now_ms;
		return drop(owed, debt);
	}
	return NULL;
}

struct debt *
owed_pop(struct owed *owed)
{
	struct debt *debt = TAILQ_FIRST(&owed->debts);

	return debt ? drop(owed, debt) : NULL;
}

bool
owed_for(const struct owed *owed, const void *part)
{
	const struct debt *debt;

	TAILQ_FOREACH (debt, &owed->debts, entry)
		if (debt->part == part)
			return true;
	return false;
}

void
owed_said(struct owed *owed, int64_t now_ms)
{
	owed->said_ms = now_ms;
}

int64_t
owed_deadline(const struct owed *owed, int64_t silence_ms)
{
	return owed->count ? owed->said_ms + silence_ms : CLOCK_NEVER;
}
