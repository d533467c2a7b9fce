/*
 * client/schedule.h - an open-loop schedule: item n is due at
 * start + n / rate, whatever became of the items before it.
 *
 * An item that goes out late keeps its due time, and latency is counted from
 * there: a server (or a generator) that freezes for a second makes all items of
 * that second late, as it would real clients. A closed loop would leave them
 * out, and report that nothing happened (coordinated omission). Pure: told the
 * time, in microseconds of one monotonic clock.
 */
#ifndef CLIENT_SCHEDULE_H
#define CLIENT_SCHEDULE_H

#include "base/base.h"

struct schedule {
	int64_t start_us;
	int64_t rate;  /* items a second; 0: all are due at the start */
	int64_t total; /* items in all */
	int64_t next;  /* the first that was not taken */
};

/* rate 0..10^6, total at most 10^12. */
void schedule_init(struct schedule *schedule, int64_t start_us, int64_t rate,
	int64_t total);

/* When item n is due; any n >= 0. */
int64_t schedule_due_us(const struct schedule *schedule, int64_t n);

/* When the next is due; CLOCK_NEVER where all were taken. */
int64_t schedule_next_us(const struct schedule *schedule);

/* Takes the next one if it is due: its number and due time. Call it until it
 * says false, so that what is late is caught up at once. */
bool schedule_take(
	struct schedule *schedule, int64_t now_us, int64_t *n, int64_t *due_us);

/* No more than what was taken. */
void schedule_stop(struct schedule *schedule);

#endif
