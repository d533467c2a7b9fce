/*
 * flow/runner_filter.c - see runner.h: what the filter says, and its end.
 */
#include "flow/runner.h"

#include "base/rule.h"
#include "flow/runner_inner.h"

void
runner_said(struct runner *r, int64_t now_ms)
{
	r->said_ms = now_ms;
}

void
runner_waiting(struct runner *r, int64_t now_ms)
{
	if (!RULE(waiting_is_no_silence))
		return;
	runner_said(r, now_ms);
	owed_said(&r->owed, now_ms);
}

void
runner_choke(struct runner *r, bool choked, int64_t now_ms)
{
	if (r->choked && !choked)
		runner_waiting(r, now_ms);
	r->choked = choked;
}

void
runner_garbage(struct runner *r, const char *why)
{
	if (r->killing || r->filter == FILTER_NONE)
		return;
	r->killing = true;
	r->why = why;
}

void
runner_filter_up(struct runner *r, int64_t now_ms)
{
	r->filter = FILTER_UP;
	runner_said(r, now_ms);
}

/* Nothing is owed for it any more: what was parked may go. */
static void
open_gate(struct runner *r, struct part *part)
{
	struct item *item;

	part->gated = false;
	while ((item = TAILQ_FIRST(&part->parked))) {
		TAILQ_REMOVE(&part->parked, item, link);
		runner_hold(r, item);
	}
}

static void
pay(struct runner *r, struct debt *debt)
{
	struct item *item =
		(struct item *)((char *)debt - offsetof(struct item, debt));

	/* Still in the queue of ACT_DONE: it is recycled there. */
	if (item->body)
		item->state = ITEM_DONE;
	else
		runner_recycle(r, item);
}

static void
forgive(struct runner *r)
{
	struct debt *debt;
	struct part *part;

	while (RULE(new_filter_owes_nothing) && (debt = owed_pop(&r->owed)))
		pay(r, debt);
	TAILQ_FOREACH (part, &r->parts, in_parts)
		open_gate(r, part);
}

static void
suspect_all(struct runner *r)
{
	struct hold_item *held;

	TAILQ_FOREACH (held, &r->hold.sent, in_queue)
		runner_item(held)->suspect = true;
}

/* Who is to blame for a counted death. */
static void
blame(struct runner *r)
{
	struct hold_item *held = TAILQ_FIRST(&r->hold.sent);
	struct item *item;

	if (!held)
		return;
	item = runner_item(held);
	if (!deaths_alone(&r->deaths) || !RULE(kills_alone_is_dead)) {
		if (deaths_blame(&r->deaths, item->part, item->slot.offset,
			    r->hold.sent_count))
			suspect_all(r);
		return;
	}
	if (++item->alone < DEATHS_ALONE)
		return;
	runner_clear(r, item);
	hold_remove(&r->hold, held);
	item->state = ITEM_FINISHING;
	runner_die(r, item, STR("FILTER_CRASH"),
		STR("it ended the filter each time it was sent alone"));
}

void
runner_filter_exit(struct runner *r, int wait_status, int64_t now_ms)
{
	enum death death = death_of(wait_status, r->killing);
	struct part *part;

	if (death == DEATH_COUNTED || !RULE(only_its_deaths_count))
		blame(r);
	hold_restart(&r->hold);
	forgive(r);
	TAILQ_FOREACH (part, &r->parts, in_parts) {
		if (RULE(new_filter_is_told))
			part->told = part->untell = false;
		if (part->state == PART_REVOKING)
			runner_cut_unsent(r, part);
	}
	r->filter = FILTER_NONE;
	r->killing = r->kill_told = false;
	r->start_ms = now_ms +
		      (RULE(filter_backs_off) ? deaths_backoff(&r->deaths) : 0);
	if (death == DEATH_PERM)
		runner_stop(r, EXIT_PERM, "the filter cannot go on", now_ms);
}

/* Late, for a partition that went: dropped. True: it was one. */
static bool
take_late(struct runner *r, struct part *part, int64_t offset, int64_t now_ms)
{
	struct debt *debt = owed_take(&r->owed, part, offset, now_ms);

	if (!debt)
		return false;
	pay(r, debt);
	r->counters.late++;
	if (part->gated &&
		(!owed_for(&r->owed, part) || !RULE(gate_waits_for_all)))
		open_gate(r, part);
	return true;
}

/* The item that is outstanding under that name, or NULL. */
static struct item *
outstanding(
	struct runner *r, const struct runner_result *result, int64_t now_ms)
{
	struct part *part =
		runner_find_part(r, result->topic, result->partition);
	struct window_slot *slot;
	struct item *item;

	if (!part || (RULE(late_answers_are_dropped) &&
			     take_late(r, part, result->offset, now_ms)))
		return NULL;
	slot = window_find(&part->window, result->offset);
	item = (struct item *)slot;
	if (slot && item->state == ITEM_HELD &&
		(item->hold.place == HOLD_SENT || !RULE(awaited_answers_only)))
		return item;
	r->counters.ignored++;
	return NULL;
}

static void
answer_retry(struct runner *r, struct item *item,
	const struct runner_result *result, int64_t now_ms)
{
	r->counters.retries++;
	if (!hold_retry(&r->hold, &item->hold, now_ms)) {
		/* A partition that goes cannot wait for another try. */
		if (item->part->state == PART_REVOKING &&
			RULE(leaving_is_not_retried))
			runner_cut_unsent(r, item->part);
		return;
	}
	item->state = ITEM_FINISHING;
	runner_die(r, item, result->error_class, result->error_message);
	/* Where the fuse has blown, it has left. */
	if (item->state == ITEM_FINISHING && runner_is_cut(r, item))
		runner_leave(r, item);
}

struct item *
runner_result(struct runner *r, const struct runner_result *result, int emits,
	int64_t now_ms)
{
	struct item *item = outstanding(r, result, now_ms);

	runner_said(r, now_ms);
	if (!item)
		return NULL;
	runner_clear(r, item);
	if (result->status == RUNNER_RETRY) {
		answer_retry(r, item, result, now_ms);
		return NULL;
	}
	deaths_well(&r->deaths);
	hold_remove(&r->hold, &item->hold);
	item->state = ITEM_FINISHING;
	if (result->status == RUNNER_DEAD)
		runner_die(r, item, result->error_class, result->error_message);
	if (item->state != ITEM_FINISHING)
		return NULL; /* the fuse has blown */
	item->publishing = emits;
	if (runner_is_cut(r, item)) {
		runner_leave(r, item);
		return NULL;
	}
	runner_finish(r, item);
	return emits ? item : NULL;
}
