/*
 * links: serve wire -luv
 * serve: peers over real sockets and pipes, a server and its dial, children,
 * calls. Each test runs the loop until nothing is left to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "io/fd.h"
#include "serve/call.h"
#include "serve/child.h"
#include "serve/server.h"

static struct {
	uv_loop_t loop;
	struct peer *peer;
	struct buf said;
	int pause_at, lines, drains;
	struct child child;
	int exits, exit_status, starts_left;
	struct server server;
	struct dial dial;
	struct calls calls;
	char path[64];
} t;

static int
setup(void **state)
{
	memset(&t, 0, sizeof(t));
	log_level(LOG_ERROR);
	uv_loop_init(&t.loop);
	snprintf(t.path, sizeof(t.path), "/tmp/test-serve.%d", (int)getpid());
	return 0;
}

static int
teardown(void **state)
{
	char lock[80];

	buf_release(&t.said);
	snprintf(lock, sizeof(lock), "%s.lock", t.path);
	unlink(lock);
	return uv_loop_close(&t.loop);
}

static void
run(void)
{
	uv_run(&t.loop, UV_RUN_DEFAULT);
}

static void
say(const char *what, struct str line)
{
	buf_printf(&t.said, "%s%.*s ", what, STR_ARG(line));
}

#define SAID(expected)                                                         \
	do {                                                                   \
		assert_string_equal(t.said.data ? t.said.data : "", expected); \
		buf_reset(&t.said);                                            \
	} while (0)

/* ---- peer ------------------------------------------------------------- */

static void
on_line(struct peer *peer, struct str line)
{
	t.lines++;
	say("", line);
	if (t.pause_at && t.lines == t.pause_at)
		peer_pause(peer);
}

static void
on_ready(struct peer *peer)
{
	say("ready", STR(""));
}

static void
on_close(struct peer *peer, const char *reason)
{
	say("closed:", str_c(reason));
	t.peer = NULL;
}

static void
on_drain(struct peer *peer)
{
	t.drains++;
}

static const struct peer_ops ops = {
	.on_line = on_line,
	.on_ready = on_ready,
	.on_close = on_close,
	.on_drain = on_drain,
};

static int
open_peer(const char *hello, size_t max_line, size_t max_out)
{
	struct peer_options o = {.ops = &ops,
		.hello = hello,
		.max_line = max_line,
		.max_out = max_out};
	struct err err;
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	t.peer = peer_new(&t.loop, fd[0], &o, &err);
	assert_non_null(t.peer);
	return fd[1];
}

static void
put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
lines_in_pieces(void **state)
{
	int fd = open_peer(NULL, 10, 100);

	put(fd, "one\ntwo\nth");
	uv_run(&t.loop, UV_RUN_ONCE);
	SAID("one two ");
	put(fd, "r");
	uv_run(&t.loop, UV_RUN_ONCE);
	put(fd, "ee\n\nx\n");
	uv_run(&t.loop, UV_RUN_ONCE);
	SAID("three  x ");
	assert_int_equal(t.peer->uid, getuid());
	close(fd);
	run();
	SAID("closed:closed by the other side ");
}

static void
line_at_the_limit_and_over(void **state)
{
	int fd = open_peer(NULL, 10, 100);

	put(fd, "0123456789\n");
	uv_run(&t.loop, UV_RUN_ONCE);
	SAID("0123456789 ");
	put(fd, "01234567890\nx\n");
	run();
	SAID("closed:line over the limit ");
	close(fd);
	fd = open_peer(NULL, 10, 100);
	put(fd, "0123456");
	uv_run(&t.loop, UV_RUN_ONCE);
	put(fd, "7890");
	run();
	SAID("closed:line over the limit ");
	close(fd);
}

static void
unfinished_last_line(void **state)
{
	int fd = open_peer(NULL, 10, 100);

	put(fd, "ab\ncd");
	close(fd);
	run();
	SAID("ab closed:the last line has no end ");
}

static void
hello_first(void **state)
{
	char got[200];
	ssize_t n;
	int fd = open_peer("me", 1000, 1000);

	uv_run(&t.loop, UV_RUN_NOWAIT);
	n = read(fd, got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got,
		"{\"hello\":\"chat/1\",\"from\":\"me\",\"maxLine\":1000}\n");
	put(fd, "{\"hello\":\"chat/1\",\"from\":\"you\",\"maxLine\":9}\nx\n");
	uv_run(&t.loop, UV_RUN_ONCE);
	SAID("ready x ");
	close(fd);
	run();
	buf_reset(&t.said);
	fd = open_peer("me", 1000, 1000);
	put(fd, "{\"hello\":\"chat/2\",\"from\":\"you\"}\nx\n");
	run();
	assert_non_null(strstr(t.said.data, "chat/2"));
	assert_null(strstr(t.said.data, "ready"));
	close(fd);
}

static void
pause_keeps_what_was_read(void **state)
{
	int fd = open_peer(NULL, 10, 100);

	t.pause_at = 2;
	put(fd, "1\n2\n3\n4\n");
	uv_run(&t.loop, UV_RUN_ONCE);
	put(fd, "5\n");
	uv_run(&t.loop, UV_RUN_NOWAIT);
	SAID("1 2 ");
	peer_resume(t.peer);
	SAID("");
	uv_run(&t.loop, UV_RUN_NOWAIT);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	SAID("3 4 5 ");
	t.pause_at = 6;
	put(fd, "6\n7\n");
	close(fd);
	uv_run(&t.loop, UV_RUN_ONCE);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	SAID("6 ");
	peer_resume(t.peer);
	run();
	SAID("7 closed:closed by the other side ");
}

static void
out_is_written_at_the_turns_end_and_bounded(void **state)
{
	static char big[1 << 20];
	char got[65536];
	size_t total = 0;
	ssize_t n;
	int fd = open_peer(NULL, 10, 1000);

	assert_true(peer_send(t.peer, STR("a\n")));
	assert_true(peer_send(t.peer, STR("b\n")));
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), -1);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 4);
	memset(big, 'x', sizeof(big));
	assert_false(peer_send(t.peer, (struct str){big, sizeof(big)}));
	assert_false(peer_send(t.peer, STR("tail\n")));
	assert_int_equal(t.drains, 0);
	while (total < sizeof(big) + 5) {
		uv_run(&t.loop, UV_RUN_NOWAIT);
		n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
		total += n > 0 ? (size_t)n : 0;
	}
	uv_run(&t.loop, UV_RUN_NOWAIT);
	assert_int_equal(t.drains, 1);
	assert_int_equal(peer_out_bytes(t.peer), 0);
	assert_true(peer_send(t.peer, STR("a\n")));
	peer_close(t.peer, "enough");
	peer_close(t.peer, "twice");
	run();
	SAID("closed:enough ");
	close(fd);
}

static void
a_pair_ends_after_what_was_sent(void **state)
{
	struct peer_options o = {.ops = &ops, .max_line = 100, .max_out = 100};
	int in[2], out[2];
	struct err err;
	char got[16];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	t.peer = peer_new_pair(&t.loop, in[0], out[1], &o, &err);
	assert_non_null(t.peer);
	peer_send(t.peer, STR("last\n"));
	peer_end(t.peer);
	peer_send(t.peer, STR("dropped\n"));
	uv_run(&t.loop, UV_RUN_NOWAIT);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	assert_int_equal(read(out[0], got, sizeof(got)), 5);
	assert_int_equal(read(out[0], got, sizeof(got)), 0);
	put(in[1], "answer\n");
	close(in[1]);
	run();
	SAID("answer closed:closed by the other side ");
	close(out[0]);
}

/* ---- server, dial -------------------------------------------------------- */

static void
served_line(struct peer *peer, struct str line)
{
	struct buf out = {0};

	say("srv:", line);
	if (str_eq_c(line, "bye")) {
		peer_close(peer, "asked to");
		return;
	}
	buf_printf(&out, "re:%.*s\n", STR_ARG(line));
	peer_send(peer, buf_str(&out));
	buf_release(&out);
}

static void
served_close(struct peer *peer, const char *reason)
{
	server_forget(peer->data, peer);
}

static const struct peer_ops served_ops = {
	.on_line = served_line,
	.on_close = served_close,
};

static void
on_peer(struct server *server, struct peer *peer)
{
	peer->data = server;
}

static int
open_server(struct server *server, size_t max_peers, struct err *err)
{
	struct server_options o = {.path = t.path,
		.mode = 0600,
		.max_peers = max_peers,
		.peer = {.ops = &served_ops,
			.hello = "srv",
			.max_line = 1 << 20,
			.max_out = 1 << 20},
		.on_peer = on_peer};

	return server_open(server, &t.loop, &o, err);
}

static int ups;

static void
dial_line(struct dial *dial, struct str line)
{
	say("", line);
	if (str_eq_c(line, "re:2")) {
		dial_stop(dial);
		server_stop(&t.server);
	}
}

static void
dial_up(struct dial *dial)
{
	ups++;
	dial_send(dial, ups == 1 ? STR("1\nbye\n") : STR("2\n"));
}

static void
dial_down(struct dial *dial, const char *reason)
{
	say("down", STR(""));
}

static void
dial_comes_back(void **state)
{
	struct dial_options o = {.path = t.path,
		.hello = "dial",
		.max_line = 1000,
		.max_out = 1000,
		.on_line = dial_line,
		.on_up = dial_up,
		.on_down = dial_down};
	struct server second;
	struct err err;
	struct stat st;

	ups = 0;
	assert_int_equal(open_server(&t.server, 4, &err), 1);
	assert_int_equal(stat(t.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(open_server(&second, 4, &err), 0);
	assert_int_equal(second.lock.owner, getpid());
	dial_start(&t.dial, &t.loop, &o);
	assert_false(dial_send(&t.dial, STR("early\n")));
	run();
	SAID("srv:1 srv:bye down srv:2 re:2 ");
	assert_int_equal(ups, 2);
	assert_int_equal(t.server.count, 0);
	assert_int_equal(stat(t.path, &st), -1);
}

static void
too_many_peers(void **state)
{
	struct err err;
	char c[200];
	int a, b;

	assert_int_equal(open_server(&t.server, 1, &err), 1);
	a = fd_unix_connect(t.path, &err);
	b = fd_unix_connect(t.path, &err);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	assert_true(read(a, c, sizeof(c)) > 0);
	assert_true(read(b, c, sizeof(c)) <= 0);
	assert_int_equal(t.server.refused, 1);
	close(a);
	close(b);
	server_stop(&t.server);
	run();
}

/* Who tidies up the socket directory cuts nobody off for long. */
static void
socket_is_made_again(void **state)
{
	struct err err;
	struct stat st;
	char c[200];
	int a;

	assert_int_equal(open_server(&t.server, 4, &err), 1);
	unlink(t.path);
	for (a = 0; a < 100 && stat(t.path, &st) < 0; a++) {
		usleep(20000);
		uv_run(&t.loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(st.st_mode & 0777, 0600);
	a = fd_unix_connect(t.path, &err);
	assert_true(a >= 0);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	assert_true(read(a, c, sizeof(c)) > 0);
	close(a);
	server_stop(&t.server);
	run();
	assert_int_equal(stat(t.path, &st), -1);
}

/* ---- calls -----------------------------------------------------------------
 */

static struct peer *asked;
static int ask_lines;

static void
api_line(struct peer *peer, struct str line)
{
	say("asked:", line);
	asked = peer;
	if (++ask_lines == 2) {
		peer_send(peer,
			STR("{\"id\":2,\"status\":200,\"body\":{\"b\":2}}\n"
			    "{\"id\":1,\"status\":404,\"body\":null}\n"
			    "{\"id\":99,\"status\":200}\n"));
	} else if (ask_lines == 4) {
		peer_close(peer, "dies");
		server_stop(&t.server);
	}
}

static const struct peer_ops api_ops = {
	.on_line = api_line,
	.on_close = served_close,
};

static void
call_end(void *data, int status, struct json body)
{
	buf_printf(&t.said, "%s=%d%.*s ", (const char *)data, status,
		STR_ARG(body.text));
	if (!strcmp(data, "D"))
		calls_stop(&t.calls);
	if (!strcmp(data, "A")) {
		struct request r = {.user = 7,
			.method = STR("GET"),
			.path = STR("/c"),
			.deadline_ms = 1};

		assert_non_null(calls_send(
			&t.calls, &r, call_end, (void *)(uintptr_t) "C"));
		r.deadline_ms = 0;
		assert_non_null(calls_send(
			&t.calls, &r, call_end, (void *)(uintptr_t) "D"));
	}
}

static void
calls_come_up(struct calls *calls)
{
	struct request r = {.user = 7, .method = STR("GET"), .path = STR("/a")};
	struct call *call;

	assert_non_null(
		calls_send(calls, &r, call_end, (void *)(uintptr_t) "A"));
	call = calls_send(calls, &r, call_end, (void *)(uintptr_t) "B");
	assert_non_null(call);
	assert_null(calls_send(calls, &r, call_end, NULL));
	calls_forget(calls, call);
}

static void
calls_are_answered_or_known_unknown(void **state)
{
	struct server_options s = {.path = t.path,
		.mode = 0600,
		.max_peers = 4,
		.peer = {.ops = &api_ops,
			.hello = "api",
			.max_line = 1000,
			.max_out = 1000},
		.on_peer = on_peer};
	struct calls_options o = {.path = t.path,
		.hello = "me",
		.max_open = 2,
		.on_up = calls_come_up};
	struct err err;

	ask_lines = 0;
	assert_int_equal(server_open(&t.server, &t.loop, &s, &err), 1);
	calls_start(&t.calls, &t.loop, &o);
	run();
	assert_non_null(strstr(t.said.data, "A=404null "));
	assert_null(strstr(t.said.data, "B="));
	assert_non_null(strstr(t.said.data, "C=0 "));
	assert_non_null(strstr(t.said.data, "D=0 "));
}

/* ---- children
 * ---------------------------------------------------------------- */

static void
child_line(struct child *child, struct str line)
{
	say("", line);
}

static void child_exit(struct child *child, int status);

static void
start_child(const char *script)
{
	char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t)script, NULL};
	struct child_options o = {.argv = argv,
		.max_line = 100,
		.max_out = 1000,
		.on_line = child_line,
		.on_exit = child_exit};
	struct err err;

	assert_int_equal(child_start(&t.child, &t.loop, &o, &err), 0);
}

static void
child_exit(struct child *child, int status)
{
	t.exits++;
	t.exit_status = status;
	if (t.starts_left-- > 0)
		start_child("echo again; exit 7");
	else
		child_close(child);
}

static void
child_reads_answers_and_ends(void **state)
{
	start_child("while read l; do echo got $l; done; exit 3");
	peer_send(t.child.peer, STR("a\nb\n"));
	child_end(&t.child);
	run();
	SAID("got a got b ");
	assert_int_equal(t.exits, 1);
	assert_int_equal(WEXITSTATUS(t.exit_status), 3);
}

static void
child_is_started_again_in_its_exit(void **state)
{
	t.starts_left = 2;
	start_child("echo first; exit 5");
	run();
	SAID("first again again ");
	assert_int_equal(t.exits, 3);
	assert_int_equal(WEXITSTATUS(t.exit_status), 7);
}

static void
child_that_cannot_run(void **state)
{
	char *argv[] = {(char *)(uintptr_t) "/nonexistent/x", NULL};
	struct child_options o = {.argv = argv,
		.max_line = 100,
		.max_out = 1000,
		.on_line = child_line,
		.on_exit = child_exit};
	struct err err;
	int quiet = dup(2);

	assert_non_null(freopen("/dev/null", "w", stderr));
	assert_int_equal(child_start(&t.child, &t.loop, &o, &err), 0);
	run();
	dup2(quiet, 2);
	close(quiet);
	assert_int_equal(WEXITSTATUS(t.exit_status), 127);
}

static void
child_is_killed(void **state)
{
	start_child("echo $$; exec sleep 100");
	uv_run(&t.loop, UV_RUN_ONCE);
	child_kill(&t.child, SIGKILL);
	run();
	assert_int_equal(WTERMSIG(t.exit_status), SIGKILL);
}

static void
child_without_stdout_or_with_a_heir(void **state)
{
	start_child("exec >&-; exec sleep 100");
	run();
	assert_int_equal(WTERMSIG(t.exit_status), SIGKILL);
	memset(&t.child, 0, sizeof(t.child));
	start_child("sleep 2 & exit 4");
	run();
	assert_int_equal(WEXITSTATUS(t.exit_status), 4);
	assert_int_equal(t.exits, 2);
}

/* A parent that is killed takes its child along. */
static void
child_dies_with_us(void **state)
{
	int p[2], status;
	char text[32] = "";
	pid_t parent;
	int i;

	assert_int_equal(pipe(p), 0);
	parent = fork();
	if (parent == 0) {
		char script[64];

		uv_loop_init(&t.loop);
		snprintf(script, sizeof(script), "echo $$ >&%d; exec sleep 100",
			1);
		start_child(script);
		uv_run(&t.loop, UV_RUN_ONCE);
		dprintf(p[1], "%s", t.said.data);
		pause();
		_exit(0);
	}
	assert_true(read(p[0], text, sizeof(text) - 1) > 0);
	assert_int_equal(kill(parent, SIGKILL), 0);
	waitpid(parent, &status, 0);
	for (i = 0; i < 200 && kill(atoi(text), 0) == 0; i++)
		usleep(10000);
	assert_true(i < 200);
	close(p[0]);
	close(p[1]);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(lines_in_pieces),
		T(line_at_the_limit_and_over),
		T(unfinished_last_line),
		T(hello_first),
		T(pause_keeps_what_was_read),
		T(out_is_written_at_the_turns_end_and_bounded),
		T(a_pair_ends_after_what_was_sent),
		T(dial_comes_back),
		T(too_many_peers),
		T(socket_is_made_again),
		T(calls_are_answered_or_known_unknown),
		T(child_reads_answers_and_ends),
		T(child_is_started_again_in_its_exit),
		T(child_that_cannot_run),
		T(child_is_killed),
		T(child_without_stdout_or_with_a_heir),
		T(child_dies_with_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
