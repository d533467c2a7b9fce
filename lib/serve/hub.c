/* serve/hub.c - see hub.h. */
#include "serve/hub.h"

#include <stdlib.h>

#include "base/log.h"

#define CONTROL "{\"control\":"

/* A partition of a compacted topic: its records are kept. */
struct hub_place {
	char *topic;
	int32_t partition;
	int64_t end; /* to be reached before all is ready; -1: it has been */
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
	if (buf_bad(&hello)) {
		peer_close(peer, PEER_NO_MEMORY);
		return;
	}
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
forget_places(struct hub *hub)
{
	while (hub->place_count)
		free(hub->places[--hub->place_count].topic);
	hub->awaited = 0;
}

static struct hub_place *
find_place(struct hub *hub, const struct record *record)
{
	size_t i;

	for (i = 0; i < hub->place_count; i++)
		if (hub->places[i].partition == record->partition &&
			str_eq_c(record->topic, hub->places[i].topic))
			return &hub->places[i];
	return NULL;
}

static int
keep(struct hub *hub, const struct record *record, struct str line,
	struct err *err)
{
	struct hub_place *place = find_place(hub, record);

	if (!place)
		return 0;
	if (kept_record(&hub->kept, record, line) < 0)
		return err_set(err, "out of memory");
	if (place->end < 0 || record->offset + 1 < place->end)
		return 0;
	place->end = -1;
	if (!hub->ready && !--hub->awaited)
		become_ready(hub);
	return 0;
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
	if (!hub->place_count)
		return 0;
	if (record_parse(&record, line, &hub->room, err) < 0)
		return -1;
	return keep(hub, &record, line, err);
}

/* ---- control lines ------------------------------------------------------- */

static void
reset(struct hub *hub)
{
	if (hub->ready)
		close_peers(hub, "the line of records begins anew");
	hub->ready = false;
	buf_reset(&hub->lines);
	kept_clear(&hub->kept);
	forget_places(hub);
}

static int
add_place(struct hub *hub, const struct position *p, struct err *err)
{
	size_t bytes = (hub->place_count + 1) * sizeof(struct hub_place);
	struct hub_place *more = realloc(hub->places, bytes);
	char *topic;

	if (!more)
		return err_set(err, "out of memory");
	hub->places = more;
	topic = str_dup(p->topic);
	if (!topic)
		return err_set(err, "out of memory");
	more[hub->place_count++] = (struct hub_place){.topic = topic,
		.partition = p->partition,
		.end = p->offset < p->end ? p->end : -1};
	hub->awaited += p->offset < p->end;
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
		hub->awaited = 0;
		become_ready(hub);
		return 0;
	}
	reset(hub);
	if (kind == CONTROL_REVOKED)
		return 0;
	while (control_next(&positions, &position))
		if (position.end >= 0 && add_place(hub, &position, err) < 0)
			return -1;
	if (!hub->awaited)
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
	forget_places(hub);
	free(hub->places);
	hub->places = NULL;
	kept_clear(&hub->kept);
	record_room_release(&hub->room);
	buf_release(&hub->lines);
}
