/* The edge's queues and limits. links: edge */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "edge/limit.h"
#include "edge/outq.h"
#include "edge/wheel.h"

/* ---- wheel --------------------------------------------------------------- */

struct alarm {
	struct wheel_timer timer;
	int fired;
	struct wheel *wheel;
	struct alarm *cancels; /* when it fires */
	int64_t again_ms;      /* sets itself to that when it fires; 0: not */
};

static int64_t now_ms;

static void
fire(struct wheel_timer *timer, void *arg)
{
	struct alarm *alarm = (struct alarm *)(void *)timer;

	assert_ptr_equal(arg, &now_ms);
	assert_false(timer->set);
	assert_true(now_ms >= timer->due_ms);
	alarm->fired++;
	if (alarm->cancels)
		wheel_cancel(alarm->wheel, &alarm->cancels->timer);
	if (alarm->again_ms)
		wheel_set(alarm->wheel, timer, alarm->again_ms);
}

static void
run_to(struct wheel *wheel, int64_t to_ms, int64_t step_ms)
{
	while (now_ms < to_ms) {
		now_ms += step_ms;
		wheel_run(wheel, now_ms, fire, &now_ms);
	}
}

static void
test_wheel_fires_in_time(void **state)
{
	struct wheel wheel;
	struct alarm alarms[300] = {{{{0}, 0, 0}, 0, NULL, NULL, 0}};
	int64_t due[300];

	(void)state;
	now_ms = 1234567;
	wheel_init(&wheel, now_ms);
	srand(7);
	for (int i = 0; i < 300; i++) {
		/* up to three rounds ahead, and some in the past */
		due[i] = now_ms - 500 + rand() % 154000;
		wheel_set(&wheel, &alarms[i].timer, due[i]);
	}
	assert_int_equal(wheel.count, 300);
	while (now_ms < 1234567 + 155000) {
		run_to(&wheel, now_ms + 1, 37);
		for (int i = 0; i < 300; i++)
			if (due[i] + 2 * WHEEL_TICK_MS + 37 < now_ms)
				assert_int_equal(alarms[i].fired, 1);
	}
	assert_int_equal(wheel.count, 0);
}

static void
test_wheel_moves_and_cancels(void **state)
{
	struct wheel wheel;
	struct alarm a = {0}, b = {0};

	(void)state;
	now_ms = 50;
	wheel_init(&wheel, now_ms);
	wheel_set(&wheel, &a.timer, 1000);
	wheel_set(&wheel, &a.timer, 3000);
	wheel_set(&wheel, &b.timer, 1000);
	wheel_set(&wheel, &b.timer, CLOCK_NEVER);
	assert_int_equal(wheel.count, 1);
	wheel_cancel(&wheel, &b.timer);
	run_to(&wheel, 2900, 10);
	assert_int_equal(a.fired + b.fired, 0);
	run_to(&wheel, 3200, 10);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
	/* nearer again */
	wheel_set(&wheel, &a.timer, 60000);
	wheel_set(&wheel, &a.timer, 4000);
	run_to(&wheel, 4200, 10);
	assert_int_equal(a.fired, 2);
	run_to(&wheel, 61000, 10);
	assert_int_equal(a.fired, 2);
}

static void
test_wheel_survives_its_callbacks(void **state)
{
	struct wheel wheel;
	struct alarm a = {0}, b = {0}, c = {0};

	(void)state;
	now_ms = 0;
	wheel_init(&wheel, now_ms);
	a.wheel = b.wheel = c.wheel = &wheel;
	a.cancels = &b;
	b.cancels = &a;
	c.again_ms = 1; /* due already: once a run, not for ever in one */
	wheel_set(&wheel, &a.timer, 500);
	wheel_set(&wheel, &b.timer, 500);
	wheel_set(&wheel, &c.timer, 500);
	now_ms = 1000;
	wheel_run(&wheel, now_ms, fire, &now_ms);
	assert_int_equal(a.fired + b.fired, 1);
	assert_int_equal(c.fired, 1);
	now_ms += WHEEL_TICK_MS;
	wheel_run(&wheel, now_ms, fire, &now_ms);
	assert_int_equal(c.fired, 2);
	assert_int_equal(wheel.count, 1);
}

static void
test_wheel_after_a_long_sleep(void **state)
{
	struct wheel wheel;
	struct alarm a = {0}, b = {0};

	(void)state;
	now_ms = 0;
	wheel_init(&wheel, now_ms);
	wheel_set(&wheel, &a.timer, 70000);
	wheel_set(&wheel, &b.timer, 400000);
	now_ms = 300000;
	wheel_run(&wheel, now_ms, fire, &now_ms);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
	now_ms = 400050;
	wheel_run(&wheel, now_ms, fire, &now_ms);
	now_ms += WHEEL_TICK_MS;
	wheel_run(&wheel, now_ms, fire, &now_ms);
	assert_int_equal(b.fired, 1);
}

/* ---- outq ---------------------------------------------------------------- */

static void
test_outq_is_a_queue(void **state)
{
	static char in[200000], out[200000], text[5000];
	struct outq q = {0};
	struct str bulk;
	size_t put = 0, got = 0, n;

	(void)state;
	srand(11);
	while (got < 150000) {
		n = (size_t)rand() % sizeof(text);
		if (put + n < sizeof(in) && rand() % 2) {
			for (size_t i = 0; i < n; i++)
				text[i] = in[put + i] = (char)rand();
			assert_int_equal(
				outq_add(&q, SIZE_MAX,
					(struct str){text, n / 3},
					(struct str){text + n / 3, n - n / 3}),
				OUTQ_OK);
			put += n;
		}
		assert_int_equal(outq_bytes(&q), put - got);
		bulk = outq_bulk(&q, (size_t)rand() % 6000 + 1);
		n = bulk.len ? (size_t)rand() % bulk.len + 1 : 0;
		if (!n)
			continue;
		memcpy(out + got, bulk.data, n);
		outq_take(&q, n);
		got += n;
	}
	assert_memory_equal(in, out, got);
	outq_release(&q);
	assert_int_equal(outq_bytes(&q), 0);
}

static void
test_outq_is_bounded(void **state)
{
	char text[600] = {0};
	struct outq q = {0};
	struct str a = {text, 600}, none = {NULL, 0};

	(void)state;
	assert_int_equal(outq_add(&q, 1000, a, none), OUTQ_OK);
	assert_int_equal(outq_add(&q, 1000, a, none), OUTQ_FULL);
	assert_int_equal(outq_bytes(&q), 600);
	a.len = 400;
	assert_int_equal(outq_add(&q, 1000, none, a), OUTQ_OK);
	a.len = 1;
	assert_int_equal(outq_add(&q, 1000, a, none), OUTQ_FULL);
	outq_take(&q, 1);
	assert_int_equal(outq_add(&q, 1000, a, none), OUTQ_OK);
	outq_take(&q, 1000);
	/* empty, it owns nothing */
	assert_null(q.data);
	assert_int_equal(q.cap, 0);
	assert_int_equal(
		outq_add(&q, 10, (struct str){text, 11}, none), OUTQ_FULL);
	assert_null(q.data);
}

static void
add_frame(struct outq *q, size_t payload)
{
	static char text[70000];
	unsigned char head[10] = {0x81};
	size_t n = 2;

	if (payload < 126) {
		head[1] = (unsigned char)payload;
	} else if (payload < 65536) {
		head[1] = 126;
		head[2] = (unsigned char)(payload >> 8);
		head[3] = (unsigned char)payload;
		n = 4;
	} else {
		head[1] = 127;
		head[7] = (unsigned char)(payload >> 16);
		head[8] = (unsigned char)(payload >> 8);
		head[9] = (unsigned char)payload;
		n = 10;
	}
	assert_int_equal(
		outq_add(q, SIZE_MAX, (struct str){(const char *)head, n},
			(struct str){text, payload}),
		OUTQ_OK);
}

static void
test_outq_ends_between_frames(void **state)
{
	struct outq q = {0};

	(void)state;
	add_frame(&q, 10);    /* 12 */
	add_frame(&q, 200);   /* 204 */
	add_frame(&q, 66000); /* 66010 */
	add_frame(&q, 125);   /* 127 */
	add_frame(&q, 0);     /* 2 */
	assert_int_equal(outq_frames(&q, 1).len, 12);
	assert_int_equal(outq_frames(&q, 12).len, 12);
	assert_int_equal(outq_frames(&q, 215).len, 12);
	assert_int_equal(outq_frames(&q, 216).len, 216);
	assert_int_equal(outq_frames(&q, 65536).len, 216);
	outq_take(&q, 216);
	assert_int_equal(outq_frames(&q, 65536).len, 66010);
	assert_int_equal(outq_frames(&q, 66136).len, 66010);
	assert_int_equal(outq_frames(&q, 66137).len, 66137);
	assert_int_equal(outq_frames(&q, 1000000).len, 66139);
	outq_release(&q);
	assert_int_equal(outq_frames(&q, 10).len, 0);
}

/* ---- limits ---------------------------------------------------------------
 */

static void
test_rate_is_a_sliding_window(void **state)
{
	struct rate rate = {0};
	int64_t wait;

	(void)state;
	assert_true(rate_idle(&rate, 0));
	assert_true(rate_take(&rate, 3, 1000, &wait));
	assert_true(rate_take(&rate, 3, 2000, &wait));
	assert_true(rate_take(&rate, 3, 3000, &wait));
	assert_false(rate_take(&rate, 3, 4000, &wait));
	assert_int_equal(wait, 57000);
	assert_false(rate_take(&rate, 3, 60999, &wait));
	assert_int_equal(wait, 1);
	assert_true(rate_take(&rate, 3, 61000, &wait));
	/* what was refused does not count: 2000 leaves at 62000 */
	assert_false(rate_take(&rate, 3, 61999, &wait));
	assert_true(rate_take(&rate, 3, 62000, &wait));
	assert_false(rate_idle(&rate, 121999));
	assert_true(rate_idle(&rate, 122000));
	/* another limit: the newest count */
	assert_false(rate_take(&rate, 2, 62001, &wait));
	assert_true(rate_take(&rate, 3, 62002, &wait));
	assert_false(rate_take(&rate, 3, 62003, &wait));
	rate_release(&rate);
	assert_true(rate_idle(&rate, 62000));
}

static struct address
of(const char *text)
{
	struct address a;

	assert_true(address_parse(&a, text));
	return a;
}

static void
test_addresses(void **state)
{
	struct address a = of("10.0.0.1"), b = of("::ffff:10.0.0.1"),
		       c = of("2001:db8::1"), d = of("2001:db8::ff:2"),
		       e = of("2001:db8:0:1::1");

	(void)state;
	assert_true(address_eq(&a, &b));
	assert_true(address_eq(&c, &d)); /* one /64, one machine */
	assert_false(address_eq(&c, &e));
	assert_false(address_eq(&a, &c));
	a = of("127.0.0.1");
	assert_true(address_loopback(&a));
	a = of("127.8.9.1");
	assert_true(address_loopback(&a));
	a = of("::1");
	assert_true(address_loopback(&a));
	a = of("10.127.0.1");
	assert_false(address_loopback(&a));
	a = of("::2");
	assert_false(address_loopback(&a));
	assert_false(address_parse(&a, "10.0.0"));
	assert_false(address_parse(&a, "localhost"));
	assert_false(address_parse(&a, ""));
}

static void
test_connections_of_an_address(void **state)
{
	struct address_counts counts = {{0}};
	struct address a = of("10.0.0.1"), b = of("10.0.0.2");
	struct address_count *x, *y, *z;

	(void)state;
	x = address_take(&counts, &a, 2);
	y = address_take(&counts, &a, 2);
	assert_non_null(x);
	assert_ptr_equal(x, y);
	assert_null(address_take(&counts, &a, 2));
	z = address_take(&counts, &b, 2);
	assert_non_null(z);
	assert_ptr_not_equal(x, z);
	address_give(&counts, x);
	y = address_take(&counts, &a, 2);
	assert_non_null(y);
	address_give(&counts, y);
	address_give(&counts, y);
	address_give(&counts, z);
	assert_true(RB_EMPTY(&counts.tree)); /* nothing is left for strangers */
	assert_null(address_take(&counts, &a, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wheel_fires_in_time),
		cmocka_unit_test(test_wheel_moves_and_cancels),
		cmocka_unit_test(test_wheel_survives_its_callbacks),
		cmocka_unit_test(test_wheel_after_a_long_sleep),
		cmocka_unit_test(test_outq_is_a_queue),
		cmocka_unit_test(test_outq_is_bounded),
		cmocka_unit_test(test_outq_ends_between_frames),
		cmocka_unit_test(test_rate_is_a_sliding_window),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_connections_of_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
