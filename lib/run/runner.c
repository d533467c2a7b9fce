/*
 * run/runner.c - see run.h: the loop of a runner. What happens is told to
 * flow/runner; what that asks for is done here, once a loop turn:
 *
 *	polled records, lines of the filter, acks, time
 *	   -> turn(): actions -> lines to the filter in one write, publish
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/stop.h"
#include "kafka/slot.h"
#include "run/group.h"
#include "run/inner.h"

#define START_MS 500	   /* a look-out for the first broker */
#define POLL_EVERY_MS 1000 /* librdkafka wants to be polled when idle too */

void
run_end(struct run *run, int code)
{
	if (run->exit_code < 0)
		run->exit_code = code;
	uv_stop(&run->loop);
}

/* ---- actions ------------------------------------------------------------- */

static void
filter_gone(struct child *child, int wait_status)
{
	struct run *run = child->data;

	LOG_AT(run->runner.draining ? LOG_INFO : LOG_WARN, "runner",
		"the filter has ended",
		LOG_I("exit",
			WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1),
		LOG_I("signal",
			WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0),
		LOG_I("unanswered", run->runner.hold.sent_count));
	emits_drop(run);
	run->waiting[0] = '\0';
	if (child->broke)
		runner_garbage(&run->runner, "it broke the protocol");
	runner_filter_exit(&run->runner, wait_status, clock_mono_ms());
	run_due(run);
}

static void
filter_line(struct child *child, struct str line)
{
	emits_line(child->data, line);
}

static void
filter_ready(struct child *child)
{
	struct run *run = child->data;

	runner_filter_up(&run->runner, clock_mono_ms());
	run_due(run);
}

static void
start_filter(struct run *run)
{
	const struct child_options child = {.argv = run->opts->filter,
		.hello = run->opts->control ? RUN_NAME : NULL,
		.max_line = RECORD_LINE_MAX,
		/* What waits for the filter is bounded by the window. */
		.max_out = SIZE_MAX / 2,
		.data = run,
		.on_line = filter_line,
		.on_ready = filter_ready,
		.on_exit = filter_gone};

	if (child_start(&run->child, &run->loop, &child, &run->why) < 0) {
		run_end(run, EXIT_TEMP);
		return;
	}
	LOG_INFO("runner", "filter started",
		LOG_S("filter", run->opts->filter[0]),
		LOG_I("filterPid", run->child.pid));
	if (!run->opts->control)
		runner_filter_up(&run->runner, clock_mono_ms());
	if (run->runner.choked)
		peer_pause(run->child.peer);
}

static void
print_control(struct run *run, const struct runner_action *action)
{
	enum control_kind kind = action->act == ACT_ASSIGNED ? CONTROL_ASSIGNED
							     : CONTROL_REVOKED;
	struct position position;
	size_t i;

	/* A line for each: no bound on partitions for the list. */
	for (i = 0; i < action->count; i++) {
		struct part *part = action->parts[i];

		position = (struct position){.topic = str_c(part->topic),
			.partition = part->partition,
			.offset = kind == CONTROL_ASSIGNED
					  ? window_commit(&part->window)
					  : -1,
			.end = -1};
		control_print(&run->lines, kind, &position, 1);
	}
}

/* A line of its own, and the last words, which scripts/status shows. */
static void
fuse_blown(struct run *run, const struct part *part, const struct item *item)
{
	LOG_ERROR("runner", "the fuse has blown", LOG_S("topic", part->topic),
		LOG_I("partition", part->partition),
		LOG_I("offset", item->slot.offset),
		LOG_I("dead", part->fuse.dead),
		LOG_S("class", item->error_class),
		LOG_S("error", item->error_message));
	err_set(&run->words,
		"the fuse: %lld records of %s/%d are dead, the last at offset "
		"%lld: %s: %s",
		(long long)part->fuse.dead, part->topic, (int)part->partition,
		(long long)item->slot.offset, item->error_class,
		item->error_message);
}

static void
act(struct run *run, const struct runner_action *action)
{
	switch (action->act) {
	case ACT_DONE:
		rd_kafka_message_destroy(action->body);
		free(action->emits);
		break;
	case ACT_LETTER:
		letters_send(run, action->item);
		break;
	case ACT_FUSE:
		fuse_blown(run, action->part, action->item);
		break;
	case ACT_START:
		start_filter(run);
		break;
	case ACT_KILL:
		LOG_WARN("runner", "filter killed", LOG_S("why", action->why));
		child_kill(&run->child, SIGKILL);
		break;
	case ACT_END:
		child_end(&run->child);
		break;
	case ACT_ASSIGNED:
	case ACT_REVOKED:
		print_control(run, action);
		break;
	case ACT_SEND:
		/* It fitted when it was polled, but for `again`. */
		records_print(run, action->item->body, action->again);
		break;
	case ACT_PAUSE:
	case ACT_RESUME:
		consumer_pause(&run->consumer, action->part->topic,
			action->part->partition, action->act == ACT_PAUSE);
		break;
	case ACT_EMIT:
		transact_emit(run, action->item);
		break;
	case ACT_COMMIT:
		if (run->opts->atomic)
			transact_commit(run, action);
		else
			group_commit(run, action);
		break;
	case ACT_LET_GO:
		group_let_go(run);
		break;
	case ACT_EXIT:
		if (run->words.text[0])
			run->why = run->words;
		else
			err_set(&run->why, "%s", action->why);
		run_end(run, action->code);
		break;
	}
}

/* ---- a turn -------------------------------------------------------------- */

static bool
do_actions(struct run *run, int64_t now)
{
	struct runner_action action;
	bool any = false;

	while (run->exit_code < 0 && runner_next(&run->runner, now, &action)) {
		act(run, &action);
		any = true;
	}
	if (buf_bad(&run->lines)) {
		err_set(&run->why, "out of memory");
		run_end(run, EXIT_TEMP);
	} else if (run->lines.len && run->child.peer) {
		peer_send(run->child.peer, buf_str(&run->lines));
	}
	buf_shrink(&run->lines, RECORD_LINE_MAX);
	return any;
}

static void
tell_state(struct run *run, int64_t now)
{
	struct runner *r = &run->runner;

	if (r->draining)
		status_set(&run->status, STATUS_DRAINING, r->exit_why);
	else if (out_away(run) ||
		 kafka_is_away(&run->consumer.kafka, run->consumer.rk))
		status_set(&run->status, STATUS_WAITING, "kafka");
	else if (run->barred)
		status_set(&run->status, STATUS_WAITING,
			"a stranger is in the group, with another protocol");
	else if (run->waiting[0])
		status_set(&run->status, STATUS_WAITING, run->waiting);
	else if (damaged_count(&run->consumer.damaged))
		status_set(&run->status, STATUS_WAITING, "a damaged record");
	else if (r->filter == FILTER_UP && run->joined)
		status_set(&run->status, STATUS_READY, "");
	else if (r->filter != FILTER_UP && r->counters.starts > 1)
		status_set(&run->status, STATUS_WAITING, "the filter");
	r->counters.unfinished = (int64_t)r->used;
	status_tick(&run->status, now);
}

static void on_clock(uv_timer_t *timer);

/* Sets the timer to what comes first. */
static void
set_clock(struct run *run, int64_t now)
{
	int64_t at = runner_deadline(&run->runner, now);
	int64_t then = out_deadline(run);

	if (then < at)
		at = then;
	if (at > now + POLL_EVERY_MS)
		at = now + POLL_EVERY_MS;
	uv_update_time(&run->loop);
	uv_timer_start(
		&run->clock, on_clock, at > now ? (uint64_t)(at - now) : 0, 0);
}

static void
turn(struct run *run)
{
	int64_t now = clock_mono_ms();
	bool again;

	uv_idle_stop(&run->idle);
	do {
		records_poll(run, now);
		runner_tick(&run->runner, now);
		again = do_actions(run, now);
		out_step(run, now);
		now = clock_mono_ms();
	} while (run->exit_code < 0 && again);
	tell_state(run, now);
	set_clock(run, now);
}

static void
on_idle(uv_idle_t *idle)
{
	turn(idle->data);
}

/* What happened in this loop turn is acted upon before it ends. */
static void
on_check(uv_check_t *check)
{
	struct run *run = check->data;

	if (uv_is_active((uv_handle_t *)&run->idle))
		turn(run);
}

void
run_due(struct run *run)
{
	uv_idle_start(&run->idle, on_idle);
}

static void
on_clock(uv_timer_t *timer)
{
	run_due(timer->data);
}

static void
on_wake(uv_poll_t *poll, int status, int events)
{
	struct run *run = poll->data;

	kafka_wake_clear(run->consumer.wake_fd);
	run_due(run);
}

static void
on_acks(uv_poll_t *poll, int status, int events)
{
	struct run *run = poll->data;

	kafka_wake_clear(out_wake_fd(run, (unsigned)(poll - run->acks)));
	run_due(run);
}

static void
on_signal(uv_signal_t *handle, int signum)
{
	struct run *run = handle->data;

	if (signum == SIGUSR1)
		status_write(&run->status);
	else
		runner_stop(&run->runner, EXIT_DONE, "asked to stop",
			clock_mono_ms());
	run_due(run);
}

/* ---- its life ------------------------------------------------------------ */

static void
start_handles(struct run *run)
{
	int k, fd;

	uv_idle_init(&run->loop, &run->idle);
	uv_check_init(&run->loop, &run->check);
	uv_timer_init(&run->loop, &run->clock);
	uv_signal_init(&run->loop, &run->term);
	uv_signal_init(&run->loop, &run->interrupt);
	uv_signal_init(&run->loop, &run->usr1);
	uv_poll_init(&run->loop, &run->wake, run->consumer.wake_fd);
	run->idle.data = run->check.data = run->clock.data = run->term.data =
		run->interrupt.data = run->usr1.data = run->wake.data = run;
	for (k = 0; k < RUN_WAKES; k++) {
		fd = out_wake_fd(run, (unsigned)k);
		if (fd < 0)
			break;
		uv_poll_init(&run->loop, &run->acks[k], fd);
		run->acks[k].data = run;
		uv_poll_start(&run->acks[k], UV_READABLE, on_acks);
	}
	uv_check_start(&run->check, on_check);
	uv_poll_start(&run->wake, UV_READABLE, on_wake);
	uv_signal_start(&run->term, on_signal, SIGTERM);
	uv_signal_start(&run->interrupt, on_signal, SIGINT);
	uv_signal_start(&run->usr1, on_signal, SIGUSR1);
	if (stop_asked) /* before the loop took the signals over */
		runner_stop(&run->runner, EXIT_DONE, "asked to stop",
			clock_mono_ms());
	/* What was queued before the wake-up was armed gives no event. */
	run_due(run);
}

/* Waits for a broker: -1 it is there, else the exit code. */
static int
wait_for_kafka(struct run *run, struct err *err)
{
	enum kafka_verdict verdict;
	bool again = true;

	while (!stop_asked) {
		verdict = out_start(run, START_MS, &again, err);
		if (verdict == KAFKA_OK)
			return -1;
		if (verdict == KAFKA_PERM)
			return EXIT_PERM;
		if (!again)
			return EXIT_TEMP;
		status_set(&run->status, STATUS_WAITING, "kafka");
		status_tick(&run->status, clock_mono_ms());
	}
	return EXIT_DONE;
}

static int
open_clients(
	struct run *run, const char *id, const char *instance, struct err *err)
{
	const struct run_options *opts = run->opts;
	const struct consumer_options consumer = {.kafka = &opts->kafka,
		.group = opts->group,
		.instance = instance,
		.uncommitted = opts->uncommitted,
		.ops = &group_ops,
		.data = run,
		.hold = true};
	const struct runner_options runner = {
		.max_records = (size_t)opts->window_records,
		.max_bytes = (size_t)opts->window_bytes,
		.hang_ms = opts->hang_ms,
		.control = opts->control,
		.atomic = opts->atomic,
		.fuse = opts->fuse};
	int code;

	if (out_open(run, id, err) < 0 ||
		consumer_open(&run->consumer, &consumer, err) < 0)
		return EXIT_PERM;
	code = wait_for_kafka(run, err);
	if (code >= 0)
		return code;
	if (runner_init(&run->runner, &runner, clock_mono_ms(), err) < 0)
		return EXIT_TEMP;
	run->status.more = group_status;
	run->status.data = run;
	if (consumer_subscribe(&run->consumer, opts->topics.item,
		    opts->topics.count, err) < 0)
		return EXIT_TEMP;
	return -1;
}

static int
run_it(struct run *run, struct err *err)
{
	struct buf name = {0}, instance = {0};
	struct lock lock;
	int code, rc;

	slot_name(&name, RUN_NAME, run->opts->group, run->opts->slot);
	rc = slot_take(&lock, run->opts->run_dir, name.data, &run->status, err);
	if (rc <= 0) {
		buf_release(&name);
		return rc < 0 ? EXIT_PERM : EXIT_DONE;
	}
	group_instance(&instance, run->opts->slot);
	code = open_clients(run, name.data, instance.data, err);
	buf_release(&name);
	buf_release(&instance);
	if (code >= 0)
		return code;
	uv_loop_init(&run->loop);
	start_handles(run);
	uv_run(&run->loop, UV_RUN_DEFAULT);
	*err = run->why;
	return run->exit_code;
}

static void
release(struct run *run)
{
	child_kill(&run->child, SIGKILL);
	consumer_close(&run->consumer);
	if (run->exit_code != EXIT_TEMP)
		out_close(run);
	if (run->assignment)
		rd_kafka_topic_partition_list_destroy(run->assignment);
	runner_release(&run->runner);
	record_room_release(&run->room);
	buf_release(&run->lines);
	buf_release(&run->pending);
}

int
run_runner(const struct run_options *opts, struct err *err)
{
	static struct run run;
	struct runner_counters *c = &run.runner.counters;
	const struct status_counter counters[] = {
		{"sent", &c->sent},
		{"done", &c->done},
		{"dead", &c->dead},
		{"retries", &c->retries},
		{"emits", &run.emits},
		{"transactions", &run.transactions},
		{"aborted", &run.aborted},
		{"unfinished", &c->unfinished},
		{"commits", &c->commits},
		{"starts", &c->starts},
		{"kills", &c->kills},
		{"late", &c->late},
		{"ignored", &c->ignored},
	};
	int code;

	run.opts = opts;
	run.exit_code = -1;
	if (status_open(&run.status, opts->status_path, RUN_NAME, counters,
		    ARRAY_LEN(counters), err) < 0)
		return EXIT_PERM;
	code = run_it(&run, err);
	release(&run);
	status_close(&run.status);
	return code;
}
