/*
 * io/stop.h - signals become flags, for programs without a libuv loop.
 *
 * TERM and INT: stop_asked. HUP: stop_hup. USR1: stop_usr1. PIPE is ignored.
 * Call stop_init() before anything makes threads. The handlers interrupt
 * poll(2) (no SA_RESTART), so fd_wait() and line_read() return.
 */
#ifndef IO_STOP_H
#define IO_STOP_H

#include <signal.h>

#include "base/base.h"

extern volatile sig_atomic_t stop_asked;
extern volatile sig_atomic_t stop_hup;
extern volatile sig_atomic_t stop_usr1;

void stop_init(void);

/*
 * For a filter. Where its runner is told to stop, too, that closes the filter's
 * stdin when all is answered; else it goes on sending. So a filter that is told
 * to stop ends at EOF, or when no line has come for a second, after ten at the
 * latest. Zero it; line_ms: when the last line came.
 */
struct stop_filter {
	int64_t line_ms;
	int64_t until_ms; /* private */
};
bool stop_filter_over(struct stop_filter *stop, int64_t now_mono_ms);

/* Blocks the four signals in this thread, and gives back what was; for around
 * rd_kafka_new(), whose threads inherit the mask. */
void stop_block(sigset_t *old);
void stop_unblock(const sigset_t *old);

#endif
