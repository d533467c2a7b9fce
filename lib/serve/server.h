/*
 * serve/server.h - listens on a Unix socket, and makes a peer of each who
 * connects.
 *
 * One process a path: a lock file beside it (PATH.lock) is held for life; a
 * socket left by a dead process is replaced, one that was removed is made again. Mode and group of the socket are
 * who may connect.
 */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include <bsd/sys/queue.h>
#include <uv.h>

#include "io/lock.h"
#include "serve/peer.h"

LIST_HEAD(peer_list, peer);

struct server {
	uv_poll_t poll;
	int fd;
	struct peer_list peers;
	size_t count, max_peers;
	struct lock lock;
	const char *path;
	mode_t mode;
	uv_timer_t look; /* whether the path is still there */
	bool complained;
	struct peer_options peer_opts;
	void (*on_peer)(struct server *server, struct peer *peer);
	void *data;
	int64_t refused; /* connections over max_peers */
	bool open;
};

struct server_options {
	const char *path;
	mode_t mode;	    /* 0660 */
	size_t max_peers;
	struct peer_options peer; /* for each; data is set by on_peer */
	void (*on_peer)(struct server *server, struct peer *peer);
	void *data;
};

/* 1 listening; 0 not now, err says why: another process has the path
 * (server->lock.owner), or the disk is full, or the like (owner 0): try again
 * later; -1 err. */
int server_open(struct server *server, uv_loop_t *loop,
	const struct server_options *opts, struct err *err) MUST_CHECK;
/* Stops accepting, removes the socket; peers live on. The struct and the lock
 * live until the end of that loop turn. */
void server_stop(struct server *server);
/* Must be called from the peers' on_close, so that the list is right. */
void server_forget(struct server *server, struct peer *peer);

#endif
