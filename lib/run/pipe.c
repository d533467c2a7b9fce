/* run/pipe.c - see pipe.h. */
#include "run/pipe.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/fd.h"
#include "io/line.h"
#include "io/stop.h"

#define LINES_A_TURN 500     /* a batch; then answers are written */
#define KEEP_BYTES (1 << 20) /* storage that an empty buffer may keep */

void
pipe_answer(void *data, const struct publish_answer *answer)
{
	struct pipe_run *pipe = data;

	intake_answer(&pipe->out, answer);
	pipe->dead += answer->dead;
}

void
pipe_resume(void *data, struct group_source *source)
{
	/* Each turn looks at source.paused. */
}

/* Takes what is there. 1: there may be more; 0: the end; -1 err. */
static int
take_lines(struct pipe_run *pipe, struct line *in, struct err *err)
{
	struct intake *intake = pipe->opts.intake;
	struct str line;
	int i;

	for (i = 0; i < LINES_A_TURN && !pipe->source.paused; i++) {
		switch (line_read(in, &line, 0, err)) {
		case LINE_OK:
			if (line.len && intake_line(intake, &pipe->source, line,
						&pipe->out, err) < 0)
				return -1;
			break;
		case LINE_LONG:
			intake_too_long(intake, in->max_bytes, &pipe->out);
			break;
		case LINE_TIMEOUT:
			return 1;
		case LINE_EOF:
			return 0;
		default:
			return err_prefix(err, "stdin");
		}
	}
	return 1;
}

/* Sleeps until there is a reason not to. */
static void
wait_for_work(struct pipe_run *pipe, struct line *in, bool reading)
{
	const struct publish *publish = pipe->opts.intake->publish;
	struct pollfd fds[3] = {
		{.fd = reading ? in->fd : -1, .events = POLLIN}};
	int64_t deadline_ms = publish_deadline(publish);
	unsigned k;

	if (reading && line_ready(in))
		return; /* it waits in the buffer, where poll does not look */
	for (k = 0; k < 2; k++)
		fds[k + 1] = (struct pollfd){
			.fd = publish_wake_fd(publish, k), .events = POLLIN};
	if (pipe->opts.status->next_ms < deadline_ms)
		deadline_ms = pipe->opts.status->next_ms;
	/* Nothing that can fail but for a signal, and that ends the sleep. */
	(void)poll(fds, ARRAY_LEN(fds), clock_poll_ms(deadline_ms));
}

static bool
too_late(struct pipe_run *pipe, int64_t *deadline_ms, int *more)
{
	if (stop_asked && !pipe->draining) {
		pipe->draining = true;
		*more = 0;
		*deadline_ms = clock_mono_ms() + pipe->opts.drain_ms;
	}
	return pipe->draining && clock_mono_ms() >= *deadline_ms;
}

static enum kafka_verdict
work(struct pipe_run *pipe, struct line *in, struct err *err)
{
	struct publish *publish = pipe->opts.intake->publish;
	int64_t deadline_ms = CLOCK_NEVER;
	enum kafka_verdict verdict;
	int more = 1;

	while (more || !publish_idle(publish)) {
		if (too_late(pipe, &deadline_ms, &more)) {
			err_set(err, "records are unanswered at the end");
			return KAFKA_FAILED;
		}
		if (more)
			more = take_lines(pipe, in, err);
		if (more < 0)
			return KAFKA_FAILED;
		verdict = publish_step(publish, clock_mono_ms(), err);
		if (verdict != KAFKA_OK)
			return verdict;
		if (fd_print(&pipe->out, KEEP_BYTES, err) < 0)
			return KAFKA_FAILED;
		pipe->opts.on_turn(pipe->opts.data);
		if (more || !publish_idle(publish))
			wait_for_work(pipe, in, more && !pipe->source.paused);
	}
	return KAFKA_OK;
}

enum kafka_verdict
pipe_run(
	struct pipe_run *pipe, const struct pipe_options *opts, struct err *err)
{
	struct line in;
	enum kafka_verdict verdict;
	struct err late;

	*pipe = (struct pipe_run){.opts = *opts};
	line_init(&in, STDIN_FILENO, RECORD_LINE_VIEW_MAX);
	verdict = work(pipe, &in, err);
	line_release(&in);
	/* What was answered is told, however it ended. */
	if (fd_print(&pipe->out, KEEP_BYTES,
		    verdict == KAFKA_OK ? err : &late) < 0 &&
		verdict == KAFKA_OK)
		verdict = KAFKA_FAILED;
	buf_release(&pipe->out);
	return verdict;
}
