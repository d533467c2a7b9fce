/* links: flow
 *
 * Scenarios: events in, and what the runner asks for as one line of text.
 */
#include "runner-script.h"

/* ---- the plain life of a record ------------------------------------------ */

static void
a_record_goes_through(void **state)
{
	begin(false);
	assert_true(runner_may_poll(&r));
	polled(pa, 0, "k");
	NOW("send:a0");
	DUE(30000);
	assert_int_equal(r.used, 1);
	assert_int_equal(r.bytes, 10);
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	assert_int_equal(r.used, 0);
	assert_int_equal(r.bytes, 0);
	assert_int_equal(r.counters.done, 1);
	assert_int_equal(r.counters.sent, 1);
	assert_int_equal(r.counters.starts, 1);
	NEVER();
	runner_committed(&r, true, now);
	assert_int_equal(r.counters.commits, 1);
	NOW("");
	NEVER();
	end();
}

static void
commits_pause_and_try_again(void **state)
{
	begin(false);
	polled(pa, 0, NULL);
	polled(pa, 1, NULL);
	polled(pa, 2, NULL);
	NOW("send:a0 send:a1 send:a2");
	DONE(pa, 1);
	NOW("done:a1");
	DONE(pa, 0);
	NOW("done:a0 commit:a2");
	DONE(pa, 2);
	NOW("done:a2"); /* one in flight */
	AFTER(100, "");
	runner_committed(&r, false, now);
	DUE(1000);
	AFTER(999, "");
	AFTER(1, "commit:a3");
	runner_committed(&r, true, now);
	runner_position(pa, 4); /* a marker behind it */
	DUE(50);
	AFTER(49, "");
	AFTER(1, "commit:a4");
	assert_int_equal(r.counters.commits, 1);
	end();
}

static void
a_result_that_nobody_awaits(void **state)
{
	begin(false);
	polled(pa, 3, "k");
	polled(pa, 4, "k");
	NOW("send:a3 commit:a3");
	commit();
	DONE(pa, 2);
	DONE(pb, 3);
	DONE(pa, 4); /* not sent yet */
	assert_null(runner_result(&r,
		&(struct runner_result){.topic = STR("other"), .offset = 3}, 0,
		now));
	NOW("");
	assert_int_equal(r.counters.ignored, 3);
	DONE(pa, 3);
	DONE(pa, 3);
	NOW("done:a3 send:a4 commit:a4");
	assert_int_equal(r.counters.ignored, 4);
	end();
}

static void
emits_are_acked_first(void **state)
{
	struct item *item;

	begin(false);
	polled(pa, 0, "k");
	polled(pa, 1, "k");
	NOW("send:a0");
	item = answer(pa, 0, RUNNER_DONE, 2);
	assert_non_null(item);
	NOW("send:a1");
	DONE(pa, 1);
	NOW("done:a1");
	acked(item);
	NOW("");
	acked(item);
	NOW("done:a0 commit:a2");
	end();
}

static void
emits_of_nothing_are_dropped(void **state)
{
	begin(false);
	polled(pa, 0, "k");
	NOW("send:a0");
	assert_null(answer(pa, 7, RUNNER_DONE, 2));
	assert_null(answer(pa, 0, RUNNER_RETRY, 2));
	NOW("");
	AFTER(1000, "send:a0!");
	end();
}

static void
the_dead_get_a_letter(void **state)
{
	struct item *item;

	begin(false);
	polled(pa, 0, "k");
	polled(pa, 1, "k");
	NOW("send:a0");
	item = answer(pa, 0, RUNNER_DEAD, 1);
	assert_non_null(item);
	NOW("letter:a0/WHY send:a1");
	assert_string_equal(item->error_message, "because");
	assert_int_equal(r.counters.dead, 1);
	letter_acked();
	NOW("");
	acked(item);
	NOW("done:a0 commit:a1");
	DEAD(pa, 1);
	NOW("letter:a1/WHY");
	letter_acked();
	NOW("done:a1");
	end();
}

static void
too_long_for_a_line(void **state)
{
	begin(false);
	assert_true(poll_it(pa, 0, "k", 5, true));
	polled(pa, 1, "k");
	NOW("letter:a0/LINE_TOO_LONG send:a1");
	DONE(pa, 1);
	NOW("done:a1");
	letter_acked();
	NOW("done:a0 commit:a2");
	end();
}

static void
a_refused_emit_kills_its_record(void **state)
{
	struct item *item;

	begin(false);
	polled(pa, 0, "k");
	NOW("send:a0");
	item = answer(pa, 0, RUNNER_DONE, 2);
	runner_published(&r, item, false, true, STR("TOO LARGE"), now);
	NOW("letter:a0/EMIT_REFUSED");
	assert_string_equal(item->error_message, "TOO LARGE");
	runner_published(&r, item, false, true, STR("again"), now);
	NOW(""); /* one letter a record */
	assert_int_equal(r.counters.dead, 1);
	letter_acked();
	NOW("done:a0 commit:a1");
	end();
}

static void
a_refused_letter_ends_all(void **state)
{
	begin(false);
	polled(pa, 0, "k");
	NOW("send:a0");
	DEAD(pa, 0);
	NOW("letter:a0/WHY");
	runner_published(&r, letter[0], true, true, STR("no topic"), now);
	NOW("exit111(a dead letter was refused)");
	NOW("");
	end();
}

/* ---- retry --------------------------------------------------------------- */

static void
retried_three_times(void **state)
{
	int i;

	begin(true);
	polled(pa, 0, "k");
	polled(pa, 1, "k");
	polled(pa, 2, "other");
	NOW("send:a0 send:a1 send:a2");
	RETRY(pa, 0);
	RETRY(pa, 1);
	DONE(pa, 2);
	NOW("done:a2");
	DUE(1000);
	for (i = 0; i < 3; i++) {
		AFTER(999, "");
		AFTER(1, "send:a0!");
		RETRY(pa, 0);
	}
	NOW("letter:a0/WHY send:a1!");
	assert_int_equal(r.counters.retries, 5);
	DONE(pa, 1);
	letter_acked();
	NOW("done:a1 done:a0 commit:a3");
	end();
}

/* ---- bounds -------------------------------------------------------------- */

static void
the_window_fills(void **state)
{
	begin_with(false, 4, 1 << 20);
	runner_assigned(&r, pa, 0, now);
	polled(pa, 0, NULL);
	polled(pa, 1, NULL);
	polled(pa, 2, NULL);
	assert_true(runner_may_poll(&r));
	polled(pa, 3, NULL);
	assert_false(runner_may_poll(&r));
	NOW("send:a0 send:a1 send:a2 send:a3");
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	assert_false(runner_may_poll(&r)); /* until it is half empty */
	DUE(500);
	DONE(pa, 1);
	NOW("done:a1");
	assert_true(runner_may_poll(&r));
	polled(pa, 4, NULL);
	polled(pa, 5, NULL);
	assert_false(runner_may_poll(&r));
	NOW("send:a4 send:a5");
	AFTER(499, "");
	/* Poll all the same, for the group's sake, but nothing comes. */
	AFTER(1, "pause:a");
	assert_true(runner_may_poll(&r));
	DONE(pa, 2);
	NOW("done:a2");
	DONE(pa, 3);
	NOW("done:a3 resume:a");
	end();
}

static void
the_window_fills_by_bytes(void **state)
{
	begin_with(false, 100, 1000);
	runner_assigned(&r, pa, 0, now);
	assert_true(poll_it(pa, 0, NULL, 999, false));
	assert_true(runner_may_poll(&r));
	assert_true(poll_it(pa, 1, NULL, 1, false));
	assert_false(runner_may_poll(&r));
	NOW("send:a0 send:a1");
	DONE(pa, 1);
	NOW("done:a1");
	assert_false(runner_may_poll(&r));
	DONE(pa, 0);
	NOW("done:a0 commit:a2");
	assert_true(runner_may_poll(&r));
	end();
}

static void
what_is_not_ours_is_not_taken(void **state)
{
	int i;

	begin_with(false, 1, 1 << 20);
	assert_false(poll_it(pa, 0, NULL, 1, false));
	runner_assigned(&r, pa, 0, now);
	for (i = 0; i < 1 + RUNNER_SLACK; i++)
		assert_true(poll_it(pa, i, NULL, 1, false));
	assert_false(poll_it(pa, i, NULL, 1, false)); /* no place at all */
	runner_lost(&r, pa, now);
	assert_false(poll_it(pa, i, NULL, 1, false));
	end();
}

static void
one_that_lags_stops_its_partition(void **state)
{
	begin(false);
	polled(pa, 0, NULL);
	NOW("send:a0");
	runner_position(pa, RUNNER_SPAN_MAX);
	NOW("");
	runner_position(pa, RUNNER_SPAN_MAX + 1);
	NOW("pause:a");
	DONE(pa, 0);
	NOW("done:a0 resume:a commit:a100001");
	end();
}

/* ---- the filter's life --------------------------------------------------- */

static void
a_filter_is_started_again(void **state)
{
	begin(false);
	polled(pa, 0, "k");
	polled(pa, 1, "j");
	polled(pa, 2, "k");
	NOW("send:a0 send:a1");
	runner_filter_exit(&r, 1 << 8, now);
	NOW("");
	DUE(100);
	AFTER(99, "");
	AFTER(1, "start");
	NOW("");
	runner_filter_up(&r, now);
	NOW("send:a0 send:a1");
	runner_filter_exit(&r, SIGKILL, now);
	DUE(200);
	AFTER(200, "start");
	runner_filter_up(&r, now);
	NOW("send:a0 send:a1");
	DONE(pa, 0); /* it works */
	NOW("done:a0 send:a2 commit:a1");
	runner_filter_exit(&r, SIGKILL, now);
	commit();
	DUE(100);
	AFTER(100, "start");
	assert_int_equal(r.counters.starts, 4);
	end();
}

static void
a_silent_filter_is_killed(void **state)
{
	begin(false);
	AFTER(2000, "");
	polled(pa, 0, "k");
	polled(pa, 1, "j");
	NOW("send:a0 send:a1");
	while (now < 1000000 + 2000 + 29000)
		AFTER(1000, "");
	RETRY(pa, 0);
	AFTER(1000, "send:a0!");
	DUE(29000);
	while (now < 1000000 + 2000 + 29000 + 29000)
		AFTER(1000, "");
	AFTER(999, "");
	AFTER(1, "kill(silent for too long)");
	NOW("");
	assert_int_equal(r.counters.kills, 1);
	NEVER();
	RETRY(pa, 1); /* it still had that to say */
	runner_filter_exit(&r, SIGKILL, now);
	NOW("");
	AFTER(100, "start");
	runner_filter_up(&r, now);
	NOW("send:a0!");
	end();
}

static void
silence_without_records_is_fine(void **state)
{
	int i;

	begin(false);
	for (i = 0; i < 100; i++)
		AFTER(1000, "");
	polled(pa, 0, "k");
	NOW("send:a0");
	for (i = 0; i < 29; i++)
		AFTER(1000, "");
	runner_waiting(&r, now);
	for (i = 0; i < 29; i++)
		AFTER(1000, "");
	runner_said(&r, now);
	for (i = 0; i < 29; i++)
		AFTER(1000, "");
	AFTER(1000, "kill(silent for too long)");
	end();
}

static void
a_filter_that_never_says_hello(void **state)
{
	int i;

	begin(false);
	runner_filter_exit(&r, 0, now);
	NOW("");
	AFTER(100, "start");
	DUE(30000);
	for (i = 0; i < 29; i++)
		AFTER(1000, "");
	AFTER(1000, "kill(silent for too long)");
	end();
}

static void
our_own_sleep_is_not_its_silence(void **state)
{
	int i;

	begin(false);
	polled(pa, 0, "k");
	NOW("send:a0");
	AFTER(3001, ""); /* ticks come every second */
	DUE(30000);
	AFTER(60000, "");
	DUE(30000);
	AFTER(3000, "");
	DUE(27000);
	for (i = 0; i < 27; i++)
		after(1000);
	assert_string_equal(out, "kill(silent for too long)");
	end();
}

static void
garbage_is_a_kill(void **state)
{
	begin(false);
	polled(pa, 0, "k");
	NOW("send:a0");
	runner_garbage(&r, "nonsense");
	runner_garbage(&r, "more of it");
	NOW("kill(nonsense)");
	runner_garbage(&r, "more of it");
	NOW("");
	runner_filter_exit(&r, SIGKILL, now);
	runner_garbage(&r, "nobody is there");
	NOW("");
	AFTER(100, "start");
	assert_int_equal(r.counters.kills, 1);
	end();
}

static void
a_choked_filter_is_not_silent(void **state)
{
	int i;

	begin(false);
	polled(pa, 0, "k");
	polled(pa, 1, "j");
	NOW("send:a0 send:a1");
	runner_choke(&r, true, now);
	polled(pa, 2, "i");
	NOW(""); /* nor does it get more */
	NEVER();
	for (i = 0; i < 40; i++)
		AFTER(1000, "");
	runner_choke(&r, false, now);
	NOW("send:a2");
	DUE(30000);
	runner_choke(&r, false, now - 5000); /* was not: changes nothing */
	DUE(30000);
	end();
}

static void
three_deaths_then_one_at_a_time(void **state)
{
	int i;

	begin(false);
	polled(pa, 0, NULL);
	polled(pa, 1, NULL);
	polled(pa, 2, NULL);
	for (i = 0; i < 2; i++) {
		NOW("send:a0 send:a1 send:a2");
		runner_filter_exit(&r, 101 << 8, now);
		AFTER(5000, "start");
		runner_filter_up(&r, now);
	}
	NOW("send:a0 send:a1 send:a2");
	runner_filter_exit(&r, SIGSEGV, now);
	polled(pa, 3, NULL);
	AFTER(5000, "start");
	runner_filter_up(&r, now);
	NOW("send:a0");
	DONE(pa, 0);
	NOW("done:a0 send:a1 commit:a1");
	runner_filter_exit(&r, SIGABRT, now);
	AFTER(5000, "start");
	runner_filter_up(&r, now);
	NOW("send:a1");
	runner_filter_exit(&r, SIGTERM, now); /* not its fault */
	AFTER(5000, "start");
	runner_filter_up(&r, now);
	NOW("send:a1");
	runner_filter_exit(&r, SIGABRT, now);
	NOW("letter:a1/FILTER_CRASH");
	AFTER(5000, "start");
	runner_filter_up(&r, now);
	NOW("send:a2");
	letter_acked();
	NOW("done:a1");
	DONE(pa, 2);
	polled(pa, 4, NULL);
	NOW("done:a2 send:a3 send:a4"); /* all suspects are answered */
	end();
}

/* It is started again until an oldest record is to blame. */
static void
other_deaths_blame_nobody(void **state)
{
	int i;

	begin(false);
	runner_filter_exit(&r, SIGSEGV, now); /* nothing was outstanding */
	polled(pa, 0, NULL);
	polled(pa, 1, NULL);
	for (i = 0; i < 8; i++) {
		AFTER(5000, "start");
		runner_filter_up(&r, now);
		NOW("send:a0 send:a1");
		runner_filter_exit(&r, i % 2 ? 111 << 8 : SIGKILL, now);
	}
	end();
}

static void
a_suspect_that_goes_is_none(void **state)
{
	int i;

	begin(false);
	runner_assigned(&r, pb, 0, now);
	polled(pa, 0, NULL);
	polled(pb, 0, NULL);
	for (i = 0; i < 3; i++) {
		NOW("send:a0 send:b0");
		runner_filter_exit(&r, SIGSEGV, now);
		AFTER(5000, "start");
		runner_filter_up(&r, now);
	}
	polled(pb, 1, NULL);
	polled(pb, 2, NULL);
	NOW("send:a0");
	runner_lost(&r, pa, now);
	NOW("done:a0 send:b0");
	RETRY(pb, 0); /* an answer, too */
	NOW("send:b1 send:b2");
	end();
}

static void
some_ends_are_for_good(void **state)
{
	static const int codes[] = {100, 126, 127};
	struct item *item;
	size_t i;

	for (i = 0; i < ARRAY_LEN(codes); i++) {
		begin(false);
		polled(pa, 0, NULL);
		polled(pa, 1, NULL);
		NOW("send:a0 send:a1");
		item = answer(pa, 0, RUNNER_DONE, 1);
		runner_filter_exit(&r, codes[i] << 8, now);
		NOW("done:a1");
		AFTER(1000, "");
		acked(item); /* what was done is committed */
		NOW("done:a0 commit:a1");
		runner_committed(&r, true, now);
		NOW("exit100(the filter cannot go on)");
		end();
	}
}

/* ---- the group ----------------------------------------------------------- */

static void
revoke_waits_for_answers(void **state)
{
	struct item *item;

	begin(true);
	runner_assigned(&r, pb, 5, now);
	NOW("assigned:b");
	polled(pa, 0, "k");
	polled(pa, 1, "k");
	polled(pb, 5, "k");
	NOW("send:a0 send:a1 send:b5");
	polled(pa, 2, "k");
	runner_revoked(&r, pa, now);
	runner_revoked(&r, pb, now + 1);
	NOW("done:a2 revoked:ab");
	DUE(5000);
	item = answer(pa, 0, RUNNER_DONE, 1);
	DONE(pa, 1);
	NOW("done:a1");
	AFTER(1000, "");
	DONE(pb, 5);
	NOW("done:b5 commit:b6");
	acked(item);
	runner_committed(&r, true, now);
	NOW("done:a0 commit:a2"); /* in a hurry: no pause */
	runner_committed(&r, true, now);
	NOW("let-go");
	NOW("");
	assert_int_equal(r.owed.count, 0);
	end();
}

static void
revoke_waits_five_seconds(void **state)
{
	struct item *item;

	begin(false);
	polled(pa, 0, NULL);
	polled(pa, 1, NULL);
	polled(pa, 2, NULL);
	NOW("send:a0 send:a1 send:a2");
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	item = answer(pa, 2, RUNNER_DONE, 1);
	runner_revoked(&r, pa, now);
	NOW("");
	AFTER(2000, "");
	AFTER(2999, "");
	runner_committed(&r, true, now);
	AFTER(1, "done:a1 let-go");
	assert_int_equal(r.used, 2); /* one owed, one to be acked */
	assert_int_equal(r.bytes, 10);
	acked(item); /* of a partition that is gone */
	NOW("done:a2");
	assert_int_equal(r.used, 1);
	assert_int_equal(r.counters.late, 0);
	DONE(pa, 1);
	NOW("");
	assert_int_equal(r.used, 0);
	assert_int_equal(r.counters.late, 1);
	end();
}

/* The broker has five seconds for the last commit. */
static void
revoke_does_not_wait_for_ever(void **state)
{
	begin(false);
	polled(pa, 0, NULL);
	polled(pa, 1, NULL);
	NOW("send:a0 send:a1");
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	runner_revoked(&r, pa, now);
	NOW("");
	AFTER(5000, "done:a1");
	DUE(5000);
	AFTER(2500, "");
	AFTER(2499, "");
	AFTER(1, "let-go");
	end();
}

static void
a_failed_last_commit_is_given_up(void **state)
{
	begin(false);
	polled(pa, 0, NULL);
	NOW("send:a0");
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	runner_revoked(&r, pa, now);
	NOW("");
	runner_committed(&r, false, now);
	NOW("let-go");
	end();
}

static void
lost_commits_nothing(void **state)
{
	begin(true);
	polled(pa, 0, "k");
	polled(pa, 1, "k");
	NOW("send:a0 send:a1");
	DONE(pa, 0);
	polled(pa, 2, "k");
	runner_lost(&r, pa, now);
	NOW("done:a0 done:a2 done:a1 revoked:a");
	runner_position(pa, 77);
	NOW("");
	assert_int_equal(r.owed.count, 1);
	end();
}

/* It comes back while an answer is owed. */
static void
owed_answers_gate_a_partition(void **state)
{
	begin(true);
	runner_assigned(&r, pb, 0, now);
	NOW("assigned:b");
	polled(pa, 0, "k");
	polled(pa, 1, "k");
	polled(pb, 0, "k");
	NOW("send:a0 send:a1 send:b0");
	runner_lost(&r, pa, now);
	NOW("done:a0 done:a1 revoked:a");
	runner_assigned(&r, pa, 0, now);
	NOW("assigned:a pause:a");
	polled(pa, 0, "k");
	polled(pa, 1, "k");
	NOW("");
	DONE(pb, 0); /* its own answers are none of a's */
	NOW("done:b0 commit:b1");
	assert_null(answer(pa, 0, RUNNER_DONE, 3)); /* dropped with emits */
	NOW("");
	assert_int_equal(r.counters.late, 1);
	DEAD(pa, 1);
	NOW("send:a0 send:a1 resume:a");
	assert_int_equal(r.counters.late, 2);
	commit();
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	end();
}

static void
a_new_filter_owes_nothing(void **state)
{
	begin(false);
	polled(pa, 0, "k");
	NOW("send:a0");
	runner_lost(&r, pa, now);
	runner_assigned(&r, pa, 0, now);
	polled(pa, 0, "k");
	NOW("done:a0 pause:a");
	runner_filter_exit(&r, 1 << 8, now);
	NOW("resume:a");
	AFTER(100, "start");
	runner_filter_up(&r, now);
	NOW("send:a0");
	assert_int_equal(r.used, 1);
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	end();
}

static void
parked_records_leave_too(void **state)
{
	begin(false);
	polled(pa, 0, "k");
	NOW("send:a0");
	runner_lost(&r, pa, now);
	runner_assigned(&r, pa, 0, now);
	polled(pa, 0, "k");
	NOW("done:a0 pause:a");
	runner_lost(&r, pa, now);
	NOW("done:a0");
	assert_int_equal(r.used, 1);
	DONE(pa, 0);
	NOW("");
	assert_int_equal(r.used, 0);
	runner_assigned(&r, pa, 0, now);
	NOW("resume:a"); /* it was paused when it left */
	end();
}

/* Only a late answer, or `waiting`, breaks this silence. */
static void
silence_about_debts(void **state)
{
	int i;

	begin(false);
	runner_assigned(&r, pb, 0, now);
	polled(pa, 0, NULL);
	polled(pa, 1, NULL);
	NOW("send:a0 send:a1");
	runner_lost(&r, pa, now);
	NOW("done:a0 done:a1");
	DUE(30000);
	for (i = 0; i < 20; i++) {
		polled(pb, i, NULL);
		after(500);
		DONE(pb, i);
		after(500);
		commit();
	}
	DONE(pa, 0);
	for (i = 0; i < 20; i++)
		AFTER(1000, "");
	DUE(10000);
	runner_waiting(&r, now);
	for (i = 0; i < 29; i++) {
		runner_said(&r, now);
		AFTER(1000, "");
	}
	AFTER(1000, "kill(silent for too long)");
	end();
}

static void
a_retry_in_a_partition_that_goes(void **state)
{
	begin(false);
	polled(pa, 0, "k");
	NOW("send:a0");
	runner_revoked(&r, pa, now);
	RETRY(pa, 0);
	NOW("done:a0 let-go");
	assert_int_equal(pa->state, PART_NONE);
	end();
}

static void
a_death_in_a_partition_that_goes(void **state)
{
	begin(true);
	polled(pa, 0, "k");
	NOW("send:a0");
	runner_revoked(&r, pa, now);
	NOW("revoked:a");
	runner_filter_exit(&r, 1 << 8, now);
	NOW("done:a0 let-go");
	AFTER(100, "start");
	runner_filter_up(&r, now);
	NOW(""); /* the new one never heard of it */
	end();
}

/* The last record of a key died of its retries: the filter holds the key until
 * `again` comes, or `revoked`. */
static void
revoked_ends_what_the_filter_holds(void **state)
{
	int i;

	begin(true);
	polled(pa, 0, "k");
	NOW("send:a0");
	RETRY(pa, 0);
	for (i = 0; i < 3; i++) {
		AFTER(1000, "send:a0!");
		RETRY(pa, 0);
	}
	NOW("letter:a0/WHY");
	runner_lost(&r, pa, now);
	runner_assigned(&r, pa, 0, now);
	polled(pa, 1, "k");
	NOW("revoked:a assigned:a send:a1 commit:a1");
	letter_acked();
	NOW("done:a0");
	end();
}

static void
a_new_filter_is_told_what_is_assigned(void **state)
{
	begin(true);
	runner_assigned(&r, pb, 3, now);
	NOW("assigned:b");
	runner_filter_exit(&r, 1 << 8, now);
	runner_lost(&r, pb, now);
	AFTER(100, "start");
	polled(pa, 0, "k");
	NOW("");
	runner_filter_up(&r, now);
	NOW("assigned:a send:a0");
	end();
}

static void
the_log_goes_back(void **state)
{
	begin(false);
	polled(pa, 10, "k");
	polled(pa, 11, "k");
	NOW("send:a10 commit:a10");
	commit();
	polled(pa, 3, "k"); /* the broker lost its tail */
	NOW("done:a11 done:a10 pause:a commit:a3");
	commit();
	DONE(pa, 10);
	NOW("send:a3 resume:a");
	DONE(pa, 3);
	NOW("done:a3 commit:a4");
	end();
}

/* It forgets what it holds: the first of a key does not cost it a try. */
static void
the_filter_hears_of_it(void **state)
{
	begin(true);
	polled(pa, 10, "k");
	NOW("send:a10 commit:a10");
	commit();
	RETRY(pa, 10);
	NOW("");
	polled(pa, 3, "k");
	NOW("done:a10 revoked:a assigned:a send:a3 commit:a3");
	end();
}

static void
commits_start_from_what_is_committed(void **state)
{
	begin(false);
	runner_lost(&r, pa, now);
	runner_assigned(&r, pa, 7, now);
	runner_position(pa, 7);
	NOW("");
	assert_int_equal(pa->window.next, 7);
	runner_position(pa, 9);
	NOW("commit:a9");
	/* In flight while it is lost and comes back: not this life's. */
	runner_lost(&r, pa, now);
	runner_assigned(&r, pa, 8, now);
	runner_committed(&r, true, now);
	assert_int_equal(pa->committed, 8);
	end();
}

/* ---- the end ------------------------------------------------------------- */

static void
stop_drains(void **state)
{
	begin(true);
	polled(pa, 0, "k");
	NOW("send:a0");
	polled(pa, 1, "k");
	runner_stop(&r, 0, "asked to stop", now);
	runner_stop(&r, 5, "once only", now);
	NOW("done:a1 revoked:a");
	DUE(30000);
	assert_false(poll_it(pa, 2, NULL, 1, false));
	AFTER(2000, "");
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	runner_committed(&r, true, now);
	NOW("end");
	AFTER(1000, "");
	runner_filter_exit(&r, 0, now);
	NOW("exit0(asked to stop)");
	NOW("");
	end();
}

static void
stop_has_a_deadline(void **state)
{
	int i;

	begin(false);
	polled(pa, 0, NULL);
	polled(pa, 1, NULL);
	NOW("send:a0 send:a1");
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	runner_committed(&r, true, now);
	runner_stop(&r, 0, "asked to stop", now);
	for (i = 0; i < 29; i++) {
		runner_said(&r, now);
		AFTER(1000, "");
	}
	AFTER(999, "");
	AFTER(1, "done:a1 kill(still there when the time to drain was over) "
		 "end");
	runner_filter_exit(&r, SIGKILL, now);
	NOW("exit0(asked to stop)");
	end();
}

static void
stop_without_a_filter(void **state)
{
	begin(false);
	runner_filter_exit(&r, 1 << 8, now);
	runner_stop(&r, 0, "asked to stop", now);
	DUE(30000);
	NOW("exit0(asked to stop)");
	AFTER(10000, "");
	end();
}

static void
stop_does_not_wait_for_a_broker_for_ever(void **state)
{
	int i;

	begin(false);
	polled(pa, 0, NULL);
	NOW("send:a0");
	DONE(pa, 0);
	NOW("done:a0 commit:a1");
	runner_filter_exit(&r, 0, now);
	runner_stop(&r, 0, "asked to stop", now);
	for (i = 0; i < 30; i++)
		AFTER(1000, "");
	DUE(5000);
	AFTER(2500, "");
	AFTER(2499, "");
	AFTER(1, "exit0(asked to stop)");
	end();
}

static void
a_rebalance_while_it_stops(void **state)
{
	begin(false);
	polled(pa, 0, NULL);
	NOW("send:a0");
	runner_stop(&r, 0, "asked to stop", now);
	NOW("");
	runner_revoked(&r, pa, now);
	NOW("");
	AFTER(2500, "");
	AFTER(2500, "done:a0 let-go end");
	runner_assigned(&r, pb, 4, now); /* no more of that */
	NOW("let-go");
	runner_filter_exit(&r, 0, now);
	NOW("exit0(asked to stop)");
	end();
}

static void
failure_ends_at_once(void **state)
{
	begin(false);
	polled(pa, 0, NULL);
	NOW("send:a0");
	DONE(pa, 0);
	runner_fail(&r, 111, "delivery failed");
	runner_fail(&r, 100, "later");
	runner_stop(&r, 0, "asked to stop", now); /* nothing has drained */
	NOW("exit111(delivery failed)");
	AFTER(1000, "");
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_goes_through),
		cmocka_unit_test(commits_pause_and_try_again),
		cmocka_unit_test(a_result_that_nobody_awaits),
		cmocka_unit_test(emits_are_acked_first),
		cmocka_unit_test(emits_of_nothing_are_dropped),
		cmocka_unit_test(the_dead_get_a_letter),
		cmocka_unit_test(too_long_for_a_line),
		cmocka_unit_test(a_refused_emit_kills_its_record),
		cmocka_unit_test(a_refused_letter_ends_all),
		cmocka_unit_test(retried_three_times),
		cmocka_unit_test(the_window_fills),
		cmocka_unit_test(the_window_fills_by_bytes),
		cmocka_unit_test(what_is_not_ours_is_not_taken),
		cmocka_unit_test(one_that_lags_stops_its_partition),
		cmocka_unit_test(a_filter_is_started_again),
		cmocka_unit_test(a_silent_filter_is_killed),
		cmocka_unit_test(silence_without_records_is_fine),
		cmocka_unit_test(a_filter_that_never_says_hello),
		cmocka_unit_test(our_own_sleep_is_not_its_silence),
		cmocka_unit_test(garbage_is_a_kill),
		cmocka_unit_test(a_choked_filter_is_not_silent),
		cmocka_unit_test(three_deaths_then_one_at_a_time),
		cmocka_unit_test(other_deaths_blame_nobody),
		cmocka_unit_test(a_suspect_that_goes_is_none),
		cmocka_unit_test(some_ends_are_for_good),
		cmocka_unit_test(revoke_waits_for_answers),
		cmocka_unit_test(revoke_waits_five_seconds),
		cmocka_unit_test(revoke_does_not_wait_for_ever),
		cmocka_unit_test(a_failed_last_commit_is_given_up),
		cmocka_unit_test(lost_commits_nothing),
		cmocka_unit_test(owed_answers_gate_a_partition),
		cmocka_unit_test(a_new_filter_owes_nothing),
		cmocka_unit_test(parked_records_leave_too),
		cmocka_unit_test(silence_about_debts),
		cmocka_unit_test(a_retry_in_a_partition_that_goes),
		cmocka_unit_test(a_death_in_a_partition_that_goes),
		cmocka_unit_test(revoked_ends_what_the_filter_holds),
		cmocka_unit_test(a_new_filter_is_told_what_is_assigned),
		cmocka_unit_test(the_log_goes_back),
		cmocka_unit_test(the_filter_hears_of_it),
		cmocka_unit_test(commits_start_from_what_is_committed),
		cmocka_unit_test(stop_drains),
		cmocka_unit_test(stop_has_a_deadline),
		cmocka_unit_test(stop_without_a_filter),
		cmocka_unit_test(stop_does_not_wait_for_a_broker_for_ever),
		cmocka_unit_test(a_rebalance_while_it_stops),
		cmocka_unit_test(failure_ends_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
