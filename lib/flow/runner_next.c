/* flow/runner_next.c - see runner.h: what is to be done now, one by one. */
#include "base/clock.h"
#include "base/rule.h"
#include "flow/runner.h"
#include "flow/runner_inner.h"

#define BLOWN "the fuse: too many records are dead"

static bool
act(struct runner_action *action, enum runner_act what)
{
	*action = (struct runner_action){.act = what};
	return true;
}

static bool
next_done(struct runner *r, int64_t now_ms, struct runner_action *action)
{
	struct item *item = TAILQ_FIRST(&r->done);

	if (!item)
		return false;
	TAILQ_REMOVE(&r->done, item, link);
	act(action, ACT_DONE);
	action->body = item->body;
	action->emits = item->emits;
	item->body = item->emits = NULL;
	r->bytes -= item->bytes;
	if (item->state != ITEM_OWED)
		runner_recycle(r, item);
	runner_measure(r, now_ms);
	return true;
}

static bool
next_letter(struct runner *r, struct runner_action *action)
{
	struct item *item = TAILQ_FIRST(&r->letters);

	if (!item)
		return false;
	TAILQ_REMOVE(&r->letters, item, in_letters);
	act(action, ACT_LETTER);
	action->item = item;
	return true;
}

/* Whoever sees that a partition's fuse has blown lets all others come to
 * their end. */
static bool
next_fuse(struct runner *r, int64_t now_ms, struct runner_action *action)
{
	struct part *part;

	TAILQ_FOREACH (part, &r->parts, in_parts)
		if (part->blown)
			break;
	if (!part)
		return false;
	runner_stop(r, EXIT_PERM, BLOWN, now_ms);
	if (r->exit_code == EXIT_DONE) { /* it was asked to stop */
		r->exit_code = EXIT_PERM;
		r->exit_why = BLOWN;
	}
	act(action, ACT_FUSE);
	action->part = part;
	action->item = part->blown;
	part->blown = NULL;
	return true;
}

/* ---- the filter --------------------------------------------------------- */

static bool
next_filter(struct runner *r, int64_t now_ms, struct runner_action *action)
{
	if (r->killing && !r->kill_told) {
		r->kill_told = true;
		r->filter = FILTER_KILLED;
		r->counters.kills++;
		act(action, ACT_KILL);
		action->why = r->why;
		return true;
	}
	if (r->filter != FILTER_NONE || r->draining || now_ms < r->start_ms)
		return false;
	r->filter = FILTER_STARTING;
	r->said_ms = now_ms;
	r->counters.starts++;
	return act(action, ACT_START);
}

/* Partitions that the filter has to hear of, in line with the records. */
static bool
next_control(struct runner *r, struct runner_action *action, bool assigned)
{
	struct part *part;
	size_t count = 0;

	TAILQ_FOREACH (part, &r->parts, in_parts) {
		if (assigned ? part->state != PART_ASSIGNED || part->told
			     : !part->untell)
			continue;
		part->told = assigned;
		part->untell = false;
		r->list[count++] = part;
	}
	if (!count)
		return false;
	act(action, assigned ? ACT_ASSIGNED : ACT_REVOKED);
	action->parts = r->list;
	action->count = count;
	return true;
}

static bool
next_line(struct runner *r, int64_t now_ms, struct runner_action *action)
{
	struct hold_item *held;
	bool again;

	if (r->filter != FILTER_UP || r->ended)
		return false;
	if (r->opts.control && RULE(control_lines) &&
		(next_control(r, action, false) ||
			next_control(r, action, true)))
		return true;
	if (r->draining || r->choked || runner_crowded(r))
		return false;
	if (r->hold.sent_count && deaths_alone(&r->deaths) &&
		RULE(blamed_go_one_by_one))
		return false;
	if (!r->hold.sent_count)
		r->said_ms = now_ms;
	held = hold_pop(&r->hold, &again);
	if (!held)
		return false;
	act(action, ACT_SEND);
	action->item = runner_item(held);
	action->again = again;
	r->counters.sent++;
	return true;
}

/* ---- the group ---------------------------------------------------------- */

static bool
next_pause(struct runner *r, struct runner_action *action)
{
	struct part *part;
	bool want;

	TAILQ_FOREACH (part, &r->parts, in_parts) {
		if (part->state != PART_ASSIGNED)
			continue;
		want = r->stalled || part->gated ||
		       window_span(&part->window) > RUNNER_SPAN_MAX;
		if (want == part->paused)
			continue;
		part->paused = want;
		act(action, want ? ACT_PAUSE : ACT_RESUME);
		action->part = part;
		return true;
	}
	return false;
}

/* What is in the transaction counts as finished. */
static int64_t
commit_at(struct part *part)
{
	return window_commit_after(&part->window,
		part->staged && RULE(x_offset_goes_along) ? &part->staged->slot
							  : NULL);
}

static bool
uncommitted(struct part *part)
{
	int64_t at = commit_at(part);

	return part->state != PART_NONE && at != WINDOW_NONE &&
	       at != part->committed;
}

static bool
any_uncommitted(struct runner *r)
{
	struct part *part;

	TAILQ_FOREACH (part, &r->parts, in_parts)
		if (uncommitted(part))
			return true;
	return false;
}

/* A partition that goes gives its answers time; then nothing is left in it. */
static bool
all_settled(struct runner *r)
{
	struct part *part;

	TAILQ_FOREACH (part, &r->parts, in_parts)
		if (part->state == PART_REVOKING && part->window.count)
			return false;
	return true;
}

static bool
next_commit(struct runner *r, int64_t now_ms, struct runner_action *action)
{
	bool hurry = r->batch_count ||
		     ((r->revoking || r->draining) && all_settled(r));
	struct part *part;
	size_t count = 0;

	if (r->committing || (now_ms < r->commit_ms && !hurry))
		return false;
	TAILQ_FOREACH (part, &r->parts, in_parts) {
		if (!uncommitted(part))
			continue;
		part->committing = commit_at(part);
		r->list[count++] = part;
	}
	if (!count)
		return false;
	r->committing = true;
	act(action, ACT_COMMIT);
	action->parts = r->list;
	action->count = count;
	return true;
}

/* All that can be committed is; or the broker had 5 s for it. */
static bool
at_rest(struct runner *r, int64_t deadline_ms, int64_t now_ms)
{
	if (now_ms >= deadline_ms + RUNNER_REVOKE_MS)
		return true;
	return (all_settled(r) || !RULE(revoke_waits_for_answers)) &&
	       ((!r->committing && !any_uncommitted(r)) ||
		       !RULE(revoke_commits_last));
}

static bool
next_let_go(struct runner *r, int64_t now_ms, struct runner_action *action)
{
	struct part *part;

	if (!r->revoking || !at_rest(r, r->revoke_ms, now_ms))
		return false;
	r->revoking = false;
	TAILQ_FOREACH (part, &r->parts, in_parts) {
		if (part->state != PART_REVOKING)
			continue;
		runner_drop_part(r, part, now_ms);
		part->state = PART_NONE;
		part->committing = WINDOW_NONE;
	}
	return act(action, ACT_LET_GO);
}

static bool
next_exit(struct runner *r, int64_t now_ms, struct runner_action *action)
{
	if (r->exit_told)
		return false;
	if (!r->stopped) {
		if (!r->draining || !at_rest(r, r->drain_ms, now_ms))
			return false;
		if (r->filter != FILTER_NONE && !r->ended) {
			r->ended = true;
			return act(action, ACT_END);
		}
		if (r->filter != FILTER_NONE)
			return false;
	}
	r->exit_told = true;
	act(action, ACT_EXIT);
	action->code = r->exit_code;
	action->why = r->exit_why;
	return true;
}

bool
runner_next(struct runner *r, int64_t now_ms, struct runner_action *action)
{
	if (r->stopped)
		return next_exit(r, now_ms, action);
	return next_fuse(r, now_ms, action) || next_letter(r, action) ||
	       next_done(r, now_ms, action) || next_filter(r, now_ms, action) ||
	       next_line(r, now_ms, action) || next_pause(r, action) ||
	       runner_next_emit(r, now_ms, action) ||
	       next_commit(r, now_ms, action) ||
	       next_let_go(r, now_ms, action) || next_exit(r, now_ms, action);
}

static void
sooner(int64_t *deadline_ms, bool when, int64_t at_ms)
{
	if (when && at_ms < *deadline_ms)
		*deadline_ms = at_ms;
}

/* A time to give up waiting for answers; once past, for the last commit. */
static int64_t
patience(int64_t deadline_ms, int64_t now_ms)
{
	if (now_ms < deadline_ms)
		return deadline_ms;
	deadline_ms += RUNNER_REVOKE_MS;
	return now_ms < deadline_ms ? deadline_ms : CLOCK_NEVER;
}

int64_t
runner_deadline(struct runner *r, int64_t now_ms)
{
	int64_t at = hold_deadline(&r->hold);
	bool heard = r->filter != FILTER_NONE && !r->choked && !r->killing;

	sooner(&at,
		heard && (r->hold.sent_count || r->filter == FILTER_STARTING),
		r->said_ms + r->opts.hang_ms);
	sooner(&at, heard && r->owed.count,
		owed_deadline(&r->owed, r->opts.hang_ms));
	sooner(&at, r->filter == FILTER_NONE && !r->draining, r->start_ms);
	sooner(&at, r->revoking, patience(r->revoke_ms, now_ms));
	sooner(&at, r->draining, patience(r->drain_ms, now_ms));
	sooner(&at, !r->committing && any_uncommitted(r), r->commit_ms);
	sooner(&at, r->full && !r->stalled, r->full_ms + RUNNER_STALL_MS);
	sooner(&at, true, runner_emit_deadline(r));
	return at;
}
