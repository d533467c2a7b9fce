/*
 * serve/child.h - a child program with pipes to its stdin and from its stdout,
 * on a libuv loop; stderr is shared. Gets SIGKILL when we die (PDEATHSIG).
 */
#ifndef SERVE_CHILD_H
#define SERVE_CHILD_H

#include <uv.h>

#include "serve/peer.h"

struct child {
	void *data;
	pid_t pid;	   /* 0: none is running */
	struct peer *peer; /* lines to and from it; NULL once closed */
	bool broke;	   /* it was killed for a line over the limit, or a
			    * hello that is none */
	/* private */
	uv_loop_t *loop;
	uv_signal_t sigchld;
	uv_timer_t linger;
	bool reaped;
	int status;
	void (*on_line)(struct child *child, struct str line);
	void (*on_ready)(struct child *child);
	void (*on_drain)(struct child *child);
	void (*on_exit)(struct child *child, int wait_status);
};

struct child_options {
	char *const *argv; /* borrowed for the call; execvp */
	const char *hello; /* see peer.h; NULL: lines only */
	size_t max_line, max_out;
	void *data;
	void (*on_line)(struct child *child, struct str line);
	void (*on_ready)(struct child *child); /* hello came; may be NULL */
	void (*on_drain)(struct child *child); /* may be NULL */
	/* It has ended and its stdout is read to the end: wait(2)'s status. 126
	 * or 127 as exit code: it could not be run. */
	void (*on_exit)(struct child *child, int wait_status);
};

/* Could it be run now, by its path or along $PATH? -1: no, and why. */
int child_look(const char *program, struct err *err) MUST_CHECK;
/* The struct is all zero before the first start; it may be started again after
 * on_exit (from inside it, too). -1: nothing runs, on_exit does not come. */
int child_start(struct child *child, uv_loop_t *loop,
	const struct child_options *opts, struct err *err) MUST_CHECK;
/* Sends a signal; nothing where it has ended. */
void child_kill(struct child *child, int sig);
/* Closes its stdin after what is queued: "no more records". */
void child_end(struct child *child);
/* Closes its handles, when nothing runs any more: the loop can end. */
void child_close(struct child *child);

#endif
