/* serve/child.c - see child.h. */
#include "serve/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a dead child's stdout may be held open by a child of its own, and a
 * child may live on without its stdout. */
#define LINGER_MS 500

/* In the child; only what is safe after fork in a program with threads. */
static NORETURN void
become(char *const *argv, int in, int out, pid_t parent)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;
	int code;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_TEMP);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaction(SIGPIPE, &dfl, NULL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(EXIT_TEMP);
	close_range(3, ~0U, 0);
	execvp(argv[0], argv);
	code = errno == ENOENT ? 127 : 126;
	dprintf(STDERR_FILENO, "cannot run '%s': %s\n", argv[0],
		strerror(errno));
	_exit(code);
}

int
child_look(const char *program, struct err *err)
{
	const char *at = strchr(program, '/') ? NULL : getenv("PATH");
	struct buf file = {0};
	bool found = !at && access(program, X_OK) == 0;

	while (at && *at && !found) {
		int len = (int)strcspn(at, ":");

		buf_reset(&file);
		buf_printf(&file, "%.*s/%s", len, at, program);
		found = !buf_bad(&file) && access(file.data, X_OK) == 0;
		at += len + (at[len] == ':');
	}
	buf_release(&file);
	return found ? 0 : err_sys(err, "cannot run '%s'", program);
}

static void
close_two(int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

/* 0 and the two descriptors that are ours, or -1. */
static int
spawn(struct child *child, char *const *argv, int *in_fd, int *out_fd,
	struct err *err)
{
	int to[2], from[2];
	pid_t parent = getpid(), pid;

	if (pipe2(to, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		close_two(to);
		return err_sys(err, "cannot make a pipe");
	}
	pid = fork();
	if (pid == 0)
		become(argv, to[0], from[1], parent);
	if (pid < 0) {
		close_two(to);
		close_two(from);
		return err_sys(err, "cannot fork");
	}
	close(to[0]);
	close(from[1]);
	child->pid = pid;
	*out_fd = to[1];
	*in_fd = from[0];
	return 0;
}

static void
finish_if_over(struct child *child)
{
	if (!child->reaped || child->peer)
		return;
	child->reaped = false;
	uv_signal_stop(&child->sigchld);
	uv_timer_stop(&child->linger);
	child->on_exit(child, child->status);
}

static void
on_linger(uv_timer_t *timer)
{
	struct child *child = timer->data;

	child_kill(child, SIGKILL);
	if (child->peer)
		peer_close(child->peer, "its child holds stdout");
}

static void
peer_line(struct peer *peer, struct str line)
{
	struct child *child = peer->data;

	child->on_line(child, line);
}

static void
peer_ready(struct peer *peer)
{
	struct child *child = peer->data;

	if (child->on_ready)
		child->on_ready(child);
}

static void
peer_drain(struct peer *peer)
{
	struct child *child = peer->data;

	if (child->on_drain)
		child->on_drain(child);
}

/* Its stdout has ended, or it broke the protocol: then it must go, too. */
static void
peer_gone(struct peer *peer, const char *reason)
{
	struct child *child = peer->data;

	child->peer = NULL;
	/* "cannot write": it may have closed its stdin on purpose. And what we
	 * have no memory for is not its fault. */
	child->broke = strcmp(reason, "closed by the other side") &&
		       strncmp(reason, "cannot ", 7) &&
		       strcmp(reason, PEER_NO_MEMORY);
	if (strcmp(reason, "closed by the other side"))
		child_kill(child, SIGKILL);
	else if (!child->reaped)
		uv_timer_start(&child->linger, on_linger, LINGER_MS, 0);
	finish_if_over(child);
}

static const struct peer_ops child_ops = {
	.on_line = peer_line,
	.on_ready = peer_ready,
	.on_drain = peer_drain,
	.on_close = peer_gone,
};

static void
on_sigchld(uv_signal_t *handle, int signum)
{
	struct child *child = handle->data;

	if (!child->pid || waitpid(child->pid, &child->status, WNOHANG) <= 0)
		return;
	child->pid = 0;
	child->reaped = true;
	if (child->peer)
		uv_timer_start(&child->linger, on_linger, LINGER_MS, 0);
	finish_if_over(child);
}

int
child_start(struct child *child, uv_loop_t *loop,
	const struct child_options *opts, struct err *err)
{
	struct peer_options peer = {.ops = &child_ops,
		.data = child,
		.hello = opts->hello,
		.max_line = opts->max_line,
		.max_out = opts->max_out};
	int in_fd = -1, out_fd = -1;

	if (!child->loop) {
		uv_signal_init(loop, &child->sigchld);
		uv_timer_init(loop, &child->linger);
		child->sigchld.data = child->linger.data = child;
		child->loop = loop;
	}
	child->data = opts->data;
	child->on_line = opts->on_line;
	child->on_ready = opts->on_ready;
	child->on_drain = opts->on_drain;
	child->on_exit = opts->on_exit;
	child->reaped = child->broke = false;
	uv_signal_start(&child->sigchld, on_sigchld, SIGCHLD);
	if (spawn(child, opts->argv, &in_fd, &out_fd, err) < 0)
		return -1;
	child->peer = peer_new_pair(loop, in_fd, out_fd, &peer, err);
	if (child->peer)
		return 0;
	child_kill(child, SIGKILL);
	return -1;
}

void
child_kill(struct child *child, int sig)
{
	if (child->pid)
		kill(child->pid, sig);
}

void
child_end(struct child *child)
{
	if (child->peer)
		peer_end(child->peer);
}

void
child_close(struct child *child)
{
	if (!child->loop)
		return;
	uv_close((uv_handle_t *)&child->sigchld, NULL);
	uv_close((uv_handle_t *)&child->linger, NULL);
	child->loop = NULL;
}
