/* links: flow
 *
 * Scenarios of a runner whose emits, letters and offsets are one transaction.
 * "emit:a0+" is a record with its emits, "emit:a0/letter" with its letter.
 */
#include "runner-script.h"

static char emitted[100];

static void
begin_atomic(void)
{
	const struct runner_options opts = {.max_records = 100,
		.max_bytes = 1000,
		.hang_ms = 30000,
		.control = true,
		.atomic = true};

	begin_opts(&opts);
	runner_assigned(&r, pa, 0, now);
	runner_assigned(&r, pb, 0, now);
	NOW("assigned:ab");
}

/* Done, with an emit. */
static void
tell(struct part *part, int64_t offset)
{
	struct item *item = answer(part, offset, RUNNER_DONE, 1);

	assert_non_null(item);
	runner_emits(&r, item, emitted, 5, now);
}

static void
poll_three(void)
{
	polled(pa, 0, "k");
	polled(pa, 1, "l");
	polled(pa, 2, "m");
	NOW("send:a0 send:a1 send:a2");
}

/* ---- what goes in -------------------------------------------------------- */

static void
up_to_the_lowest_unfinished(void **state)
{
	begin_atomic();
	poll_three();
	tell(pa, 2);
	tell(pa, 1);
	NOW("");
	DUE(30000); /* the filter's silence */
	tell(pa, 0);
	NOW("emit:a0+ emit:a1+ emit:a2+ commit:a3");
	assert_int_equal(pa->committed, 0);
	runner_committed(&r, true, now);
	NOW("done:a0 done:a1 done:a2");
	assert_int_equal(pa->committed, 3);
	assert_int_equal(r.bytes, 0);
	assert_int_equal(bodies, 0);
	NEVER();
	end();
}

static void
of_all_partitions_at_once(void **state)
{
	begin_atomic();
	poll_three();
	polled(pb, 7, "x");
	polled(pb, 9, "y");
	NOW("send:b7 send:b9 commit:b7");
	runner_committed(&r, true, now);
	tell(pb, 7);
	tell(pa, 0);
	tell(pa, 2);
	NOW("emit:a0+ emit:b7+ commit:a1,b9");
	/* What comes meanwhile is the next one. */
	tell(pa, 1);
	DONE(pb, 9);
	NOW("done:b9");
	runner_committed(&r, true, now);
	NOW("done:a0 done:b7 emit:a1+ emit:a2+ commit:a3,b10");
	runner_committed(&r, true, now);
	NOW("done:a1 done:a2");
	end();
}

static void
offsets_alone_go_by_a_clock(void **state)
{
	begin_atomic();
	poll_three();
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	runner_committed(&r, true, now);
	DONE(pa, 1);
	NOW("done:a1");
	DUE(50);
	AFTER(50, "commit:a2");
	runner_committed(&r, true, now);
	tell(pa, 2);
	NOW("emit:a2+ commit:a3"); /* this waits for nothing */
	runner_committed(&r, true, now);
	NOW("done:a2");
	runner_position(pa, 4);
	DUE(50);
	AFTER(50, "commit:a4");
	end();
}

static void
a_letter_goes_with_it(void **state)
{
	struct item *item;

	begin_atomic();
	poll_three();
	DEAD(pa, 1);
	NOW("letter:a1/WHY");
	item = answer(pa, 0, RUNNER_DEAD, 1); /* it had said something */
	runner_emits(&r, item, emitted, 5, now);
	NOW("letter:a0/WHY emit:a0+/letter emit:a1/letter commit:a2");
	runner_committed(&r, true, now);
	NOW("done:a0 done:a1");
	assert_int_equal(r.counters.dead, 2);
	assert_true(poll_it(pa, 3, "k", 10, true));
	NOW("letter:a3/LINE_TOO_LONG");
	DONE(pa, 2);
	NOW("done:a2 emit:a3/letter commit:a4");
	runner_committed(&r, true, now);
	NOW("done:a3");
	end();
}

static void
is_bounded(void **state)
{
	struct item *item;
	int64_t i;

	begin_atomic();
	for (i = 0; i < 6; i++)
		polled(pa, i, "k");
	NOW("send:a0 send:a1 send:a2 send:a3 send:a4 send:a5");
	polled(pa, 6, "k");
	NOW("send:a6");
	for (i = 1; i < 6; i++) {
		item = answer(pa, i, RUNNER_DONE, 1);
		runner_emits(&r, item, emitted, 200000, now);
	}
	NOW("");
	assert_false(runner_may_poll(&r));
	polled(pa, 7, "k"); /* it was on its way */
	NOW("");	    /* not sent while others are out */
	tell(pa, 6);
	tell(pa, 0);
	/* 900,000 bytes; what is held back does not come to an end. */
	NOW("send:a7 emit:a0+ emit:a1+ emit:a2+ emit:a3+ emit:a4+ commit:a5");
	runner_committed(&r, true, now);
	NOW("done:a0 done:a1 done:a2 done:a3 done:a4 emit:a5+ emit:a6+ "
	    "commit:a7");
	runner_committed(&r, true, now);
	NOW("done:a5 done:a6");
	assert_true(runner_may_poll(&r));
	assert_int_equal(r.bytes, 10);
	end();
}

static void
takes_500_records(void **state)
{
	const struct runner_options opts = {.max_records = 1000,
		.max_bytes = 1 << 20,
		.hang_ms = 30000,
		.control = true,
		.atomic = true};
	struct runner_action a;
	int i, emits = 0;

	begin_opts(&opts);
	runner_assigned(&r, pa, 0, now);
	for (i = 0; i < 501; i++)
		polled(pa, i, "k");
	while (runner_next(&r, now, &a))
		;
	for (i = 0; i < 501; i++)
		tell(pa, i);
	while (runner_next(&r, now, &a))
		emits += a.act == ACT_EMIT;
	assert_int_equal(emits, RUNNER_BATCH_RECORDS);
	assert_int_equal(pa->committing, RUNNER_BATCH_RECORDS);
	end();
}

/* ---- refused, aborted ---------------------------------------------------- */

static void
refused_together_then_alone(void **state)
{
	begin_atomic();
	poll_three();
	polled(pb, 0, "x");
	NOW("send:b0");
	tell(pa, 0);
	tell(pa, 1);
	tell(pb, 0);
	NOW("emit:a0+ emit:a1+ emit:b0+ commit:a2,b1");
	runner_refused(&r, false, STR("too large"), now);
	NOW("emit:a0+ commit:a1"); /* each alone from here */
	runner_committed(&r, true, now);
	NOW("done:a0 emit:a1+ commit:a2");
	runner_refused(&r, false, STR("too large"), now);
	NOW("emit:b0+ commit:b1"); /* others do not wait */
	runner_committed(&r, true, now);
	tell(pa, 2);
	NOW("done:b0");
	DUE(1000);
	AFTER(999, "");
	AFTER(1, "emit:a1+ commit:a2"); /* nothing of its partition passes */
	runner_refused(&r, false, STR("too large"), now);
	NOW("letter:a1/EMIT_REFUSED emit:a1/letter commit:a2");
	runner_committed(&r, true, now);
	NOW("done:a1 emit:a2+ commit:a3");
	runner_committed(&r, true, now);
	NOW("done:a2");
	assert_int_equal(r.counters.dead, 1);
	assert_int_equal(r.counters.done, 4);
	end();
}

static void
a_refused_letter_ends_it(void **state)
{
	begin_atomic();
	poll_three();
	DEAD(pa, 0);
	NOW("letter:a0/WHY emit:a0/letter commit:a1");
	runner_refused(&r, true, STR("no"), now);
	NOW("");
	AFTER(1000, "emit:a0/letter commit:a1");
	runner_refused(&r, true, STR("no"), now);
	NOW("exit111(a dead letter was refused)");
	end();
}

static void
aborted_is_tried_again(void **state)
{
	int i;

	begin_atomic();
	poll_three();
	tell(pa, 0);
	NOW("emit:a0+ commit:a1");
	runner_committed(&r, false, now);
	NOW("emit:a0+ commit:a1"); /* at once */
	runner_committed(&r, false, now);
	NOW("");
	DUE(1000);
	AFTER(1000, "emit:a0+ commit:a1");
	runner_committed(&r, true, now);
	NOW("done:a0");
	tell(pa, 1);
	for (i = 0; i < RUNNER_ABORTS_MAX; i++) {
		AFTER(1000, "emit:a1+ commit:a2");
		runner_committed(&r, false, now);
	}
	AFTER(1000, "emit:a1+ commit:a2");
	runner_committed(&r, false, now);
	NOW("exit111(transactions are aborted again and again)");
	end();
}

/* ---- partitions that go -------------------------------------------------- */

static void
revoke_publishes_what_it_can(void **state)
{
	begin_atomic();
	poll_three();
	tell(pa, 1);
	runner_revoked(&r, pa, now);
	NOW("revoked:a");
	tell(pa, 0);
	NOW("emit:a0+ emit:a1+ commit:a2");
	runner_committed(&r, true, now);
	NOW("done:a0 done:a1");
	tell(pa, 2);
	NOW("emit:a2+ commit:a3");
	runner_committed(&r, true, now);
	NOW("done:a2 let-go");
	end();
}

static void
behind_a_cut_nothing_is_published(void **state)
{
	begin_atomic();
	poll_three();
	tell(pa, 2);
	RETRY(pa, 1); /* it will not be tried again in time */
	runner_revoked(&r, pa, now);
	NOW("done:a1 done:a2 revoked:a");
	tell(pa, 0);
	NOW("emit:a0+ commit:a1");
	runner_committed(&r, true, now);
	NOW("done:a0 let-go");
	assert_int_equal(r.bytes, 0);
	/* The same, but the answer is later than the cut. */
	runner_assigned(&r, pa, 1, now);
	polled(pa, 1, "l");
	polled(pa, 2, "m");
	NOW("assigned:a send:a1 send:a2");
	runner_revoked(&r, pa, now);
	RETRY(pa, 1);
	assert_null(answer(pa, 2, RUNNER_DONE, 1));
	NOW("done:a1 done:a2 revoked:a let-go");
	end();
}

static void
behind_a_cut_no_letter_is(void **state)
{
	int tries;

	begin_atomic();
	poll_three();
	for (tries = 0; tries < 3; tries++) {
		RETRY(pa, 2);
		AFTER(1000, "send:a2!");
	}
	RETRY(pa, 1); /* it will not be tried again in time */
	runner_revoked(&r, pa, now);
	NOW("done:a1 revoked:a");
	RETRY(pa, 2); /* it dies of that */
	NOW("letter:a2/WHY done:a2");
	tell(pa, 0);
	NOW("emit:a0+ commit:a1");
	runner_committed(&r, true, now);
	NOW("done:a0 let-go");
	assert_int_equal(r.bytes, 0);
	end();
}

static void
what_is_late_is_not_published(void **state)
{
	begin_atomic();
	poll_three();
	tell(pa, 1);
	DEAD(pa, 2);
	runner_revoked(&r, pa, now);
	NOW("letter:a2/WHY revoked:a");
	AFTER(5000, "done:a0 done:a1 done:a2 let-go");
	assert_int_equal(r.owed.count, 1);
	runner_assigned(&r, pa, 0, now);
	NOW("assigned:a pause:a");
	DONE(pa, 0); /* late */
	NOW("resume:a");
	end();
}

static void
lost_drops_all(void **state)
{
	begin_atomic();
	poll_three();
	tell(pa, 1);
	DEAD(pa, 0);
	runner_lost(&r, pa, now);
	NOW("letter:a0/WHY done:a0 done:a1 done:a2 revoked:a");
	assert_int_equal(r.owed.count, 1);
	assert_int_equal(bodies, 0);
	end();
}

/* Refused alone after its partition is gone: whoever has it now decides. */
static void
refused_when_lost(void **state)
{
	begin_atomic();
	poll_three();
	tell(pa, 0);
	NOW("emit:a0+ commit:a1");
	runner_lost(&r, pa, now);
	NOW("done:a1 done:a2 revoked:a");
	runner_refused(&r, false, STR("too large"), now);
	NOW("done:a0");
	assert_int_equal(bodies, 0);
	end();
}

/* The transaction is out when the partition is lost: its end decides. */
static void
lost_in_a_transaction(void **state)
{
	begin_atomic();
	poll_three();
	tell(pa, 0);
	tell(pa, 1);
	NOW("emit:a0+ emit:a1+ commit:a2");
	runner_lost(&r, pa, now);
	NOW("done:a2 revoked:a");
	runner_committed(&r, false, now);
	NOW("done:a0 done:a1");
	assert_int_equal(bodies, 0);
	end();
}

static void
a_failed_last_one_is_tried_again(void **state)
{
	begin_atomic();
	poll_three();
	tell(pa, 0);
	runner_revoked(&r, pa, now);
	NOW("revoked:a emit:a0+ commit:a1");
	runner_committed(&r, false, now);
	NOW("emit:a0+ commit:a1");
	runner_committed(&r, false, now);
	DONE(pa, 1);
	DONE(pa, 2);
	NOW("done:a1 done:a2");
	AFTER(1000, "emit:a0+ commit:a3");
	runner_committed(&r, false, now);
	/* Time is up: the next owner does it all. */
	AFTER(4000, "done:a0 let-go");
	assert_int_equal(pa->committed, 0);
	end();
}

static void
stop_drains(void **state)
{
	begin_atomic();
	poll_three();
	tell(pa, 1);
	runner_stop(&r, 0, "asked to stop", now);
	NOW("revoked:ab");
	tell(pa, 0);
	DONE(pa, 2);
	NOW("done:a2 emit:a0+ emit:a1+ commit:a3");
	runner_committed(&r, false, now);
	NOW("emit:a0+ emit:a1+ commit:a3");
	runner_committed(&r, true, now);
	NOW("done:a0 done:a1 end");
	runner_filter_exit(&r, 0, now);
	NOW("exit0(asked to stop)");
	end();
}

static void
the_fuse_leaves_the_last(void **state)
{
	const struct runner_options opts = {.max_records = 100,
		.max_bytes = 1000,
		.hang_ms = 30000,
		.control = true,
		.atomic = true,
		.fuse = {.dead = 2, .of = 2}};

	begin_opts(&opts);
	runner_assigned(&r, pa, 0, now);
	NOW("assigned:a");
	poll_three();
	tell(pa, 2);
	DEAD(pa, 0);
	assert_null(answer(pa, 1, RUNNER_DEAD, 1));
	/* Behind it nothing is published. */
	NOW("fuse:a1/WHY letter:a0/WHY done:a1 done:a2 revoked:a "
	    "emit:a0/letter commit:a1");
	runner_committed(&r, true, now);
	NOW("done:a0 end");
	runner_filter_exit(&r, 0, now);
	NOW("exit100(the fuse: too many records are dead)");
	assert_int_equal(pa->committed, 1);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_to_the_lowest_unfinished),
		cmocka_unit_test(of_all_partitions_at_once),
		cmocka_unit_test(offsets_alone_go_by_a_clock),
		cmocka_unit_test(a_letter_goes_with_it),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(takes_500_records),
		cmocka_unit_test(refused_together_then_alone),
		cmocka_unit_test(a_refused_letter_ends_it),
		cmocka_unit_test(aborted_is_tried_again),
		cmocka_unit_test(revoke_publishes_what_it_can),
		cmocka_unit_test(behind_a_cut_nothing_is_published),
		cmocka_unit_test(behind_a_cut_no_letter_is),
		cmocka_unit_test(what_is_late_is_not_published),
		cmocka_unit_test(lost_drops_all),
		cmocka_unit_test(refused_when_lost),
		cmocka_unit_test(lost_in_a_transaction),
		cmocka_unit_test(a_failed_last_one_is_tried_again),
		cmocka_unit_test(stop_drains),
		cmocka_unit_test(the_fuse_leaves_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
