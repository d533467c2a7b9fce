/*
 * tests/unit/test-hist.c - bins, percentiles against a sorted array, merging.
 * links: client
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/hist.h"

static void
small_values_are_exact(void **state)
{
	static struct hist h;
	int64_t v;

	hist_reset(&h);
	for (v = 0; v <= 100; v++)
		hist_add(&h, v);
	assert_int_equal(hist_percentile(&h, 0), 0);
	assert_int_equal(hist_percentile(&h, 50), 50);
	assert_int_equal(hist_percentile(&h, 99), 99);
	assert_int_equal(hist_percentile(&h, 100), 100);
	assert_int_equal(h.count, 101);
	assert_int_equal(h.max, 100);
	assert_true(hist_mean(&h) == 50);
}

static void
empty_and_one(void **state)
{
	static struct hist h;

	hist_reset(&h);
	assert_int_equal(hist_percentile(&h, 99), 0);
	assert_true(hist_mean(&h) == 0);
	hist_add(&h, 123456);
	assert_int_equal(hist_percentile(&h, 0), 123456);
	assert_int_equal(hist_percentile(&h, 50), 123456);
	assert_int_equal(hist_percentile(&h, 100), 123456);
}

/* Each value alone above a large one: its percentile is its bin's top, at most
 * 1.6 % above it, never below. */
static void
bins_are_narrow(void **state)
{
	static struct hist h;
	int64_t v, got;

	for (v = 1; v < INT64_C(1) << 35; v += v / 97 + 1) {
		hist_reset(&h);
		hist_add(&h, v);
		hist_add(&h, INT64_C(1) << 36);
		got = hist_percentile(&h, 50);
		assert_true(got >= v);
		assert_true((got - v) * 1000 <= v * 16);
	}
}

/* The edges of a power of two fall into different bins. */
static void
edges(void **state)
{
	static struct hist h;
	int64_t p;

	for (p = 128; p < INT64_C(1) << 36; p *= 2) {
		hist_reset(&h);
		hist_add(&h, p - 1);
		hist_add(&h, p);
		assert_int_equal(hist_percentile(&h, 50), p - 1);
		assert_int_equal(hist_percentile(&h, 100), p);
	}
}

static void
out_of_range(void **state)
{
	static struct hist h;

	hist_reset(&h);
	hist_add(&h, -5);
	assert_int_equal(hist_percentile(&h, 100), 0);
	hist_add(&h, INT64_MAX);
	hist_add(&h, INT64_MAX - 1);
	assert_int_equal(h.max, INT64_MAX);
	assert_int_equal(hist_percentile(&h, 100), INT64_MAX);
	assert_true(hist_percentile(&h, 40) > INT64_C(1) << 35);
}

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The oracle: the sorted values themselves. */
static void
against_sorting(void **state)
{
	static const double points[] = {1, 10, 50, 90, 99, 99.9, 99.99};
	static int64_t v[20000];
	static struct hist h;
	size_t i, rank;
	int64_t got;

	srandom(7);
	hist_reset(&h);
	for (i = 0; i < ARRAY_LEN(v); i++) {
		v[i] = random() >> (random() % 20);
		hist_add(&h, v[i]);
	}
	qsort(v, ARRAY_LEN(v), sizeof(v[0]), compare);
	for (i = 0; i < ARRAY_LEN(points); i++) {
		rank = (size_t)(points[i] * ARRAY_LEN(v) / 100 + 0.9999);
		got = hist_percentile(&h, points[i]);
		assert_true(got >= v[rank - 1]);
		assert_true((got - v[rank - 1]) * 1000 <= v[rank - 1] * 16);
	}
}

/* Two merged are one that got all; averages of percentiles would not be. */
static void
merge(void **state)
{
	static struct hist a, b, all;
	int64_t i;

	hist_reset(&a);
	hist_reset(&b);
	hist_reset(&all);
	for (i = 0; i < 1000; i++) {
		hist_add(&a, i);
		hist_add(&all, i);
		hist_add(&b, i * i);
		hist_add(&all, i * i);
	}
	hist_merge(&a, &b);
	assert_memory_equal(&a, &all, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(empty_and_one),
		cmocka_unit_test(bins_are_narrow),
		cmocka_unit_test(edges),
		cmocka_unit_test(out_of_range),
		cmocka_unit_test(against_sorting),
		cmocka_unit_test(merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
