/*
 * tests/unit/test-schedule.c - when items are due, late ones, and the tally of
 * what came of them.
 * links: client
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/schedule.h"
#include "client/tally.h"

static void
exact_and_without_drift(void **state)
{
	struct schedule s;

	schedule_init(&s, 1000, 3, 1000000);
	assert_int_equal(schedule_due_us(&s, 0), 1000);
	assert_int_equal(schedule_due_us(&s, 1), 334333);
	assert_int_equal(schedule_due_us(&s, 2), 667666);
	assert_int_equal(schedule_due_us(&s, 3), 1001000);
	assert_int_equal(schedule_due_us(&s, 3000000), 1000 + 1000000000000);
	schedule_init(&s, 0, 1000000, 1000000000000);
	assert_int_equal(schedule_due_us(&s, 999999999999), 999999999999);
}

/* What is late is taken at once, all of it, and keeps its due time. */
static void
late_ones_keep_their_time(void **state)
{
	struct schedule s;
	int64_t n, due, i;

	schedule_init(&s, 0, 10, 5);
	assert_false(schedule_take(&s, -1, &n, &due));
	assert_true(schedule_take(&s, 0, &n, &due));
	assert_int_equal(n, 0);
	assert_false(schedule_take(&s, 99999, &n, &due));
	assert_int_equal(schedule_next_us(&s), 100000);
	for (i = 1; i < 4; i++) {
		assert_true(schedule_take(&s, 350000, &n, &due));
		assert_int_equal(n, i);
		assert_int_equal(due, i * 100000);
	}
	assert_false(schedule_take(&s, 350000, &n, &due));
	assert_true(schedule_take(&s, 400000, &n, &due));
	assert_false(schedule_take(&s, 900000, &n, &due));
	assert_true(schedule_next_us(&s) == CLOCK_NEVER);
}

static void
all_at_once_and_stop(void **state)
{
	struct schedule s;
	int64_t n, due;

	schedule_init(&s, 500, 0, 3);
	assert_false(schedule_take(&s, 499, &n, &due));
	assert_true(schedule_take(&s, 500, &n, &due));
	assert_int_equal(due, 500);
	schedule_stop(&s);
	assert_false(schedule_take(&s, 501, &n, &due));
	assert_true(schedule_next_us(&s) == CLOCK_NEVER);
}

/* ---- tally: two rooms of two; subscribers 0 1 | 2 3 ---------------------- */

static struct tally t;

static void
begin(void)
{
	struct err err;

	assert_int_equal(tally_init(&t, 2, 2, 8, 2, &err), 0);
}

static void
who_sends(void **state)
{
	static const int64_t want[] = {0, 2, 1, 3, 0, 2, 1, 3};
	int64_t n;

	begin();
	for (n = 0; n < 8; n++)
		assert_int_equal(tally_sender(&t, n), want[n]);
	tally_release(&t);
}

static void
all_is_well(void **state)
{
	int64_t n, room;

	begin();
	for (n = 0; n < 8; n++) {
		room = tally_room(&t, n);
		tally_sent(&t, n, 1);
		tally_delivery(&t, room * 2, n, n / 2 + 1, 100);
		tally_delivery(&t, room * 2 + 1, n, n / 2 + 1, 300);
		tally_receipt(&t, n, 50);
	}
	assert_int_equal(t.deliveries, 16);
	assert_int_equal(t.measured, 12);
	assert_int_equal(t.receipts, 8);
	assert_int_equal(
		t.duplicates + t.misdelivered + t.out_of_order + t.holes, 0);
	assert_int_equal(t.end_to_end.count, 12);
	assert_int_equal(t.last.count, 6);
	assert_int_equal(hist_percentile(&t.last, 1), 300);
	assert_int_equal(t.receipt.count, 6);
	assert_int_equal(t.lag.count, 6);
	tally_release(&t);
}

static void
doubles(void **state)
{
	begin();
	tally_delivery(&t, 0, 0, 1, 1);
	tally_delivery(&t, 0, 0, 1, 1);
	tally_delivery(&t, 1, 0, 1, 1);
	assert_int_equal(t.duplicates, 1);
	assert_int_equal(t.deliveries, 2);
	assert_int_equal(t.out_of_order, 0);
	tally_receipt(&t, 0, 1);
	tally_receipt(&t, 0, 1);
	assert_int_equal(t.receipts, 1);
	tally_release(&t);
}

static void
strays(void **state)
{
	begin();
	tally_delivery(&t, 2, 0, 1, 1); /* room 0's in room 1 */
	tally_delivery(&t, 0, 8, 1, 1); /* was never sent */
	assert_int_equal(t.misdelivered, 2);
	assert_int_equal(t.deliveries, 0);
	tally_receipt(&t, 8, 1);
	tally_receipt(&t, -1, 1);
	assert_int_equal(t.receipts, 0);
	tally_release(&t);
}

/* By seq, and where there is none by the sender's own order; another sender's
 * message may overtake then. */
static void
order(void **state)
{
	begin();
	tally_delivery(&t, 0, 2, 2, 1);
	tally_delivery(&t, 0, 0, 1, 1);
	assert_int_equal(t.out_of_order, 1);
	tally_delivery(&t, 0, 4, 5, 1);
	assert_int_equal(t.holes, 1);
	assert_int_equal(t.out_of_order, 1);
	tally_delivery(&t, 1, 2, -1, 1);
	tally_delivery(&t, 1, 0, -1, 1);
	assert_int_equal(t.out_of_order, 1);
	tally_delivery(&t, 3, 5, -1, 1);
	tally_delivery(&t, 3, 1, -1, 1);
	assert_int_equal(t.out_of_order, 2);
	tally_release(&t);
}

static void
bounded(void **state)
{
	struct err err;

	assert_int_equal(tally_init(&t, 1, 1000000, 1000000, 0, &err), -1);
	assert_int_equal(
		tally_init(&t, 1000, 10, INT64_C(1) << 40, 0, &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_and_without_drift),
		cmocka_unit_test(late_ones_keep_their_time),
		cmocka_unit_test(all_at_once_and_stop),
		cmocka_unit_test(who_sends),
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(doubles),
		cmocka_unit_test(strays),
		cmocka_unit_test(order),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
