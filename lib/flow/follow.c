/*
 * flow/follow.c - subscriptions, answers and events. Rings and items are in
 * ring.c, rounds of heads in heads.c; what they share is in follow_inner.h.
 */
#include "flow/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "flow/follow_inner.h"

static int
room_order(const struct follow_room *a, const struct follow_room *b)
{
	return (a->id > b->id) - (a->id < b->id);
}

RB_GENERATE(follow_rooms, follow_room, node, room_order)

/* ---- rooms ------------------------------------------------------------- */

struct follow_room *
follow_room_find(struct follow *follow, int64_t id)
{
	struct follow_room key = {.id = id};

	return RB_FIND(follow_rooms, &follow->rooms, &key);
}

static struct follow_room *
room_make(struct follow *follow, int64_t id)
{
	struct follow_room *room = follow_room_find(follow, id);

	if (room)
		return room;
	room = calloc(1, sizeof(*room));
	if (!room)
		return NULL;
	room->id = id;
	LIST_INIT(&room->subs);
	RB_INSERT(follow_rooms, &follow->rooms, room);
	follow->room_count++;
	return room;
}

static void
room_drop_if_empty(struct follow *follow, struct follow_room *room)
{
	if (room->count)
		return;
	follow_ring_clear(follow, room);
	RB_REMOVE(follow_rooms, &follow->rooms, room);
	follow->room_count--;
	free(room);
}

/* A seq was named by an event, or an answer. */
static void
room_name(struct follow_room *room, int64_t seq)
{
	if (seq <= room->named || !RULE(rooms_remember_names))
		return;
	room->named = seq;
	room->named_at = ++room->naming;
}

/* A head, of an answer to what was asked when naming stood at asked_at: a
 * lower one counts only where it was asked after the higher was named. */
void
follow_room_head(struct follow_room *room, int64_t head, uint64_t asked_at)
{
	if (head < room->named && RULE(lower_head_lowers) &&
		(asked_at >= room->named_at || !RULE(later_asked_head_only)))
		room->named = head;
	else
		room_name(room, head);
}

/* ---- what a subscription needs --------------------------------------- */

static void
need_ask(struct follow *follow, struct follow_sub *sub)
{
	if (sub->needs_ask)
		return;
	sub->needs_ask = true;
	TAILQ_INSERT_TAIL(&follow->need, sub, need);
}

static void
ask_follow(struct follow *follow, struct follow_sub *sub)
{
	if (sub->in_flight)
		return;
	sub->asked_at = sub->room->naming;
	sub->in_flight =
		follow->ops->ask_follow(sub, sub->from_seq, sub->epoch);
	if (!sub->in_flight)
		need_ask(follow, sub);
}

static void
leave_room(struct follow *follow, struct follow_sub *sub)
{
	LIST_REMOVE(sub, link);
	sub->room->count--;
	if (sub->needs_ask)
		TAILQ_REMOVE(&follow->need, sub, need);
	sub->needs_ask = false;
	sub->in_flight = false;
	sub->state = FOLLOW_GONE;
	sub->room = NULL;
}

static bool
ends_user(const struct follow_item *item, int64_t user)
{
	size_t i;

	for (i = 0; i < item->ends_count; i++)
		if (item->ends[i] == user)
			return true;
	return false;
}

/* Gives the item at cursor + 1. False: it took the subscriber out of the room,
 * in its place. A kick at or below member_head is history: he came back. */
static bool
give(struct follow *follow, struct follow_sub *sub, struct follow_item *item)
{
	if ((item->seq > sub->member_head || !RULE(old_kick_is_history)) &&
		item->ends_count && ends_user(item, sub->user) &&
		RULE(kick_ends_in_place)) {
		leave_room(follow, sub);
		follow->ops->ended(sub, item);
		return false;
	}
	sub->cursor = item->seq;
	follow->ops->deliver(sub, item);
	return true;
}

/* From the ring as far as it goes; then a page is asked for. The ring serves
 * only what is above the head of the answer that last found him a member: what
 * is below is his own view of the history (DELETED), and may end in a kick that
 * counts no more. */
static void
catch_up(struct follow *follow, struct follow_sub *sub)
{
	struct follow_item *item;

	while (sub->cursor < sub->room->named &&
		(sub->cursor >= sub->member_head || !RULE(ring_above_head)) &&
		(item = follow_ring_get(sub->room, sub->cursor + 1))) {
		follow->ring_hits++;
		if (!give(follow, sub, item))
			return;
	}
	if (sub->cursor >= sub->room->named || sub->in_flight ||
		(!follow->ops->has_room(sub) && RULE(pages_when_there_is_room)))
		return;
	follow->pages++;
	sub->asked_at = sub->room->naming;
	sub->in_flight = follow->ops->ask_page(sub, sub->cursor);
	if (!sub->in_flight)
		need_ask(follow, sub);
}

/* Whatever it waits for now. */
static void
proceed(struct follow *follow, struct follow_sub *sub)
{
	if (sub->state == FOLLOW_ASKING)
		ask_follow(follow, sub);
	else if (sub->state == FOLLOW_FOLLOWING)
		catch_up(follow, sub);
}

void
follow_room_proceed(struct follow *follow, struct follow_room *room)
{
	struct follow_sub *sub, *next;

	LIST_FOREACH_SAFE (sub, &room->subs, link, next)
		proceed(follow, sub);
	room_drop_if_empty(follow, room);
}

/* ---- epochs -------------------------------------------------------------- */

static bool
epoch_seen(const struct follow *follow, struct str epoch)
{
	size_t i;

	for (i = 0; i < FOLLOW_EPOCHS; i++)
		if (str_eq_c(epoch, follow->seen[i]))
			return true;
	return false;
}

static void
epoch_copy(char to[FOLLOW_EPOCH_MAX], struct str epoch)
{
	size_t len =
		epoch.len < FOLLOW_EPOCH_MAX ? epoch.len : FOLLOW_EPOCH_MAX - 1;

	if (len)
		memcpy(to, epoch.data, len);
	to[len] = '\0';
}

static void
epoch_remember(struct follow *follow, struct str epoch)
{
	if (epoch_seen(follow, epoch))
		return;
	epoch_copy(follow->seen[follow->seen_next], epoch);
	follow->seen_next = (follow->seen_next + 1) % FOLLOW_EPOCHS;
}

/* Another life of the store: what was named and kept is of the old one. Who was
 * following follows anew, with the old epoch, so that the answer is a reset. */
static void
epoch_switch(struct follow *follow, struct str epoch)
{
	char old[FOLLOW_EPOCH_MAX];
	struct follow_room *room;
	struct follow_sub *sub;

	memcpy(old, follow->epoch, sizeof(old));
	epoch_copy(follow->epoch, epoch);
	epoch_remember(follow, epoch);
	if (!old[0]) {
		/* Events came before it, and an answer that was asked for
		 * before them says nothing of theirs. */
		if (follow->dropped_epoch && RULE(first_epoch_asks_heads))
			follow_heads_ask(follow);
		return;
	}
	follow->refollows++;
	RB_FOREACH (room, follow_rooms, &follow->rooms) {
		if (RULE(new_epoch_clears_rings))
			follow_ring_clear(follow, room);
		if (RULE(new_epoch_forgets_names)) {
			room->named = 0;
			room->named_at = ++room->naming;
		}
		LIST_FOREACH (sub, &room->subs, link) {
			if (sub->state != FOLLOW_FOLLOWING ||
				!RULE(new_epoch_follows_anew))
				continue;
			sub->state = FOLLOW_ASKING;
			sub->from_seq = sub->cursor;
			memcpy(sub->epoch, old, sizeof(old));
			need_ask(follow, sub);
		}
	}
	follow_heads_ask(follow);
}

void
follow_epoch(struct follow *follow, struct str epoch)
{
	if (!str_eq_c(epoch, follow->epoch))
		epoch_switch(follow, epoch);
}

/* ---- life ---------------------------------------------------------------- */

void
follow_init(struct follow *follow, const struct follow_ops *ops, void *data,
	size_t kept_max)
{
	*follow = (struct follow){.ops = ops,
		.data = data,
		.kept_max = kept_max,
		.next_tick_ms = 0};
	RB_INIT(&follow->rooms);
	TAILQ_INIT(&follow->need);
	TAILQ_INIT(&follow->kept);
}

void
follow_release(struct follow *follow)
{
	struct follow_room *room, *next;

	RB_FOREACH_SAFE (room, follow_rooms, &follow->rooms, next) {
		follow_ring_clear(follow, room);
		RB_REMOVE(follow_rooms, &follow->rooms, room);
		free(room);
	}
	follow->room_count = 0;
}

int
follow_subscribe(struct follow *follow, struct follow_sub *sub, int64_t room_id,
	int64_t user, int64_t from_seq, struct str epoch)
{
	struct follow_room *room = room_make(follow, room_id);

	if (!room)
		return -1;
	*sub = (struct follow_sub){.room = room,
		.user = user,
		.from_seq = from_seq,
		.state = FOLLOW_ASKING};
	epoch_copy(sub->epoch, epoch);
	LIST_INSERT_HEAD(&room->subs, sub, link);
	room->count++;
	ask_follow(follow, sub);
	return 0;
}

void
follow_unsubscribe(struct follow *follow, struct follow_sub *sub)
{
	struct follow_room *room = sub->room;

	if (!room)
		return;
	leave_room(follow, sub);
	room_drop_if_empty(follow, room);
}

/* ---- answers ------------------------------------------------------------- */

/* The items of an answer that come next, in order; false: one of them ended
 * the subscription. */
static bool
give_items(struct follow *follow, struct follow_sub *sub,
	const struct follow_answer *answer)
{
	size_t i;

	for (i = 0; i < answer->count; i++)
		if ((answer->items[i]->seq == sub->cursor + 1 ||
			    !RULE(answer_gives_what_is_next)) &&
			!give(follow, sub, answer->items[i]))
			return false;
	return true;
}

/* Not a member any more, and no message said so in its place. */
static void
end_without_item(struct follow *follow, struct follow_sub *sub)
{
	bool answered = sub->answered;

	leave_room(follow, sub);
	if (answered)
		follow->ops->ended(sub, NULL);
	else
		follow->ops->refused(sub);
}

static int64_t
first_cursor(const struct follow_answer *answer, int64_t from_seq)
{
	if (answer->status == FOLLOW_RECOVERED)
		return from_seq;
	if (answer->status == FOLLOW_TRUNCATED)
		return answer->first - 1;
	return answer->head;
}

/* The answer says where this subscription begins. One that was following before
 * (a new epoch) and is still in the same life goes on where it was. */
static void
begin(struct follow *follow, struct follow_sub *sub,
	const struct follow_answer *answer)
{
	bool again = sub->answered;

	if (RULE(answer_names_head))
		follow_room_head(sub->room, answer->head, sub->asked_at);
	sub->cursor = first_cursor(answer, sub->from_seq);
	sub->member_head = answer->head;
	sub->state = FOLLOW_FOLLOWING;
	sub->answered = true;
	if (!again)
		follow->ops->joined(sub, answer);
	else if (answer->status != FOLLOW_RECOVERED)
		follow->ops->reset(sub, answer);
}

void
follow_answered(struct follow *follow, struct follow_sub *sub,
	const struct follow_answer *answer)
{
	struct follow_room *room = sub->room;

	if (!room || sub->state != FOLLOW_ASKING)
		return;
	sub->in_flight = false;
	follow_epoch(follow, answer->epoch);
	if (!answer->member) {
		end_without_item(follow, sub);
	} else {
		begin(follow, sub, answer);
		if (give_items(follow, sub, answer))
			catch_up(follow, sub);
	}
	room_drop_if_empty(follow, room);
	follow_retry(follow);
}

/* A page that says there is more, and brings nothing that comes next: what is
 * missing was expired. Following anew tells the client where it goes on. */
static bool
stuck(const struct follow_sub *sub, const struct follow_answer *answer,
	int64_t before)
{
	return answer->member && sub->cursor == before && answer->head > before;
}

static void
take_page(struct follow *follow, struct follow_sub *sub,
	const struct follow_answer *answer)
{
	int64_t before = sub->cursor;

	if (answer->member || !RULE(strangers_page_names_nothing)) {
		follow_room_head(sub->room, answer->head, sub->asked_at);
		sub->member_head = answer->head;
	}
	if (!give_items(follow, sub, answer))
		return;
	if (!answer->member && RULE(page_asks_for_membership) &&
		(!answer->more || sub->cursor == before)) {
		end_without_item(follow, sub);
	} else if (stuck(sub, answer, before) && RULE(stuck_follows_anew)) {
		sub->state = FOLLOW_ASKING;
		sub->from_seq = sub->cursor;
		memcpy(sub->epoch, follow->epoch, sizeof(sub->epoch));
		ask_follow(follow, sub);
	} else {
		catch_up(follow, sub);
	}
}

/* A page of a life that has ended says nothing: the switch of the epoch has
 * put the subscription to ASKING, and its follow had to wait for this page. */
void
follow_paged(struct follow *follow, struct follow_sub *sub,
	const struct follow_answer *answer)
{
	struct follow_room *room = sub->room;

	if (!room)
		return;
	sub->in_flight = false;
	if (RULE(page_brings_epoch))
		follow_epoch(follow, answer->epoch);
	if (sub->state == FOLLOW_FOLLOWING ||
		!RULE(page_of_old_life_is_nothing))
		take_page(follow, sub, answer);
	else
		need_ask(follow, sub);
	room_drop_if_empty(follow, room);
	follow_retry(follow);
}

void
follow_failed(struct follow *follow, struct follow_sub *sub)
{
	if (!sub->room)
		return;
	sub->in_flight = false;
	if (RULE(failed_is_asked_again))
		need_ask(follow, sub);
}

/* Each once, until one cannot be asked: the others could not, either. */
void
follow_retry(struct follow *follow)
{
	struct follow_sub *sub, *last = TAILQ_LAST(&follow->need, follow_needs);
	struct follow_room *room;
	bool over = !last;

	while (!over && (sub = TAILQ_FIRST(&follow->need))) {
		TAILQ_REMOVE(&follow->need, sub, need);
		sub->needs_ask = false;
		room = sub->room;
		proceed(follow, sub);
		over = sub == last || sub->needs_ask;
		room_drop_if_empty(follow, room);
	}
	if (follow->heads_need)
		follow_heads_ask(follow);
}

void
follow_drained(struct follow *follow, struct follow_sub *sub)
{
	struct follow_room *room = sub->room;

	if (!room || sub->state != FOLLOW_FOLLOWING)
		return;
	catch_up(follow, sub);
	room_drop_if_empty(follow, room);
}

/* ---- events -------------------------------------------------------------- */

bool
follow_wants(struct follow *follow, int64_t room_id)
{
	return follow_room_find(follow, room_id) != NULL;
}

/* An event of another life than chat-api's last answer is never applied. One
 * never seen before means that there is a new life: chat-api is asked. */
static bool
event_is_ours(struct follow *follow, struct str epoch)
{
	if (str_eq_c(epoch, follow->epoch) || !RULE(event_of_this_life))
		return true;
	follow->dropped_epoch++;
	if (!epoch_seen(follow, epoch) && RULE(new_epoch_is_asked_about)) {
		epoch_remember(follow, epoch);
		follow_heads_ask(follow);
	}
	return false;
}

void
follow_event(struct follow *follow, int64_t room_id, struct str epoch,
	struct follow_item *item)
{
	struct follow_room *room = follow_room_find(follow, room_id);
	struct follow_sub *sub, *next;

	if (!event_is_ours(follow, epoch) || !room)
		return;
	if (RULE(event_names_seq))
		room_name(room, item->seq);
	follow_ring_put(follow, room, item);
	LIST_FOREACH_SAFE (sub, &room->subs, link, next) {
		if ((sub->state != FOLLOW_FOLLOWING &&
			    RULE(asking_gets_no_events)) ||
			(item->seq <= sub->cursor && RULE(lower_is_dropped)))
			continue;
		if ((item->seq == sub->cursor + 1 ||
			    !RULE(higher_is_fetched)) &&
			(sub->cursor >= sub->member_head ||
				!RULE(event_above_head)) &&
			!give(follow, sub, item))
			continue;
		catch_up(follow, sub);
	}
	room_drop_if_empty(follow, room);
}

int64_t
follow_tick(struct follow *follow, int64_t now_ms)
{
	if (now_ms < follow->next_tick_ms)
		return follow->next_tick_ms;
	follow->next_tick_ms = now_ms + FOLLOW_EVERY_MS;
	if (follow->room_count)
		follow_heads_ask(follow);
	return follow->next_tick_ms;
}

void
follow_line_up(struct follow *follow)
{
	follow->refollows++;
	follow_heads_ask(follow);
}
