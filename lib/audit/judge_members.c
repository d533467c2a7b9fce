/*
 * audit/judge_members.c - I7: after a kick or a leave nothing of a higher seq
 * comes to that user until he is a member again, and nothing ever of a room
 * that he was never in; see audit.h.
 */
#include <stdlib.h>

#include "audit/inner.h"

#define CLOCKS_MS                                                              \
	1000 /* by which a client's clock and the database's differ            \
	      */

static int
compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
by_user(const void *a, const void *b)
{
	const struct audit_change *x = a, *y = b;
	int rc = compare(x->room_id, y->room_id);

	if (!rc)
		rc = compare(x->user_id, y->user_id);
	return rc ? rc : compare(x->seq, y->seq);
}

static int
by_member(const void *a, const void *b)
{
	const struct audit_member *x = a, *y = b;
	int rc = compare(x->room_id, y->room_id);

	return rc ? rc : compare(x->user_id, y->user_id);
}

static const struct audit_member *
find_member(const struct audit *audit, int64_t room_id, int64_t user_id)
{
	struct audit_member wanted = {room_id, user_id, 0, false};

	return audit->members ? bsearch(&wanted, audit->member, audit->members,
					sizeof(*audit->member), by_member)
			      : NULL;
}

/* His first change of that room. */
static size_t
first_change(const struct audit *audit, int64_t room_id, int64_t user_id)
{
	struct audit_change wanted = {room_id, user_id, INT64_MIN, 0, false};
	size_t low = 0, high = audit->changes, at;

	while (low < high) {
		at = low + (high - low) / 2;
		if (by_user(&audit->change[at], &wanted) < 0)
			low = at + 1;
		else
			high = at;
	}
	return low;
}

/* Was he back when the run began? By the invitation, or, in a 1:1 (which has
 * none), by his row. */
static bool
was_back(const struct audit *audit, const struct audit_run *run,
	const struct audit_change *out, const struct audit_change *in)
{
	const struct audit_member *member =
		find_member(audit, out->room_id, out->user_id);
	int64_t back_ms = -1;

	if (in)
		back_ms = in->ms;
	else if (member && !member->left && member->joined_ms >= out->ms)
		back_ms = member->joined_ms;
	else
		return false;
	return run->first_ms < 0 || back_ms < 0 ||
	       run->first_ms + CLOCKS_MS >= back_ms;
}

static bool
is_his(const struct audit *audit, size_t at, int64_t room_id, int64_t user_id)
{
	return at < audit->changes && audit->change[at].room_id == room_id &&
	       audit->change[at].user_id == user_id;
}

/* What came behind the end of a membership, and before the next began. */
static void
judge_end(struct audit *audit, const struct audit_run *run, size_t at)
{
	const struct audit_sub *sub = &audit->sub[run->sub];
	const struct audit_change *out = &audit->change[at], *in = NULL;
	int64_t low = run->from > out->seq ? run->from : out->seq + 1;
	int64_t high = run->to;

	while (is_his(audit, ++at, out->room_id, out->user_id) && !in)
		if (audit->change[at].in)
			in = &audit->change[at];
	if (in && in->seq <= high)
		high = in->seq - 1;
	if (low <= high && !was_back(audit, run, out, in))
		verdict_against(&audit->verdicts, I7_ISOLATION,
			"%s got room %lld seq %lld, and was out of it since "
			"seq %lld",
			audit_say_worker(audit, sub->worker),
			(long long)sub->room_id, (long long)low,
			(long long)out->seq);
}

static void
judge_run(struct audit *audit, const struct audit_run *run)
{
	const struct audit_sub *sub = &audit->sub[run->sub];
	int64_t room = sub->room_id;
	int64_t user = audit->worker[sub->worker].user_id;
	size_t first = first_change(audit, room, user), i;
	uint32_t at = audit_room_find(audit, room);

	if (at != TABLE_NONE && audit->room[at].pair)
		return; /* whatever is said in it brings him back */
	for (i = first; is_his(audit, i, room, user); i++)
		if (!audit->change[i].in &&
			(i == first || audit->change[i - 1].in))
			judge_end(audit, run, i);
}

static void
judge_strangers(struct audit *audit)
{
	const struct audit_sub *sub;
	size_t i;

	for (i = 0; i < audit->subs; i++) {
		sub = &audit->sub[i];
		if (sub->received &&
			!find_member(audit, sub->room_id,
				audit->worker[sub->worker].user_id))
			verdict_against(&audit->verdicts, I7_ISOLATION,
				"%s got messages of room %lld, and was never "
				"in "
				"it",
				audit_say_worker(audit, sub->worker),
				(long long)sub->room_id);
	}
}

/* What came with no subscription: before it began, or after its end. Of a
 * client that never says what he joined nothing is known. */
static void
judge_strays(struct audit *audit)
{
	const struct audit_sub *sub;
	size_t i;

	for (i = 0; i < audit->subs; i++) {
		sub = &audit->sub[i];
		if (sub->strays && sub->joins)
			verdict_against(&audit->verdicts, I7_ISOLATION,
				"%s got room %lld seq %lld%s, and had not "
				"joined it",
				audit_say_worker(audit, sub->worker),
				(long long)sub->room_id,
				(long long)sub->stray_seq,
				sub->strays > 1 ? " and more" : "");
	}
}

void
audit_judge_isolation(struct audit *audit)
{
	size_t i;

	judge_strays(audit);
	if (!audit->has[AUDIT_HISTORIES] ||
		!(audit->has[AUDIT_ROWS] || audit->has[AUDIT_EVENTS] ||
			audit->has[AUDIT_MEMBERS]))
		return;
	audit->verdicts.of[I7_ISOLATION].checked = audit->deliveries;
	if (audit->changes)
		qsort(audit->change, audit->changes, sizeof(*audit->change),
			by_user);
	if (audit->members)
		qsort(audit->member, audit->members, sizeof(*audit->member),
			by_member);
	for (i = 0; i < audit->runs; i++)
		if (audit->run[i].from <= audit->run[i].to &&
			audit->run[i].epoch == audit->epoch)
			judge_run(audit, &audit->run[i]);
	if (audit->has[AUDIT_MEMBERS])
		judge_strangers(audit);
}
