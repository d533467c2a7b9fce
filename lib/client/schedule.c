/* client/schedule.c - see schedule.h. */
#include "client/schedule.h"

#include "base/clock.h"

void
schedule_init(struct schedule *schedule, int64_t start_us, int64_t rate,
	int64_t total)
{
	*schedule = (struct schedule){start_us, rate, total, 0};
}

/* Whole seconds and the rest apart: exact, without drift, and no overflow. */
int64_t
schedule_due_us(const struct schedule *schedule, int64_t n)
{
	int64_t rate = schedule->rate;

	if (!rate)
		return schedule->start_us;
	return schedule->start_us + n / rate * 1000000 +
	       n % rate * 1000000 / rate;
}

int64_t
schedule_next_us(const struct schedule *schedule)
{
	if (schedule->next >= schedule->total)
		return CLOCK_NEVER;
	return schedule_due_us(schedule, schedule->next);
}

bool
schedule_take(
	struct schedule *schedule, int64_t now_us, int64_t *n, int64_t *due_us)
{
	int64_t due = schedule_next_us(schedule);

	if (due == CLOCK_NEVER || due > now_us)
		return false;
	*n = schedule->next++;
	*due_us = due;
	return true;
}

void
schedule_stop(struct schedule *schedule)
{
	schedule->total = schedule->next;
}
