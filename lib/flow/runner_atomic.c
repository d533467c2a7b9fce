/*
 * flow/runner_atomic.c - see runner.h: opts.atomic, which records make up the
 * next transaction, and what its end means for each.
 */
#include "base/clock.h"
#include "base/rule.h"
#include "flow/runner.h"
#include "flow/runner_inner.h"

void
runner_emits(struct runner *r, struct item *item, void *emits, size_t bytes,
	int64_t now_ms)
{
	item->emits = emits;
	item->bytes += bytes;
	r->bytes += bytes;
	runner_measure(r, now_ms);
}

/* Its window is bounded in bytes, and answers may be larger than records. One
 * at a time always goes: what all wait for may be among them. */
bool
runner_crowded(const struct runner *r)
{
	return r->opts.atomic && r->bytes >= r->opts.max_bytes &&
	       RULE(x_waits_while_full) &&
	       (r->hold.sent_count || !RULE(x_one_always_goes));
}

bool
runner_is_cut(const struct runner *r, const struct item *item)
{
	return r->opts.atomic && RULE(x_cut_says_nothing) &&
	       window_behind_cut(&item->part->window, item->slot.offset);
}

void
runner_drop_cut(struct runner *r, struct part *part)
{
	struct window_slot *slot, *next;
	struct item *item;

	if (!r->opts.atomic)
		return;
	for (slot = window_first(&part->window); slot; slot = next) {
		next = window_after(slot);
		item = (struct item *)slot;
		if (item->state == ITEM_FINISHING && !item->staged &&
			runner_is_cut(r, item))
			runner_leave(r, item);
	}
}

/* ---- into the transaction ------------------------------------------------ */

/* The next of that partition to go in, or NULL. All that is FINISHING in a
 * window has something to publish, and is not behind a cut. */
static struct item *
next_of(struct part *part)
{
	struct window_slot *slot = part->staged
					   ? window_after(&part->staged->slot)
					   : window_first(&part->window);
	struct item *item;

	while (!RULE(x_up_to_the_lowest) && slot &&
		((struct item *)slot)->state != ITEM_FINISHING)
		slot = window_after(slot);
	item = (struct item *)slot;
	if (!slot || item->state != ITEM_FINISHING)
		return NULL;
	return item;
}

static bool
closed(const struct runner *r)
{
	const struct item *first = TAILQ_FIRST(&r->batch);

	return r->batch_count == RUNNER_BATCH_RECORDS || (first && first->solo);
}

static bool
fits(const struct runner *r, const struct item *item)
{
	return !r->batch_count ||
	       (!item->solo &&
		       r->batch_bytes + item->bytes <= RUNNER_BATCH_BYTES);
}

static void
stage(struct runner *r, struct item *item)
{
	item->staged = true;
	item->part->staged = item;
	TAILQ_INSERT_TAIL(&r->batch, item, in_batch);
	r->batch_count++;
	r->batch_bytes += item->bytes;
}

bool
runner_next_emit(struct runner *r, int64_t now_ms, struct runner_action *action)
{
	struct part *part;
	struct item *item;

	if (!r->opts.atomic || r->committing || now_ms < r->batch_ms ||
		closed(r))
		return false;
	TAILQ_FOREACH (part, &r->parts, in_parts) {
		item = next_of(part);
		if (!item || now_ms < item->due_ms || !fits(r, item))
			continue;
		stage(r, item);
		*action = (struct runner_action){.act = ACT_EMIT, .item = item};
		return true;
	}
	return false;
}

int64_t
runner_emit_deadline(struct runner *r)
{
	int64_t at = CLOCK_NEVER, due;
	struct part *part;
	struct item *item;

	if (!r->opts.atomic || r->committing)
		return at;
	TAILQ_FOREACH (part, &r->parts, in_parts) {
		item = next_of(part);
		if (!item)
			continue;
		due = item->due_ms > r->batch_ms ? item->due_ms : r->batch_ms;
		if (due < at)
			at = due;
	}
	return at;
}

/* ---- its end ------------------------------------------------------------- */

/* Takes one out of the batch; it stays as it is. NULL: the batch is empty. */
static struct item *
unstage(struct runner *r)
{
	struct item *item = TAILQ_FIRST(&r->batch);

	if (!item) {
		r->batch_count = r->batch_bytes = 0;
		return NULL;
	}
	TAILQ_REMOVE(&r->batch, item, in_batch);
	item->staged = false;
	item->part->staged = NULL;
	return item;
}

/* Not in Kafka. Where its partition has gone meanwhile nor will it be. */
static void
go_back(struct runner *r, struct item *item)
{
	if (item->state == ITEM_DETACHED) {
		item->publishing = 0;
		item->letter_due = false;
		runner_finish(r, item);
	} else if (runner_is_cut(r, item)) {
		runner_leave(r, item);
	}
}

void
runner_settle(struct runner *r, bool ok, int64_t now_ms)
{
	struct item *item;

	while ((item = unstage(r))) {
		if (!ok && RULE(x_aborted_is_kept)) {
			go_back(r, item);
			continue;
		}
		item->publishing = 0;
		item->letter_due = false;
		runner_finish(r, item);
	}
	if (ok) {
		r->aborts = 0;
		return;
	}
	/* librdkafka 2.0.2: the first after a refused one fails, too. */
	if (r->aborts++)
		r->batch_ms = now_ms + RUNNER_COMMIT_AGAIN_MS;
	if (r->aborts > RUNNER_ABORTS_MAX && RULE(x_aborts_end))
		runner_fail(r, EXIT_TEMP,
			"transactions are aborted again and again");
}

/* It was refused alone. */
static void
judge(struct runner *r, struct item *item, bool letter, struct str why,
	int64_t now_ms)
{
	if (item->state == ITEM_DETACHED) {
		go_back(r, item);
	} else if (!item->refused_once && RULE(x_refused_twice)) {
		item->refused_once = item->solo = true;
		item->due_ms = now_ms +
			       (RULE(x_refused_waits) ? RUNNER_REFUSED_MS : 0);
	} else if (letter) {
		runner_fail(r, EXIT_TEMP, "a dead letter was refused");
	} else {
		item->refused_once = false;
		item->publishing = 0;
		runner_die(r, item, STR("EMIT_REFUSED"), why);
	}
}

void
runner_refused(struct runner *r, bool letter, struct str why, int64_t now_ms)
{
	bool alone = r->batch_count == 1;
	struct part *part;
	struct item *item;

	r->committing = false;
	r->aborts = 0;
	TAILQ_FOREACH (part, &r->parts, in_parts)
		part->committing = WINDOW_NONE;
	while ((item = unstage(r))) {
		if (alone) {
			judge(r, item, letter, why, now_ms);
			continue;
		}
		item->solo = RULE(x_refused_go_alone);
		go_back(r, item);
	}
}
