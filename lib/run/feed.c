/*
 * run/feed.c - see run.h: a filter that gets every record and answers none
 * (chat-broadcast). No group, no commits: each filter begins at -o (compacted
 * topics: at their start), which a control line tells it.
 *
 *	filter started -> positions found, assigned, told -> records
 *	filter ended   -> unassigned; started again after 0.1 s, growing to 5 s
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "flow/deaths.h"
#include "io/stop.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"
#include "run/run.h"
#include "serve/child.h"

#define NAME "chat-consume"
#define OUT_MAX (16 << 20) /* bytes that wait for the filter */
#define POLL_AT_ONCE 2000
#define POLL_EVERY_MS 1000
#define ASK_MS 3000
#define AGAIN_MS 1000
#define DRAIN_MS 30000

struct feed {
	const struct run_options *opts;
	struct consumer consumer;
	struct child child;
	struct deaths deaths; /* only its backoff */
	struct status status;
	int64_t records, skipped, starts; /* counters */
	struct buf lines;
	struct record_room room;
	uv_loop_t loop;
	uv_poll_t wake;
	uv_timer_t clock, restart;
	uv_signal_t term, interrupt, usr1;
	struct positions positions;
	bool feeding; /* assigned; the filter was told */
	bool awaited; /* ends of compacted topics are to be reached */
	bool full;    /* its queue; on_drain goes on */
	bool stopping;
	int exit_code;
	struct err why;
};

static void
end(struct feed *feed, int code)
{
	if (feed->exit_code < 0)
		feed->exit_code = code;
	uv_stop(&feed->loop);
}

static void on_again(uv_timer_t *timer);

/* ---- where to begin ------------------------------------------------------ */

/* 1 compacted, 0 not (or nobody may say). */
static bool
is_compacted(struct feed *feed, const char *topic)
{
	struct admin_configs configs = {0};
	struct err err;
	const char *policy;
	bool yes = false;

	if (admin_configs_read(
		    feed->consumer.rk, topic, &configs, ASK_MS, &err) == 0) {
		policy = admin_configs_get(&configs, "cleanup.policy");
		yes = policy && strstr(policy, "compact");
	}
	admin_configs_release(&configs);
	return yes;
}

static enum kafka_verdict
find(struct feed *feed, const char *topic, struct positions *positions)
{
	struct spec from = feed->opts->from, none = {SPEC_NONE, 0};
	struct spec end_of = {SPEC_END, 0};
	bool compacted = is_compacted(feed, topic);

	if (compacted)
		from.kind = SPEC_START;
	else if (from.kind == SPEC_NONE)
		from.kind = SPEC_END;
	return positions_find(positions, &feed->consumer, topic, &from,
		compacted ? &end_of : &none, &feed->why);
}

static enum kafka_verdict
find_all(struct feed *feed, struct positions *positions)
{
	enum kafka_verdict verdict = KAFKA_OK;
	size_t i;

	for (i = 0; i < feed->opts->topics.count && verdict == KAFKA_OK; i++)
		verdict = find(feed, feed->opts->topics.item[i], positions);
	if (verdict == KAFKA_OK &&
		positions_assign(positions, &feed->consumer, &feed->why) < 0)
		verdict = KAFKA_FAILED;
	return verdict;
}

/* Finds where to begin and says so to the filter; what is not there yet, a
 * broker or a topic, is waited for. */
static void
begin(struct feed *feed)
{
	enum kafka_verdict verdict;

	positions_release(&feed->positions);
	verdict = find_all(feed, &feed->positions);

	if (verdict == KAFKA_OK) {
		if (feed->opts->control)
			control_print(&feed->lines, CONTROL_ASSIGNED,
				feed->positions.item, feed->positions.count);
		feed->feeding = feed->awaited = true;
		status_set(&feed->status, STATUS_READY, "");
	} else if (verdict == KAFKA_PERM) {
		end(feed, EXIT_PERM);
	} else {
		LOG_WARN("feed", "cannot begin yet", LOG_E(&feed->why));
		status_set(&feed->status, STATUS_WAITING,
			verdict == KAFKA_REFUSED ? "a topic" : "kafka");
		uv_timer_start(&feed->restart, on_again, AGAIN_MS, 0);
	}
}

static void
on_again(uv_timer_t *timer)
{
	begin(timer->data);
}

/* An end may be a commit marker, or a record that is compacted away: only the
 * consumer's own position tells that it has been reached. */
static void
tell_ready(struct feed *feed)
{
	const struct position *p = feed->positions.item;
	size_t i;

	for (i = 0; i < feed->positions.count; i++, p++)
		if (p->end > p->offset &&
			consumer_position(&feed->consumer, p->topic.data,
				p->partition) < p->end)
			return;
	feed->awaited = false;
	if (feed->opts->control)
		control_print(&feed->lines, CONTROL_READY, NULL, 0);
}

/* ---- records to the filter ----------------------------------------------- */

static void
print(struct feed *feed, rd_kafka_message_t *m)
{
	size_t before = feed->lines.len;
	struct record record;
	struct err err = {"it does not fit a line"};

	if (consumer_record(&record, m, &feed->room, &err) == 0) {
		record_print(&feed->lines, &record);
		if (feed->lines.len - before <= RECORD_LINE_MAX) {
			feed->records++;
			return;
		}
		feed->lines.len = before;
	}
	/* Nobody waits for it: there is no dead letter without a group. */
	feed->skipped++;
	LOG_WARN("feed", "record skipped", LOG_STR("topic", record.topic),
		LOG_I("partition", m->partition), LOG_I("offset", m->offset),
		LOG_E(&err));
}

static void
flush(struct feed *feed)
{
	if (buf_bad(&feed->lines)) {
		err_set(&feed->why, "out of memory");
		end(feed, EXIT_TEMP);
	} else if (feed->lines.len && feed->child.peer) {
		feed->full =
			!peer_send(feed->child.peer, buf_str(&feed->lines));
	}
	buf_shrink(&feed->lines, RECORD_LINE_MAX);
}

static void
tell_state(struct feed *feed)
{
	if (feed->feeding &&
		kafka_is_away(&feed->consumer.kafka, feed->consumer.rk))
		status_set(&feed->status, STATUS_WAITING, "kafka");
	else if (feed->feeding)
		status_set(&feed->status, STATUS_READY, "");
	status_tick(&feed->status, clock_mono_ms());
}

/* Takes what is there. A slow filter is waited for: what it has not taken
 * stays at the broker. */
static void
turn(struct feed *feed)
{
	rd_kafka_message_t *m;
	enum consumer_got got = CONSUMER_RECORD;
	int i;

	for (i = 0; i < POLL_AT_ONCE && !feed->full; i++) {
		got = consumer_poll(&feed->consumer, 0, &m, &feed->why);
		if (got != CONSUMER_RECORD)
			break;
		if (feed->feeding)
			print(feed, m);
		rd_kafka_message_destroy(m);
	}
	if (got == CONSUMER_PERM || got == CONSUMER_FATAL)
		end(feed, got == CONSUMER_PERM ? EXIT_PERM : EXIT_TEMP);
	if (feed->feeding && feed->awaited && got == CONSUMER_NOTHING)
		tell_ready(feed);
	flush(feed);
	if (i == POLL_AT_ONCE && !feed->full)
		uv_timer_start(
			&feed->clock, feed->clock.timer_cb, 0, POLL_EVERY_MS);
	tell_state(feed);
}

static void
on_wake(uv_poll_t *poll, int status, int events)
{
	struct feed *feed = poll->data;

	kafka_wake_clear(feed->consumer.wake_fd);
	turn(feed);
}

static void
on_clock(uv_timer_t *timer)
{
	turn(timer->data);
}

/* ---- the filter ---------------------------------------------------------- */

static void start_filter(struct feed *feed);

static void
on_restart(uv_timer_t *timer)
{
	start_filter(timer->data);
}

static void
filter_gone(struct child *child, int status)
{
	struct feed *feed = child->data;

	feed->feeding = feed->full = false;
	if (feed->stopping) {
		end(feed, EXIT_DONE);
		return;
	}
	LOG_WARN("feed", "the filter has ended",
		LOG_I("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
		LOG_I("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0));
	if (death_of(status, false) == DEATH_PERM) {
		err_set(&feed->why, "the filter cannot go on");
		end(feed, EXIT_PERM);
		return;
	}
	consumer_unassign(&feed->consumer);
	status_set(&feed->status, STATUS_WAITING, "the filter");
	uv_timer_start(&feed->restart, on_restart,
		(uint64_t)deaths_backoff(&feed->deaths), 0);
}

static void
filter_line(struct child *child, struct str line)
{
	/* It has nothing to answer; what it says does no harm. */
}

static void
filter_ready(struct child *child)
{
	struct feed *feed = child->data;

	begin(feed);
	turn(feed);
}

static void
filter_drained(struct child *child)
{
	struct feed *feed = child->data;

	deaths_well(&feed->deaths);
	feed->full = false;
	turn(feed);
}

static void
start_filter(struct feed *feed)
{
	const struct child_options child = {.argv = feed->opts->filter,
		.hello = feed->opts->control ? NAME : NULL,
		.max_line = RECORD_LINE_MAX,
		.max_out = OUT_MAX,
		.data = feed,
		.on_line = filter_line,
		.on_ready = filter_ready,
		.on_drain = filter_drained,
		.on_exit = filter_gone};

	if (child_start(&feed->child, &feed->loop, &child, &feed->why) < 0) {
		end(feed, EXIT_TEMP);
		return;
	}
	feed->starts++;
	LOG_INFO("feed", "filter started",
		LOG_S("filter", feed->opts->filter[0]),
		LOG_I("filterPid", feed->child.pid));
	if (!feed->opts->control)
		begin(feed);
}

/* ---- its life ------------------------------------------------------------ */

static void
on_too_late(uv_timer_t *timer)
{
	struct feed *feed = timer->data;

	child_kill(&feed->child, SIGKILL);
}

static void
on_signal(uv_signal_t *handle, int signum)
{
	struct feed *feed = handle->data;

	if (signum == SIGUSR1) {
		status_write(&feed->status);
		return;
	}
	if (feed->stopping)
		return;
	feed->stopping = true;
	status_set(&feed->status, STATUS_DRAINING, "");
	if (!feed->child.pid && !feed->child.peer) {
		end(feed, EXIT_DONE);
		return;
	}
	feed->feeding = false;
	child_end(&feed->child);
	uv_timer_start(&feed->restart, on_too_late, DRAIN_MS, 0);
}

static void
start_handles(struct feed *feed)
{
	uv_loop_init(&feed->loop);
	uv_timer_init(&feed->loop, &feed->clock);
	uv_timer_init(&feed->loop, &feed->restart);
	uv_signal_init(&feed->loop, &feed->term);
	uv_signal_init(&feed->loop, &feed->interrupt);
	uv_signal_init(&feed->loop, &feed->usr1);
	uv_poll_init(&feed->loop, &feed->wake, feed->consumer.wake_fd);
	feed->clock.data = feed->restart.data = feed->term.data =
		feed->interrupt.data = feed->usr1.data = feed->wake.data = feed;
	uv_poll_start(&feed->wake, UV_READABLE, on_wake);
	uv_timer_start(&feed->clock, on_clock, 0, POLL_EVERY_MS);
	uv_signal_start(&feed->term, on_signal, SIGTERM);
	uv_signal_start(&feed->interrupt, on_signal, SIGINT);
	uv_signal_start(&feed->usr1, on_signal, SIGUSR1);
}

int
run_feed(const struct run_options *opts, struct err *err)
{
	static struct feed feed;
	const struct consumer_options consumer = {
		.kafka = &opts->kafka, .uncommitted = opts->uncommitted};
	const struct status_counter counters[] = {{"records", &feed.records},
		{"skipped", &feed.skipped}, {"starts", &feed.starts}};

	feed.opts = opts;
	feed.exit_code = -1;
	deaths_init(&feed.deaths);
	if (status_open(&feed.status, opts->status_path, NAME, counters,
		    ARRAY_LEN(counters), err) < 0 ||
		consumer_open(&feed.consumer, &consumer, err) < 0)
		return EXIT_PERM;
	start_handles(&feed);
	start_filter(&feed);
	if (stop_asked) /* before the loop took the signals over */
		on_signal(&feed.term, SIGTERM);
	if (feed.exit_code < 0)
		uv_run(&feed.loop, UV_RUN_DEFAULT);
	*err = feed.why;
	child_kill(&feed.child, SIGKILL);
	consumer_close(&feed.consumer);
	positions_release(&feed.positions);
	record_room_release(&feed.room);
	buf_release(&feed.lines);
	status_close(&feed.status);
	return feed.exit_code;
}
