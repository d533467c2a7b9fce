/* client/tick.c - see tick.h. */
#include "client/tick.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	struct tick *tick = poll->data;
	uint64_t times;

	if (read(tick->fd, &times, sizeof(times)) == sizeof(times))
		tick->on_time(tick);
}

int
tick_init(struct tick *tick, uv_loop_t *loop,
	void (*on_time)(struct tick *tick), struct err *err)
{
	tick->on_time = on_time;
	tick->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (tick->fd < 0)
		return err_sys(err, "cannot make a timer");
	uv_poll_init(loop, &tick->poll, tick->fd);
	tick->poll.data = tick;
	uv_poll_start(&tick->poll, UV_READABLE, on_ready);
	return 0;
}

void
tick_at(struct tick *tick, int64_t at_us)
{
	struct itimerspec at = {0};

	if (at_us != CLOCK_NEVER) {
		at.it_value.tv_sec = at_us / 1000000;
		at.it_value.tv_nsec = at_us % 1000000 * 1000;
		if (at_us <= 0) /* all zero would disarm it */
			at.it_value.tv_nsec = 1;
	}
	timerfd_settime(tick->fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void
tick_close(struct tick *tick)
{
	uv_close((uv_handle_t *)&tick->poll, NULL);
	close(tick->fd);
}
