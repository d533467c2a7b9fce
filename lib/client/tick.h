/*
 * client/tick.h - a timer of a libuv loop with the grain of the monotonic
 * clock (timerfd): libuv's own have that of a millisecond, which would be added
 * to every latency that a generator measures.
 */
#ifndef CLIENT_TICK_H
#define CLIENT_TICK_H

#include <uv.h>

#include "base/base.h"
#include "base/err.h"

struct tick {
	void *data;
	/* private */
	uv_poll_t poll;
	int fd;
	void (*on_time)(struct tick *tick);
};

int tick_init(struct tick *tick, uv_loop_t *loop,
	void (*on_time)(struct tick *tick), struct err *err) MUST_CHECK;
/* Rings once at that time of clock_mono_us(), at once where it has passed;
 * replaces an earlier call. CLOCK_NEVER: not at all. */
void tick_at(struct tick *tick, int64_t at_us);
void tick_close(struct tick *tick);

#endif
