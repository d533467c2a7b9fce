/* One write for several frames while the edge is busy.
 * links: edge serve flow wire proto auth -lwebsockets -lcrypto -luv */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/conn.h"
#include "edge/gather.h"

static uv_loop_t loop;
static struct edge *edge;

static int
begin(void **state)
{
	uv_loop_init(&loop);
	uv_loop_configure(&loop, UV_METRICS_IDLE_TIME);
	edge = calloc(1, sizeof(*edge));
	edge->loop = &loop;
	edge->conf.gather_ms = 30;
	gather_start(edge);
	return 0;
}

static int
end(void **state)
{
	gather_stop(edge);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	free(edge);
	return 0;
}

/* A connection that was written to just now, with a frame that waits. */
static struct conn *
new_conn(size_t bytes)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	char *frame = calloc(1, bytes);

	conn->edge = edge;
	conn->state = CONN_OPEN;
	conn->tx_ms = (int64_t)uv_now(&loop);
	assert_int_equal(
		outq_add(&conn->outq, SIZE_MAX, (struct str){frame, bytes},
			(struct str){NULL, 0}),
		OUTQ_OK);
	free(frame);
	return conn;
}

static void
free_conn(struct conn *conn)
{
	gather_forget(edge, conn);
	outq_release(&conn->outq);
	free(conn);
}

static void
ring(uv_timer_t *timer)
{
}

static void
test_waits_only_when_busy_and_just_written(void **state)
{
	struct conn *conn = new_conn(100), *big = new_conn(GATHER_BYTES + 1);

	assert_false(gather_waits(edge, conn));
	edge->gather.ms = 20;
	assert_true(gather_waits(edge, conn));
	assert_true(gather_waits(edge, conn));
	assert_false(gather_waits(edge, big));
	conn->state = CONN_CLOSING;
	assert_false(gather_waits(edge, conn));
	conn->state = CONN_OPEN;
	gather_forget(edge, conn);
	conn->tx_ms -= 20;
	assert_false(gather_waits(edge, conn));
	free_conn(conn);
	free_conn(big);
}

static void
test_is_written_when_its_time_has_come(void **state)
{
	struct conn *first = new_conn(1), *second, *dead = new_conn(1);
	uint64_t begun = uv_hrtime();

	edge->gather.ms = 300; /* a busy machine oversleeps */
	assert_true(gather_waits(edge, first));
	assert_true(gather_waits(edge, dead));
	gather_forget(edge, dead);
	usleep(150000);
	uv_update_time(&loop);
	second = new_conn(1);
	assert_true(gather_waits(edge, second));
	uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(first->gather_ms, 0);
	assert_true(second->gather_ms);
	while (second->gather_ms)
		uv_run(&loop, UV_RUN_ONCE);
	assert_true(uv_hrtime() - begun >= 449 * 1000000ULL);
	free_conn(first);
	free_conn(second);
	free_conn(dead);
}

static void
test_grows_while_busy_and_shrinks(void **state)
{
	int64_t last = 0;
	int i;

	for (i = 0; i < 20; i++) { /* never in the loop: never idle */
		usleep(1000);
		gather_tick(edge);
		assert_true(edge->gather.ms > last || last == 30);
		last = edge->gather.ms;
	}
	assert_int_equal(last, 30);
	assert_int_equal(edge->count.gather_ms, 30);
	edge->conf.gather_ms = 10;
	gather_tick(edge);
	assert_int_equal(edge->gather.ms, 10);
	for (i = 0; i < 5; i++) { /* asleep in it: idle */
		uv_timer_start(&edge->gather.timer, ring, 20, 0);
		uv_run(&loop, UV_RUN_DEFAULT);
		gather_tick(edge);
	}
	assert_int_equal(edge->gather.ms, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_waits_only_when_busy_and_just_written, begin, end),
		cmocka_unit_test_setup_teardown(
			test_is_written_when_its_time_has_come, begin, end),
		cmocka_unit_test_setup_teardown(
			test_grows_while_busy_and_shrinks, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
