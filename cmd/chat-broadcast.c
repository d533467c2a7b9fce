/*
 * chat-broadcast - a filter that hands records to the edges of this host, on a
 * Unix socket: each gets every line from its `ready` on, or is cut off. Behind
 * chat-consume --control --no-answers. lib/serve/hub does it; this file is
 * stdin, the socket's lock, signals and the status.
 */
#include <signal.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/status.h"
#include "io/stop.h"
#include "serve/hub.h"

#define NAME "chat-broadcast"
#define OPEN_AGAIN_MS 100
#define TICK_MS 1000
#define GOODBYE_MS 1000 /* for what the edges have not taken yet */

static struct {
	const char *socket, *status_path;
	int64_t queue_bytes, keep_bytes, max_edges;
	bool check;
} opts = {.queue_bytes = 8 << 20, .keep_bytes = 64 << 20, .max_edges = 64};

static const struct opt table[] = {
	{OPT_STRING, 'l', "listen", &opts.socket, "SOCKET",
		"where the edges connect", 0, 0},
	{OPT_SIZE, 0, "queue-bytes", &opts.queue_bytes, "SIZE",
		"that wait for one edge, before it is cut off (8M)", 1,
		INT64_C(1) << 40},
	{OPT_SIZE, 0, "keep-bytes", &opts.keep_bytes, "SIZE",
		"of kept records of compacted topics (64M)", 1,
		INT64_C(1) << 40},
	{OPT_INT, 0, "peers", &opts.max_edges, "N", "edges at a time (64)", 1,
		10000},
	{OPT_STRING, 'S', "status", &opts.status_path, "FILE",
		"write the state to FILE", 0, 0},
	{OPT_FLAG, 'n', "dry-run", &opts.check, NULL,
		"check the configuration and exit", 0, 0},
	{0},
};

static const struct opt_about about = {NAME, "-l socket [options]",
	"Hands the records on stdin to each edge that connects.", table};

static struct {
	uv_loop_t loop;
	uv_check_t check;
	uv_timer_t clock;
	uv_signal_t term, interrupt, usr1;
	struct hub hub;
	struct peer *runner; /* stdin and stdout */
	struct status status;
	int64_t open_until_ms;
	int exit_code;
} b;

static const struct status_counter counters[] = {{"edges", &b.hub.peers},
	{"records", &b.hub.records}, {"cut", &b.hub.cut},
	{"spoken", &b.hub.spoken}, {"kept", &b.hub.kept.count},
	{"forgotten", &b.hub.kept.forgotten}};

static void
stop(int code, const char *why)
{
	if (code)
		LOG_ERROR(NAME, "stopped by an error", LOG_S("error", why));
	b.exit_code = code;
	uv_stop(&b.loop);
}

static void
tell_state(void)
{
	if (b.hub.ending)
		status_set(&b.status, STATUS_DRAINING, "");
	else if (!b.hub.server.open)
		status_set(&b.status, STATUS_WAITING, "the socket");
	else if (!b.hub.ready)
		status_set(&b.status, STATUS_WAITING, "the runner");
	else
		status_set(&b.status, STATUS_READY, "");
}

/* ---- the runner ---------------------------------------------------------- */

static void
on_check(uv_check_t *check)
{
	hub_flush(&b.hub);
}

static void
runner_line(struct peer *runner, struct str line)
{
	struct err err;
	bool was_ready = b.hub.ready;

	if (hub_line(&b.hub, line, &err) < 0)
		stop(EXIT_TEMP, err.text);
	else if (b.hub.ready != was_ready)
		tell_state();
}

static void
on_empty(struct hub *hub)
{
	stop(EXIT_DONE, "");
}

/* No more lines: what the edges have not taken is given a moment. */
static void
end(void)
{
	if (b.hub.ending)
		return;
	if (!hub_end(&b.hub))
		stop(EXIT_DONE, "");
	else
		uv_timer_start(
			&b.clock, b.clock.timer_cb, GOODBYE_MS, GOODBYE_MS);
	tell_state();
}

static void
runner_eof(struct peer *runner)
{
	end();
}

static void
runner_closed(struct peer *runner, const char *reason)
{
	if (!b.hub.ending)
		stop(EXIT_TEMP, reason);
}

static const struct peer_ops runner_ops = {
	.on_line = runner_line,
	.on_eof = runner_eof,
	.on_close = runner_closed,
};

/* ---- its life ------------------------------------------------------------ */

static void
open_socket(void)
{
	struct err err;
	int rc = hub_open(&b.hub, &b.loop, &err);

	if (rc < 0)
		stop(EXIT_PERM, err.text);
	else if (rc == 0 && b.hub.server.lock.owner &&
		 clock_mono_ms() >= b.open_until_ms)
		stop(EXIT_PERM, "another process has the socket");
	else if (rc > 0)
		uv_timer_set_repeat(&b.clock, TICK_MS);
	tell_state();
}

static void
on_clock(uv_timer_t *timer)
{
	if (b.hub.ending)
		stop(EXIT_DONE, "");
	else if (!b.hub.server.open)
		open_socket();
	status_tick(&b.status, clock_mono_ms());
}

static void
on_signal(uv_signal_t *handle, int signum)
{
	if (signum == SIGUSR1)
		status_write(&b.status);
	else
		end();
}

static int
start(struct err *err)
{
	const struct hub_options hub = {.path = opts.socket,
		.hello = NAME,
		.queue_bytes = (size_t)opts.queue_bytes,
		.keep_bytes = (size_t)opts.keep_bytes,
		.max_peers = (size_t)opts.max_edges,
		.on_empty = on_empty};
	const struct peer_options runner = {.ops = &runner_ops,
		.hello = NAME,
		.max_line = RECORD_LINE_MAX,
		.max_out = RECORD_LINE_MAX};

	hub_init(&b.hub, &hub);
	uv_loop_init(&b.loop);
	uv_check_init(&b.loop, &b.check);
	uv_timer_init(&b.loop, &b.clock);
	uv_signal_init(&b.loop, &b.term);
	uv_signal_init(&b.loop, &b.interrupt);
	uv_signal_init(&b.loop, &b.usr1);
	uv_check_start(&b.check, on_check);
	uv_signal_start(&b.term, on_signal, SIGTERM);
	uv_signal_start(&b.interrupt, on_signal, SIGINT);
	uv_signal_start(&b.usr1, on_signal, SIGUSR1);
	b.open_until_ms = clock_mono_ms() + LOCK_WAIT_MS;
	uv_timer_start(&b.clock, on_clock, OPEN_AGAIN_MS, OPEN_AGAIN_MS);
	open_socket();
	b.runner = peer_new_pair(&b.loop, 0, 1, &runner, err);
	return b.runner ? 0 : -1;
}

int
main(int argc, char **argv)
{
	struct err err = {""};
	int at;

	log_open(NAME);
	stop_init();
	at = opt_parse(&about, argc, argv, &err);
	if (at >= 0 && at < argc)
		at = err_set(&err, "superfluous operand '%s'", argv[at]);
	if (at >= 0 && !opts.socket)
		at = err_set(&err, "no socket: give -l");
	if (at < 0)
		opt_usage(&about, &err);
	if (opts.check)
		return EXIT_DONE;
	if (status_open(&b.status, opts.status_path, NAME, counters,
		    ARRAY_LEN(counters), &err) < 0)
		opt_usage(&about, &err);
	if (start(&err) < 0)
		stop(EXIT_TEMP, err.text);
	else if (!b.exit_code)
		uv_run(&b.loop, UV_RUN_DEFAULT);
	hub_release(&b.hub);
	status_close(&b.status);
	return b.exit_code;
}
