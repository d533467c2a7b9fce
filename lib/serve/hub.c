/* serve/hub.c - see hub.h. */
#include "serve/hub.h"

#include <stdlib.h>

#include "base/log.h"

#define CONTROL "{\"control\":"

/* A partition of a compacted topic whose end has not been reached. */
struct awaited {
	char *topic;
	int32_t partition;
	int64_t end;
};

/* What a peer's data points to. */
struct listener {
	struct hub *hub;
	bool told; /* it has had its ready */
};

/* ---- peers --------------------------------------------------------------- */

static bool
is_told(const struct peer *peer)
{
	const struct listener *listener = peer->data;

	return listener && listener->told;
}

static void
send_to(struct hub *hub, struct peer *peer, struct str lines)
{
	if (peer_send(peer, lines))
		return;
	hub->cut++;
	LOG_WARN("hub", "a slow peer is cut off", LOG_I("peerPid", peer->pid),
		LOG_I("bytes", peer_out_bytes(peer)));
	peer_close(peer, "too slow");
}

/* What was kept, then ready. The bound grows by what is kept, until it is
 * taken: else nobody could ever begin. */
static void
greet(struct hub *hub, struct peer *peer)
{
	struct listener *listener = peer->data;
	struct buf hello = {0};

	kept_print(&hub->kept, &hello);
	peer->max_out = hub->opts.queue_bytes + hello.len;
	control_print(&hello, CONTROL_READY, NULL, 0);
	listener->told = true;
	send_to(hub, peer, buf_str(&hello));
	buf_release(&hello);
}

static void
on_ready(struct peer *peer)
{
	struct listener *listener = peer->data;

	if (listener->hub->ready)
		greet(listener->hub, peer);
}

static void
on_drain(struct peer *peer)
{
	struct listener *listener = peer->data;

	peer->max_out = listener->hub->opts.queue_bytes;
}

static void
on_line(struct peer *peer, struct str line)
{
	struct listener *listener = peer->data;

	listener->hub->spoken++; /* it has nothing to say */
}

static void
on_close(struct peer *peer, const char *reason)
{
	struct listener *listener = peer->data;
	struct hub *hub;

	if (!listener)
		return;
	hub = listener->hub;
	LOG_INFO("hub", "peer gone", LOG_I("peerPid", peer->pid),
		LOG_S("why", reason));
	server_forget(&hub->server, peer);
	free(listener);
	hub->peers = (int64_t)hub->server.count;
	if (hub->ending && !hub->peers)
		hub->opts.on_empty(hub);
}

static void
on_peer(struct server *server, struct peer *peer)
{
	struct hub *hub = server->data;
	struct listener *listener = calloc(1, sizeof(*listener));

	peer->data = listener;
	if (!listener) {
		server_forget(server, peer);
		peer_close(peer, "out of memory");
		return;
	}
	listener->hub = hub;
	hub->peers = (int64_t)server->count;
	LOG_INFO("hub", "peer came", LOG_I("peerPid", peer->pid));
}

static const struct peer_ops ops = {
	.on_line = on_line,
	.on_ready = on_ready,
	.on_drain = on_drain,
	.on_close = on_close,
};

/* The line of records has a gap here: each begins anew. */
static void
close_peers(struct hub *hub, const char *why)
{
	struct peer *peer;

	LIST_FOREACH (peer, &hub->server.peers, link)
		peer_close(peer, why);
}

/* ---- records ------------------------------------------------------------- */

void
hub_flush(struct hub *hub)
{
	struct peer *peer;

	if (!hub->lines.len && !buf_bad(&hub->lines))
		return;
	if (buf_bad(&hub->lines))
		close_peers(hub, "out of memory");
	else
		LIST_FOREACH (peer, &hub->server.peers, link)
			if (is_told(peer))
				send_to(hub, peer, buf_str(&hub->lines));
	buf_shrink(&hub->lines, RECORD_LINE_MAX);
}

static void
become_ready(struct hub *hub)
{
	struct peer *peer;

	if (hub->ready)
		return;
	hub_flush(hub);
	hub->ready = true;
	LIST_FOREACH (peer, &hub->server.peers, link)
		if (peer->data && !peer->hello_wanted)
			greet(hub, peer);
}

static void
forget_awaited(struct hub *hub)
{
	while (hub->awaited_count)
		free(hub->awaited[--hub->awaited_count].topic);
}

static void
reached(struct hub *hub, const struct record *record)
{
	size_t i;

	for (i = 0; i < hub->awaited_count; i++) {
		struct awaited *a = &hub->awaited[i];

		if (a->partition != record->partition ||
			!str_eq_c(record->topic, a->topic) ||
			record->offset + 1 < a->end)
			continue;
		free(a->topic);
		*a = hub->awaited[--hub->awaited_count];
		break;
	}
	if (!hub->awaited_count)
		become_ready(hub);
}

static int
take_record(struct hub *hub, struct str line, struct err *err)
{
	struct record record;

	hub->records++;
	if (hub->ready) {
		buf_add_str(&hub->lines, line);
		buf_add_char(&hub->lines, '\n');
	}
	if (!hub->compacted)
		return 0;
	if (record_parse(&record, line, &hub->room, err) < 0)
		return -1;
	kept_record(&hub->kept, &record, line);
	if (!hub->ready)
		reached(hub, &record);
	return 0;
}

/* ---- control lines ------------------------------------------------------- */

static void
reset(struct hub *hub)
{
	if (hub->ready)
		close_peers(hub, "the line of records begins anew");
	hub->ready = hub->compacted = false;
	buf_reset(&hub->lines);
	kept_clear(&hub->kept);
	forget_awaited(hub);
}

static int
await(struct hub *hub, const struct position *p, struct err *err)
{
	size_t bytes = (hub->awaited_count + 1) * sizeof(struct awaited);
	struct awaited *more;
	char *topic;

	hub->compacted = true;
	if (p->offset >= p->end)
		return 0;
	more = realloc(hub->awaited, bytes);
	if (!more)
		return err_set(err, "out of memory");
	hub->awaited = more;
	topic = str_dup(p->topic);
	if (!topic)
		return err_set(err, "out of memory");
	more[hub->awaited_count++] = (struct awaited){
		.topic = topic, .partition = p->partition, .end = p->end};
	return 0;
}

static int
take_control(struct hub *hub, struct str line, struct err *err)
{
	enum control_kind kind;
	struct json_iter positions;
	struct position position;
	int rc = control_parse(line, &kind, &positions, err);

	if (rc <= 0)
		return rc < 0 ? -1 : err_set(err, "no control line");
	if (kind == CONTROL_READY) {
		/* An end may be a commit marker, which nobody sees: the runner
		 * knows. */
		forget_awaited(hub);
		become_ready(hub);
		return 0;
	}
	reset(hub);
	if (kind == CONTROL_REVOKED)
		return 0;
	while (control_next(&positions, &position))
		if (position.end >= 0 && await(hub, &position, err) < 0)
			return -1;
	if (!hub->awaited_count)
		become_ready(hub);
	return 0;
}

int
hub_line(struct hub *hub, struct str line, struct err *err)
{
	return str_starts(line, CONTROL) ? take_control(hub, line, err)
					 : take_record(hub, line, err);
}

/* ---- its life ------------------------------------------------------------ */

void
hub_init(struct hub *hub, const struct hub_options *opts)
{
	*hub = (struct hub){.opts = *opts};
	kept_init(&hub->kept, opts->keep_bytes);
}

int
hub_open(struct hub *hub, uv_loop_t *loop, struct err *err)
{
	const struct server_options server = {.path = hub->opts.path,
		.mode = 0660,
		.max_peers = hub->opts.max_peers,
		.peer = {.ops = &ops,
			.hello = hub->opts.hello,
			.max_line = RECORD_LINE_MAX,
			.max_out = hub->opts.queue_bytes},
		.on_peer = on_peer,
		.data = hub};

	return server_open(&hub->server, loop, &server, err);
}

bool
hub_end(struct hub *hub)
{
	struct peer *peer;

	hub_flush(hub);
	hub->ending = true;
	server_stop(&hub->server);
	LIST_FOREACH (peer, &hub->server.peers, link)
		peer_end(peer);
	return hub->server.count > 0;
}

void
hub_release(struct hub *hub)
{
	server_stop(&hub->server);
	forget_awaited(hub);
	free(hub->awaited);
	hub->awaited = NULL;
	kept_clear(&hub->kept);
	record_room_release(&hub->room);
	buf_release(&hub->lines);
}
