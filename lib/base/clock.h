/*
 * base/clock.h - what time it is. Deadlines are absolute, in milliseconds of
 * the monotonic clock, and CLOCK_NEVER is one that never comes. Pure code
 * (wire, proto, flow) never calls this: it is told the time.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/base.h"

#define CLOCK_NEVER INT64_MAX

int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void); /* since the epoch */

/* What poll(2) takes: milliseconds from now to the deadline, 0 where it has
 * passed, -1 for CLOCK_NEVER. */
int clock_poll_ms(int64_t deadline_ms);

#endif
