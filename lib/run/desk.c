/* run/desk.c - see desk.h. */
#include "run/desk.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/stop.h"

#define MAX_OUT (4 << 20) /* answers that a peer has not read */
#define TRY_EVERY_MS 50

/* A peer's side of the desk; lives as long as the peer. */
struct client {
	struct desk *desk;
	struct peer *peer;
	struct group_source source;
	bool full; /* it does not read its answers */
};

/* ---- answers ------------------------------------------------------------- */

static void
set_reading(struct client *client)
{
	if (client->full || client->source.paused || client->desk->draining)
		peer_pause(client->peer);
	else
		peer_resume(client->peer);
}

static void
send_line(struct desk *desk, struct client *client)
{
	if (buf_bad(&desk->line)) {
		peer_close(client->peer, "out of memory");
	} else if (!peer_send(client->peer, buf_str(&desk->line))) {
		client->full = true;
		set_reading(client);
	}
	buf_reset(&desk->line);
}

void
desk_answer(void *data, const struct publish_answer *answer)
{
	struct desk *desk = data;

	if (!answer->source)
		return; /* nobody is there to hear it */
	intake_answer(&desk->line, answer);
	send_line(desk, answer->source->data);
}

void
desk_resume(void *data, struct group_source *source)
{
	set_reading(source->data);
}

/* ---- peers --------------------------------------------------------------- */

static void
on_line(struct peer *peer, struct str line)
{
	struct client *client = peer->data;
	struct desk *desk = client->desk;
	struct err err;
	int rc = intake_line(
		desk->opts.intake, &client->source, line, &desk->line, &err);

	if (rc < 0)
		peer_close(peer, err.text);
	else if (rc == 0)
		send_line(desk, client);
	if (client->source.paused)
		set_reading(client);
}

static void
on_drain(struct peer *peer)
{
	struct client *client = peer->data;

	client->full = false;
	set_reading(client);
}

static void
on_close(struct peer *peer, const char *reason)
{
	struct client *client = peer->data;
	struct desk *desk = client->desk;

	LOG_INFO("desk", "peer gone", LOG_I("peer", peer->pid),
		LOG_S("reason", reason),
		LOG_I("unanswered", client->source.records));
	server_forget(&desk->server, peer);
	publish_forget(desk->opts.intake->publish, &client->source);
	desk->peers--;
	free(client);
}

static const struct peer_ops peer_ops = {
	.on_line = on_line, .on_drain = on_drain, .on_close = on_close};

/* The peer exists before its client does; one that cannot be served has none
 * of our callbacks. */
static void
on_refused(struct peer *peer, const char *reason)
{
}

static const struct peer_ops refused_ops = {.on_close = on_refused};

static void
on_peer(struct server *server, struct peer *peer)
{
	struct desk *desk = server->data;
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		server_forget(server, peer);
		peer->ops = &refused_ops;
		peer_close(peer, "out of memory");
		return;
	}
	client->desk = desk;
	client->peer = peer;
	client->source.data = client;
	peer->data = client;
	desk->peers++;
	LOG_INFO("desk", "peer connected", LOG_I("peer", peer->pid),
		LOG_I("uid", peer->uid));
	if (desk->draining)
		peer_close(peer, "the program ends");
}

/* ---- the loop -------------------------------------------------------------
 */

static void
finish(struct desk *desk, enum kafka_verdict verdict)
{
	desk->verdict = verdict;
	uv_stop(&desk->loop);
}

static bool
all_written(const struct desk *desk)
{
	const struct peer *peer;

	LIST_FOREACH (peer, &desk->server.peers, link)
		if (peer_out_bytes(peer))
			return false;
	return true;
}

static void
check_drain(struct desk *desk)
{
	if (publish_idle(desk->opts.intake->publish) && all_written(desk)) {
		finish(desk, KAFKA_OK);
	} else if (clock_mono_ms() >= desk->deadline_ms) {
		err_set(desk->err, "records are unanswered at the end");
		finish(desk, KAFKA_FAILED);
	}
}

static void
on_idle(uv_idle_t *idle)
{
}

static void
on_timer(uv_timer_t *timer)
{
}

/* More is waiting: the loop looks at its peers and comes back at once. Else
 * it sleeps until there is a reason. */
static void
plan(struct desk *desk)
{
	int64_t now_ms = clock_mono_ms();
	int64_t deadline_ms = publish_deadline(desk->opts.intake->publish);

	if (deadline_ms <= now_ms) {
		uv_idle_start(&desk->idle, on_idle);
		return;
	}
	uv_idle_stop(&desk->idle);
	if (desk->opts.status->next_ms < deadline_ms)
		deadline_ms = desk->opts.status->next_ms;
	if (desk->draining && now_ms + TRY_EVERY_MS < deadline_ms)
		deadline_ms = now_ms + TRY_EVERY_MS;
	/* The loop's clock may be old: a commit takes milliseconds. */
	uv_update_time(&desk->loop);
	uv_timer_start(&desk->timer, on_timer,
		deadline_ms > now_ms ? (uint64_t)(deadline_ms - now_ms) : 0, 0);
}

/* After the turn's reading: all that came is one batch. */
static void
on_check(uv_check_t *check)
{
	struct desk *desk = check->data;
	enum kafka_verdict verdict = publish_step(
		desk->opts.intake->publish, clock_mono_ms(), desk->err);

	desk->opts.on_turn(desk->opts.data);
	if (verdict != KAFKA_OK)
		finish(desk, verdict);
	else if (desk->draining)
		check_drain(desk);
	plan(desk);
}

/* publish_step() reads the fd, this only ends the sleep. */
static void
on_wake(uv_poll_t *poll, int status, int events)
{
}

static void
on_signal(uv_signal_t *signal, int signum)
{
	struct desk *desk = signal->data;
	struct peer *peer;

	if (signum == SIGUSR1) {
		status_write(desk->opts.status);
		return;
	}
	if (desk->draining)
		return;
	LOG_INFO("desk", "draining", LOG_I("peers", desk->peers));
	desk->draining = true;
	desk->deadline_ms = clock_mono_ms() + desk->opts.drain_ms;
	LIST_FOREACH (peer, &desk->server.peers, link)
		peer_pause(peer);
}

/* ---- life ------------------------------------------------------------------
 */

static int
take_path(
	struct desk *desk, const struct server_options *sopts, struct err *err)
{
	int64_t deadline_ms = clock_mono_ms() + LOCK_WAIT_MS;
	int rc;

	while ((rc = server_open(&desk->server, &desk->loop, sopts, err)) ==
		0) {
		if (stop_asked)
			return 0;
		if (desk->server.lock.owner && clock_mono_ms() >= deadline_ms)
			return -1;
		status_set(desk->opts.status, STATUS_WAITING, err->text);
		status_tick(desk->opts.status, clock_mono_ms());
		usleep(TRY_EVERY_MS * 1000);
	}
	return rc;
}

static void
start_handles(struct desk *desk)
{
	static const int caught[] = {SIGTERM, SIGINT, SIGUSR1};
	struct publish *publish = desk->opts.intake->publish;
	unsigned i;
	int fd;

	uv_check_init(&desk->loop, &desk->check);
	uv_idle_init(&desk->loop, &desk->idle);
	uv_timer_init(&desk->loop, &desk->timer);
	desk->check.data = desk;
	uv_check_start(&desk->check, on_check);
	for (i = 0; i < ARRAY_LEN(desk->wakes); i++) {
		fd = publish_wake_fd(publish, i);
		if (fd < 0)
			break;
		uv_poll_init(&desk->loop, &desk->wakes[i], fd);
		uv_poll_start(&desk->wakes[i], UV_READABLE, on_wake);
	}
	for (i = 0; i < ARRAY_LEN(caught); i++) {
		uv_signal_init(&desk->loop, &desk->signals[i]);
		desk->signals[i].data = desk;
		uv_signal_start(&desk->signals[i], on_signal, caught[i]);
	}
}

int
desk_open(struct desk *desk, const struct desk_options *opts, struct err *err)
{
	struct server_options sopts = {.path = opts->path,
		.mode = 0660,
		.max_peers = opts->max_peers,
		.peer = {.ops = &peer_ops,
			.hello = opts->name,
			.max_line = RECORD_LINE_MAX,
			.max_out = MAX_OUT},
		.on_peer = on_peer,
		.data = desk};
	int rc;

	*desk = (struct desk){.opts = *opts};
	rc = uv_loop_init(&desk->loop);
	if (rc < 0)
		return err_set(err, "no event loop: %s", uv_strerror(rc));
	rc = take_path(desk, &sopts, err);
	if (rc == 1)
		start_handles(desk);
	return rc;
}

enum kafka_verdict
desk_run(struct desk *desk, struct err *err)
{
	desk->err = err;
	desk->verdict = KAFKA_OK;
	if (stop_asked)
		return KAFKA_OK;
	desk->opts.on_turn(desk->opts.data); /* it listens: say so */
	plan(desk);
	uv_run(&desk->loop, UV_RUN_DEFAULT);
	server_stop(&desk->server);
	return desk->verdict;
}
