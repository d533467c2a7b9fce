/* serve/server.c - see server.h. */
#include "serve/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define BACKLOG 128
#define LOOK_MS 1000

static void
take_connection(struct server *server, int fd)
{
	struct peer *peer;
	struct err err;

	if (server->count >= server->max_peers) {
		server->refused++;
		close(fd);
		LOG_WARN("server", "connection refused: too many peers",
			LOG_S("socket", server->path),
			LOG_I("maxPeers", server->max_peers));
		return;
	}
	peer = peer_new(server->poll.loop, fd, &server->peer_opts, &err);
	if (!peer) {
		LOG_ERROR("server", "connection lost at its start",
			LOG_S("socket", server->path), LOG_E(&err));
		return;
	}
	LIST_INSERT_HEAD(&server->peers, peer, link);
	peer->listed = true;
	server->count++;
	server->on_peer(server, peer);
}

/* One a turn; level-triggered, so the next comes with the next turn. */
static void
on_connection(uv_poll_t *poll, int status, int events)
{
	struct server *server = poll->data;
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		take_connection(server, fd);
}

/* A bound, listening socket with its mode from the start: bound under another
 * name, and renamed when it is ready. */
static int
bind_socket(const char *path, mode_t mode, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.new", path);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return err_set(err, "socket name '%s' is over %zu bytes", path,
			sizeof(addr.sun_path) - sizeof(".new"));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "cannot make a socket");
	unlink(addr.sun_path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err_sys(err, "cannot bind '%s'", addr.sun_path);
	else if (chmod(addr.sun_path, mode) < 0)
		err_sys(err, "cannot set the mode of '%s'", addr.sun_path);
	else if (listen(fd, BACKLOG) < 0)
		err_sys(err, "cannot listen on '%s'", path);
	else if (rename(addr.sun_path, path) < 0)
		err_sys(err, "cannot rename '%s'", addr.sun_path);
	else
		return fd;
	close(fd);
	return -1;
}

static int
take_path(struct server *server, struct err *err)
{
	char path[128];
	int n = snprintf(path, sizeof(path), "%s.lock", server->path);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(
			err, "socket name '%s' is too long", server->path);
	return lock_try(&server->lock, path, err);
}

/* A socket whose name was removed (somebody tidied up) takes nobody any more,
 * and nothing else would tell: it is made again. What another has put there is
 * left alone. */
static void
on_look(uv_timer_t *timer)
{
	struct server *server = timer->data;
	struct stat st;
	struct err err;
	int fd;

	if (lstat(server->path, &st) == 0 || errno != ENOENT)
		return;
	fd = bind_socket(server->path, server->mode, &err);
	if (fd < 0) {
		if (!server->complained)
			LOG_WARN("server", "cannot make the socket again",
				LOG_E(&err));
		server->complained = true;
		return;
	}
	LOG_WARN("server", "the socket was removed, and is made again",
		LOG_S("socket", server->path));
	server->complained = false;
	uv_poll_stop(&server->poll);
	if (dup3(fd, server->fd, O_CLOEXEC) < 0)
		unlink(server->path); /* the next look finds that */
	close(fd);
	uv_poll_start(&server->poll, UV_READABLE, on_connection);
}

int
server_open(struct server *server, uv_loop_t *loop,
	const struct server_options *opts, struct err *err)
{
	int fd, rc;

	*server = (struct server){.path = opts->path,
		.mode = opts->mode,
		.max_peers = opts->max_peers,
		.peer_opts = opts->peer,
		.on_peer = opts->on_peer,
		.data = opts->data};
	LIST_INIT(&server->peers);
	rc = take_path(server, err);
	if (rc <= 0)
		return rc;
	fd = bind_socket(opts->path, opts->mode, err);
	if (fd < 0) {
		rc = err_passes(errno) ? 0 : -1;
		lock_release(&server->lock);
		return rc;
	}
	server->fd = fd;
	uv_timer_init(loop, &server->look);
	uv_poll_init(loop, &server->poll, fd);
	server->look.data = server->poll.data = server;
	server->open = true;
	uv_timer_start(&server->look, on_look, LOOK_MS, LOOK_MS);
	uv_unref((uv_handle_t *)&server->look);
	rc = uv_poll_start(&server->poll, UV_READABLE, on_connection);
	if (rc == 0)
		return 1;
	server_stop(server);
	return err_set(
		err, "cannot listen on '%s': %s", opts->path, uv_strerror(rc));
}

static void
on_closed(uv_handle_t *handle)
{
	struct server *server = handle->data;

	close(server->fd);
	lock_release(&server->lock);
}

void
server_stop(struct server *server)
{
	if (!server->open)
		return;
	server->open = false;
	unlink(server->path);
	uv_close((uv_handle_t *)&server->look, NULL);
	uv_close((uv_handle_t *)&server->poll, on_closed);
}

void
server_forget(struct server *server, struct peer *peer)
{
	if (!peer->listed)
		return;
	LIST_REMOVE(peer, link);
	peer->listed = false;
	server->count--;
}
