/*
 * edge/edge.c - see edge.h: the life of an edge process, and its loop turn.
 */
#include "edge/edge.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/conn.h"
#include "edge/fanout.h"
#include "edge/gather.h"
#include "edge/join.h"
#include "edge/listen.h"
#include "edge/lws.h"
#include "edge/metrics.h"
#include "edge/produce.h"
#include "edge/send.h"
#include "edge/sub.h"
#include "edge/user.h"

#define CONNECT_BYTES 16384 /* of a frame from who is not known yet */
#define CLOCK_MS 100	    /* the wheel's tick */
#define JUMP_MS 2000	    /* between two ticks: we were stopped ourselves */
#define DRAIN_EVERY_MS 100  /* a batch of closes */
#define DRAIN_BATCHES 100   /* in how many at most the clients are closed */
#define DRAIN_BATCH 100	    /* so many are no burst for who takes them over */
#define DRAIN_A_SECOND (DRAIN_BATCH * 1000 / DRAIN_EVERY_MS)
#define DRAIN_SPREAD_S 10 /* within which they come back, at most */

static int64_t
now_of(const struct edge *edge)
{
	return (int64_t)uv_now(edge->loop);
}

/* ---- state -------------------------------------------------------------- */

bool
edge_ready(const struct edge *edge, const char **why)
{
	*why = "";
	if (edge->phase != EDGE_RUNNING)
		*why = "stopping";
	else if (!edge->produce.peer)
		*why = "chat-produce is away";
	else if (!calls_up(&edge->api))
		*why = "chat-api is away";
	else if (!edge->events_ready)
		*why = "chat-broadcast is away or not ready";
	return !**why;
}

void
edge_state(struct edge *edge)
{
	const char *why;
	bool ready = edge_ready(edge, &why);

	metrics_gather(edge);
	if (edge->phase != EDGE_RUNNING)
		status_set(&edge->status, STATUS_DRAINING, why);
	else
		status_set(&edge->status, ready ? STATUS_READY : STATUS_WAITING,
			why);
}

void
edge_report(struct edge *edge)
{
	metrics_gather(edge);
	status_write(&edge->status);
}

/* ---- the turn ----------------------------------------------------------- */

static void
turn(struct edge *edge)
{
	send_turn(edge);
	conns_turn(edge);
}

static void
on_before(uv_prepare_t *prepare)
{
	turn(prepare->data);
}

static void
on_after(uv_check_t *check)
{
	turn(check->data);
}

static void drain_step(struct edge *edge, int64_t now_ms);

/* Nobody is at fault for the time that we were stopped: what they have sent
 * meanwhile waits to be read. */
static void
notice_jump(struct edge *edge, int64_t now_ms)
{
	int64_t jump_ms = now_ms - edge->clock_ms;
	struct conn *conn;

	if (edge->clock_ms && jump_ms > JUMP_MS) {
		LOG_WARN("edge", "was stopped", LOG_I("ms", jump_ms));
		LIST_FOREACH (conn, &edge->conns, link)
			conn_forgive(conn, jump_ms);
	}
	edge->clock_ms = now_ms;
}

static void
on_clock(uv_timer_t *timer)
{
	struct edge *edge = timer->data;
	int64_t now = now_of(edge);

	notice_jump(edge, now);
	wheel_run(&edge->wheel, now, conn_fire, edge);
	join_tick(edge, now);
	users_sweep(edge, now);
	gather_tick(edge);
	metrics_gather(edge);
	status_tick(&edge->status, now);
	if (edge->phase == EDGE_DRAINING)
		drain_step(edge, now);
}

/* ---- start -------------------------------------------------------------- */

static int
read_addresses(const struct opt_list *list, struct address *out, size_t *count,
	struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (!address_parse(&out[i], list->item[i]))
			return err_set(
				err, "'%s' is no IP address", list->item[i]);
	*count = list->count;
	return 0;
}

/* scheme://host[:port], nothing behind: what browsers send. */
static int
check_origins(struct edge_conf *conf, struct err *err)
{
	struct str origin, scheme, host;

	for (size_t i = 0; i < conf->origins.count; i++) {
		origin = str_c(conf->origins.item[i]);
		if (str_eq_c(origin, "*")) {
			conf->any_origin = true;
			continue;
		}
		if (!str_cut(origin, ':', &scheme, &host) || !scheme.len ||
			!str_starts(host, "//") || host.len < 3 ||
			memchr(host.data + 2, '/', host.len - 2))
			return err_set(err,
				"'%s' is no origin (scheme://host[:port])",
				conf->origins.item[i]);
	}
	return 0;
}

int
edge_init(struct edge *edge, const struct edge_conf *conf, struct err *err)
{
	*edge = (struct edge){.conf = *conf, .listen_fd = -1, .spare_fd = -1};
	edge->limits = (struct stomp_limits){(uint32_t)conf->frame_bytes,
		(uint32_t)conf->headers, (uint32_t)conf->header_bytes};
	edge->connect_limits = edge->limits;
	if (edge->connect_limits.max_frame_bytes > CONNECT_BYTES)
		edge->connect_limits.max_frame_bytes = CONNECT_BYTES;
	LIST_INIT(&edge->conns);
	TAILQ_INIT(&edge->dirty);
	TAILQ_INIT(&edge->dead);
	TAILQ_INIT(&edge->paused);
	edge->next_session = 1;
	edge->next_notice = 1;
	follow_init(
		&edge->follow, &sub_follow_ops, edge, (size_t)conf->ring_bytes);
	resend_init(&edge->resend, (size_t)conf->hold_bytes);
	if (check_origins(&edge->conf, err) < 0 ||
		read_addresses(&conf->metrics_from, edge->metrics,
			&edge->metrics_count, err) < 0 ||
		read_addresses(&conf->trusted_proxies, edge->trusted,
			&edge->trusted_count, err) < 0)
		return -1;
	return key_load(&edge->key, conf->secret, err);
}

int
edge_start(struct edge *edge, uv_loop_t *loop,
	void (*on_ended)(struct edge *edge), struct err *err)
{
	const struct status_counter *counters;
	size_t count;

	edge->loop = loop;
	edge->on_ended = on_ended;
	counters = metrics_counters(edge, &count);
	if (status_open(&edge->status, edge->conf.status, "chat-ws-edge",
		    counters, count, err) < 0)
		return -1;
	wheel_init(&edge->wheel, now_of(edge));
	if (edge_lws_open(edge, err) < 0 || edge_listen(edge, err) < 0) {
		edge_lws_close(edge);
		return -1;
	}
	gather_start(edge);
	produce_start(edge);
	fanout_start(edge);
	join_start(edge);
	uv_prepare_init(loop, &edge->before);
	uv_check_init(loop, &edge->after);
	uv_timer_init(loop, &edge->clock);
	edge->before.data = edge->after.data = edge->clock.data = edge;
	uv_prepare_start(&edge->before, on_before);
	uv_check_start(&edge->after, on_after);
	uv_timer_start(&edge->clock, on_clock, CLOCK_MS, CLOCK_MS);
	edge_state(edge);
	return 0;
}

void
edge_reload(struct edge *edge)
{
	struct key key = {0};
	struct err err;

	if (key_load(&key, edge->conf.secret, &err) < 0) {
		LOG_ERROR("edge", "key not reloaded", LOG_E(&err));
		return;
	}
	key_release(&edge->key);
	edge->key = key;
	LOG_INFO("edge", "key reloaded");
}

/* ---- a graceful stop ---------------------------------------------------- */
/*
 * No new connections; then the clients are told to come back (1012), a batch
 * every 100 ms, each with its own delay, so that they do not all come at once
 * to the next edge: a thousand a second, or all within ten seconds. One whose
 * SENDs have no answer yet is read no more, and told when they have. Records
 * without an answer are waited for; whatever is left after drain_ms is cut.
 * Idle HTTP connections may ask once more, and learn that we are not ready.
 */

/* True: it is told, or will be: it counts in the batch. */
static bool
tell_to_leave(struct edge *edge, struct conn *conn)
{
	struct session *session = conn->session;

	if (conn->state != CONN_OPEN)
		return false;
	if (session && session->unanswered)
		return session_stop(session);
	conn_close(conn, CLOSE_RESTART, NULL,
		1 + edge->next_notice++ % edge->drain_spread_s);
	return true;
}

static void
close_batch(struct edge *edge)
{
	struct conn *conn;
	size_t n = edge->drain_batch;

	LIST_FOREACH (conn, &edge->conns, link)
		if (tell_to_leave(edge, conn) && --n == 0)
			return;
}

static bool
drained(const struct edge *edge)
{
	const struct conn *conn;

	LIST_FOREACH (conn, &edge->conns, link)
		if (conn->state != CONN_HTTP || conn->http)
			return false;
	return !edge->resend.count;
}

static void
drain_end(struct edge *edge)
{
	LOG_INFO("edge", "drained", LOG_I("connections", edge->conn_count),
		LOG_I("unanswered", edge->resend.count));
	edge->phase = EDGE_ENDED;
	edge->on_ended(edge);
}

static void
drain_step(struct edge *edge, int64_t now_ms)
{
	if (now_ms >= edge->drain_end_ms || drained(edge)) {
		drain_end(edge);
		return;
	}
	if (now_ms < edge->drain_next_ms)
		return;
	edge->drain_next_ms = now_ms + DRAIN_EVERY_MS;
	close_batch(edge);
}

void
edge_drain(struct edge *edge)
{
	if (edge->phase != EDGE_RUNNING)
		return;
	LOG_INFO("edge", "draining", LOG_I("connections", edge->conn_count));
	edge->phase = EDGE_DRAINING;
	edge->drain_end_ms = now_of(edge) + edge->conf.drain_ms;
	edge->drain_next_ms = now_of(edge);
	edge->drain_batch = edge->conn_count / DRAIN_BATCHES;
	if (edge->drain_batch < DRAIN_BATCH)
		edge->drain_batch = DRAIN_BATCH;
	edge->drain_spread_s = 1 + (int64_t)edge->conn_count / DRAIN_A_SECOND;
	if (edge->drain_spread_s > DRAIN_SPREAD_S)
		edge->drain_spread_s = DRAIN_SPREAD_S;
	edge_unlisten(edge);
	edge_state(edge);
}

void
edge_stop(struct edge *edge)
{
	struct conn *conn;

	edge_unlisten(edge);
	LIST_FOREACH (conn, &edge->conns, link)
		conn_kill(conn, "stopping");
	turn(edge);
	uv_close((uv_handle_t *)&edge->before, NULL);
	uv_close((uv_handle_t *)&edge->after, NULL);
	uv_close((uv_handle_t *)&edge->clock, NULL);
	gather_stop(edge);
	fanout_stop(edge);
	join_stop(edge);
	produce_stop(edge);
	edge_lws_close(edge);
}

void
edge_release(struct edge *edge)
{
	turn(edge);
	users_release(edge);
	follow_release(&edge->follow);
	key_release(&edge->key);
	buf_release(&edge->frame);
	buf_release(&edge->tail);
	buf_release(&edge->json);
	buf_release(&edge->line);
	status_close(&edge->status);
}
