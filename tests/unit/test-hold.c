/* links: flow */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "flow/hold.h"

#define ITEMS 40

/* Items are named by their index; a part by its address. */
static struct hold h;
static struct hold_item it[ITEMS];
static int part_a, part_b;
static char text[400];

static void
begin(bool many)
{
	struct err err;

	assert_int_equal(hold_init(&h, ITEMS, many, &err), 0);
}

static void
end(void)
{
	hold_release(&h);
	assert_null(h.lanes);
	assert_null(h.buckets);
}

static void
add_to(int i, const void *part, const char *key)
{
	struct str k = str_c(key);

	hold_add(&h, &it[i], part, key ? &k : NULL);
}

static void
add(int i, const char *key)
{
	add_to(i, &part_a, key);
}

/* What goes out now: "0 1 2!", with ! for again. */
static const char *
sent(void)
{
	struct hold_item *item;
	bool again;

	*text = '\0';
	while ((item = hold_pop(&h, &again)))
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"%s%d%s", *text ? " " : "", (int)(item - it),
			again ? "!" : "");
	return text;
}

#define SENT(t) assert_string_equal(sent(), t)
#define DONE(i) hold_remove(&h, &it[i])
#define RETRY(i, now) assert_false(hold_retry(&h, &it[i], now))
#define DIES(i, now) assert_true(hold_retry(&h, &it[i], now))

static void
sends_all_where_many_may(void **state)
{
	begin(true);
	SENT("");
	add(0, "a");
	add(1, "a");
	add(2, NULL);
	SENT("0 1 2");
	assert_int_equal(h.sent_count, 3);
	add(3, "a");
	SENT("3");
	DONE(0);
	DONE(2);
	assert_int_equal(h.sent_count, 2);
	SENT("");
	DONE(1);
	DONE(3);
	assert_int_equal(h.sent_count, 0);
	assert_int_equal(hold_deadline(&h), CLOCK_NEVER);
	end();
}

static void
sends_one_a_key_elsewhere(void **state)
{
	begin(false);
	add(0, "a");
	add(1, "a");
	add(2, "b");
	add(3, NULL);
	add(4, NULL);
	add(5, "a");
	SENT("0 2 3 4");
	DONE(2);
	SENT("");
	DONE(0);
	SENT("1");
	DONE(3);
	DONE(1);
	SENT("5");
	DONE(5);
	DONE(4);
	SENT("");
	end();
}

/* Keys are told apart, by partition too; empty is a key. */
static void
tells_keys_apart(void **state)
{
	begin(false);
	add(0, "ab");
	add(1, "ba");
	add(2, "a");
	add(3, "");
	add(4, "abc");
	add_to(5, &part_b, "ab");
	add(6, "b");
	SENT("0 1 2 3 4 5 6");
	add(7, "");
	add(8, "ab");
	add_to(9, &part_b, "ab");
	SENT("");
	DONE(5);
	SENT("9");
	DONE(3);
	SENT("7");
	DONE(0);
	SENT("8");
	end();
}

static void
retries_in_order(void **state)
{
	begin(true);
	add(0, "a");
	add(1, "a");
	add(2, "b");
	SENT("0 1 2");
	add(3, "a");
	RETRY(0, 1000); /* 3 was ready: it must not overtake */
	add(4, "a");
	SENT("");
	assert_int_equal(hold_deadline(&h), CLOCK_NEVER); /* 1 is out */
	DONE(2);
	add(5, "b");
	SENT("5"); /* other keys go on */
	RETRY(1, 1500);
	assert_int_equal(hold_deadline(&h), 2000);
	hold_tick(&h, 1999);
	SENT("");
	hold_tick(&h, 2000);
	assert_int_equal(hold_deadline(&h), CLOCK_NEVER);
	SENT("0!");
	add(6, "a");
	SENT(""); /* it goes alone */
	DONE(0);
	SENT("1 3 4 6");
	assert_int_equal(it[0].attempts, 1);
	assert_int_equal(it[1].attempts, 0); /* it only waited */
	end();
}

static void
drains_before_it_waits(void **state)
{
	begin(true);
	add(0, "a");
	add(1, "a");
	SENT("0 1");
	RETRY(0, 0);
	hold_tick(&h, 5000);
	SENT("");
	RETRY(1, 5000);
	assert_int_equal(hold_deadline(&h), 1000);
	hold_tick(&h, 5000);
	SENT("0!");
	end();
}

static void
dies_of_its_retries(void **state)
{
	begin(true);
	add(0, "a");
	add(1, "a");
	add(2, "a");
	SENT("0 1 2");
	RETRY(0, 0);
	RETRY(1, 0);
	RETRY(2, 0);
	hold_tick(&h, 1000);
	SENT("0!");
	RETRY(0, 1000);
	hold_tick(&h, 2000);
	SENT("0!");
	RETRY(0, 2000);
	hold_tick(&h, 3000);
	SENT("0!");
	DIES(0, 3000);
	/* Those that waited have one attempt each, at once. */
	assert_int_equal(hold_deadline(&h), 3000);
	add(3, "a");
	hold_tick(&h, 3000);
	SENT("1!");
	DIES(1, 3001);
	hold_tick(&h, 3001);
	SENT("2!");
	DONE(2);
	SENT("3");
	DIES(3, 3002); /* it came while 1 was tried, and waited too */
	add(4, "a");
	SENT("4!");
	RETRY(4, 3002); /* it came later: all its attempts */
	hold_tick(&h, 4002);
	SENT("4!");
	DONE(4);
	end();
}

/* A plain sending counts too, where the key was not on hold. */
static void
last_chance_counts_in_the_flow(void **state)
{
	begin(true);
	add(0, "a");
	add(1, "a");
	add(2, "a");
	add(3, "a");
	SENT("0 1 2 3");
	it[0].attempts = HOLD_RETRIES;
	DIES(0, 0);
	RETRY(1, 0);
	RETRY(2, 0);
	RETRY(3, 0);
	hold_tick(&h, 0);
	SENT("1!");
	DONE(1);
	SENT("2 3");
	DIES(2, 10);
	RETRY(3, 10);
	hold_tick(&h, 10);
	SENT("3!");
	DIES(3, 10);
	end();
}

/* When the last of a key dies the filter still holds it. */
static void
remembers_a_held_key(void **state)
{
	begin(true);
	add(0, "a");
	SENT("0");
	it[0].attempts = HOLD_RETRIES;
	DIES(0, 0);
	assert_int_equal(hold_deadline(&h), CLOCK_NEVER);
	add(1, "a");
	add(2, "a");
	SENT("1!");
	DONE(1);
	SENT("2");
	DONE(2);
	add(3, "a");
	SENT("3");
	/* A record without a key leaves nothing behind. */
	add(4, NULL);
	SENT("4");
	it[4].attempts = HOLD_RETRIES;
	DIES(4, 0);
	assert_true(TAILQ_EMPTY(&h.idle));
	end();
}

static void
forgets_on_revoke(void **state)
{
	begin(true);
	add(0, "a");
	add_to(1, &part_b, "a");
	SENT("0 1");
	it[0].attempts = it[1].attempts = HOLD_RETRIES;
	DIES(0, 0);
	DIES(1, 0);
	hold_forget(&h, &part_a);
	add(2, "a");
	add_to(3, &part_b, "a");
	SENT("2 3!");
	end();
}

static void
sends_again_after_a_restart(void **state)
{
	begin(true);
	add(0, "a");
	add(1, "b");
	add(2, "a");
	SENT("0 1 2");
	add(3, "c");
	hold_restart(&h);
	assert_int_equal(h.sent_count, 0);
	SENT("0 1 2 3");
	assert_int_equal(h.sent_count, 4);
	end();
}

static void
holds_on_over_a_restart(void **state)
{
	begin(true);
	add(0, "a");
	add(1, "a");
	add(2, "b");
	add(3, "c");
	SENT("0 1 2 3");
	RETRY(0, 0);
	it[3].attempts = HOLD_RETRIES;
	DIES(3, 0);
	hold_restart(&h); /* 1 was out: it waits with its key */
	assert_int_equal(hold_deadline(&h), 1000);
	add(4, "c"); /* a new filter holds nothing */
	SENT("2 4");
	hold_tick(&h, 1000);
	SENT("0!");
	hold_restart(&h); /* the probe goes again, as a probe */
	SENT("2 4 0!");
	DONE(0);
	SENT("1");
	assert_int_equal(it[0].attempts, 1);
	end();
}

static void
restarts_with_one_a_key(void **state)
{
	begin(false);
	add(0, "a");
	add(1, "a");
	add(2, NULL);
	SENT("0 2");
	hold_restart(&h);
	SENT("0 2");
	RETRY(0, 0);
	SENT("");
	hold_tick(&h, 1000);
	SENT("0!");
	DONE(0);
	SENT("1");
	end();
}

/* Items leave from everywhere, in any order. */
static void
lets_go_of_all(void **state)
{
	begin(true);
	add(0, "a"); /* will be sent, in a draining lane */
	add(1, "a"); /* retried: waits */
	add(2, "a"); /* never sent: waits */
	add(3, "b"); /* waits until due */
	add(4, "c"); /* ready */
	SENT("0 1 2 3 4");
	RETRY(0, 0);
	RETRY(3, 0);
	add(5, "d");
	add(6, "b");
	DONE(6);
	DONE(3);
	assert_int_equal(hold_deadline(&h), CLOCK_NEVER);
	DONE(5);
	DONE(1);
	DONE(0);
	assert_int_equal(hold_deadline(&h), CLOCK_NEVER);
	DONE(2); /* the last answer of the lane, which empties */
	DONE(4);
	SENT("");
	assert_int_equal(h.sent_count, 0);
	/* Both keys are still held by the filter. */
	add(0, "a");
	add(1, "b");
	add(2, "c");
	SENT("0! 1! 2");
	end();
}

/* A lane whose probe leaves flows again. */
static void
probe_leaves(void **state)
{
	begin(true);
	add(0, "a");
	add(1, "a");
	SENT("0 1");
	RETRY(0, 0);
	RETRY(1, 0);
	hold_tick(&h, 1000);
	DONE(1); /* not the probe: nothing changes */
	add(2, "a");
	SENT("0!");
	SENT("");
	DONE(0);
	SENT("2");
	end();
}

static void
sorts_by_due(void **state)
{
	begin(true);
	add(0, "a");
	add(1, "b");
	add(2, "c");
	add(3, "c");
	SENT("0 1 2 3");
	RETRY(0, 500);
	RETRY(1, 600);
	it[2].attempts = HOLD_RETRIES;
	DIES(2, 700);
	RETRY(3, 700); /* due at once, before the others */
	assert_int_equal(hold_deadline(&h), 700);
	hold_tick(&h, 1499);
	SENT("3!");
	assert_int_equal(hold_deadline(&h), 1500);
	hold_tick(&h, 1600);
	SENT("0! 1!");
	end();
}

/* As many keys as there are lanes, held after their records died; then as many
 * others: the oldest are given up. */
static void
gives_up_idle_lanes(void **state)
{
	char key[20];
	int round, i;

	begin(true);
	for (round = 0; round < 20; round++)
		for (i = 0; i < ITEMS; i++) {
			snprintf(key, sizeof(key), "%d.%d", round, i);
			add(i, key);
			assert_string_equal(sent(),
				(snprintf(key, sizeof(key), "%d", i), key));
			it[i].attempts = HOLD_RETRIES;
			DIES(i, 0);
		}
	add(0, "0.0");
	add(1, "19.39");
	SENT("0 1!");
	end();
}

static void
many_keys_do_not_meet(void **state)
{
	char key[20];
	int i, j;

	begin(false);
	for (i = 0; i < 500; i++) {
		for (j = 0; j < ITEMS; j++) {
			snprintf(key, sizeof(key), "%d", i * 7 + j);
			add(j, key);
		}
		sent();
		assert_int_equal(h.sent_count, ITEMS);
		for (j = 0; j < ITEMS; j++)
			DONE(j);
	}
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_all_where_many_may),
		cmocka_unit_test(sends_one_a_key_elsewhere),
		cmocka_unit_test(tells_keys_apart),
		cmocka_unit_test(retries_in_order),
		cmocka_unit_test(drains_before_it_waits),
		cmocka_unit_test(dies_of_its_retries),
		cmocka_unit_test(last_chance_counts_in_the_flow),
		cmocka_unit_test(remembers_a_held_key),
		cmocka_unit_test(forgets_on_revoke),
		cmocka_unit_test(sends_again_after_a_restart),
		cmocka_unit_test(holds_on_over_a_restart),
		cmocka_unit_test(restarts_with_one_a_key),
		cmocka_unit_test(lets_go_of_all),
		cmocka_unit_test(probe_leaves),
		cmocka_unit_test(sorts_by_due),
		cmocka_unit_test(gives_up_idle_lanes),
		cmocka_unit_test(many_keys_do_not_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
