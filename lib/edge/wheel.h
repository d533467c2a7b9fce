/*
 * edge/wheel.h - one deadline a connection, many connections: a hashed timer
 * wheel of 512 slots of 100 ms. Setting, moving and cancelling are O(1), a
 * turn of the hand looks at one slot; timers further away than a round stay in
 * their slot and are passed over. Fires up to 100 ms late, never early. Told
 * the time; no allocation. Not for microseconds.
 */
#ifndef EDGE_WHEEL_H
#define EDGE_WHEEL_H

#include <bsd/sys/queue.h>

#include "base/base.h"

#define WHEEL_SLOTS 512
#define WHEEL_TICK_MS 100

/* Embedded in what it is the timer of; all zero is a timer that is not set. */
struct wheel_timer {
	LIST_ENTRY(wheel_timer) link;
	int64_t due_ms;
	bool set;
};

LIST_HEAD(wheel_list, wheel_timer);

struct wheel {
	struct wheel_list slots[WHEEL_SLOTS];
	int64_t hand; /* the last tick that was looked at */
	size_t count;
};

void wheel_init(struct wheel *wheel, int64_t now_ms);

/* Sets it, or moves it. due_ms CLOCK_NEVER cancels. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, int64_t due_ms);
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer);

/* Calls fire for each timer that is due; it is no longer set then. fire may
 * set and cancel any timer. */
void wheel_run(struct wheel *wheel, int64_t now_ms,
	void (*fire)(struct wheel_timer *timer, void *arg), void *arg);

#endif
