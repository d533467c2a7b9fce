/*
 * chat-broadcast - a filter that hands records to the edges of this host, on a
 * Unix socket: each gets every line from its `ready` on, or is cut off. Behind
 * chat-consume --control --no-answers. No answers, no memory, but for the last
 * record of each key of a compacted topic.
 */
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/status.h"
#include "io/stop.h"
#include "serve/kept.h"
#include "serve/server.h"
#include "wire/hello.h"

#define NAME "chat-broadcast"
#define OPEN_AGAIN_MS 100
#define GOODBYE_MS 1000 /* for what the edges have not taken yet */
#define CONTROL "{\"control\":"

/* A partition of a compacted topic whose end has not been reached. */
struct awaited {
	char *topic;
	int32_t partition;
	int64_t end;
};

static struct {
	const char *socket, *status_path;
	int64_t queue_bytes, keep_bytes, max_edges;
	bool check;
} opts = {.queue_bytes = 8 << 20, .keep_bytes = 64 << 20, .max_edges = 64};

static struct {
	uv_loop_t loop;
	uv_check_t check;
	uv_timer_t clock;
	uv_signal_t term, interrupt, usr1;
	struct server server;
	struct peer *runner; /* stdin and stdout */
	struct buf lines;    /* of this turn, for all edges that are ready */
	struct kept kept;
	struct record_room room;
	struct awaited *awaited;
	size_t awaited_count;
	bool compacted; /* there are compacted topics: records are read */
	bool ready, ending;
	int64_t open_until_ms;
	struct status status;
	int64_t edges, records, cut, spoken; /* counters */
	int exit_code;
} b;

static void
stop(int code, const char *why)
{
	if (code)
		LOG_ERROR(NAME, "stopped by an error", LOG_S("error", why));
	b.exit_code = code;
	uv_stop(&b.loop);
}

/* ---- edges --------------------------------------------------------------- */

/* peer->data of an edge that has had its ready. */
static char told;

static void
send_to(struct peer *edge, struct str lines)
{
	if (peer_send(edge, lines))
		return;
	b.cut++;
	LOG_WARN(NAME, "a slow edge is cut off", LOG_I("edgePid", edge->pid),
		LOG_I("bytes", peer_out_bytes(edge)));
	peer_close(edge, "too slow");
}

/* What was kept, then ready. The bound grows by what is kept, until it is
 * taken: else nobody could ever begin. */
static void
greet(struct peer *edge)
{
	struct buf hello = {0};

	kept_print(&b.kept, &hello);
	edge->max_out = (size_t)opts.queue_bytes + hello.len;
	control_print(&hello, CONTROL_READY, NULL, 0);
	edge->data = &told;
	send_to(edge, buf_str(&hello));
	buf_release(&hello);
}

static void
edge_ready(struct peer *edge)
{
	if (b.ready)
		greet(edge);
}

static void
edge_drained(struct peer *edge)
{
	edge->max_out = (size_t)opts.queue_bytes;
}

static void
edge_line(struct peer *edge, struct str line)
{
	b.spoken++; /* an edge has nothing to say */
}

static void
edge_closed(struct peer *edge, const char *reason)
{
	LOG_INFO(NAME, "edge gone", LOG_I("edgePid", edge->pid),
		LOG_S("why", reason));
	server_forget(&b.server, edge);
	b.edges = (int64_t)b.server.count;
	if (b.ending && !b.edges)
		stop(EXIT_DONE, "");
}

static void
edge_came(struct server *server, struct peer *edge)
{
	edge->data = NULL;
	b.edges = (int64_t)server->count;
	LOG_INFO(NAME, "edge came", LOG_I("edgePid", edge->pid));
}

static const struct peer_ops edge_ops = {
	.on_line = edge_line,
	.on_ready = edge_ready,
	.on_drain = edge_drained,
	.on_close = edge_closed,
};

/* The line of records has a gap here: each edge follows again. */
static void
close_edges(const char *why)
{
	struct peer *edge;

	LIST_FOREACH (edge, &b.server.peers, link)
		peer_close(edge, why);
}

/* ---- records ------------------------------------------------------------- */

/* One write a turn for each edge. */
static void
flush(void)
{
	struct peer *edge;

	if (!b.lines.len && !buf_bad(&b.lines))
		return;
	if (buf_bad(&b.lines))
		close_edges("out of memory");
	else
		LIST_FOREACH (edge, &b.server.peers, link)
			if (edge->data == &told)
				send_to(edge, buf_str(&b.lines));
	buf_shrink(&b.lines, RECORD_LINE_MAX);
}

static void
on_check(uv_check_t *check)
{
	flush();
}

static void
become_ready(void)
{
	struct peer *edge;

	if (b.ready)
		return;
	flush();
	b.ready = true;
	status_set(&b.status, STATUS_READY, "");
	LIST_FOREACH (edge, &b.server.peers, link)
		if (!edge->hello_wanted)
			greet(edge);
}

static void
forget_awaited(void)
{
	while (b.awaited_count)
		free(b.awaited[--b.awaited_count].topic);
}

static void
reached(const struct record *record)
{
	size_t i;

	for (i = 0; i < b.awaited_count; i++) {
		struct awaited *a = &b.awaited[i];

		if (a->partition != record->partition ||
			!str_eq_c(record->topic, a->topic) ||
			record->offset + 1 < a->end)
			continue;
		free(a->topic);
		*a = b.awaited[--b.awaited_count];
		break;
	}
	if (!b.awaited_count)
		become_ready();
}

static void
take_record(struct str line)
{
	struct record record;
	struct err err;

	b.records++;
	if (b.ready) {
		buf_add_str(&b.lines, line);
		buf_add_char(&b.lines, '\n');
	}
	if (!b.compacted)
		return;
	if (record_parse(&record, line, &b.room, &err) < 0) {
		LOG_WARN(NAME, "a line is no record", LOG_E(&err));
		return;
	}
	kept_record(&b.kept, &record, line);
	if (!b.ready)
		reached(&record);
}

/* ---- the runner ---------------------------------------------------------- */

/* Everything begins anew. */
static void
reset(const char *why)
{
	if (b.ready)
		close_edges(why);
	b.ready = b.compacted = false;
	buf_reset(&b.lines);
	kept_clear(&b.kept);
	forget_awaited();
	status_set(&b.status, STATUS_WAITING, "the runner");
}

static void
await(const struct position *p)
{
	struct awaited *more =
		realloc(b.awaited, (b.awaited_count + 1) * sizeof(*more));

	b.compacted = true;
	if (p->offset >= p->end)
		return;
	if (more)
		b.awaited = more;
	if (!more || !(more[b.awaited_count].topic = str_dup(p->topic))) {
		stop(EXIT_TEMP, "out of memory");
		return;
	}
	more[b.awaited_count].partition = p->partition;
	more[b.awaited_count++].end = p->end;
}

static void
take_control(struct str line)
{
	enum control_kind kind;
	struct json_iter positions;
	struct position position;
	struct err err;

	if (control_parse(line, &kind, &positions, &err) <= 0) {
		stop(EXIT_TEMP, err.text);
		return;
	}
	if (kind == CONTROL_READY) {
		forget_awaited();
		become_ready();
		return;
	}
	reset("the line of records begins anew");
	if (kind == CONTROL_REVOKED)
		return;
	while (control_next(&positions, &position))
		if (position.end >= 0)
			await(&position);
	if (!b.awaited_count)
		become_ready();
}

static void
runner_line(struct peer *runner, struct str line)
{
	if (str_starts(line, CONTROL))
		take_control(line);
	else
		take_record(line);
}

/* Stdin has ended: what the edges have not taken is given a moment. */
static void
end(void)
{
	struct peer *edge;

	if (b.ending)
		return;
	b.ending = true;
	flush();
	server_stop(&b.server);
	status_set(&b.status, STATUS_DRAINING, "");
	LIST_FOREACH (edge, &b.server.peers, link)
		peer_end(edge);
	if (b.server.count == 0)
		stop(EXIT_DONE, "");
	else
		uv_timer_start(
			&b.clock, b.clock.timer_cb, GOODBYE_MS, GOODBYE_MS);
}

static void
runner_eof(struct peer *runner)
{
	end();
}

static void
runner_closed(struct peer *runner, const char *reason)
{
	if (!b.ending)
		stop(EXIT_TEMP, reason);
}

static const struct peer_ops runner_ops = {
	.on_line = runner_line,
	.on_eof = runner_eof,
	.on_close = runner_closed,
};

/* ---- its life ------------------------------------------------------------ */

static void
open_server(void)
{
	struct server_options server = {.path = opts.socket,
		.mode = 0660,
		.max_peers = (size_t)opts.max_edges,
		.peer = {.ops = &edge_ops,
			.hello = NAME,
			.max_line = RECORD_LINE_MAX,
			.max_out = (size_t)opts.queue_bytes},
		.on_peer = edge_came};
	struct err err;
	int rc = server_open(&b.server, &b.loop, &server, &err);

	if (rc < 0)
		stop(EXIT_PERM, err.text);
	else if (rc == 0 && clock_mono_ms() >= b.open_until_ms)
		stop(EXIT_PERM, "another process has the socket");
	else if (rc == 0)
		status_set(&b.status, STATUS_WAITING, "the socket");
	else
		status_set(&b.status, b.ready ? STATUS_READY : STATUS_WAITING,
			b.ready ? "" : "the runner");
}

static void
on_clock(uv_timer_t *timer)
{
	if (b.ending)
		stop(EXIT_DONE, "");
	else if (!b.server.open)
		open_server();
	if (b.server.open)
		uv_timer_set_repeat(timer, 1000);
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
	struct peer_options runner = {.ops = &runner_ops,
		.hello = NAME,
		.max_line = RECORD_LINE_MAX,
		.max_out = RECORD_LINE_MAX};

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
	kept_init(&b.kept, (size_t)opts.keep_bytes);
	b.open_until_ms = clock_mono_ms() + LOCK_WAIT_MS;
	uv_timer_start(&b.clock, on_clock, OPEN_AGAIN_MS, OPEN_AGAIN_MS);
	open_server();
	b.runner = peer_new_pair(&b.loop, 0, 1, &runner, err);
	return b.runner ? 0 : -1;
}

static void
release(void)
{
	server_stop(&b.server);
	forget_awaited();
	free(b.awaited);
	kept_clear(&b.kept);
	record_room_release(&b.room);
	buf_release(&b.lines);
	status_close(&b.status);
}

int
main(int argc, char **argv)
{
	const struct opt table[] = {
		{OPT_STRING, 'l', "listen", &opts.socket, "SOCKET",
			"where the edges connect", 0, 0},
		{OPT_SIZE, 0, "queue-bytes", &opts.queue_bytes, "SIZE",
			"that wait for one edge, before it is cut off (8M)", 1,
			INT64_C(1) << 40},
		{OPT_SIZE, 0, "keep-bytes", &opts.keep_bytes, "SIZE",
			"of kept records of compacted topics (64M)", 1,
			INT64_C(1) << 40},
		{OPT_INT, 0, "peers", &opts.max_edges, "N",
			"edges at a time (64)", 1, 10000},
		{OPT_STRING, 'S', "status", &opts.status_path, "FILE",
			"write the state to FILE", 0, 0},
		{OPT_FLAG, 'n', "dry-run", &opts.check, NULL,
			"check the configuration and exit", 0, 0},
		{0}};
	const struct opt_about about = {NAME, "-l socket [options]",
		"Hands the records on stdin to each edge that connects.",
		table};
	const struct status_counter counters[] = {{"edges", &b.edges},
		{"records", &b.records}, {"cut", &b.cut},
		{"kept", &b.kept.count}, {"forgotten", &b.kept.forgotten}};
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
	release();
	return b.exit_code;
}
