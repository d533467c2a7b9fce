/* serve/dial.c - see dial.h. */
#include "serve/dial.h"

#include "base/log.h"
#include "io/fd.h"

#define BACKOFF_FIRST_MS 20
#define BACKOFF_MAX_MS 1000

static void on_timer(uv_timer_t *timer);

static void
again_later(struct dial *dial)
{
	if (dial->stopped)
		return;
	uv_timer_start(&dial->timer, on_timer, (uint64_t)dial->backoff_ms, 0);
	dial->backoff_ms *= 2;
	if (dial->backoff_ms > BACKOFF_MAX_MS)
		dial->backoff_ms = BACKOFF_MAX_MS;
}

static void
peer_line(struct peer *peer, struct str line)
{
	struct dial *dial = peer->data;

	if (dial)
		dial->on_line(dial, line);
}

static void
peer_ready(struct peer *peer)
{
	struct dial *dial = peer->data;

	if (!dial)
		return;
	dial->peer = peer;
	dial->backoff_ms = BACKOFF_FIRST_MS;
	dial->complained = false;
	LOG_INFO("dial", "connected", LOG_S("socket", dial->path));
	dial->on_up(dial);
}

static void
peer_drain(struct peer *peer)
{
	struct dial *dial = peer->data;

	if (dial && dial->on_drain && dial->peer)
		dial->on_drain(dial);
}

/* A stopped dial may be gone: peer->data is NULL then. */
static void
peer_gone(struct peer *peer, const char *reason)
{
	struct dial *dial = peer->data;
	bool was_up;

	if (!dial)
		return;
	was_up = dial->peer == peer;
	dial->peer = NULL;
	dial->pending = NULL;
	LOG_WARN("dial", "connection lost", LOG_S("socket", dial->path),
		LOG_S("reason", reason));
	if (was_up)
		dial->on_down(dial, reason);
	again_later(dial);
}

static const struct peer_ops dial_ops = {
	.on_line = peer_line,
	.on_ready = peer_ready,
	.on_drain = peer_drain,
	.on_close = peer_gone,
};

static void
on_timer(uv_timer_t *timer)
{
	struct dial *dial = timer->data;
	struct err err;
	int fd = fd_unix_connect(dial->path, &err);

	if (fd >= 0)
		dial->pending =
			peer_new(dial->loop, fd, &dial->peer_opts, &err);
	if (fd >= 0 && dial->pending)
		return;
	if (!dial->complained)
		LOG_WARN("dial", "cannot connect yet", LOG_E(&err));
	dial->complained = true;
	again_later(dial);
}

void
dial_start(struct dial *dial, uv_loop_t *loop, const struct dial_options *opts)
{
	*dial = (struct dial){.data = opts->data,
		.loop = loop,
		.path = opts->path,
		.backoff_ms = BACKOFF_FIRST_MS,
		.on_line = opts->on_line,
		.on_up = opts->on_up,
		.on_down = opts->on_down,
		.on_drain = opts->on_drain};
	dial->peer_opts = (struct peer_options){.ops = &dial_ops,
		.data = dial,
		.hello = opts->hello,
		.max_line = opts->max_line,
		.max_out = opts->max_out};
	uv_timer_init(loop, &dial->timer);
	dial->timer.data = dial;
	uv_timer_start(&dial->timer, on_timer, 0, 0);
}

bool
dial_send(struct dial *dial, struct str lines)
{
	return dial->peer && peer_send(dial->peer, lines);
}

void
dial_stop(struct dial *dial)
{
	if (dial->stopped)
		return;
	dial->stopped = true;
	uv_close((uv_handle_t *)&dial->timer, NULL);
	if (!dial->pending)
		return;
	dial->pending->data = NULL;
	peer_close(dial->pending, "stopped");
	dial->peer = dial->pending = NULL;
}
