/*
 * links: flow
 * follow: every interleaving that the cursor rule closes, forced by the order
 * in which events and answers are given. What comes out is a text, one word an
 * action, which each test compares whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/follow.h"

struct message {
	struct follow_item item;
	int64_t user;
};

static struct {
	struct follow follow;
	char out[65536];
	bool api_up, room_free;
	int live_items;
	int64_t asked_rooms[FOLLOW_HEADS_MAX];
	size_t asked_count;
} t;

static void PRINTF(1, 2)
say(const char *fmt, ...)
{
	size_t used = strlen(t.out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t.out + used, sizeof(t.out) - used, fmt, ap);
	va_end(ap);
}

/* What was said since the last time. */
#define SAID(expected)                                   \
	do {                                             \
		assert_string_equal(t.out, expected);    \
		t.out[0] = '\0';                         \
	} while (0)

static bool
ask_follow(struct follow_sub *sub, int64_t from_seq, const char *epoch)
{
	if (t.api_up)
		say("follow(%d,%d,%s) ", (int)sub->user, (int)from_seq, epoch);
	return t.api_up;
}

static bool
ask_page(struct follow_sub *sub, int64_t after)
{
	if (t.api_up)
		say("page(%d,%d) ", (int)sub->user, (int)after);
	return t.api_up;
}

static bool
ask_heads(struct follow *follow, const int64_t *rooms, size_t count)
{
	if (!t.api_up)
		return false;
	say("heads(%zu:%d..%d) ", count, (int)rooms[0], (int)rooms[count - 1]);
	memcpy(t.asked_rooms, rooms, count * sizeof(*rooms));
	t.asked_count = count;
	return true;
}

static bool
has_room(struct follow_sub *sub)
{
	return t.room_free;
}

static void
deliver(struct follow_sub *sub, struct follow_item *item)
{
	say("%d<%d ", (int)sub->user, (int)item->seq);
}

static void
joined(struct follow_sub *sub, const struct follow_answer *a)
{
	say("joined(%d,%d,%d) ", (int)sub->user, a->status, (int)a->head);
}

static void
reset(struct follow_sub *sub, const struct follow_answer *a)
{
	say("reset(%d,%d) ", (int)sub->user, (int)a->head);
}

static void
refused(struct follow_sub *sub)
{
	say("refused(%d) ", (int)sub->user);
}

static void
ended(struct follow_sub *sub, struct follow_item *item)
{
	say("ended(%d,%d) ", (int)sub->user, item ? (int)item->seq : 0);
}

static void
item_free(struct follow_item *item)
{
	t.live_items--;
	free(item);
}

static const struct follow_ops ops = {ask_follow, ask_page, ask_heads, has_room,
	deliver, joined, reset, refused, ended, item_free};

static int
setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.api_up = t.room_free = true;
	follow_init(&t.follow, &ops, NULL, 1 << 20);
	follow_heads(&t.follow, STR("A"), NULL, 0);
	return 0;
}

static int
teardown(void **state)
{
	follow_release(&t.follow);
	return t.live_items;
}

/* An item with one reference, ours; a kick of `kicked` where it is not 0. */
static struct follow_item *
item(int64_t seq, int64_t kicked)
{
	struct message *m = calloc(1, sizeof(*m));

	m->user = kicked;
	m->item = (struct follow_item){.seq = seq, .refs = 1, .bytes = 100};
	if (kicked) {
		m->item.ends = &m->user;
		m->item.ends_count = 1;
	}
	t.live_items++;
	return &m->item;
}

static void
event_kick(int64_t room, const char *epoch, int64_t seq, int64_t kicked)
{
	struct follow_item *it = item(seq, kicked);

	follow_event(&t.follow, room, str_c(epoch), it);
	follow_item_drop(&t.follow, it);
}

static void
event(int64_t seq)
{
	event_kick(1, "A", seq, 0);
}

struct page {
	bool no_member;
	int64_t head;
	const char *epoch; /* "A" */
	enum follow_status status;
	int64_t first;
	int64_t from, to; /* the seqs it brings; 0: none */
	int64_t kick_seq, kicked;
	bool more;
};

static void
answer(struct follow_sub *sub, bool page, struct page p)
{
	struct follow_item *items[100] = {0};
	struct follow_answer a = {.member = !p.no_member,
		.head = p.head,
		.epoch = str_c(p.epoch ? p.epoch : "A"),
		.status = p.status,
		.first = p.first,
		.items = items,
		.more = p.more};
	int64_t seq;
	size_t i;

	for (seq = p.from; p.from && seq <= p.to; seq++)
		items[a.count++] = item(seq, seq == p.kick_seq ? p.kicked : 0);
	if (page)
		follow_paged(&t.follow, sub, &a);
	else
		follow_answered(&t.follow, sub, &a);
	for (i = 0; i < a.count; i++)
		follow_item_drop(&t.follow, items[i]);
}

#define ANSWER(sub, ...) answer(sub, false, (struct page){__VA_ARGS__})
#define PAGE(sub, ...) answer(sub, true, (struct page){__VA_ARGS__})

static void
subscribe(struct follow_sub *sub, int64_t user, int64_t from_seq)
{
	assert_int_equal(follow_subscribe(&t.follow, sub, 1, user, from_seq,
		STR("")), 0);
}

/* A live subscription of user 7 in room 1 with cursor head. */
static void
live(struct follow_sub *sub, int64_t head)
{
	subscribe(sub, 7, -1);
	ANSWER(sub, .head = head);
	t.out[0] = '\0';
}

static void
heads(const char *epoch, int64_t room, int64_t head)
{
	const int64_t pair[1][2] = {{room, head}};

	follow_heads(&t.follow, str_c(epoch), pair, 1);
}

/* ---- the cursor ---------------------------------------------------------- */

static void
live_events_in_order(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, -1);
	SAID("follow(7,-1,) ");
	ANSWER(&sub, .head = 5);
	SAID("joined(7,0,5) ");
	event(6);
	event(7);
	SAID("7<6 7<7 ");
	assert_int_equal(sub.cursor, 7);
	event(7);
	event(3);
	SAID("");
	follow_unsubscribe(&t.follow, &sub);
	event(8);
	SAID("");
	assert_false(follow_wants(&t.follow, 1));
}

static void
event_overtakes_the_answer(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, -1);
	event(6);
	event(7);
	SAID("follow(7,-1,) ");
	ANSWER(&sub, .head = 5);
	SAID("joined(7,0,5) 7<6 7<7 ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
overtaking_event_is_in_the_answer_too(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, -1);
	event(6);
	ANSWER(&sub, .head = 6);
	SAID("follow(7,-1,) joined(7,0,6) ");
	event(7);
	SAID("7<7 ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
a_hole_is_fetched_and_the_ring_serves_what_it_has(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event(8);
	event(9);
	SAID("page(7,5) ");
	PAGE(&sub, .head = 9, .from = 6, .to = 7);
	SAID("7<6 7<7 page(7,7) ");
	PAGE(&sub, .head = 9, .from = 8, .to = 9);
	SAID("7<8 7<9 ");
	event(11);
	SAID("page(7,9) ");
	event(10);
	SAID("7<10 7<11 ");
	PAGE(&sub, .head = 11, .from = 10, .to = 11);
	SAID("");
	assert_int_equal(sub.cursor, 11);
	follow_unsubscribe(&t.follow, &sub);
}

static void
late_event_of_the_ring_fills_the_hole(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	t.room_free = false;
	event(7);
	event(8);
	SAID("");
	event(6);
	SAID("7<6 7<7 7<8 ");
	assert_int_equal(t.follow.ring_hits, 2);
	follow_unsubscribe(&t.follow, &sub);
}

static void
ring_keeps_64(void **state)
{
	struct follow_sub sub;
	int64_t seq;

	live(&sub, 0);
	for (seq = 2; seq <= 66; seq++)
		event(seq);
	SAID("page(7,0) ");
	PAGE(&sub, .head = 2, .from = 1, .to = 2);
	assert_int_equal(sub.cursor, 66);
	assert_int_equal(t.follow.ring_hits, 64);
	assert_int_equal(t.follow.kept_bytes, 64 * 100);
	follow_unsubscribe(&t.follow, &sub);
	assert_int_equal(t.follow.kept_bytes, 0);
	assert_int_equal(t.live_items, 0);
}

static void
rings_are_bounded_together(void **state)
{
	struct follow_sub sub;
	int64_t seq;

	t.follow.kept_max = 1000;
	live(&sub, 0);
	for (seq = 1; seq <= 30; seq++)
		event(seq);
	assert_int_equal(t.follow.kept_bytes, 1000);
	assert_int_equal(t.live_items, 10);
	follow_unsubscribe(&t.follow, &sub);
}

static void
old_event_does_not_take_a_newer_ones_place(void **state)
{
	struct follow_sub sub;

	live(&sub, 99);
	event(101);
	event(101 - FOLLOW_RING);
	event(100);
	SAID("page(7,99) 7<100 7<101 ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
a_full_client_gets_pages_when_it_has_room(void **state)
{
	struct follow_sub sub;

	t.room_free = false;
	subscribe(&sub, 7, 10);
	ANSWER(&sub, .head = 40, .status = FOLLOW_RECOVERED, .from = 11,
		.to = 20, .more = true);
	assert_int_equal(sub.cursor, 20);
	assert_null(strstr(t.out, "page"));
	t.out[0] = '\0';
	t.room_free = true;
	follow_drained(&t.follow, &sub);
	SAID("page(7,20) ");
	follow_drained(&t.follow, &sub);
	SAID("");
	follow_unsubscribe(&t.follow, &sub);
}

static void
two_subscribers_each_at_their_own_cursor(void **state)
{
	struct follow_sub a, b;

	live(&a, 5);
	subscribe(&b, 8, 3);
	event(6);
	SAID("follow(8,3,) 7<6 ");
	ANSWER(&b, .head = 5, .status = FOLLOW_RECOVERED, .from = 4, .to = 5);
	SAID("joined(8,1,5) 8<4 8<5 8<6 ");
	event(7);
	assert_int_equal(a.cursor, 7);
	assert_int_equal(b.cursor, 7);
	follow_unsubscribe(&t.follow, &a);
	assert_true(follow_wants(&t.follow, 1));
	follow_unsubscribe(&t.follow, &b);
}

/* The edge has just been started: it does not know the epoch yet. */
static void
event_before_any_answer_is_asked_about(void **state)
{
	struct follow_sub sub;

	t.follow.epoch[0] = '\0';
	t.follow.seen[0][0] = '\0';
	subscribe(&sub, 7, -1);
	event(6);
	SAID("follow(7,-1,) heads(1:1..1) ");
	heads("A", 1, 6);
	ANSWER(&sub, .head = 5);
	SAID("heads(1:1..1) joined(7,0,5) page(7,5) ");
	follow_unsubscribe(&t.follow, &sub);
}

/* ---- answers --------------------------------------------------------------- */

static void
from_seq_recovers_truncates_resets(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, 10);
	SAID("follow(7,10,) ");
	ANSWER(&sub, .head = 12, .status = FOLLOW_RECOVERED, .from = 11,
		.to = 12);
	SAID("joined(7,1,12) 7<11 7<12 ");
	follow_unsubscribe(&t.follow, &sub);
	subscribe(&sub, 7, 10);
	ANSWER(&sub, .head = 52, .status = FOLLOW_TRUNCATED, .first = 51,
		.from = 51, .to = 52);
	SAID("follow(7,10,) joined(7,2,52) 7<51 7<52 ");
	follow_unsubscribe(&t.follow, &sub);
	subscribe(&sub, 7, 99);
	ANSWER(&sub, .head = 52, .status = FOLLOW_RESET);
	event(53);
	SAID("follow(7,99,) joined(7,3,52) 7<53 ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
epoch_of_the_client_is_asked_for(void **state)
{
	struct follow_sub sub;

	assert_int_equal(follow_subscribe(&t.follow, &sub, 1, 7, 4, STR("E")),
		0);
	SAID("follow(7,4,E) ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
no_member_is_refused(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, -1);
	ANSWER(&sub, .no_member = true);
	SAID("follow(7,-1,) refused(7) ");
	assert_null(sub.room);
	assert_int_equal(t.follow.room_count, 0);
	follow_unsubscribe(&t.follow, &sub);
	ANSWER(&sub, .head = 4);
	SAID("");
}

static void
more_is_fetched_until_the_head(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, 0);
	ANSWER(&sub, .head = 6, .status = FOLLOW_RECOVERED, .from = 1, .to = 2,
		.more = true);
	SAID("follow(7,0,) joined(7,1,6) 7<1 7<2 page(7,2) ");
	event(3);
	SAID("");
	PAGE(&sub, .head = 6, .from = 3, .to = 4, .more = true);
	SAID("7<3 7<4 page(7,4) ");
	event(7);
	PAGE(&sub, .head = 6, .from = 5, .to = 6);
	SAID("7<5 7<6 7<7 ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
a_seq_that_never_was_is_lowered_by_a_later_answer(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event(9);
	SAID("page(7,5) ");
	PAGE(&sub, .head = 5);
	SAID("");
	assert_int_equal(sub.room->named, 5);
	follow_unsubscribe(&t.follow, &sub);
}

static void
an_earlier_answer_does_not_lower(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event(7);
	event(9);
	SAID("page(7,5) ");
	PAGE(&sub, .head = 7, .from = 6, .to = 7);
	SAID("7<6 7<7 page(7,7) ");
	assert_int_equal(sub.room->named, 9);
	follow_unsubscribe(&t.follow, &sub);
}

static void
expired_history_follows_anew(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event(20);
	PAGE(&sub, .head = 20, .from = 15, .to = 20);
	SAID("page(7,5) follow(7,5,A) ");
	ANSWER(&sub, .head = 20, .status = FOLLOW_TRUNCATED, .first = 15,
		.from = 15, .to = 20);
	SAID("reset(7,20) 7<15 7<16 7<17 7<18 7<19 7<20 ");
	follow_unsubscribe(&t.follow, &sub);
}

/* ---- kicks ------------------------------------------------------------------ */

static void
a_kick_ends_in_its_place(void **state)
{
	struct follow_sub sub, other;

	live(&sub, 5);
	subscribe(&other, 8, -1);
	ANSWER(&other, .head = 5);
	t.out[0] = '\0';
	event_kick(1, "A", 7, 7);
	event(8);
	SAID("page(8,5) page(7,5) ");
	event(6);
	SAID("8<6 8<7 8<8 7<6 ended(7,7) ");
	assert_null(sub.room);
	PAGE(&sub, .head = 8, .from = 6, .to = 8);
	SAID("");
	follow_unsubscribe(&t.follow, &other);
}

/* One event may end several. */
static void
a_kick_of_two_ends_both(void **state)
{
	int64_t users[] = {7, 8};
	struct follow_sub sub, other;
	struct follow_item *it = item(1, 7);

	live(&sub, 0);
	subscribe(&other, 8, -1);
	ANSWER(&other, .head = 0);
	t.out[0] = '\0';
	it->ends = users;
	it->ends_count = 2;
	follow_event(&t.follow, 1, STR("A"), it);
	follow_item_drop(&t.follow, it);
	SAID("ended(8,1) ended(7,1) ");
}

static void
kicked_and_invited_again_joins_from_before(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, 3);
	event_kick(1, "A", 5, 7);
	event(6);
	t.out[0] = '\0';
	ANSWER(&sub, .head = 6, .status = FOLLOW_RECOVERED, .from = 4, .to = 6,
		.kick_seq = 5, .kicked = 7);
	SAID("joined(7,1,6) 7<4 7<5 7<6 ");
	event_kick(1, "A", 7, 7);
	SAID("ended(7,7) ");
}

/* The answer found him a member at 6, but brings only a part: the old kick in
 * the ring must not end him, a page must bring his own view. */
static void
old_kick_in_the_ring_is_history(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, 3);
	event(4);
	event_kick(1, "A", 5, 7);
	event(6);
	ANSWER(&sub, .head = 6, .status = FOLLOW_RECOVERED, .more = true);
	SAID("follow(7,3,) joined(7,1,6) page(7,3) ");
	event_kick(1, "A", 4, 7);
	SAID("");
	PAGE(&sub, .head = 6, .from = 4, .to = 6, .kick_seq = 5, .kicked = 7);
	SAID("7<4 7<5 7<6 ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
a_page_that_finds_no_member_ends_in_place(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event(9);
	PAGE(&sub, .no_member = true, .head = 9, .from = 6, .to = 7,
		.kick_seq = 7, .kicked = 7);
	SAID("page(7,5) 7<6 ended(7,7) ");
	live(&sub, 5);
	event(9);
	PAGE(&sub, .no_member = true, .head = 9, .from = 6, .to = 6,
		.more = true);
	SAID("page(7,5) 7<6 page(7,6) ");
	PAGE(&sub, .no_member = true, .head = 9);
	SAID("ended(7,0) ");
	live(&sub, 5);
	event(9);
	PAGE(&sub, .no_member = true, .head = 9, .more = true);
	SAID("page(7,5) ended(7,0) ");
}

/* What says nothing of the head must not lower what others know of it. */
static void
a_strangers_page_says_nothing_of_the_head(void **state)
{
	struct follow_sub sub, other;

	live(&sub, 5);
	subscribe(&other, 8, -1);
	ANSWER(&other, .head = 5);
	t.out[0] = '\0';
	event(9);
	SAID("page(8,5) page(7,5) ");
	PAGE(&sub, .no_member = true);
	SAID("ended(7,0) ");
	assert_int_equal(other.room->named, 9);
	follow_unsubscribe(&t.follow, &other);
}

static void
a_member_again_by_the_time_of_the_page(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event(9);
	PAGE(&sub, .head = 9, .from = 6, .to = 9, .kick_seq = 7, .kicked = 7);
	SAID("page(7,5) 7<6 7<7 7<8 7<9 ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
others_kick_is_a_message(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event_kick(1, "A", 6, 70);
	SAID("7<6 ");
	follow_unsubscribe(&t.follow, &sub);
}

/* ---- the line, the clock, chat-api away ----------------------------------- */

static void
line_up_asks_for_heads_and_fetches(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	follow_line_up(&t.follow);
	SAID("heads(1:1..1) ");
	heads("A", 1, 8);
	SAID("page(7,5) ");
	PAGE(&sub, .head = 8, .from = 6, .to = 8);
	SAID("7<6 7<7 7<8 ");
	follow_line_up(&t.follow);
	heads("A", 1, 8);
	SAID("heads(1:1..1) ");
	follow_unsubscribe(&t.follow, &sub);
}

/* SUBSCRIBE's answer was taken before the line was ready, its event went by:
 * the heads name what it missed. */
static void
line_up_names_what_an_unanswered_subscribe_missed(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, -1);
	follow_line_up(&t.follow);
	heads("A", 1, 6);
	ANSWER(&sub, .head = 5);
	SAID("follow(7,-1,) heads(1:1..1) joined(7,0,5) page(7,5) ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
a_round_during_a_round_comes_after_it(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	follow_line_up(&t.follow);
	follow_line_up(&t.follow);
	follow_line_up(&t.follow);
	SAID("heads(1:1..1) ");
	heads("A", 1, 5);
	SAID("heads(1:1..1) ");
	heads("A", 1, 5);
	SAID("");
	follow_unsubscribe(&t.follow, &sub);
}

/* The heads were asked for before the event came: they say nothing of it. */
static void
earlier_heads_do_not_lower(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	follow_line_up(&t.follow);
	event(9);
	heads("A", 1, 7);
	SAID("heads(1:1..1) page(7,5) ");
	assert_int_equal(sub.room->named, 9);
	PAGE(&sub, .head = 9, .from = 6, .to = 7, .more = true);
	SAID("7<6 7<7 page(7,7) ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
heads_go_by_thousands(void **state)
{
	static struct follow_sub subs[2100];
	const int64_t pair[1][2] = {{1, 0}};
	size_t i;

	for (i = 0; i < 2100; i++)
		assert_int_equal(follow_subscribe(&t.follow, &subs[i],
			(int64_t)i + 1, 7, -1, STR("")), 0);
	t.out[0] = '\0';
	follow_line_up(&t.follow);
	SAID("heads(1000:1..1000) ");
	follow_heads(&t.follow, STR("A"), pair, 1);
	SAID("heads(1000:1001..2000) ");
	follow_heads(&t.follow, STR("A"), pair, 1);
	SAID("heads(100:2001..2100) ");
	follow_heads(&t.follow, STR("A"), pair, 1);
	SAID("");
	for (i = 0; i < 2100; i++)
		follow_unsubscribe(&t.follow, &subs[i]);
	assert_int_equal(t.follow.room_count, 0);
}

static void
clock_asks_every_30_s(void **state)
{
	struct follow_sub sub;

	assert_int_equal(follow_tick(&t.follow, 1000), 31000);
	SAID("");
	live(&sub, 5);
	assert_int_equal(follow_tick(&t.follow, 30999), 31000);
	SAID("");
	assert_int_equal(follow_tick(&t.follow, 31000), 61000);
	SAID("heads(1:1..1) ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
api_away_everything_is_asked_again(void **state)
{
	struct follow_sub a, b, c;

	live(&c, 5);
	t.api_up = false;
	subscribe(&a, 1, -1);
	subscribe(&b, 2, 4);
	event(7);
	follow_line_up(&t.follow);
	SAID("");
	t.api_up = true;
	follow_retry(&t.follow);
	SAID("follow(1,-1,) follow(2,4,) page(7,5) heads(1:1..1) ");
	follow_retry(&t.follow);
	SAID("");
	follow_failed(&t.follow, &a);
	follow_failed(&t.follow, &c);
	follow_heads_failed(&t.follow);
	follow_retry(&t.follow);
	SAID("follow(1,-1,) page(7,5) heads(1:1..1) ");
	t.api_up = false;
	follow_failed(&t.follow, &a);
	follow_failed(&t.follow, &b);
	follow_retry(&t.follow);
	follow_unsubscribe(&t.follow, &a);
	t.api_up = true;
	follow_retry(&t.follow);
	SAID("follow(2,4,) ");
	follow_unsubscribe(&t.follow, &b);
	follow_unsubscribe(&t.follow, &c);
}

/* ---- epochs ------------------------------------------------------------------ */

static void
an_unknown_epoch_is_not_applied_but_asked_about(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event_kick(1, "B", 6, 0);
	SAID("heads(1:1..1) ");
	assert_int_equal(sub.room->named, 5);
	event_kick(1, "B", 7, 0);
	SAID("");
	assert_int_equal(t.follow.dropped_epoch, 2);
	heads("B", 1, 2);
	SAID("heads(1:1..1) follow(7,5,A) ");
	ANSWER(&sub, .epoch = "B", .head = 3, .status = FOLLOW_RESET);
	SAID("reset(7,3) ");
	event(6);
	SAID("");
	event_kick(1, "B", 4, 0);
	SAID("7<4 ");
	follow_unsubscribe(&t.follow, &sub);
}

/* Nothing was ever answered: an event of the only life there is cannot be told
 * from one of another. */
static void
events_before_the_first_answer_are_asked_about(void **state)
{
	struct follow_sub sub;

	follow_release(&t.follow);
	follow_init(&t.follow, &ops, NULL, 1 << 20);
	event_kick(2, "A", 1, 0); /* of a room that nobody is in */
	subscribe(&sub, 7, -1);
	SAID("follow(7,-1,) ");
	event(6);
	SAID("");
	ANSWER(&sub, .epoch = "A", .head = 5);
	SAID("heads(1:1..1) joined(7,0,5) ");
	heads("A", 1, 6);
	SAID("page(7,5) ");
	follow_unsubscribe(&t.follow, &sub);
}

static void
a_new_epoch_clears_rings_and_names(void **state)
{
	struct follow_sub a, b;

	live(&a, 5);
	t.room_free = false;
	event(8);
	t.room_free = true;
	subscribe(&b, 8, -1);
	ANSWER(&b, .epoch = "B", .head = 3);
	assert_string_equal(t.follow.epoch, "B");
	assert_int_equal(t.follow.kept_bytes, 0);
	assert_int_equal(a.room->named, 3);
	assert_non_null(strstr(t.out, "joined(8,0,3) "));
	assert_non_null(strstr(t.out, "follow(7,5,A) "));
	assert_non_null(strstr(t.out, "heads(1:1..1) "));
	t.out[0] = '\0';
	event_kick(1, "B", 4, 0);
	SAID("8<4 ");
	ANSWER(&a, .epoch = "B", .head = 3, .status = FOLLOW_RESET);
	SAID("reset(7,3) 7<4 ");
	follow_unsubscribe(&t.follow, &a);
	follow_unsubscribe(&t.follow, &b);
}

/* What the old life named is forgotten, also where the answer that brings the
 * new one was asked for before. */
static void
a_new_epoch_forgets_what_was_named(void **state)
{
	struct follow_sub sub;

	subscribe(&sub, 7, -1);
	event(8);
	ANSWER(&sub, .epoch = "B", .head = 3);
	SAID("follow(7,-1,) heads(1:1..1) joined(7,0,3) ");
	assert_int_equal(sub.room->named, 3);
	follow_unsubscribe(&t.follow, &sub);
}

static void
a_page_of_the_old_life_in_flight(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event(7);
	SAID("page(7,5) ");
	follow_line_up(&t.follow);
	heads("B", 1, 2);
	SAID("heads(1:1..1) heads(1:1..1) ");
	follow_failed(&t.follow, &sub);
	follow_retry(&t.follow);
	SAID("follow(7,5,A) ");
	follow_unsubscribe(&t.follow, &sub);
	live(&sub, 5);
	event_kick(1, "A", 7, 0);
	t.out[0] = '\0';
	follow_unsubscribe(&t.follow, &sub);
}

/* A page asked in the old life, answered in the new one. */
static void
a_page_brings_the_new_epoch(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event(7);
	PAGE(&sub, .epoch = "B", .head = 9, .from = 6, .to = 7);
	SAID("page(7,5) heads(1:1..1) follow(7,5,A) ");
	assert_int_equal(sub.cursor, 5);
	follow_unsubscribe(&t.follow, &sub);
}

static void
same_life_goes_on_after_all(void **state)
{
	struct follow_sub sub;

	live(&sub, 5);
	event_kick(1, "B", 6, 0);
	heads("A", 1, 6);
	SAID("heads(1:1..1) page(7,5) ");
	event_kick(1, "B", 7, 0); /* asked about once */
	SAID("");
	follow_unsubscribe(&t.follow, &sub);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(live_events_in_order),
		T(event_overtakes_the_answer),
		T(overtaking_event_is_in_the_answer_too),
		T(a_hole_is_fetched_and_the_ring_serves_what_it_has),
		T(late_event_of_the_ring_fills_the_hole),
		T(ring_keeps_64),
		T(rings_are_bounded_together),
		T(old_event_does_not_take_a_newer_ones_place),
		T(a_full_client_gets_pages_when_it_has_room),
		T(two_subscribers_each_at_their_own_cursor),
		T(event_before_any_answer_is_asked_about),
		T(from_seq_recovers_truncates_resets),
		T(epoch_of_the_client_is_asked_for),
		T(no_member_is_refused),
		T(more_is_fetched_until_the_head),
		T(a_seq_that_never_was_is_lowered_by_a_later_answer),
		T(an_earlier_answer_does_not_lower),
		T(expired_history_follows_anew),
		T(a_kick_ends_in_its_place),
		T(a_kick_of_two_ends_both),
		T(kicked_and_invited_again_joins_from_before),
		T(old_kick_in_the_ring_is_history),
		T(a_page_that_finds_no_member_ends_in_place),
		T(a_strangers_page_says_nothing_of_the_head),
		T(a_member_again_by_the_time_of_the_page),
		T(others_kick_is_a_message),
		T(line_up_asks_for_heads_and_fetches),
		T(line_up_names_what_an_unanswered_subscribe_missed),
		T(a_round_during_a_round_comes_after_it),
		T(earlier_heads_do_not_lower),
		T(heads_go_by_thousands),
		T(clock_asks_every_30_s),
		T(api_away_everything_is_asked_again),
		T(an_unknown_epoch_is_not_applied_but_asked_about),
		T(events_before_the_first_answer_are_asked_about),
		T(a_new_epoch_clears_rings_and_names),
		T(a_new_epoch_forgets_what_was_named),
		T(a_page_of_the_old_life_in_flight),
		T(a_page_brings_the_new_epoch),
		T(same_life_goes_on_after_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
