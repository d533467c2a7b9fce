/*
 * links: flow
 * resend: order, answers out of order, owners that go, the byte bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "flow/resend.h"

static void
collect(void *arg, struct str line)
{
	buf_add_str(arg, line);
}

static void
assert_again(struct resend *r, const char *expected)
{
	struct buf out = {0};

	resend_again(r, collect, &out);
	assert_string_equal(out.data ? out.data : "", expected);
	buf_release(&out);
}

static struct resend_entry *
add(struct resend *r, const char *line, void *owner)
{
	int64_t id = resend_next_id(r);
	struct resend_entry *e = resend_add(r, str_c(line), owner, NULL);

	assert_non_null(e);
	assert_int_equal(e->id, id);
	return e;
}

static void
unanswered_in_order(void **state)
{
	struct resend r;
	int64_t first;

	resend_init(&r, 1 << 20);
	first = resend_next_id(&r);
	add(&r, "a", NULL);
	add(&r, "b", NULL);
	add(&r, "c", NULL);
	assert_again(&r, "abc");
	assert_int_equal(r.sent_again, 3);
	resend_done(&r, resend_find(&r, first + 1));
	assert_null(resend_find(&r, first + 1));
	assert_again(&r, "ac");
	resend_done(&r, resend_find(&r, first));
	assert_int_equal(r.first, first + 2);
	assert_again(&r, "c");
	assert_int_equal(r.count, 1);
	add(&r, "d", NULL);
	assert_again(&r, "cd");
	assert_null(resend_find(&r, first - 1));
	assert_null(resend_find(&r, first));
	assert_null(resend_find(&r, first + 4));
	resend_release(&r);
}

static void
grows_while_the_window_slides(void **state)
{
	struct resend r;
	char line[16];
	int64_t i, n = 1000;

	resend_init(&r, 1 << 20);
	for (i = 0; i < 40; i++)
		resend_done(&r, add(&r, "x", NULL));
	for (i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "%d;", (int)i);
		add(&r, line, NULL);
	}
	for (i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "%d;", (int)i);
		assert_string_equal(resend_find(&r, 41 + i)->line, line);
		assert_int_equal(resend_find(&r, 41 + i)->len, strlen(line));
	}
	assert_int_equal(r.count, n);
	for (i = n - 1; i >= 0; i--)
		resend_done(&r, resend_find(&r, 41 + i));
	assert_int_equal(r.count, 0);
	assert_int_equal(r.bytes, 0);
	assert_int_equal(r.first, r.next);
	resend_release(&r);
}

static int freed;

static void
free_data(void *data)
{
	freed++;
}

static void
owner_goes_records_stay(void **state)
{
	struct resend r;
	int a, b;

	resend_init(&r, 1 << 20);
	add(&r, "1", &a)->data = &a;
	add(&r, "2", &b)->data = &b;
	add(&r, "3", &a);
	add(&r, "4", &a)->data = &a;
	resend_done(&r, resend_find(&r, 4));
	freed = 0;
	resend_orphan(&r, &a, free_data);
	assert_int_equal(freed, 1);
	assert_null(resend_find(&r, 1)->owner);
	assert_null(resend_find(&r, 1)->data);
	assert_ptr_equal(resend_find(&r, 2)->owner, &b);
	assert_ptr_equal(resend_find(&r, 2)->data, &b);
	assert_null(resend_find(&r, 3)->owner);
	resend_orphan(&r, &b, NULL);
	assert_null(resend_find(&r, 2)->data);
	assert_again(&r, "123");
	resend_release(&r);
}

static void
bytes_are_bounded(void **state)
{
	struct resend r;
	size_t one;

	resend_init(&r, 1000);
	add(&r, "12345", NULL);
	one = r.bytes;
	assert_true(one >= 5 + sizeof(struct resend_entry));
	assert_false(resend_full(&r));
	resend_charge(&r, (ssize_t)(1000 - one));
	assert_false(resend_full(&r));
	assert_false(resend_relieved(&r));
	resend_charge(&r, 1);
	assert_true(resend_full(&r));
	resend_charge(&r, 501 - 1001);
	assert_int_equal(r.bytes, 501);
	assert_true(resend_full(&r));
	assert_false(resend_relieved(&r));
	resend_charge(&r, -1);
	assert_true(resend_relieved(&r));
	assert_false(resend_relieved(&r));
	assert_false(resend_full(&r));
	resend_done(&r, resend_find(&r, 1));
	assert_int_equal(r.bytes, 500 - one);
	resend_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unanswered_in_order),
		cmocka_unit_test(grows_while_the_window_slides),
		cmocka_unit_test(owner_goes_records_stay),
		cmocka_unit_test(bytes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
