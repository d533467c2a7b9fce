/*
 * edge/gather.c - see gather.h.
 */
#include "edge/gather.h"

#include "edge/conn.h"

#define HIGH 60 /* % of the time that the loop is not idle */
#define LOW 40
#define STEP_MS 3

static int64_t
now_of(const struct edge *edge)
{
	return (int64_t)uv_now(edge->loop);
}

/* All wait equally long, so they come due in the order in which they began. */
static void
on_due(uv_timer_t *timer)
{
	struct edge *edge = timer->data;
	struct gather *gather = &edge->gather;
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&gather->waiting)) &&
		conn->gather_ms + gather->ms <= now_of(edge)) {
		gather_forget(edge, conn);
		conn_write(conn);
	}
	if (conn)
		uv_timer_start(timer, on_due,
			(uint64_t)(conn->gather_ms + gather->ms - now_of(edge)),
			0);
}

bool
gather_waits(struct edge *edge, struct conn *conn)
{
	struct gather *gather = &edge->gather;

	if (!gather->ms || conn->state != CONN_OPEN ||
		outq_bytes(&conn->outq) > GATHER_BYTES)
		return false;
	if (conn->gather_ms)
		return true;
	if (now_of(edge) >= conn->tx_ms + gather->ms)
		return false;
	conn->gather_ms = now_of(edge);
	TAILQ_INSERT_TAIL(&gather->waiting, conn, gather_queue);
	if (!uv_is_active((uv_handle_t *)&gather->timer))
		uv_timer_start(&gather->timer, on_due, (uint64_t)gather->ms, 0);
	return true;
}

void
gather_forget(struct edge *edge, struct conn *conn)
{
	if (!conn->gather_ms)
		return;
	conn->gather_ms = 0;
	TAILQ_REMOVE(&edge->gather.waiting, conn, gather_queue);
}

void
gather_tick(struct edge *edge)
{
	struct gather *gather = &edge->gather;
	uint64_t idle = uv_metrics_idle_time(edge->loop), now = uv_hrtime();
	uint64_t all = now - gather->at_ns, busy;

	busy = all -
	       (idle - gather->idle_ns < all ? idle - gather->idle_ns : all);
	if (all && busy * 100 / all > HIGH)
		gather->ms += STEP_MS;
	else if (all && busy * 100 / all < LOW)
		gather->ms -= gather->ms < STEP_MS ? gather->ms : STEP_MS;
	if (gather->ms > edge->conf.gather_ms)
		gather->ms = edge->conf.gather_ms;
	gather->idle_ns = idle;
	gather->at_ns = now;
	edge->count.gather_ms = gather->ms;
}

void
gather_start(struct edge *edge)
{
	struct gather *gather = &edge->gather;

	TAILQ_INIT(&gather->waiting);
	uv_timer_init(edge->loop, &gather->timer);
	gather->timer.data = edge;
	gather->at_ns = uv_hrtime();
	gather->idle_ns = uv_metrics_idle_time(edge->loop);
}

void
gather_stop(struct edge *edge)
{
	uv_close((uv_handle_t *)&edge->gather.timer, NULL);
}
