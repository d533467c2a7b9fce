/*
 * edge/wheel.c - see wheel.h.
 */
#include "edge/wheel.h"

#include "base/clock.h"

static struct wheel_list *
slot_of(struct wheel *wheel, int64_t tick)
{
	return &wheel->slots[(uint64_t)tick % WHEEL_SLOTS];
}

void
wheel_init(struct wheel *wheel, int64_t now_ms)
{
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		LIST_INIT(&wheel->slots[i]);
	wheel->hand = now_ms / WHEEL_TICK_MS;
	wheel->count = 0;
}

void
wheel_cancel(struct wheel *wheel, struct wheel_timer *timer)
{
	if (!timer->set)
		return;
	LIST_REMOVE(timer, link);
	timer->set = false;
	wheel->count--;
}

void
wheel_set(struct wheel *wheel, struct wheel_timer *timer, int64_t due_ms)
{
	int64_t tick;

	wheel_cancel(wheel, timer);
	if (due_ms == CLOCK_NEVER)
		return;
	/* Rounded up, so that it never fires early; and never into a slot
	 * that the hand has left, where it would wait a whole round. */
	tick = (due_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
	if (tick <= wheel->hand)
		tick = wheel->hand + 1;
	timer->due_ms = due_ms;
	timer->set = true;
	LIST_INSERT_HEAD(slot_of(wheel, tick), timer, link);
	wheel->count++;
}

/* Moves what is due from a slot to `due`. */
static void
collect(struct wheel_list *slot, int64_t now_ms, struct wheel_list *due)
{
	struct wheel_timer *timer, *next;

	for (timer = LIST_FIRST(slot); timer; timer = next) {
		next = LIST_NEXT(timer, link);
		if (timer->due_ms > now_ms)
			continue;
		LIST_REMOVE(timer, link);
		LIST_INSERT_HEAD(due, timer, link);
	}
}

void
wheel_run(struct wheel *wheel, int64_t now_ms,
	void (*fire)(struct wheel_timer *timer, void *arg), void *arg)
{
	struct wheel_list due = LIST_HEAD_INITIALIZER(due);
	struct wheel_timer *timer;
	int64_t now = now_ms / WHEEL_TICK_MS, last = now;

	if (last > wheel->hand + WHEEL_SLOTS)
		last = wheel->hand + WHEEL_SLOTS;
	for (int64_t tick = wheel->hand + 1; tick <= last; tick++)
		collect(slot_of(wheel, tick), now_ms, &due);
	if (now > wheel->hand)
		wheel->hand = now;
	/* fire may cancel others that are due: each is taken off the list
	 * just before its turn. */
	while ((timer = LIST_FIRST(&due))) {
		wheel_cancel(wheel, timer);
		fire(timer, arg);
	}
}
