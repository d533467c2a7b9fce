/* links: flow */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "flow/deaths.h"
#include "flow/owed.h"
#include "flow/window.h"

#include <signal.h>

#define ADD(w, s, o) assert_true(window_add(w, s, o))

/* ---- window -------------------------------------------------------------- */

static void
knows_nothing_at_first(void **state)
{
	struct window w;

	window_init(&w);
	assert_int_equal(window_commit(&w), WINDOW_NONE);
	assert_int_equal(window_span(&w), 0);
	assert_null(window_first(&w));
	assert_null(window_find(&w, 0));
	assert_int_equal(w.count, 0);
}

static void
commits_the_lowest_unfinished(void **state)
{
	struct window_slot s[4];
	struct window w;

	window_init(&w);
	ADD(&w, &s[0], 5);
	ADD(&w, &s[1], 6);
	ADD(&w, &s[2], 9);
	assert_int_equal(w.count, 3);
	assert_int_equal(window_commit(&w), 5);
	assert_int_equal(window_span(&w), 5);
	window_finish(&w, &s[1]);
	assert_int_equal(window_commit(&w), 5);
	assert_int_equal(w.count, 2);
	window_finish(&w, &s[0]);
	assert_int_equal(window_commit(&w), 9);
	assert_int_equal(window_span(&w), 1);
	window_finish(&w, &s[2]);
	assert_int_equal(window_commit(&w), 10);
	assert_int_equal(window_span(&w), 0);
	assert_int_equal(w.count, 0);
}

static void
commits_the_position_when_all_is_done(void **state)
{
	struct window_slot s[1];
	struct window w;

	window_init(&w);
	window_position(&w, 3);
	assert_int_equal(window_commit(&w), 3);
	ADD(&w, &s[0], 3);
	window_position(&w, 8); /* commit markers */
	assert_int_equal(window_commit(&w), 3);
	assert_int_equal(window_span(&w), 5);
	window_finish(&w, &s[0]);
	assert_int_equal(window_commit(&w), 8);
	window_position(&w, 7);
	assert_int_equal(window_commit(&w), 8);
}

static void
refuses_what_goes_back(void **state)
{
	struct window_slot s[3];
	struct window w;

	window_init(&w);
	ADD(&w, &s[0], 0);
	assert_false(window_add(&w, &s[1], 0));
	assert_int_equal(w.count, 1);
	ADD(&w, &s[1], 1);
	window_position(&w, 5);
	assert_false(window_add(&w, &s[2], 4));
	ADD(&w, &s[2], 5);
}

static void
finds_and_walks(void **state)
{
	struct window_slot s[20];
	struct window_slot *at;
	struct window w;
	int i;

	window_init(&w);
	for (i = 0; i < 20; i++)
		ADD(&w, &s[i], 10 + 2 * i);
	assert_ptr_equal(window_find(&w, 10), &s[0]);
	assert_ptr_equal(window_find(&w, 30), &s[10]);
	assert_ptr_equal(window_find(&w, 48), &s[19]);
	assert_null(window_find(&w, 31));
	assert_null(window_find(&w, 9));
	window_finish(&w, &s[0]);
	window_finish(&w, &s[10]);
	assert_null(window_find(&w, 30));
	i = 0;
	for (at = window_first(&w); at; at = window_after(at)) {
		i += i == 0 || i == 10;
		assert_ptr_equal(at, &s[i++]);
	}
	assert_int_equal(i, 20);
}

static void
never_commits_beyond_a_cut(void **state)
{
	struct window_slot s[4];
	struct window w;
	int i;

	window_init(&w);
	for (i = 0; i < 4; i++)
		ADD(&w, &s[i], i);
	window_cut(&w, &s[3]);
	assert_int_equal(w.count, 3);
	window_cut(&w, &s[1]);
	assert_int_equal(window_commit(&w), 0);
	window_finish(&w, &s[2]);
	window_finish(&w, &s[0]);
	assert_int_equal(window_commit(&w), 1);
	window_position(&w, 50);
	assert_int_equal(window_commit(&w), 1);
	window_init(&w);
	for (i = 0; i < 2; i++)
		ADD(&w, &s[i], i);
	window_cut(&w, &s[0]); /* the lower one first */
	window_cut(&w, &s[1]);
	assert_int_equal(window_commit(&w), 0);
}

/* ---- owed ---------------------------------------------------------------- */

static void
remembers_debts(void **state)
{
	struct debt d[3];
	struct owed o;
	int a, b;

	owed_init(&o);
	assert_int_equal(owed_deadline(&o, 30), CLOCK_NEVER);
	assert_null(owed_take(&o, &a, 1, 0));
	owed_add(&o, &d[0], &a, 1, 100);
	assert_int_equal(owed_deadline(&o, 30), 130);
	owed_add(&o, &d[1], &b, 1, 120);
	owed_add(&o, &d[2], &a, 2, 120);
	assert_int_equal(o.count, 3);
	/* A new debt is no word of the filter. */
	assert_int_equal(owed_deadline(&o, 30), 130);
	assert_true(owed_for(&o, &a));
	assert_true(owed_for(&o, &b));
	assert_null(owed_take(&o, &b, 2, 125));
	assert_int_equal(owed_deadline(&o, 30), 130);
	assert_ptr_equal(owed_take(&o, &b, 1, 125), &d[1]);
	assert_int_equal(owed_deadline(&o, 30), 155);
	assert_false(owed_for(&o, &b));
	assert_null(owed_take(&o, &b, 1, 126));
	assert_ptr_equal(owed_take(&o, &a, 2, 127), &d[2]);
	assert_true(owed_for(&o, &a));
	owed_said(&o, 200);
	assert_int_equal(owed_deadline(&o, 30), 230);
	assert_ptr_equal(owed_take(&o, &a, 1, 201), &d[0]);
	assert_int_equal(o.count, 0);
	assert_int_equal(owed_deadline(&o, 30), CLOCK_NEVER);
}

static void
forgives_in_order(void **state)
{
	struct debt d[2];
	struct owed o;
	int a;

	owed_init(&o);
	assert_null(owed_pop(&o));
	owed_add(&o, &d[0], &a, 7, 0);
	owed_add(&o, &d[1], &a, 8, 0);
	assert_ptr_equal(owed_pop(&o), &d[0]);
	assert_int_equal(o.count, 1);
	assert_int_equal(d[1].offset, 8);
	assert_ptr_equal(owed_pop(&o), &d[1]);
	assert_null(owed_pop(&o));
	assert_int_equal(o.count, 0);
	owed_add(&o, &d[0], &a, 7, 50);
	assert_int_equal(owed_deadline(&o, 5), 55);
}

/* ---- deaths -------------------------------------------------------------- */

static void
knows_what_counts(void **state)
{
	static const struct {
		int status;
		enum death death;
	} t[] = {
		{0, DEATH_OTHER},
		{1 << 8, DEATH_OTHER},
		{111 << 8, DEATH_OTHER},
		{100 << 8, DEATH_PERM},
		{101 << 8, DEATH_COUNTED},
		{126 << 8, DEATH_PERM},
		{127 << 8, DEATH_PERM},
		{128 << 8, DEATH_OTHER},
		{SIGSEGV, DEATH_COUNTED},
		{SIGABRT, DEATH_COUNTED},
		{SIGBUS, DEATH_COUNTED},
		{SIGILL, DEATH_COUNTED},
		{SIGFPE, DEATH_COUNTED},
		{SIGKILL, DEATH_OTHER},
		{SIGTERM, DEATH_OTHER},
		{SIGPIPE, DEATH_OTHER},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(death_of(t[i].status, false), t[i].death);
	assert_int_equal(death_of(SIGKILL, true), DEATH_COUNTED);
	assert_int_equal(death_of(100 << 8, true), DEATH_COUNTED);
}

static void
backs_off(void **state)
{
	static const int64_t waits[] = {
		100, 200, 400, 800, 1600, 3200, 5000, 5000};
	struct deaths d;
	size_t i;

	deaths_init(&d);
	for (i = 0; i < ARRAY_LEN(waits); i++)
		assert_int_equal(deaths_backoff(&d), waits[i]);
	deaths_well(&d);
	assert_int_equal(deaths_backoff(&d), 100);
	assert_int_equal(deaths_backoff(&d), 200);
}

static void
isolates_after_three(void **state)
{
	struct deaths d;
	int a, b;

	deaths_init(&d);
	assert_false(deaths_alone(&d));
	assert_false(deaths_blame(&d, &a, 1, 4));
	assert_false(deaths_blame(&d, &a, 1, 4));
	assert_false(deaths_blame(&d, &b, 1, 4)); /* another partition */
	assert_false(deaths_blame(&d, &b, 1, 4));
	assert_false(deaths_blame(&d, &b, 2, 4)); /* another offset */
	assert_false(deaths_blame(&d, &b, 2, 4));
	assert_false(deaths_alone(&d));
	assert_true(deaths_blame(&d, &b, 2, 2));
	assert_true(deaths_alone(&d));
	deaths_cleared(&d);
	assert_true(deaths_alone(&d));
	deaths_cleared(&d);
	assert_false(deaths_alone(&d));
	assert_false(deaths_blame(&d, &b, 2, 2));
	assert_false(deaths_blame(&d, &b, 2, 2));
	assert_true(deaths_blame(&d, &b, 2, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_nothing_at_first),
		cmocka_unit_test(commits_the_lowest_unfinished),
		cmocka_unit_test(commits_the_position_when_all_is_done),
		cmocka_unit_test(refuses_what_goes_back),
		cmocka_unit_test(finds_and_walks),
		cmocka_unit_test(never_commits_beyond_a_cut),
		cmocka_unit_test(remembers_debts),
		cmocka_unit_test(forgives_in_order),
		cmocka_unit_test(knows_what_counts),
		cmocka_unit_test(backs_off),
		cmocka_unit_test(isolates_after_three),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
