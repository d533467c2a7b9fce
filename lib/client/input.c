/* client/input.c - see input.h. */
#include "client/input.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LINES_A_TURN 64

static void
end(struct input *input, const struct err *err)
{
	input_stop(input);
	input->ops->on_end(input, err);
}

/* Hands on what is there now; what is left after a turn's share waits for the
 * next one, behind the network. */
static void
pump(struct input *input)
{
	struct err err = {""};
	struct str line;
	int n;

	for (n = 0; n < LINES_A_TURN && !input->paused && !input->ended; n++) {
		switch (line_read(&input->line, &line, 0, &err)) {
		case LINE_OK:
			input->ops->on_line(input, line);
			break;
		case LINE_LONG:
			input->ops->on_line(input, (struct str){NULL, 0});
			break;
		case LINE_TIMEOUT:
			uv_idle_stop(&input->idle);
			return;
		case LINE_EOF:
			end(input, NULL);
			return;
		case LINE_ERROR:
			end(input, &err);
			return;
		}
	}
}

static void
on_idle(uv_idle_t *idle)
{
	pump(idle->data);
}

/* Something is there: idle takes it, as long as there is more. */
static void
on_ready(uv_poll_t *poll, int status, int events)
{
	struct input *input = poll->data;

	if (!input->paused && !input->ended)
		uv_idle_start(&input->idle, on_idle);
}

int
input_start(struct input *input, uv_loop_t *loop, int fd, size_t max_bytes,
	const struct input_ops *ops, void *data, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN};

	memset(input, 0, sizeof(*input));
	input->ops = ops;
	input->data = data;
	line_init(&input->line, fd, max_bytes);
	input->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (input->epoll_fd < 0)
		return err_sys(err, "cannot make an epoll");
	/* EPERM: a file, which epoll does not take. */
	input->watched = !epoll_ctl(input->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	if (!input->watched && errno != EPERM)
		return err_sys(err, "cannot watch the input");
	uv_poll_init(loop, &input->poll, input->epoll_fd);
	uv_idle_init(loop, &input->idle);
	input->poll.data = input->idle.data = input;
	input->paused = true;
	input_resume(input);
	return 0;
}

void
input_pause(struct input *input)
{
	input->paused = true;
	uv_idle_stop(&input->idle);
	uv_poll_stop(&input->poll);
}

void
input_resume(struct input *input)
{
	if (!input->paused || input->ended)
		return;
	input->paused = false;
	uv_idle_start(&input->idle, on_idle);
	if (input->watched)
		uv_poll_start(&input->poll, UV_READABLE, on_ready);
}

void
input_stop(struct input *input)
{
	if (input->ended)
		return;
	input->ended = true;
	uv_close((uv_handle_t *)&input->poll, NULL);
	uv_close((uv_handle_t *)&input->idle, NULL);
}

void
input_release(struct input *input)
{
	line_release(&input->line);
	close(input->epoll_fd);
}
