/*
 * run/emits.c - what a filter says; see inner.h. Emits wait, as the lines they
 * came in, until a result claims them; then they are published.
 */
#include "run/inner.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/crash.h"

#define PENDING_MAX (32 << 20) /* bytes of emits without a result */
#define PENDING_KEEP (1 << 20)

void
emits_drop(struct run *run)
{
	buf_shrink(&run->pending, PENDING_KEEP);
	run->pending_count = 0;
}

static void
garbage(struct run *run, const char *why, const struct err *err)
{
	LOG_WARN("runner", "the filter's line makes no sense", LOG_E(err));
	runner_garbage(&run->runner, why);
}

/* The queue towards Kafka is full: the filter is not read for a while. */
static void
choke(struct run *run)
{
	if (!run->emits_source.paused || run->runner.choked)
		return;
	runner_choke(&run->runner, true, clock_mono_ms());
	if (run->child.peer)
		peer_pause(run->child.peer);
}

void
emits_resume(void *data, struct group_source *source)
{
	struct run *run = data;

	runner_choke(&run->runner, false, clock_mono_ms());
	if (run->child.peer)
		peer_resume(run->child.peer);
	run_due(run);
}

static int
publish_pending(struct run *run, struct item *item)
{
	struct str rest = buf_str(&run->pending), line;
	struct filter_line parsed;

	while (str_cut(rest, '\n', &line, &rest)) {
		/* It parsed when it came. */
		if (filter_line_parse(&parsed, line, &run->room, &run->why) <
				0 ||
			publish_put(run->emits_out, &run->emits_source,
				&parsed.emit, item, &run->why) < 0)
			return -1;
		run->emits++;
	}
	return 0;
}

static void
take_emit(struct run *run, struct str line)
{
	struct err err;

	runner_said(&run->runner, clock_mono_ms());
	buf_add_str(&run->pending, line);
	buf_add_char(&run->pending, '\n');
	run->pending_count++;
	if (buf_bad(&run->pending) || run->pending.len > PENDING_MAX) {
		emits_drop(run);
		err_set(&err, "over %d bytes of emits without a result",
			PENDING_MAX);
		garbage(run, "too many emits without a result", &err);
	}
}

static void
take_result(struct run *run, const struct result *result)
{
	static const enum runner_status status[] = {
		[RESULT_DONE] = RUNNER_DONE,
		[RESULT_DEAD] = RUNNER_DEAD,
		[RESULT_RETRY] = RUNNER_RETRY,
	};
	struct runner_result r = {.topic = result->topic,
		.partition = result->partition,
		.offset = result->offset,
		.status = status[result->status],
		.error_class = result->error_class,
		.error_message = result->error_message};
	struct item *item;

	run->waiting[0] = '\0';
	item = runner_result(
		&run->runner, &r, run->pending_count, clock_mono_ms());
	crash_point("run:after-results");
	if (item && (run->opts->atomic ? transact_keep(run, item)
				       : publish_pending(run, item)) < 0)
		run_end(run, EXIT_TEMP);
	emits_drop(run);
	choke(run);
}

static void
take_waiting(struct run *run, struct str what)
{
	snprintf(run->waiting, sizeof(run->waiting), "%.*s", STR_ARG(what));
	runner_waiting(&run->runner, clock_mono_ms());
}

void
emits_line(struct run *run, struct str line)
{
	struct filter_line parsed;
	struct err err;

	run_due(run);
	if (run->runner.killing)
		return; /* it has nothing more to say */
	if (filter_line_parse(&parsed, line, &run->room, &err) < 0) {
		garbage(run, "it wrote what is no result", &err);
		return;
	}
	switch (parsed.kind) {
	case FILTER_RESULT:
		take_result(run, &parsed.result);
		break;
	case FILTER_EMIT:
		take_emit(run, line);
		break;
	case FILTER_WAITING:
		take_waiting(run, parsed.waiting_for);
		break;
	default: /* a hello where none is awaited */
		err_set(&err, "a hello, but without --control");
		garbage(run, "a hello out of place", &err);
	}
}

void
emits_answer(void *data, const struct publish_answer *answer)
{
	struct run *run = data;
	struct item *item;
	struct buf why = {0};
	bool letter;

	crash_point("run:after-emits");
	item = letters_item(answer->opaque, &letter);
	if (answer->dead) {
		buf_printf(&why, "%.*s: %.*s", STR_ARG(answer->error_class),
			STR_ARG(answer->error_message));
		LOG_WARN("runner",
			letter ? "a dead letter was refused"
			       : "an emit was refused",
			LOG_STR("topic", answer->topic),
			LOG_STR("error", buf_str(&why)));
	}
	runner_published(&run->runner, item, letter, answer->dead,
		buf_str(&why), clock_mono_ms());
	if (letter && answer->dead)
		letters_refused(run, item, buf_str(&why));
	buf_release(&why);
}
