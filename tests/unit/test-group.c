/*
 * tests/unit/test-group.c - group commit: what goes out when, and who is told.
 * What group_next() asks for is written as text: "B0" begin on producer 0,
 * "Sa" send a, "C0" commit, "X0" abort, "+a" done, "-a" dead, "?t" look topic
 * t up, ">" a source may go on.
 * links: flow
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "flow/group.h"

struct bench {
	struct group group;
	struct group_source source, other;
	struct group_topic topics[2]; /* t, u */
	struct group_item items[26];  /* a..z */
	struct group_source *resumed;
	int64_t now_ms;
	char text[400];
};

static const struct group_limits transactional = {.transactional = true,
	.producers = 2,
	.batch_records = 4,
	.batch_bytes = 100,
	.source_records = 6,
	.source_bytes = 200,
	.retry_ms = 1000};

static struct bench *
make(const struct group_limits *limits)
{
	struct bench *b = calloc(1, sizeof(*b));

	group_init(&b->group, limits);
	group_topic_add(&b->group, &b->topics[0]);
	group_topic_add(&b->group, &b->topics[1]);
	b->now_ms = 5000;
	return b;
}

static struct group_item *
item(struct bench *b, char name)
{
	return &b->items[name - 'a'];
}

static void
put_to(struct bench *b, const char *names, int topic, size_t bytes,
	struct group_source *source)
{
	for (; *names; names++) {
		*item(b, *names) = (struct group_item){.source = source,
			.topic = &b->topics[topic],
			.bytes = bytes};
		group_put(&b->group, item(b, *names));
	}
}

static void
put(struct bench *b, const char *names)
{
	put_to(b, names, 0, 10, &b->source);
}

static void
say(struct bench *b, const struct group_action *act)
{
	char *at = b->text + strlen(b->text);
	size_t room = sizeof(b->text) - strlen(b->text);
	int name = act->item ? 'a' + (int)(act->item - b->items) : '?';

	switch (act->kind) {
	case GROUP_DONE:
		snprintf(at, room, " +%c", name);
		break;
	case GROUP_DEAD:
		snprintf(at, room, " -%c%s", name,
			act->item->missing ? "(missing)" : "");
		break;
	case GROUP_RESUME:
		snprintf(at, room, " >");
		b->resumed = act->source;
		break;
	case GROUP_LOOKUP:
		snprintf(at, room, " ?%c", 't' + (int)(act->topic - b->topics));
		break;
	case GROUP_BEGIN:
		snprintf(at, room, " B%u", act->k);
		break;
	case GROUP_SEND:
		snprintf(at, room, " S%c", name);
		break;
	case GROUP_COMMIT:
		snprintf(at, room, " C%u", act->k);
		break;
	case GROUP_ABORT:
		snprintf(at, room, " X%u", act->k);
		break;
	default:
		fail_msg("unknown action %d", act->kind);
	}
}

static void
expect_if(struct bench *b, bool may_begin, const char *want)
{
	struct group_action act;

	b->text[0] = '\0';
	while ((act = group_next(&b->group, b->now_ms, may_begin)).kind !=
		GROUP_NOTHING) {
		say(b, &act);
		assert_true(strlen(b->text) < sizeof(b->text) - 20);
	}
	assert_string_equal(b->text[0] ? b->text + 1 : "", want);
}

static void
expect(struct bench *b, const char *want)
{
	expect_if(b, true, want);
}

/* A bench whose topics are known. */
static struct bench *
ready(const struct group_limits *limits)
{
	struct bench *b = make(limits);

	put_to(b, "y", 0, 10, &b->source);
	put_to(b, "z", 1, 10, &b->source);
	expect(b, "?t ?u");
	group_found(&b->group, &b->topics[0]);
	group_found(&b->group, &b->topics[1]);
	if (limits->transactional) {
		expect(b, "B0 Sz Sy C0");
		group_committed(&b->group);
		expect(b, "+z +y");
		b->group.k = 0;
	} else {
		expect(b, "Sz Sy");
		group_delivered(&b->group, item(b, 'z'), b->now_ms);
		group_delivered(&b->group, item(b, 'y'), b->now_ms);
		expect(b, "+z +y");
	}
	assert_true(group_idle(&b->group));
	return b;
}

static void
deadline_is(struct bench *b, int64_t want)
{
	assert_true(group_deadline(&b->group) == want);
}

static void
refuse(struct bench *b, char name)
{
	group_refused(&b->group, item(b, name), b->now_ms);
}

static void
deliver(struct bench *b, const char *names)
{
	for (; *names; names++)
		group_delivered(&b->group, item(b, *names), b->now_ms);
}

/* ---- transactional --------------------------------------------------------
 */

static void
test_nothing_to_do(void **state)
{
	struct bench *b = make(&transactional);

	expect(b, "");
	deadline_is(b, CLOCK_NEVER);
	assert_true(group_idle(&b->group));
	free(b);
}

static void
test_rotation(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "ab");
	assert_false(group_idle(&b->group));
	deadline_is(b, 0);
	expect(b, "B0 Sa Sb C0");
	deadline_is(b, CLOCK_NEVER);
	put(b, "c"); /* comes while the commit is under way */
	expect(b, "");
	deliver(b, "ab");
	expect(b, "");
	group_committed(&b->group);
	deadline_is(b, 0);
	expect(b, "+a +b B1 Sc C1");
	group_committed(&b->group);
	expect(b, "+c");
	assert_true(group_idle(&b->group));
	put(b, "d");
	expect(b, "B0 Sd C0");
	free(b);
}

static void
test_one_commit_a_turn(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "a");
	expect_if(b, false, "");
	deadline_is(b, 0);
	expect(b, "B0 Sa C0");
	put(b, "b");
	group_committed(&b->group);
	expect_if(b, false, "+a");
	deadline_is(b, 0);
	expect(b, "B1 Sb C1");
	free(b);
}

static void
test_batch_of_records(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "abcdef");
	expect(b, "B0 Sa Sb Sc Sd C0");
	group_committed(&b->group);
	expect(b, "+a +b +c +d > B1 Se Sf C1");
	free(b);
}

static void
test_batch_of_bytes(void **state)
{
	struct bench *b = ready(&transactional);

	put_to(b, "ab", 0, 50, &b->source); /* exactly 100: fits */
	put_to(b, "c", 0, 1, &b->source);
	expect(b, "B0 Sa Sb C0");
	group_committed(&b->group);
	expect(b, "+a +b B1 Sc C1");
	put_to(b, "d", 0, 150, &b->other); /* over the cap: by itself */
	put_to(b, "e", 0, 1, &b->other);
	group_committed(&b->group);
	expect(b, "+c B0 Sd C0");
	group_committed(&b->group);
	expect(b, "+d B1 Se C1");
	free(b);
}

/* Refused in a batch: each by itself; the refused one waits 1 s, those behind
 * it in its topic wait with it, others go on; refused again: dead. */
static void
test_refused_twice_alone(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "abc");
	put_to(b, "u", 1, 10, &b->source);
	expect(b, "B0 Sa Sb Sc Su C0");
	refuse(b, 'b');
	group_aborted(&b->group, b->now_ms);
	put(b, "d");
	expect(b, "B1 Sa C1");
	group_committed(&b->group);
	expect(b, "+a B0 Sb C0");
	refuse(b, 'b');
	group_aborted(&b->group, b->now_ms);
	assert_int_equal(b->topics[0].state, GROUP_TOPIC_HELD);
	expect(b, "B1 Su C1"); /* c and d wait behind b */
	group_committed(&b->group);
	expect(b, "+u");
	put(b, "e"); /* so does what comes now */
	expect(b, "");
	deadline_is(b, 6000);
	b->now_ms = 5999;
	expect(b, "");
	b->now_ms = 6000;
	expect(b, "B0 Sb C0");
	put_to(b, "v", 1, 10, &b->other);
	put(b, "f");
	refuse(b, 'b');
	group_aborted(&b->group, b->now_ms);
	expect(b, "-b B1 Sc C1"); /* c went out with b: still alone */
	assert_false(item(b, 'b')->missing);
	group_committed(&b->group);
	expect(b, "+c B0 Sd Se Sf Sv C0");
	group_committed(&b->group);
	expect(b, "+d +e +f +v");
	deadline_is(b, CLOCK_NEVER);
	assert_true(group_idle(&b->group));
	free(b);
}

/* The second try succeeds: nothing is dead, the order stays. */
static void
test_refused_once(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "a");
	expect(b, "B0 Sa C0");
	put(b, "b");
	refuse(b, 'a');
	group_aborted(&b->group, b->now_ms);
	expect(b, "");
	b->now_ms += 1000;
	expect(b, "B1 Sa C1");
	deadline_is(b, CLOCK_NEVER);
	put(b, "c");
	expect(b, "");
	group_committed(&b->group);
	expect(b, "+a B0 Sb Sc C0");
	free(b);
}

/* A trial that is put off by somebody else's refusal stays a trial. */
static void
test_two_topics_held(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "a");
	expect(b, "B0 Sa C0");
	refuse(b, 'a');
	group_aborted(&b->group, b->now_ms);
	b->now_ms += 500;
	put_to(b, "u", 1, 10, &b->source);
	expect(b, "B1 Su C1");
	refuse(b, 'u');
	group_aborted(&b->group, b->now_ms);
	deadline_is(b, 6000);
	expect(b, "");
	b->now_ms = 6000;
	expect(b, "B0 Sa C0");
	deadline_is(b, 6500);
	refuse(b, 'a');
	group_aborted(&b->group, b->now_ms);
	expect(b, "-a");
	deadline_is(b, 6500);
	b->now_ms = 6500;
	expect(b, "B1 Su C1");
	group_committed(&b->group);
	expect(b, "+u");
	deadline_is(b, CLOCK_NEVER);
	free(b);
}

/* librdkafka refuses it at once: abort, without sending the rest. */
static void
test_refused_at_once(void **state)
{
	struct bench *b = ready(&transactional);
	struct group_action act;

	put(b, "abc");
	act = group_next(&b->group, b->now_ms, true);
	assert_int_equal(act.kind, GROUP_BEGIN);
	act = group_next(&b->group, b->now_ms, true);
	assert_ptr_equal(act.item, item(b, 'a'));
	deadline_is(b, 0);
	refuse(b, 'a');
	expect(b, "X0");
	group_aborted(&b->group, b->now_ms);
	expect(b, "B1 Sa C1");
	group_committed(&b->group);
	expect(b, "+a B0 Sb C0");
	free(b);
}

/* An abort that no record of it explains is no record's fault. */
static void
test_aborted_alone(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "a");
	expect(b, "B0 Sa C0");
	group_aborted(&b->group, b->now_ms);
	expect(b, "B1 Sa C1");
	group_aborted(&b->group, b->now_ms);
	expect(b, "B0 Sa C0");
	group_committed(&b->group);
	expect(b, "+a");
	put(b, "bc"); /* nor is an earlier refusal of a batch */
	expect(b, "B1 Sb Sc C1");
	refuse(b, 'b');
	group_aborted(&b->group, b->now_ms);
	expect(b, "B0 Sb C0");
	group_aborted(&b->group, b->now_ms);
	expect(b, "B1 Sb C1");
	free(b);
}

static void
test_aborted_together(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "abc");
	expect(b, "B0 Sa Sb Sc C0");
	put(b, "d");
	group_aborted(&b->group, b->now_ms);
	expect(b, "B1 Sa Sb Sc Sd C1");
	free(b);
}

/* The second try does not wait behind what came since. */
static void
test_trial_first(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "a");
	expect(b, "B0 Sa C0");
	refuse(b, 'a');
	group_aborted(&b->group, b->now_ms);
	b->now_ms += 1000;
	put_to(b, "u", 1, 10, &b->source);
	expect(b, "B1 Sa C1");
	free(b);
}

/* ---- topics
 * ------------------------------------------------------------------ */

static void
test_unknown_topic(void **state)
{
	struct bench *b = make(&transactional);

	put_to(b, "a", 0, 10, &b->source);
	put_to(b, "u", 1, 10, &b->other);
	expect(b, "?t ?u"); /* asked once */
	expect(b, "");
	deadline_is(b, CLOCK_NEVER);
	group_found(&b->group, &b->topics[1]);
	group_missing(&b->group, &b->topics[0], b->now_ms);
	expect(b, "B0 Su C0"); /* does not stall the other */
	group_committed(&b->group);
	put(b, "b");
	expect(b, "+u");
	deadline_is(b, 6000);
	b->now_ms = 6000;
	expect(b, "?t");
	group_missing(&b->group, &b->topics[0], b->now_ms);
	deadline_is(b, 0);
	expect(b, "-a(missing) -b(missing)");
	assert_true(group_idle(&b->group));
	deadline_is(b, CLOCK_NEVER);
	put(b, "c"); /* the next asks again, twice */
	expect(b, "?t");
	group_missing(&b->group, &b->topics[0], b->now_ms);
	expect(b, "");
	b->now_ms = 7000;
	expect(b, "?t");
	group_found(&b->group, &b->topics[0]);
	expect(b, "B1 Sc C1");
	group_committed(&b->group);
	expect(b, "+c");
	free(b);
}

static void
test_missing_is_forgotten_when_found(void **state)
{
	struct bench *b = make(&transactional);

	put(b, "a");
	expect(b, "?t");
	group_missing(&b->group, &b->topics[0], b->now_ms);
	b->now_ms += 1000;
	expect(b, "?t");
	group_found(&b->group, &b->topics[0]);
	assert_false(b->topics[0].missing);
	assert_int_equal(b->topics[0].state, GROUP_TOPIC_OPEN);
	free(b);
}

/* No broker could say: asked again, and it counts for nothing. */
static void
test_nobody_knows(void **state)
{
	struct bench *b = make(&transactional);
	int i;

	put(b, "a");
	expect(b, "?t");
	group_missing(&b->group, &b->topics[0], b->now_ms);
	for (i = 0; i < 5; i++) {
		deadline_is(b, b->now_ms + 1000);
		b->now_ms += 1000;
		expect(b, "?t");
		group_unknown(&b->group, &b->topics[0], b->now_ms);
		expect(b, "");
	}
	b->now_ms += 1000;
	expect(b, "?t");
	group_missing(&b->group, &b->topics[0], b->now_ms);
	expect(b, "-a(missing)");
	free(b);
}

static void
test_parked_go_first(void **state)
{
	struct bench *b = make(&transactional);

	put(b, "a");
	expect(b, "?t");
	put(b, "b");
	put_to(b, "u", 1, 10, &b->source);
	expect(b, "?u");
	group_found(&b->group, &b->topics[1]);
	group_found(&b->group, &b->topics[0]);
	put(b, "c");
	expect(b, "B0 Sa Sb Su Sc C0");
	free(b);
}

static void
test_topic_drop(void **state)
{
	struct bench *b = make(&transactional);

	group_topic_drop(&b->group, &b->topics[0]);
	assert_ptr_equal(TAILQ_FIRST(&b->group.topics), &b->topics[1]);
	free(b);
}

/* ---- bounds ---------------------------------------------------------------
 */

static void
test_full_by_records(void **state)
{
	struct bench *b = ready(&transactional);

	put(b, "abcde");
	assert_false(b->source.paused);
	put(b, "f");
	assert_true(b->source.paused);
	put_to(b, "u", 1, 10, &b->other);
	assert_false(b->other.paused);
	put(b, "g"); /* was read already: taken */
	assert_int_equal(b->source.records, 7);
	expect(b, "B0 Sa Sb Sc Sd C0");
	group_committed(&b->group);
	/* 7 - 4 = 3: half of 6 */
	expect(b, "+a +b +c +d > B1 Se Sf Su Sg C1");
	assert_ptr_equal(b->resumed, &b->source);
	assert_false(b->source.paused);
	group_committed(&b->group);
	expect(b, "+e +f +u +g"); /* told once */
	assert_int_equal(b->source.records, 0);
	assert_int_equal(b->source.bytes, 0);
	free(b);
}

static void
test_full_by_bytes(void **state)
{
	struct bench *b = ready(&transactional);

	put_to(b, "a", 0, 199, &b->source);
	assert_false(b->source.paused);
	put_to(b, "b", 0, 1, &b->source);
	assert_true(b->source.paused);
	put_to(b, "c", 0, 101, &b->source);
	expect(b, "B0 Sa C0");
	group_committed(&b->group);
	expect(b, "+a B1 Sb C1"); /* 102 bytes: over half */
	group_committed(&b->group);
	expect(b, "+b B0 Sc C0"); /* 101 */
	assert_true(b->source.paused);
	group_committed(&b->group);
	expect(b, "+c >");
	put_to(b, "de", 0, 100, &b->source);
	assert_true(b->source.paused);
	expect(b, "B1 Sd C1");
	group_committed(&b->group);
	expect(b, "+d > B0 Se C0"); /* 100: half */
	free(b);
}

/* It would be told to go on, but is over its bound again by then. */
static void
test_full_again_before_it_was_told(void **state)
{
	struct bench *b = ready(&transactional);
	struct group_action act;
	int i;

	put(b, "abcdef");
	expect(b, "B0 Sa Sb Sc Sd C0");
	group_committed(&b->group);
	for (i = 0; i < 4; i++) {
		act = group_next(&b->group, b->now_ms, true);
		assert_int_equal(act.kind, GROUP_DONE);
	}
	assert_true(b->source.resuming);
	put(b, "ghij");
	assert_true(b->source.paused);
	assert_false(b->source.resuming);
	expect(b, "B1 Se Sf Sg Sh C1");
	group_committed(&b->group);
	expect(b, "+e +f +g +h > B0 Si Sj C0");
	free(b);
}

/* A source that is gone is memory of somebody else. */
static void
is_gone(struct group_source *source)
{
	memset(source, 0xff, sizeof(*source));
}

static void
untouched(const struct group_source *source)
{
	const unsigned char *at = (const unsigned char *)source;
	size_t i;

	for (i = 0; i < sizeof(*source); i++)
		assert_int_equal(at[i], 0xff);
}

static void
test_forget(void **state)
{
	struct bench *b = ready(&transactional);
	int i;

	put_to(b, "abcd", 0, 10, &b->source); /* batch */
	expect(b, "B0 Sa Sb Sc Sd C0");
	put_to(b, "e", 0, 10, &b->source); /* ready */
	put_to(b, "f", 0, 10, &b->other);
	group_committed(&b->group); /* a-d: done */
	group_forget(&b->group, &b->source);
	is_gone(&b->source);
	expect(b, "+a +b +c +d B1 Se Sf C1");
	for (i = 0; i < 5; i++)
		assert_null(b->items[i].source);
	assert_ptr_equal(item(b, 'f')->source, &b->other);
	group_forget(&b->group, &b->other); /* in the batch */
	is_gone(&b->other);
	group_committed(&b->group);
	expect(b, "+e +f");
	assert_true(group_idle(&b->group));
	untouched(&b->source);
	untouched(&b->other);
	free(b);
}

static void
test_forget_parked_and_dead(void **state)
{
	struct bench *b = make(&transactional);

	put_to(b, "a", 0, 10, &b->source);
	put_to(b, "u", 1, 10, &b->other);
	expect(b, "?t ?u");
	group_forget(&b->group, &b->source); /* parked */
	is_gone(&b->source);
	group_missing(&b->group, &b->topics[0], b->now_ms);
	group_missing(&b->group, &b->topics[1], b->now_ms);
	b->now_ms += 1000;
	expect(b, "?t ?u");
	group_missing(&b->group, &b->topics[1], b->now_ms);
	group_forget(&b->group, &b->other); /* dead */
	is_gone(&b->other);
	group_missing(&b->group, &b->topics[0], b->now_ms);
	expect(b, "-u(missing) -a(missing)");
	untouched(&b->source);
	untouched(&b->other);
	free(b);
}

static void
test_forget_while_to_be_told(void **state)
{
	struct bench *b = ready(&transactional);
	int i;

	put(b, "abcdef");
	expect(b, "B0 Sa Sb Sc Sd C0");
	group_committed(&b->group);
	for (i = 0; i < 4; i++)
		(void)group_next(&b->group, b->now_ms, true);
	assert_true(b->source.resuming);
	deadline_is(b, 0);
	group_forget(&b->group, &b->source);
	assert_false(b->source.resuming);
	expect(b, "B1 Se Sf C1");
	free(b);
}

/* ---- lingering ----------------------------------------------------------- */

static void
test_lingers_by_the_last_batch(void **state)
{
	struct group_limits limits = transactional;
	struct bench *b;

	limits.linger_ms = 10;
	b = ready(&limits);
	b->now_ms += 10;
	put(b, "abc"); /* two beyond the first */
	expect(b, "B0 Sa Sb Sc C0");
	group_committed(&b->group);
	expect(b, "+a +b +c");
	put(b, "d");
	b->now_ms += 1;
	expect(b, "");
	deadline_is(b, b->now_ms + 1);
	b->now_ms += 1;
	deadline_is(b, b->now_ms);
	expect(b, "B1 Sd C1");
	group_committed(&b->group);
	expect(b, "+d");
	put(b, "e"); /* one is no load */
	deadline_is(b, 0);
	expect(b, "B0 Se C0");
	free(b);
}

static void
test_lingers_at_most(void **state)
{
	struct group_limits limits = transactional;
	struct bench *b;

	limits.linger_ms = 1;
	b = ready(&limits);
	b->now_ms += 10;
	put(b, "abcd");
	expect(b, "B0 Sa Sb Sc Sd C0");
	group_committed(&b->group);
	expect(b, "+a +b +c +d");
	put(b, "e");
	expect(b, "");
	deadline_is(b, b->now_ms + 1);
	free(b);
}

/* ---- without transactions --------------------------------------------------
 */

static struct group_limits
idempotent(void)
{
	struct group_limits limits = transactional;

	limits.transactional = false;
	limits.producers = 1;
	return limits;
}

static void
test_idempotent(void **state)
{
	struct group_limits limits = idempotent();
	struct bench *b = ready(&limits);

	put(b, "abcde");
	expect(b, "Sa Sb Sc Sd"); /* one batch is out at most */
	expect(b, "");
	deadline_is(b, CLOCK_NEVER);
	deliver(b, "a"); /* is durable: told at once */
	deadline_is(b, 0);
	expect(b, "+a");
	deliver(b, "cb");
	expect(b, "+c +b");
	deliver(b, "d");
	expect(b, "+d Se");
	deliver(b, "e");
	expect(b, "+e");
	assert_true(group_idle(&b->group));
	free(b);
}

static void
test_idempotent_refused(void **state)
{
	struct group_limits limits = idempotent();
	struct bench *b = ready(&limits);

	put(b, "abcd");
	expect(b, "Sa Sb Sc Sd");
	put(b, "e");
	deliver(b, "a");
	refuse(b, 'b');
	refuse(b, 'c');
	expect(b, "+a"); /* d is still out */
	deliver(b, "d");
	expect(b, "+d Sb");
	deliver(b, "b");
	expect(b, "+b Sc");
	refuse(b, 'c');
	expect(b, "");
	deadline_is(b, 6000);
	b->now_ms = 6000;
	expect(b, "Sc");
	refuse(b, 'c');
	expect(b, "-c Se");
	deliver(b, "e");
	expect(b, "+e");
	assert_true(group_idle(&b->group));
	free(b);
}

/* One of a batch is left over: it was not alone, so it does not count yet. */
static void
test_idempotent_refused_last(void **state)
{
	struct group_limits limits = idempotent();
	struct bench *b = ready(&limits);

	put(b, "ab");
	expect(b, "Sa Sb");
	deliver(b, "a");
	refuse(b, 'b');
	expect(b, "+a Sb");
	refuse(b, 'b');
	expect(b, "");
	deadline_is(b, 6000);
	b->now_ms = 6000;
	expect(b, "Sb");
	deliver(b, "b");
	expect(b, "+b");
	deadline_is(b, CLOCK_NEVER);
	free(b);
}

/* Refused by the client itself, while others are still to be sent. */
static void
test_idempotent_refused_at_once(void **state)
{
	struct group_limits limits = idempotent();
	struct bench *b = ready(&limits);
	struct group_action act;

	put(b, "ab");
	act = group_next(&b->group, b->now_ms, true);
	assert_ptr_equal(act.item, item(b, 'a'));
	refuse(b, 'a');
	assert_int_equal(b->group.state, GROUP_SENDING);
	expect(b, "Sb");
	deliver(b, "b");
	expect(b, "+b Sa");
	refuse(b, 'a');
	expect(b, "");
	b->now_ms += 1000;
	expect(b, "Sa");
	refuse(b, 'a');
	expect(b, "-a");
	free(b);
}

/* The first is delivered before the second is sent: the batch is not over. */
static void
test_idempotent_delivered_early(void **state)
{
	struct group_limits limits = idempotent();
	struct bench *b = ready(&limits);
	struct group_action act;

	put(b, "ab");
	act = group_next(&b->group, b->now_ms, true);
	assert_ptr_equal(act.item, item(b, 'a'));
	deliver(b, "a");
	expect(b, "+a Sb");
	deliver(b, "b");
	expect(b, "+b");
	assert_true(group_idle(&b->group));
	free(b);
}

/* ---- random schedules -------------------------------------------------------
 */

#define RECORDS 60

struct world {
	struct group group;
	struct group_topic topics[3];
	struct group_source sources[3];
	struct {
		struct group_item item; /* first */
		int topic, number;
		bool poison, answered, dead, in_kafka;
		int64_t refused_ms; /* alone, the last time; 0 never */
		int refusals;	    /* alone */
	} rec[RECORDS];
	int put, batch;
	int out[RECORDS], out_count; /* sent in this batch */
	int last_in_kafka[3];
	int64_t now_ms;
	unsigned seed;
};

static unsigned
dice(struct world *w, unsigned sides)
{
	w->seed = w->seed * 1103515245 + 12345;
	return (w->seed >> 16) % sides;
}

static void
in_kafka(struct world *w, int r)
{
	assert_false(w->rec[r].poison);
	assert_false(w->rec[r].in_kafka);
	assert_true(r > w->last_in_kafka[w->rec[r].topic]);
	w->last_in_kafka[w->rec[r].topic] = r;
	w->rec[r].in_kafka = true;
}

static void
answered(struct world *w, const struct group_action *act)
{
	int r = (int)((char *)act->item - (char *)w->rec) /
		(int)sizeof(w->rec[0]);

	assert_false(w->rec[r].answered);
	w->rec[r].answered = true;
	w->rec[r].dead = act->kind == GROUP_DEAD;
	if (act->kind == GROUP_DONE)
		assert_true(w->rec[r].in_kafka);
	else if (act->item->missing)
		assert_int_equal(w->rec[r].topic, 2);
	else
		assert_true(w->rec[r].refusals >= 2);
}

static void
refused(struct world *w, int r)
{
	if (w->out_count == 1) {
		if (w->rec[r].refusals)
			assert_true(w->now_ms - w->rec[r].refused_ms >= 1000);
		w->rec[r].refusals++;
		w->rec[r].refused_ms = w->now_ms;
	}
	group_refused(&w->group, &w->rec[r].item, w->now_ms);
}

static void
end_batch(struct world *w, bool transactional_)
{
	bool poison = false;
	int i;

	for (i = 0; i < w->out_count; i++)
		poison = poison || w->rec[w->out[i]].poison;
	for (i = 0; i < w->out_count; i++) {
		int r = w->out[i];

		if (poison && (transactional_ ? w->rec[r].poison : true)) {
			refused(w, r);
			continue;
		}
		if (poison)
			continue;
		in_kafka(w, r);
		group_delivered(&w->group, &w->rec[r].item, w->now_ms);
	}
	if (transactional_ && poison)
		group_aborted(&w->group, w->now_ms);
	else if (transactional_)
		group_committed(&w->group);
	w->out_count = 0;
}

static void
turn(struct world *w, bool transactional_)
{
	struct group_action act;
	int r, t;

	while ((act = group_next(&w->group, w->now_ms, true)).kind !=
		GROUP_NOTHING) {
		switch (act.kind) {
		case GROUP_DONE:
		case GROUP_DEAD:
			answered(w, &act);
			break;
		case GROUP_SEND:
			r = (int)((char *)act.item - (char *)w->rec) /
			    (int)sizeof(w->rec[0]);
			w->out[w->out_count++] = r;
			break;
		case GROUP_LOOKUP:
			t = (int)(act.topic - w->topics);
			if (dice(w, 3) == 0)
				group_unknown(&w->group, act.topic, w->now_ms);
			else if (t == 2)
				group_missing(&w->group, act.topic, w->now_ms);
			else
				group_found(&w->group, act.topic);
			break;
		case GROUP_COMMIT:
			end_batch(w, true);
			break;
		default:
			break;
		}
	}
	if (!transactional_ && w->out_count && dice(w, 2))
		end_batch(w, false);
}

static void
put_one(struct world *w)
{
	int r = w->put++;

	w->rec[r].topic = (int)dice(w, 3);
	w->rec[r].poison = w->rec[r].topic < 2 && dice(w, 10) == 0;
	w->rec[r].item = (struct group_item){.source = &w->sources[dice(w, 3)],
		.topic = &w->topics[w->rec[r].topic],
		.bytes = 1 + dice(w, 60)};
	group_put(&w->group, &w->rec[r].item);
}

static void
run_world(unsigned seed, bool transactional_)
{
	struct world *w = calloc(1, sizeof(*w));
	struct group_limits limits = transactional;
	int i, turns;

	limits.transactional = transactional_;
	limits.producers = transactional_ ? 2 : 1;
	w->seed = seed;
	group_init(&w->group, &limits);
	for (i = 0; i < 3; i++) {
		group_topic_add(&w->group, &w->topics[i]);
		w->last_in_kafka[i] = -1;
	}
	for (turns = 0; turns < 20000; turns++) {
		while (w->put < RECORDS && dice(w, 3))
			put_one(w);
		turn(w, transactional_);
		if (w->put == RECORDS && group_idle(&w->group))
			break;
		w->now_ms += dice(w, 400);
	}
	assert_true(group_idle(&w->group));
	for (i = 0; i < RECORDS; i++) {
		assert_true(w->rec[i].answered);
		assert_true(w->rec[i].dead ==
			    (w->rec[i].poison || w->rec[i].topic == 2));
	}
	for (i = 0; i < 3; i++) {
		assert_int_equal(w->sources[i].records, 0);
		assert_int_equal(w->sources[i].bytes, 0);
		assert_false(w->sources[i].paused);
	}
	free(w);
}

static void
test_random(void **state)
{
	unsigned seed;

	for (seed = 1; seed <= 500; seed++) {
		run_world(seed, true);
		run_world(seed, false);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_one_commit_a_turn),
		cmocka_unit_test(test_batch_of_records),
		cmocka_unit_test(test_batch_of_bytes),
		cmocka_unit_test(test_refused_twice_alone),
		cmocka_unit_test(test_refused_once),
		cmocka_unit_test(test_two_topics_held),
		cmocka_unit_test(test_refused_at_once),
		cmocka_unit_test(test_aborted_alone),
		cmocka_unit_test(test_aborted_together),
		cmocka_unit_test(test_trial_first),
		cmocka_unit_test(test_unknown_topic),
		cmocka_unit_test(test_missing_is_forgotten_when_found),
		cmocka_unit_test(test_nobody_knows),
		cmocka_unit_test(test_parked_go_first),
		cmocka_unit_test(test_topic_drop),
		cmocka_unit_test(test_full_by_records),
		cmocka_unit_test(test_full_by_bytes),
		cmocka_unit_test(test_full_again_before_it_was_told),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_forget_parked_and_dead),
		cmocka_unit_test(test_forget_while_to_be_told),
		cmocka_unit_test(test_idempotent),
		cmocka_unit_test(test_idempotent_refused),
		cmocka_unit_test(test_idempotent_refused_last),
		cmocka_unit_test(test_idempotent_refused_at_once),
		cmocka_unit_test(test_idempotent_delivered_early),
		cmocka_unit_test(test_lingers_by_the_last_batch),
		cmocka_unit_test(test_lingers_at_most),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
