/*
 * client/input.h - the lines of a descriptor on a libuv loop: a terminal, a
 * pipe, a file. The descriptor stays blocking: its flags belong to whoever
 * shares it (a shell's terminal), so an epoll of our own is what libuv watches.
 */
#ifndef CLIENT_INPUT_H
#define CLIENT_INPUT_H

#include <uv.h>

#include "base/err.h"
#include "io/line.h"

struct input;

struct input_ops {
	/* A line without its newline; line NULL data: it was too long. May
	 * call input_pause(). */
	void (*on_line)(struct input *input, struct str line);
	/* The end, or err: cannot read. Nothing comes afterwards. */
	void (*on_end)(struct input *input, const struct err *err);
};

struct input {
	void *data;
	/* private */
	const struct input_ops *ops;
	struct line line;
	uv_poll_t poll;
	uv_idle_t idle;
	int epoll_fd;
	bool watched; /* false: a file, which is always ready */
	bool paused, ended;
};

/* Borrows fd. */
int input_start(struct input *input, uv_loop_t *loop, int fd, size_t max_bytes,
	const struct input_ops *ops, void *data, struct err *err) MUST_CHECK;
void input_pause(struct input *input);
void input_resume(struct input *input);
/* Ends it without on_end; run the loop once more, then input_release(). */
void input_stop(struct input *input);
void input_release(struct input *input);

#endif
