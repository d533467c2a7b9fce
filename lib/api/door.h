/*
 * api/door.h - a socket of chat-api: listens, takes the lines of who connects
 * to api_take(), and sends their answers back. A slow reader asks nothing new
 * until it has read.
 */
#ifndef API_DOOR_H
#define API_DOOR_H

#include "api/api.h"
#include "serve/server.h"

#define DOOR_PEERS_MAX 256
#define DOOR_OUT_MAX (32 << 20)

struct door {
	struct api *api;
	const char *path; /* borrowed; NULL: there is no such socket */
	mode_t mode;
	bool admin;
	struct server server;
	bool open, drained;
};

/* Opens those that are not open yet; again and again without harm. 1 all
 * listen; 0 another process has one; -1 err. */
int doors_open(struct door *doors, size_t count, uv_loop_t *loop,
	struct err *err) MUST_CHECK;
/* The first that another process has, or NULL; its server.lock.owner says
 * who. */
const struct door *doors_held(const struct door *doors, size_t count);
/* Listen no more, and take no more lines; answers still go out. */
void doors_drain(struct door *doors, size_t count);
/* All that was answered has been written. */
bool doors_flushed(const struct door *doors, size_t count);
/* What struct api_options wants: origin is a peer of a door. */
void door_answer(void *origin, struct str line);

#endif
