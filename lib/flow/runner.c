/*
 * flow/runner.c - see runner.h. Partitions, records, ends; runner_filter.c has
 * what the filter does, runner_atomic.c what -x does, runner_next.c the
 * actions.
 */
#include "flow/runner.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rule.h"
#include "flow/runner_inner.h"

#define JUMP_MS 3000 /* ticks come every second: we were asleep ourselves */

int
runner_init(struct runner *r, const struct runner_options *opts, int64_t now_ms,
	struct err *err)
{
	size_t count = opts->max_records + RUNNER_SLACK, i;

	*r = (struct runner){.opts = *opts,
		.start_ms = now_ms,
		.said_ms = now_ms,
		.ticked_ms = now_ms};
	TAILQ_INIT(&r->free);
	TAILQ_INIT(&r->done);
	TAILQ_INIT(&r->letters);
	TAILQ_INIT(&r->batch);
	TAILQ_INIT(&r->parts);
	owed_init(&r->owed);
	deaths_init(&r->deaths);
	r->items = calloc(count, sizeof(*r->items));
	if (!r->items)
		return err_set(err, "out of memory");
	for (i = 0; i < count; i++)
		TAILQ_INSERT_TAIL(&r->free, &r->items[i], link);
	return hold_init(&r->hold, count, opts->control, err);
}

void
runner_release(struct runner *r)
{
	struct part *part;

	while ((part = TAILQ_FIRST(&r->parts))) {
		TAILQ_REMOVE(&r->parts, part, in_parts);
		free(part->topic);
		free(part);
	}
	hold_release(&r->hold);
	free(r->items);
	free(r->list);
	r->items = NULL;
	r->list = NULL;
}

/* ---- partitions --------------------------------------------------------- */

static struct part_bucket *
bucket_of(struct runner *r, int32_t partition)
{
	return &r->buckets[(uint32_t)partition % RUNNER_BUCKETS];
}

struct part *
runner_find_part(struct runner *r, struct str topic, int32_t partition)
{
	struct part *part;

	LIST_FOREACH (part, bucket_of(r, partition), in_bucket)
		if (part->partition == partition &&
			str_eq_c(topic, part->topic))
			return part;
	return NULL;
}

static struct part *
new_part(struct runner *r, struct str topic, int32_t partition)
{
	struct part *part = calloc(1, sizeof(*part));
	struct part **list =
		realloc(r->list, (r->part_count + 1) * sizeof(struct part *));

	if (list)
		r->list = list;
	if (part)
		part->topic = str_dup(topic);
	if (!list || !part || !part->topic) {
		if (part)
			free(part->topic);
		free(part);
		return NULL;
	}
	part->partition = partition;
	window_init(&part->window);
	part->committed = part->committing = WINDOW_NONE;
	TAILQ_INIT(&part->parked);
	TAILQ_INSERT_TAIL(&r->parts, part, in_parts);
	LIST_INSERT_HEAD(bucket_of(r, partition), part, in_bucket);
	r->part_count++;
	return part;
}

struct part *
runner_part(struct runner *r, struct str topic, int32_t partition)
{
	struct part *part = runner_find_part(r, topic, partition);

	return part ? part : new_part(r, topic, partition);
}

static void
begin_window(struct runner *r, struct part *part, int64_t offset)
{
	window_init(&part->window);
	window_position(&part->window, offset);
	part->committed = offset;
	part->committing = WINDOW_NONE;
	part->gated = owed_for(&r->owed, part) && RULE(owed_answers_gate);
	part->staged = NULL;
	fuse_reset(&part->fuse);
}

void
runner_assigned(
	struct runner *r, struct part *part, int64_t offset, int64_t now_ms)
{
	part->state = PART_ASSIGNED;
	/* It may be paused from before: librdkafka keeps that, so do we. */
	begin_window(r, part, offset);
	if (r->draining)
		runner_revoked(r, part, now_ms);
}

/* Until when a revoke waits is counted from its first partition. */
void
runner_revoked(struct runner *r, struct part *part, int64_t now_ms)
{
	if (!r->revoking)
		r->revoke_ms = now_ms + RUNNER_REVOKE_MS;
	r->revoking = true;
	runner_close_part(r, part);
}

void
runner_lost(struct runner *r, struct part *part, int64_t now_ms)
{
	if (part->state == PART_ASSIGNED)
		runner_close_part(r, part);
	runner_drop_part(r, part, now_ms);
	part->state = PART_NONE;
	part->committing = WINDOW_NONE;
}

/* No more of it is sent; what was not sent goes at once. */
void
runner_close_part(struct runner *r, struct part *part)
{
	if (part->state == PART_ASSIGNED && RULE(revoked_sends_no_more)) {
		part->untell = part->untell || part->told;
		part->told = false;
		part->state = PART_REVOKING;
	}
	runner_cut_unsent(r, part);
}

void
runner_cut_unsent(struct runner *r, struct part *part)
{
	struct window_slot *slot, *next;
	struct item *item;

	for (slot = window_first(&part->window); slot; slot = next) {
		next = window_after(slot);
		item = (struct item *)slot;
		if (item->state == ITEM_PARKED) {
			TAILQ_REMOVE(&part->parked, item, link);
		} else if (item->state == ITEM_HELD &&
			   item->hold.place != HOLD_SENT) {
			runner_clear(r, item);
			hold_remove(&r->hold, &item->hold);
		} else {
			continue;
		}
		window_cut(&part->window, slot);
		runner_done(r, item);
	}
	hold_forget(&r->hold, part);
	runner_drop_cut(r, part);
}

/* It leaves its window unfinished; what is published of it goes its way. */
void
runner_leave(struct runner *r, struct item *item)
{
	window_cut(&item->part->window, &item->slot);
	item->state = ITEM_DETACHED;
	if (r->opts.atomic && !item->staged && RULE(x_leaving_is_dropped)) {
		item->publishing = 0;
		item->letter_due = false;
	}
	runner_finish(r, item);
}

/* What is unfinished and was sent leaves too: its answers are owed, its emits
 * detached. */
void
runner_drop_part(struct runner *r, struct part *part, int64_t now_ms)
{
	struct window_slot *slot;
	struct item *item;

	while ((slot = window_first(&part->window))) {
		item = (struct item *)slot;
		if (item->state == ITEM_FINISHING) {
			runner_leave(r, item);
			continue;
		}
		window_cut(&part->window, slot);
		runner_clear(r, item);
		hold_remove(&r->hold, &item->hold);
		item->state = ITEM_OWED;
		owed_add(&r->owed, &item->debt, part, slot->offset, now_ms);
		TAILQ_INSERT_TAIL(&r->done, item, link);
	}
	part->staged = NULL;
	hold_forget(&r->hold, part);
}

/* ---- records ------------------------------------------------------------ */

/* How full it is; a full runner goes on when it is half empty. */
void
runner_measure(struct runner *r, int64_t now_ms)
{
	size_t records = r->opts.max_records, bytes = r->opts.max_bytes;

	if (!r->full && (r->used >= records || r->bytes >= bytes)) {
		r->full = true;
		r->full_ms = now_ms;
	} else if (r->full && r->used <= records / 2 && r->bytes <= bytes / 2) {
		r->full = r->stalled = false;
	}
}

bool
runner_may_poll(const struct runner *r)
{
	return !r->full || r->stalled;
}

void
runner_done(struct runner *r, struct item *item)
{
	item->state = ITEM_DONE;
	TAILQ_INSERT_TAIL(&r->done, item, link);
}

void
runner_recycle(struct runner *r, struct item *item)
{
	item->state = ITEM_FREE;
	TAILQ_INSERT_HEAD(&r->free, item, link);
	r->used--;
}

void
runner_clear(struct runner *r, struct item *item)
{
	if (item->suspect)
		deaths_cleared(&r->deaths);
	item->suspect = false;
}

void
runner_finish(struct runner *r, struct item *item)
{
	bool detached = item->state == ITEM_DETACHED;

	if ((item->publishing && RULE(emits_acked_first)) ||
		(item->letter_due && RULE(letter_acked_first)))
		return;
	if (item->state != ITEM_FINISHING && !detached)
		return; /* it is through */
	if (!detached) {
		window_finish(&item->part->window, &item->slot);
		r->counters.done++;
		if (!item->lettered)
			fuse_add(&item->part->fuse, &r->opts.fuse, false);
	}
	runner_done(r, item);
}

/* Whether it blows the fuse, or comes after the one that did: then it is left
 * where it is, for a person. */
static bool
blows(struct runner *r, struct item *item)
{
	struct part *part = item->part;
	bool was_blown = part->fuse.blown;

	if (!fuse_add(&part->fuse, &r->opts.fuse, true))
		return false;
	if (!was_blown)
		part->blown = item;
	runner_leave(r, item);
	return true;
}

void
runner_die(struct runner *r, struct item *item, struct str class,
	struct str message)
{
	if ((item->lettered && RULE(one_letter)) ||
		item->state != ITEM_FINISHING)
		return;
	item->lettered = true;
	snprintf(item->error_class, sizeof(item->error_class), "%.*s",
		STR_ARG(class));
	snprintf(item->error_message, sizeof(item->error_message), "%.*s",
		STR_ARG(message));
	if (blows(r, item))
		return;
	item->letter_due = true;
	TAILQ_INSERT_TAIL(&r->letters, item, in_letters);
	r->counters.dead++;
}

void
runner_hold(struct runner *r, struct item *item)
{
	item->state = ITEM_HELD;
	hold_add(&r->hold, &item->hold, item->part,
		item->keyless ? NULL : &item->key);
}

/* The log went back under us: what we hold of it is of another past; so are the
 * keys that the filter holds. */
static void
set_back(struct runner *r, struct part *part, int64_t now_ms)
{
	if (RULE(set_back_is_told)) {
		part->untell = part->untell || part->told;
		part->told = false;
	}
	runner_cut_unsent(r, part);
	runner_drop_part(r, part, now_ms);
	begin_window(r, part, WINDOW_NONE);
}

bool
runner_polled(struct runner *r, struct part *part, int64_t offset,
	const struct str *key, size_t bytes, void *body, bool too_long,
	int64_t now_ms)
{
	struct item *item = TAILQ_FIRST(&r->free);

	if (part->state != PART_ASSIGNED || !item)
		return false;
	TAILQ_REMOVE(&r->free, item, link);
	*item = (struct item){.part = part,
		.body = body,
		.bytes = bytes,
		.key = key ? *key : STR(""),
		.keyless = !key};
	while (!window_add(&part->window, &item->slot, offset)) {
		if (!RULE(log_went_back)) {
			TAILQ_INSERT_HEAD(&r->free, item, link);
			return false;
		}
		set_back(r, part, now_ms);
	}
	r->used++;
	r->bytes += bytes;
	runner_measure(r, now_ms);
	if (too_long) {
		item->state = ITEM_FINISHING;
		runner_die(r, item, STR("LINE_TOO_LONG"),
			STR("the record does not fit a line"));
	} else if (part->gated) {
		item->state = ITEM_PARKED;
		TAILQ_INSERT_TAIL(&part->parked, item, link);
	} else {
		runner_hold(r, item);
	}
	return true;
}

void
runner_position(struct part *part, int64_t offset)
{
	if (part->state == PART_ASSIGNED)
		window_position(&part->window, offset);
}

/* An offset that could not be committed is asked for again, but not where the
 * partition is going: its next owner reads a little twice. */
void
runner_committed(struct runner *r, bool ok, int64_t now_ms)
{
	struct part *part;

	r->committing = false;
	r->commit_ms =
		now_ms + (ok ? RUNNER_COMMIT_MS : RUNNER_COMMIT_AGAIN_MS);
	TAILQ_FOREACH (part, &r->parts, in_parts) {
		if (part->committing == WINDOW_NONE)
			continue;
		if (ok || !RULE(failed_commit_is_tried_again) ||
			(part->state == PART_REVOKING && !r->opts.atomic) ||
			!RULE(x_aborted_commits_nothing))
			part->committed = part->committing;
		part->committing = WINDOW_NONE;
	}
	r->counters.commits += ok;
	if (r->opts.atomic)
		runner_settle(r, ok, now_ms);
}

/* ---- ends --------------------------------------------------------------- */

void
runner_published(struct runner *r, struct item *item, bool letter, bool refused,
	struct str why, int64_t now_ms)
{
	if (letter && refused && RULE(refused_letter_ends)) {
		runner_fail(r, EXIT_TEMP, "a dead letter was refused");
		return;
	}
	if (letter)
		item->letter_due = false;
	else
		item->publishing--;
	if (refused && RULE(refused_emit_is_death))
		runner_die(r, item, STR("EMIT_REFUSED"), why);
	runner_finish(r, item);
}

void
runner_stop(struct runner *r, int code, const char *why, int64_t now_ms)
{
	struct part *part;

	if (r->draining || (r->stopped && RULE(failed_is_not_asked)))
		return;
	r->draining = true;
	r->drain_ms = now_ms + RUNNER_DRAIN_MS;
	r->exit_code = code;
	r->exit_why = why;
	TAILQ_FOREACH (part, &r->parts, in_parts)
		if (part->state == PART_ASSIGNED)
			runner_close_part(r, part);
}

void
runner_fail(struct runner *r, int code, const char *why)
{
	if (r->stopped)
		return;
	r->stopped = true;
	r->exit_code = code;
	r->exit_why = why;
}

static bool
silent(struct runner *r, int64_t now_ms)
{
	if (r->choked && RULE(choked_is_no_silence))
		return false;
	if (r->filter == FILTER_STARTING || r->hold.sent_count)
		if (now_ms >= r->said_ms + r->opts.hang_ms)
			return true;
	return now_ms >= owed_deadline(&r->owed, r->opts.hang_ms);
}

static void
drop_late(struct runner *r, int64_t now_ms)
{
	bool over = r->revoking && now_ms >= r->revoke_ms &&
		    RULE(revoke_waits_5_s_at_most);
	struct part *part;

	if (!over && !(r->draining && now_ms >= r->drain_ms))
		return;
	TAILQ_FOREACH (part, &r->parts, in_parts)
		if (part->state == PART_REVOKING)
			runner_drop_part(r, part, now_ms);
}

void
runner_tick(struct runner *r, int64_t now_ms)
{
	/* We were stopped ourselves: its answers may wait in the pipe. */
	if (now_ms - r->ticked_ms > JUMP_MS && RULE(woken_is_no_silence))
		runner_waiting(r, now_ms);
	r->ticked_ms = now_ms;
	runner_measure(r, now_ms);
	r->stalled = r->full && now_ms >= r->full_ms + RUNNER_STALL_MS;
	hold_tick(&r->hold, now_ms);
	if (r->filter != FILTER_NONE && silent(r, now_ms) &&
		RULE(silent_filter_is_killed))
		runner_garbage(r, "silent for too long");
	if (r->draining && now_ms >= r->drain_ms)
		runner_garbage(
			r, "still there when the time to drain was over");
	drop_late(r, now_ms);
}
