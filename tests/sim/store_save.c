/*
 * tests/sim/store_save.c - see store.h: stands for lib/store/save.c. A batch is
 * halved until each fault has its record; what was replayed is marked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "sends.h"
#include "store.h"
#include "store/outcomes.h"

static void
fill(struct pgarg *arg, const struct store_item *item)
{
	const struct message *message = &item->message;

	*arg = (struct pgarg){.room = (int)message->room_id - 1,
		.user = (int)message->sender_id - 1,
		.part = item->partition,
		.offset = item->offset,
		.timestamp = item->timestamp,
		.replayed = item->replayed};
	(void)str_i64(str_c(message->id.canonical), &arg->cmid);
	memcpy(arg->content, item->content.data,
		item->content.len < 15 ? item->content.len : 15);
}

static void
place(struct pgarg *arg, const struct dlt_place *place)
{
	arg->part = place->partition;
	arg->offset = place->offset;
	arg->timestamp = place->timestamp;
}

static bool
is_replayed(const struct store_item *item)
{
	return item->replay_of.topic.len && item->state != STORE_DEAD &&
	       item->state != STORE_RETRY;
}

/* NULL: the database is away. */
static struct pgcall *
new_call(struct actor *actor, enum pg_call kind)
{
	struct store *s = actor->self;

	if (!w.pg_up) { /* nobody answers there */
		s->away = true;
		store_say_waiting(actor);
		return NULL;
	}
	s->waiting = true;
	return pg_call(actor, kind);
}

static void
call(struct actor *actor)
{
	struct store *s = actor->self;
	struct range *range = &s->range[s->ranges - 1];
	bool letters = s->batch.letters;
	struct pgcall *call =
		new_call(actor, letters ? CALL_LETTERS : CALL_STORE);
	size_t i;

	if (!call)
		return;
	call->count = (int)range->count;
	for (i = 0; i < range->count; i++) {
		fill(&call->arg[i], range->items[i]);
		if (letters)
			place(&call->arg[i], &range->items[i]->origin);
		else
			call->want |= 1u << call->arg[i].room;
	}
	passes(actor, AT_CALL);
}

/* Who was replayed, and is decided now: true where there is one. */
static bool
mark_replayed(struct actor *actor)
{
	struct store *s = actor->self;
	struct pgcall *call;
	bool any = false;
	size_t i;

	for (i = 0; i < s->batch.count; i++)
		any |= is_replayed(&s->batch.items[i]);
	if (!any || s->batch.letters)
		return false;
	call = new_call(actor, CALL_REPLAYED);
	s->marking = true;
	for (i = 0; call && i < s->batch.count; i++)
		if (is_replayed(&s->batch.items[i]))
			place(&call->arg[call->count++],
				&s->batch.items[i].replay_of);
	return true;
}

static void finish(struct actor *actor);

/* The next range: without what an earlier one has put on hold. */
void
store_save(struct actor *actor)
{
	struct store *s = actor->self;

	while (s->ranges) {
		struct range *range = &s->range[s->ranges - 1];
		size_t left = 0, i;

		if (s->away && RULE(outage_is_not_poison))
			return; /* pg_link_ready() */

		for (i = 0; i < range->count; i++)
			if (!RULE(retry_takes_the_room_along) ||
				!store_batch_held(&s->batch, range->items[i]))
				range->items[left++] = range->items[i];
		range->count = left;
		if (left) {
			call(actor);
			return;
		}
		s->ranges--;
	}
	if (s->away && s->marking && RULE(outage_is_not_poison))
		return;
	if (s->any_open && RULE(replay_is_marked) && mark_replayed(actor))
		return;
	finish(actor);
}

/* All answers are written in one piece. */
static void
finish(struct actor *actor)
{
	struct store *s = actor->self;
	size_t i;

	for (i = 0; i < s->batch.count; i++)
		if (s->away && s->batch.items[i].state == STORE_DEAD)
			wrong("I1", "%s: dead, while the database is away",
				actor->name);
	law_store_answers(actor);
	for (i = 0; i < s->batch.count; i++) {
		if (s->batch.items[i].state == STORE_DEAD)
			odd_line(actor, &s->batch.items[i]);
		if (store_item_answer(
			    &s->out, &s->batch.items[i], "chat-events") < 0)
			abort();
	}
	/* A death in the middle of it leaves the first lines. */
	passes(actor, AT_ANSWER);
	store_write(actor, w.victim == actor ? (int)roll(4) : INT32_MAX);
	store_batch_reset(&s->batch);
	s->busy = s->marking = false;
	actor->due = true;
}

static void
refuse(struct store *s, struct store_item *item, enum pg_verdict verdict)
{
	struct err err;

	err_set(&err, "refused by the database");
	if (verdict == PGV_RECORD)
		store_item_dead(item, "SQLSTATE_22000", &err);
	else if (store_batch_retry(&s->batch, item, "SQLSTATE_23503", &err) < 0)
		abort();
}

static void
settle(const struct range *range, const struct pgcall *call)
{
	char epoch[24];
	size_t i;

	for (i = 0; i < range->count && call->kind == CALL_LETTERS; i++)
		range->items[i]->state = call->arg[i].state;
	if (call->kind == CALL_LETTERS)
		return;
	pg_epoch_print(call->epoch, epoch);
	for (i = 0; i < range->count; i++) {
		const struct pgarg *arg = &call->arg[i];
		struct store_row row = {.state = arg->state,
			.message_id = arg->id,
			.seq = arg->seq,
			.nickname = STR("x"),
			.reason = arg->state == STORE_REUSED
					  ? STR("CLIENT_MESSAGE_ID_REUSED")
					  : str_c(arg->reason),
			.type = STR("TEXT"),
			.content = str_c(arg->row ? arg->row->content : ""),
			.raw = range->items[i]->message.id.raw,
			.sent_at_ms = SIM_WALL_MS,
			.epoch = str_c(epoch)};

		store_item_settle(range->items[i], &row);
	}
}

void
store_answered(struct actor *actor, struct msg *msg)
{
	struct store *s = actor->self;
	const struct pgcall *call = msg->ptr;
	struct range *range = &s->range[s->ranges - 1], half;

	s->waiting = false;
	if (call->verdict == PGV_OUTAGE) {
		s->away = true;
		store_say_waiting(actor);
		return;
	}
	if (s->marking) {
		finish(actor);
		return;
	}
	if (call->verdict == PGV_OK) {
		settle(range, call);
		s->ranges--;
	} else if (range->count == 1) {
		refuse(s, range->items[0], call->verdict);
		s->ranges--;
	} else {
		half = *range;
		range->items += half.count / 2;
		range->count -= half.count / 2;
		if (s->ranges == RANGES)
			abort();
		s->range[s->ranges++] =
			(struct range){half.items, half.count / 2};
	}
	store_save(actor);
}
