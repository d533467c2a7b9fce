/* api/door.c - see door.h. */
#include "api/door.h"

#include "base/clock.h"
#include "base/log.h"

static void
on_line(struct peer *peer, struct str line)
{
	struct door *door = peer->data;
	struct err err;

	if (api_take(door->api, peer, door->admin, line, clock_mono_ms(),
		    &err) == 0)
		return;
	LOG_WARN("api", "broken request", LOG_S("socket", door->path),
		LOG_I("peerPid", peer->pid), LOG_E(&err));
	peer_close(peer, "broken request");
}

static void
on_drain(struct peer *peer)
{
	struct door *door = peer->data;

	if (!door->drained)
		peer_resume(peer);
}

static void
on_close(struct peer *peer, const char *reason)
{
	struct door *door = peer->data;

	LOG_DEBUG("api", "connection closed", LOG_S("socket", door->path),
		LOG_I("peerPid", peer->pid), LOG_S("reason", reason));
	api_gone(door->api, peer);
	server_forget(&door->server, peer);
}

static void
on_peer(struct server *server, struct peer *peer)
{
	peer->data = server->data;
}

void
door_answer(void *origin, struct str line)
{
	if (!peer_send(origin, line))
		peer_pause(origin);
}

/* 1 it listens, or there is no such socket. */
static int
open_door(struct door *door, uv_loop_t *loop, struct err *err)
{
	static const struct peer_ops ops = {
		.on_line = on_line, .on_drain = on_drain, .on_close = on_close};
	struct server_options server = {.path = door->path,
		.mode = door->mode,
		.max_peers = DOOR_PEERS_MAX,
		.peer = {.ops = &ops,
			.hello = "chat-api",
			.max_line = API_LINE_MAX,
			.max_out = DOOR_OUT_MAX},
		.on_peer = on_peer,
		.data = door};
	int rc;

	if (!door->path || door->open)
		return 1;
	rc = server_open(&door->server, loop, &server, err);
	door->open = rc == 1;
	if (door->open)
		LOG_INFO("api", "listening", LOG_S("socket", door->path));
	return rc;
}

int
doors_open(struct door *doors, size_t count, uv_loop_t *loop, struct err *err)
{
	int rc = 1, one;
	size_t i;

	for (i = 0; i < count; i++) {
		one = open_door(&doors[i], loop, err);
		if (one < 0)
			return -1;
		rc = one < rc ? one : rc;
	}
	return rc;
}

const struct door *
doors_held(const struct door *doors, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!doors[i].open && doors[i].server.lock.owner)
			return &doors[i];
	return NULL;
}

void
doors_drain(struct door *doors, size_t count)
{
	struct peer *peer;
	size_t i;

	for (i = 0; i < count; i++) {
		doors[i].drained = true;
		server_stop(&doors[i].server);
		LIST_FOREACH (peer, &doors[i].server.peers, link)
			peer_pause(peer);
	}
}

bool
doors_flushed(const struct door *doors, size_t count)
{
	const struct peer *peer;
	size_t i;

	for (i = 0; i < count; i++)
		LIST_FOREACH (peer, &doors[i].server.peers, link)
			if (peer_out_bytes(peer))
				return false;
	return true;
}
