/*
 * test-oom-serve.c - R-27 for lib/serve: peers, a hub and who listens to it, a
 * server and its calls. What fails closes one connection, or is told; nobody
 * waits for what will never come. libuv's own allocations are not failed.
 * See oom.h.
 *
 * links: serve wire -luv OOM
 */
#include "oom.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/fd.h"
#include "serve/call.h"
#include "serve/hub.h"

#define TURNS 40
#define WAIT_MS 60 /* where it may fail for good */
#define LONG_MS 10000

static uv_loop_t loop;
static char path[64];

/* Turns of the loop: so many, or until what is true. All is in this process, so
 * that no time is needed; but a connection is tried again after 20 ms. */
static void
turn_until(const bool *what, int turns, int64_t wait_ms)
{
	int64_t until_ms = clock_mono_ms() + wait_ms;

	while (!*what && (turns-- > 0 || clock_mono_ms() < until_ms))
		if (!uv_run(&loop, UV_RUN_NOWAIT))
			return;
}

static void
end_loop(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- a peer -------------------------------------------------------------- */

static struct {
	bool over; /* both had the other's line, or one closed */
	int right, ready;
	struct peer *peer[2];
	char reason[200];
} p;

static void
peer_line(struct peer *peer, struct str line)
{
	p.right += line.len == 100000;
	p.over = p.right == 2;
}

static void
send_long(struct peer *peer)
{
	char *line = malloc(100001);

	if (!line) {
		peer_close(peer, PEER_NO_MEMORY);
		return;
	}
	memset(line, 'x', 100000);
	line[100000] = '\n';
	peer_send(peer, (struct str){line, 100001});
	free(line);
}

/* When both have heard the other's hello. */
static void
peer_ready(struct peer *peer)
{
	if (++p.ready < 2)
		return;
	send_long(p.peer[0]);
	send_long(p.peer[1]);
}

static void
peer_closed(struct peer *peer, const char *reason)
{
	snprintf(p.reason, sizeof(p.reason), "%s", reason);
	p.over = true;
}

static const struct peer_ops peer_ops = {
	.on_line = peer_line, .on_ready = peer_ready, .on_close = peer_closed};

/* Two on one socket, which say hello to each other, and a long line. */
static int
work_peer(void *arg)
{
	const struct peer_options opts = {.ops = &peer_ops,
		.hello = "test",
		.max_line = 200000,
		.max_out = 200000};
	struct err err = {""};
	int fd[2], i;

	memset(&p, 0, sizeof(p));
	uv_loop_init(&loop);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0, fd),
		0);
	for (i = 0; i < 2; i++)
		p.peer[i] = peer_new(&loop, fd[i], &opts, &err);
	turn_until(&p.over, 100 * TURNS, 0);
	/* One that never came to be takes the other along. */
	assert_true(p.over || (!p.peer[0] && !p.peer[1]));
	for (i = 0; i < 2 && p.right == 2; i++)
		peer_close(p.peer[i], "done");
	end_loop();
	return p.right == 2 ? 0 : -1;
}

/* ---- a hub --------------------------------------------------------------- */

static void
hub_empty(struct hub *hub)
{
}

static const char *const hub_lines[] = {
	"{\"control\":\"assigned\",\"positions\":[{\"topic\":\"c\","
	"\"partition\":0,\"offset\":0,\"end\":2}]}",
	"{\"topic\":\"c\",\"partition\":0,\"offset\":0,\"key\":\"a\","
	"\"value\":{}}",
	"{\"topic\":\"c\",\"partition\":0,\"offset\":1,\"key\":\"b\","
	"\"value\":{}}",
	"{\"topic\":\"c\",\"partition\":0,\"offset\":2,\"key\":\"\\u0061\","
	"\"value\":{\"last\":1}}",
};

/* What a listener got; true where it ends as it should. */
static bool
heard_all(int fd, bool *closed)
{
	static char text[4096];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	*closed = n == 0 || errno != EAGAIN;
	text[len] = '\0';
	return strstr(text, "{\"control\":\"ready\"}\n") &&
	       str_ends(str_c(text), "{\"last\":1}}\n");
}

static int
work_hub(void *arg)
{
	const struct hub_options opts = {.path = path,
		.hello = "hub",
		.queue_bytes = 1 << 20,
		.keep_bytes = 1 << 20,
		.max_peers = 4,
		.on_empty = hub_empty};
	static const bool never;
	static struct hub hub;
	static const char hello[] =
		"{\"hello\":\"chat/1\",\"from\":\"t\",\"maxLine\":1000}\n";
	struct err err = {""};
	bool closed = false;
	int fd, rc, alive;
	size_t i;

	uv_loop_init(&loop);
	hub_init(&hub, &opts);
	assert_int_equal(hub_open(&hub, &loop, &err), 1);
	fd = fd_unix_connect(path, &err);
	assert_true(fd >= 0 && fd_nonblock(fd, true, &err) == 0);
	assert_true(write(fd, hello, strlen(hello)) > 0);
	turn_until(&never, TURNS, 0);
	for (i = 0, rc = 0; i < ARRAY_LEN(hub_lines) && rc == 0; i++) {
		rc = hub_line(&hub, str_c(hub_lines[i]), &err);
		hub_flush(&hub);
	}
	turn_until(&never, TURNS, 0);
	alive = heard_all(fd, &closed);
	/* Who is not cut off, and the hub not ended, misses nothing. */
	if (rc == 0 && !closed && !alive)
		fail_msg("a listener that waits for ever");
	hub_end(&hub);
	close(fd);
	hub_release(&hub);
	end_loop();
	return rc == 0 && alive ? 0 : -1;
}

/* ---- calls --------------------------------------------------------------- */

static struct {
	struct server server;
	struct calls calls;
	bool over;
	int status, asked;
} c;

static void
server_line(struct peer *peer, struct str line)
{
	struct request request;
	struct buf out = {0}, scratch = {0};
	struct err err;

	if (request_parse(&request, line, &scratch, &err) < 0) {
		peer_close(peer, err.text);
	} else {
		reply_print(&out, request.id, 200, STR("{}"));
		if (buf_bad(&out))
			peer_close(peer, PEER_NO_MEMORY);
		peer_send(peer, buf_str(&out));
	}
	buf_release(&out);
	buf_release(&scratch);
}

static void
server_closed(struct peer *peer, const char *reason)
{
	server_forget(&c.server, peer);
}

static const struct peer_ops server_ops = {
	.on_line = server_line, .on_close = server_closed};

static void
on_peer(struct server *server, struct peer *peer)
{
}

static void
answered(void *data, int status, struct json body)
{
	c.status = status;
	c.over = true;
}

static void
calls_come_up(struct calls *calls)
{
	struct request request = {.user = 7,
		.method = STR("GET"),
		.path = STR("/a\"b"),
		.deadline_ms = LONG_MS};

	if (c.asked++)
		return;
	if (!calls_send(calls, &request, answered, NULL))
		c.over = true;
}

/* A connection that cannot be had is tried again. */
static int
work_calls(void *arg)
{
	const struct server_options sopts = {.path = path,
		.mode = 0600,
		.max_peers = 4,
		.peer = {.ops = &server_ops,
			.hello = "server",
			.max_line = 1000,
			.max_out = 1000},
		.on_peer = on_peer};
	const struct calls_options copts = {.path = path,
		.hello = "client",
		.max_open = 10,
		.on_up = calls_come_up};
	struct err err = {""};
	struct peer *peer;

	memset(&c, 0, sizeof(c));
	uv_loop_init(&loop);
	assert_int_equal(server_open(&c.server, &loop, &sopts, &err), 1);
	calls_start(&c.calls, &loop, &copts);
	turn_until(&c.over, TURNS, WAIT_MS);
	if (!oom.failed || c.asked)
		turn_until(&c.over, TURNS, LONG_MS);
	/* An asker is never left without a word. */
	assert_true(c.over || !c.asked || !c.calls.count);
	calls_stop(&c.calls);
	assert_int_equal(c.calls.count, 0);
	server_stop(&c.server);
	LIST_FOREACH (peer, &c.server.peers, link)
		peer_close(peer, "over");
	end_loop();
	return c.status == 200 ? 0 : -1;
}

/* ---- all ----------------------------------------------------------------- */

/* optional: it tries again, or a log line is lost */
static const struct oom_case works[] = {
	{"peer", work_peer, NULL, 8, false},
	{"hub", work_hub, NULL, 10, true},
	{"calls", work_calls, NULL, 10, true},
};

static void
test_each(void **unused)
{
	oom_test(works, ARRAY_LEN(works));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each)};
	char lock[80];
	int rc;

	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "/tmp/test-oom.%d", (int)getpid());
	if (!freopen("/dev/null", "w", stderr))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	return rc;
}
