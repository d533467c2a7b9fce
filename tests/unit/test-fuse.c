/* links: flow
 *
 * The fuse by itself, and what a runner makes of one that has blown.
 */
#include "runner-script.h"

/* ---- the fuse ------------------------------------------------------------ */

static void
is_parsed(void **state)
{
	static const char *const bad[] = {"", "0", "-1", "x", "3/2", "0/5",
		"1/", "/5", "1/10001", "1/2/3", "1 /2", "10001"};
	struct fuse_limit limit = {0};
	struct err err;
	size_t i;

	assert_int_equal(fuse_parse(&limit, "5", &err), 0);
	assert_int_equal(limit.dead, 5);
	assert_int_equal(limit.of, 5);
	assert_int_equal(fuse_parse(&limit, "20/10000", &err), 0);
	assert_int_equal(limit.dead, 20);
	assert_int_equal(limit.of, 10000);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(fuse_parse(&limit, bad[i], &err), -1);
	assert_string_equal(err.text, "'10001' is no fuse: N, or N/M with N "
				      "up to M, and M up to 10000");
}

/* 'd' a dead one, '.' one that is not: how many it takes; 0: it holds. */
static int
takes(const char *limit_text, const char *ends)
{
	struct fuse_limit limit = {0};
	struct fuse fuse;
	struct err err;
	int i;

	if (*limit_text)
		assert_int_equal(fuse_parse(&limit, limit_text, &err), 0);
	fuse_reset(&fuse);
	for (i = 0; ends[i]; i++)
		if (fuse_add(&fuse, &limit, ends[i] == 'd'))
			return i + 1;
	return 0;
}

static void
counts(void **state)
{
	assert_int_equal(takes("", "dddddddd"), 0);
	assert_int_equal(takes("1", "d"), 1);
	assert_int_equal(takes("1/3", "...d"), 4);
	assert_int_equal(takes("3", "dd.dd.ddd"), 9);
	assert_int_equal(takes("3", "dd.dd.dd."), 0);
	assert_int_equal(takes("2/4", "d..d"), 4);
	assert_int_equal(takes("2/4", "d...d...d"), 0);
	assert_int_equal(takes("2/4", "d...d.d"), 7);
	assert_int_equal(takes("3/5", "d.d..d.d.d"), 10);
	assert_int_equal(takes("2/2", "d.d.d.dd"), 8);
}

static void
is_as_a_count_of_the_last(void **state)
{
	struct fuse_limit limit = {.dead = 65, .of = 130};
	struct fuse fuse;
	bool died[1000];
	uint32_t random = 1;
	int i, k, dead;

	fuse_reset(&fuse);
	for (i = 0; i < 1000; i++) {
		random = random * 1103515245 + 12345;
		died[i] = random >> 16 & 1;
		dead = 0;
		for (k = i > 129 ? i - 129 : 0; k <= i; k++)
			dead += died[k];
		assert_int_equal(fuse_add(&fuse, &limit, died[i]), dead >= 65);
		assert_int_equal(fuse.dead, dead);
		if (fuse.blown)
			break;
	}
	assert_in_range(i, 100, 999);
	assert_true(fuse_add(&fuse, &limit, false)); /* it stays so */
	fuse_reset(&fuse);
	assert_false(fuse_add(&fuse, &limit, true));
	limit = (struct fuse_limit){.dead = 2, .of = 2};
	assert_true(fuse_add(&fuse, &limit, true));
	assert_true(fuse_add(&fuse, &limit, false));
	assert_true(fuse_add(&fuse, &limit, false));
}

/* ---- in a runner --------------------------------------------------------- */

static void
begin_fused(int dead, int of)
{
	const struct runner_options opts = {.max_records = 100,
		.max_bytes = 1 << 20,
		.hang_ms = 30000,
		.control = true,
		.fuse = {.dead = dead, .of = of}};

	begin_opts(&opts);
	runner_assigned(&r, pa, 0, now);
	runner_assigned(&r, pb, 0, now);
	NOW("assigned:ab");
}

static void
a_storm_ends_it(void **state)
{
	begin_fused(2, 2);
	polled(pa, 0, "k");
	polled(pa, 1, "l");
	polled(pa, 2, "m");
	polled(pa, 3, "m");
	polled(pb, 0, "n");
	polled(pb, 1, "o");
	NOW("send:a0 send:a1 send:a2 send:a3 send:b0 send:b1");
	DEAD(pb, 0); /* another partition's do not count */
	DEAD(pa, 0);
	NOW("letter:b0/WHY letter:a0/WHY");
	letter_acked();
	letter_acked();
	NOW("done:a0 done:b0 commit:a1,b1");
	commit();
	/* The second is left: neither letter nor commit; nor is any after it.
	 */
	assert_null(answer(pa, 1, RUNNER_DEAD, 2));
	polled(pb, 2, "p");
	NOW("fuse:a1/WHY done:a1 done:b2 revoked:ab");
	assert_int_equal(pa->fuse.dead, 2);
	DEAD(pa, 2);
	NOW("done:a2");
	DONE(pa, 3);
	DEAD(pb, 1); /* b has its own: it blows here */
	NOW("fuse:b1/WHY done:a3 done:b1 end");
	runner_filter_exit(&r, 0, now);
	NOW("exit100(the fuse: too many records are dead)");
	assert_int_equal(r.counters.dead, 2);
	assert_int_equal(bodies, 0);
	end();
}

static void
others_drain(void **state)
{
	struct item *item;

	begin_fused(1, 1);
	polled(pa, 0, "k");
	polled(pb, 0, "l");
	polled(pb, 1, "m");
	NOW("send:a0 send:b0 send:b1");
	DEAD(pa, 0);
	NOW("fuse:a0/WHY done:a0 revoked:ab");
	item = answer(pb, 0, RUNNER_DONE, 1);
	NOW("");
	acked(item);
	DONE(pb, 1);
	NOW("done:b0 done:b1 commit:b2");
	commit();
	NOW("end");
	runner_filter_exit(&r, 0, now);
	NOW("exit100(the fuse: too many records are dead)");
	end();
}

static void
all_deaths_count(void **state)
{
	struct item *item;
	int i;

	begin_fused(4, 6);
	assert_true(poll_it(pa, 0, "k", 10, true)); /* too long */
	NOW("letter:a0/LINE_TOO_LONG");
	letter_acked();
	polled(pa, 1, "e");
	NOW("done:a0 send:a1 commit:a1");
	commit();
	item = answer(pa, 1, RUNNER_DONE, 2);
	runner_published(&r, item, false, true, STR("no"), now);
	NOW("letter:a1/EMIT_REFUSED");
	acked(item);
	letter_acked();
	NOW("done:a1 commit:a2");
	commit();
	polled(pa, 2, "f"); /* one that lives */
	NOW("send:a2");
	DONE(pa, 2);
	polled(pa, 3, "k");
	for (i = 0; i <= HOLD_RETRIES; i++) {
		after(HOLD_WAIT_MS);
		RETRY(pa, 3);
	}
	NOW("letter:a3/WHY");
	letter_acked();
	polled(pa, 4, "q");
	after(0);
	commit();
	/* The fourth of six; one emit of it is on its way. */
	item = answer(pa, 4, RUNNER_DONE, 2);
	runner_published(&r, item, false, true, STR("no"), now);
	NOW("fuse:a4/EMIT_REFUSED revoked:ab commit:a4");
	end();
}

static void
the_living_count_too(void **state)
{
	int64_t i;

	begin_fused(2, 2);
	for (i = 0; i < 9; i++) {
		polled(pa, i, "k");
		after(0);
		if (i % 2) {
			DONE(pa, i);
		} else {
			DEAD(pa, i);
			after(0);
			letter_acked();
		}
		after(0);
		commit();
	}
	assert_int_equal(r.counters.dead, 5);
	assert_false(pa->fuse.blown);
	end();
}

static void
a_partition_that_is_back_begins_anew(void **state)
{
	begin_fused(2, 2);
	polled(pa, 0, "k");
	NOW("send:a0");
	DEAD(pa, 0);
	NOW("letter:a0/WHY");
	letter_acked();
	NOW("done:a0 commit:a1");
	commit();
	runner_lost(&r, pa, now);
	NOW("revoked:a");
	runner_assigned(&r, pa, 1, now);
	polled(pa, 1, "k");
	NOW("assigned:a send:a1");
	DEAD(pa, 1);
	NOW("letter:a1/WHY");
	letter_acked();
	after(0);
	end();
}

static void
it_tells_when_asked_to_stop_too(void **state)
{
	begin_fused(1, 1);
	polled(pa, 0, "k");
	NOW("send:a0");
	runner_stop(&r, 0, "asked to stop", now);
	DEAD(pa, 0);
	NOW("fuse:a0/WHY done:a0 revoked:ab end");
	runner_filter_exit(&r, 0, now);
	NOW("exit100(the fuse: too many records are dead)");
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_parsed),
		cmocka_unit_test(counts),
		cmocka_unit_test(is_as_a_count_of_the_last),
		cmocka_unit_test(a_storm_ends_it),
		cmocka_unit_test(others_drain),
		cmocka_unit_test(all_deaths_count),
		cmocka_unit_test(the_living_count_too),
		cmocka_unit_test(a_partition_that_is_back_begins_anew),
		cmocka_unit_test(it_tells_when_asked_to_stop_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
