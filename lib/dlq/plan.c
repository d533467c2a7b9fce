/* dlq/plan.c - see plan.h. */
#include "dlq/plan.h"

#include <stdio.h>

#define PLAN_HEADERS_MAX (RECORD_HEADERS_MAX - 2) /* and two of a replay */

/* Is the letter among those that are meant? An edit that means another letter
 * at this place (the topic was made anew) is left unused. */
static bool
is_meant(struct plan *plan, const struct letter *letter, struct edit **edit)
{
	const struct record *r = &letter->record;

	*edit = NULL;
	if (plan->edits) {
		*edit = edits_find(
			plan->edits, r->topic, r->partition, r->offset);
		if (!*edit || ((*edit)->timestamp >= 0 &&
				      (*edit)->timestamp != r->timestamp))
			return false;
		(*edit)->used = true;
	}
	return choice_takes(plan->choice, letter);
}

static enum plan_word
refuse(struct plan *plan, const char *why)
{
	snprintf(plan->why, sizeof(plan->why), "%s", why);
	return PLAN_REFUSE;
}

static enum plan_word
judge(struct plan *plan, const struct letter *letter, struct str *target,
	struct edit **edit)
{
	bool meant = is_meant(plan, letter, edit);

	if (marks_has(plan->marks, buf_str(&plan->key)))
		return PLAN_SETTLED;
	if (!meant || plan->chosen >= plan->max)
		return PLAN_SKIP;
	if (plan->key.len > MARK_KEY_MAX)
		return refuse(plan, "what it says of its origin is no place");
	if (plan->drop)
		return PLAN_REPLAY;
	if (letter->info.replays == DLT_REPLAYS_UNKNOWN &&
		plan->max_replays < PLAN_UNBOUND)
		return refuse(plan, "its " DLT_REPLAY_COUNT " is no number");
	if (letter->info.replays >= plan->max_replays) {
		snprintf(plan->why, sizeof(plan->why),
			"replayed %lld times already (--max-replays %lld)",
			(long long)letter->info.replays,
			(long long)plan->max_replays);
		return PLAN_REFUSE;
	}
	if (letter->cut || letter->record.header_count > PLAN_HEADERS_MAX)
		return refuse(plan, "it has too many headers");
	if (!letter_target(target, letter))
		return refuse(plan, "it names no topic that it could go to");
	return PLAN_REPLAY;
}

int
plan_letter(struct plan *plan, const struct letter *letter,
	enum plan_word *word, struct str *target, struct edit **edit,
	struct err *err)
{
	buf_reset(&plan->key);
	letter_mark_key(&plan->key, letter);
	if (buf_bad(&plan->key))
		return err_set(err, "out of memory");
	*word = judge(plan, letter, target, edit);
	switch (*word) {
	case PLAN_REPLAY:
		plan->chosen++;
		if (marks_add(plan->marks, buf_str(&plan->key), err) < 0)
			return -1;
		break;
	case PLAN_SETTLED:
		break;
	case PLAN_SKIP:
		plan->skipped++;
		break;
	case PLAN_REFUSE:
		plan->refused++;
		break;
	}
	return 0;
}

void
plan_refused(struct plan *plan)
{
	plan->chosen--;
	plan->refused++;
}
