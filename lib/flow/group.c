/* flow/group.c - see group.h. */
#include "flow/group.h"

#include "base/clock.h"
#include "base/rule.h"

void
group_init(struct group *group, const struct group_limits *limits)
{
	*group = (struct group){.limits = *limits, .next_ms = CLOCK_NEVER};
	TAILQ_INIT(&group->ready);
	TAILQ_INIT(&group->batch);
	TAILQ_INIT(&group->done);
	TAILQ_INIT(&group->dead);
	TAILQ_INIT(&group->topics);
	TAILQ_INIT(&group->resumes);
}

void
group_topic_add(struct group *group, struct group_topic *topic)
{
	TAILQ_INIT(&topic->parked);
	TAILQ_INSERT_TAIL(&group->topics, topic, link);
}

/* ---- topics: when their records may go -------------------------------- */

static void
wait_until(struct group *group, struct group_topic *topic,
	enum group_topic_state state, int64_t until_ms)
{
	topic->state = state;
	topic->until_ms = until_ms;
	if (until_ms < group->next_ms)
		group->next_ms = until_ms;
}

/* Its parked records are older than those that are ready: they go first. */
static void
open_topic(struct group *group, struct group_topic *topic)
{
	topic->state = GROUP_TOPIC_OPEN;
	topic->missing = false;
	if (RULE(parked_go_first))
		TAILQ_CONCAT(&topic->parked, &group->ready, link);
	TAILQ_CONCAT(&group->ready, &topic->parked, link);
}

void
group_found(struct group *group, struct group_topic *topic)
{
	open_topic(group, topic);
}

void
group_missing(struct group *group, struct group_topic *topic, int64_t now_ms)
{
	struct group_item *item;

	if (!topic->missing && RULE(missing_is_asked_again)) {
		topic->missing = true;
		wait_until(group, topic, GROUP_TOPIC_ASK,
			now_ms + group->limits.retry_ms);
		return;
	}
	TAILQ_FOREACH (item, &topic->parked, link)
		item->missing = true;
	TAILQ_CONCAT(&group->dead, &topic->parked, link);
	topic->missing = false;
	topic->state = GROUP_TOPIC_NEW;
}

void
group_unknown(struct group *group, struct group_topic *topic, int64_t now_ms)
{
	wait_until(
		group, topic, GROUP_TOPIC_ASK, now_ms + group->limits.retry_ms);
}

/* item, refused alone, and all that wait behind it in its topic. */
static void
hold(struct group *group, struct group_item *item, int64_t now_ms)
{
	struct group_topic *topic = item->topic;
	struct group_item *other, *next;

	TAILQ_INSERT_HEAD(&topic->parked, item, link);
	for (other = TAILQ_FIRST(&group->ready); other; other = next) {
		next = TAILQ_NEXT(other, link);
		if (other->topic != topic || !RULE(nothing_overtakes_refused))
			continue;
		TAILQ_REMOVE(&group->ready, other, link);
		TAILQ_INSERT_TAIL(&topic->parked, other, link);
	}
	wait_until(group, topic, GROUP_TOPIC_HELD,
		now_ms + (RULE(refused_waits) ? group->limits.retry_ms : 0));
}

/* The first held record gets its second try; the others wait for its end. */
static void
try_again(struct group *group, struct group_topic *topic)
{
	struct group_item *item = TAILQ_FIRST(&topic->parked);

	TAILQ_REMOVE(&topic->parked, item, link);
	TAILQ_INSERT_HEAD(&group->ready, item, link);
	topic->state = GROUP_TOPIC_TRIAL;
}

/* The topic to be looked up now, or NULL; held ones go on. */
static struct group_topic *
due_topic(struct group *group, int64_t now_ms)
{
	struct group_topic *topic;
	int64_t next_ms = CLOCK_NEVER;

	if (now_ms < group->next_ms)
		return NULL;
	TAILQ_FOREACH (topic, &group->topics, link) {
		if (topic->state != GROUP_TOPIC_ASK &&
			topic->state != GROUP_TOPIC_HELD)
			continue;
		if (topic->until_ms > now_ms) {
			if (topic->until_ms < next_ms)
				next_ms = topic->until_ms;
		} else if (topic->state == GROUP_TOPIC_HELD) {
			try_again(group, topic);
		} else {
			topic->until_ms = CLOCK_NEVER; /* until the answer */
			return topic;
		}
	}
	group->next_ms = next_ms;
	return NULL;
}

void
group_topic_drop(struct group *group, struct group_topic *topic)
{
	TAILQ_REMOVE(&group->topics, topic, link);
}

/* ---- records in, answers out -------------------------------------------- */

void
group_put(struct group *group, struct group_item *item)
{
	const struct group_limits *limits = &group->limits;
	struct group_topic *topic = item->topic;
	struct group_source *source = item->source;

	group->count++;
	if (topic->state == GROUP_TOPIC_NEW)
		wait_until(group, topic, GROUP_TOPIC_ASK, 0);
	if (topic->state == GROUP_TOPIC_OPEN ||
		(topic->state == GROUP_TOPIC_TRIAL && !RULE(trial_goes_alone)))
		TAILQ_INSERT_TAIL(&group->ready, item, link);
	else
		TAILQ_INSERT_TAIL(&topic->parked, item, link);
	source->records++;
	source->bytes += item->bytes;
	if (source->records < limits->source_records &&
		source->bytes < limits->source_bytes)
		return;
	if (source->resuming) {
		TAILQ_REMOVE(&group->resumes, source, link);
		source->resuming = false;
	}
	source->paused = RULE(full_source_stops);
}

static void
release(struct group *group, struct group_item *item)
{
	const struct group_limits *limits = &group->limits;
	struct group_source *source = item->source;

	group->count--;
	if (!source)
		return;
	source->records--;
	source->bytes -= item->bytes;
	if (!source->paused || source->resuming ||
		((source->records > limits->source_records / 2 ||
			 source->bytes > limits->source_bytes / 2) &&
			RULE(half_empty_goes_on)))
		return;
	TAILQ_INSERT_TAIL(&group->resumes, source, link);
	source->resuming = true;
}

static void
forget_in(struct group_items *items, const struct group_source *source)
{
	struct group_item *item;

	TAILQ_FOREACH (item, items, link)
		if (item->source == source)
			item->source = NULL;
}

void
group_forget(struct group *group, struct group_source *source)
{
	struct group_topic *topic;

	forget_in(&group->ready, source);
	forget_in(&group->batch, source);
	forget_in(&group->done, source);
	forget_in(&group->dead, source);
	TAILQ_FOREACH (topic, &group->topics, link)
		forget_in(&topic->parked, source);
	if (source->resuming)
		TAILQ_REMOVE(&group->resumes, source, link);
	source->resuming = false;
}

/* ---- the batch ----------------------------------------------------------- */

static bool
fits(const struct group *group, const struct group_item *item, size_t bytes)
{
	if (!group->batch_count)
		return true;
	return !item->alone &&
	       group->batch_count < group->limits.batch_records &&
	       bytes + item->bytes <= group->limits.batch_bytes;
}

static void
build(struct group *group)
{
	struct group_item *item;
	size_t bytes = 0;

	group->batch_count = 0;
	while ((item = TAILQ_FIRST(&group->ready)) &&
		fits(group, item, bytes)) {
		TAILQ_REMOVE(&group->ready, item, link);
		TAILQ_INSERT_TAIL(&group->batch, item, link);
		item->refused = false;
		group->batch_count++;
		bytes += item->bytes;
		if (item->alone)
			break;
	}
	group->last_count = group->batch_count;
	group->next_send = TAILQ_FIRST(&group->batch);
	group->in_flight = 0;
	group->begun = !group->limits.transactional;
	group->spoilt = false;
	group->state = GROUP_SENDING;
}

static void
finish(struct group *group, struct group_item *item)
{
	TAILQ_REMOVE(&group->batch, item, link);
	TAILQ_INSERT_TAIL(&group->done, item, link);
	if (item->topic->state == GROUP_TOPIC_TRIAL)
		open_topic(group, item->topic);
}

/* Refused, alone: the first time it is held, the second time it is dead. */
static void
judge(struct group *group, struct group_item *item, int64_t now_ms)
{
	TAILQ_REMOVE(&group->batch, item, link);
	if (!item->refused_once && RULE(refused_twice)) {
		item->refused_once = item->alone = true;
		hold(group, item, now_ms);
		return;
	}
	TAILQ_INSERT_TAIL(&group->dead, item, link);
	open_topic(group, item->topic);
}

/* The batch is over; what is left of it is not in Kafka. */
static void
settle(struct group *group, int64_t now_ms)
{
	struct group_item *item;

	group->state = GROUP_IDLE;
	item = TAILQ_FIRST(&group->batch);
	if (item && (group->batch_count == 1 || !RULE(refused_alone)) &&
		item->refused) {
		judge(group, item, now_ms);
		return;
	}
	/* Where no record was refused it is no record's fault: the same batch
	 * again (a refusal spoils a producer's next transaction too). */
	for (; item && group->spoilt; item = TAILQ_NEXT(item, link))
		item->alone = RULE(refused_batch_one_by_one);
	if (RULE(aborted_go_first))
		TAILQ_CONCAT(&group->batch, &group->ready, link);
	TAILQ_CONCAT(&group->ready, &group->batch, link);
}

static void
decided(struct group *group, int64_t now_ms)
{
	group->in_flight--;
	if (!group->limits.transactional && !group->in_flight &&
		!group->next_send)
		settle(group, now_ms);
}

void
group_refused(struct group *group, struct group_item *item, int64_t now_ms)
{
	item->refused = true;
	group->spoilt = true;
	decided(group, now_ms);
}

void
group_delivered(struct group *group, struct group_item *item, int64_t now_ms)
{
	if (!group->limits.transactional || !RULE(done_when_committed))
		finish(group, item);
	decided(group, now_ms);
}

static void
rotate(struct group *group)
{
	if (RULE(producers_take_turns))
		group->k = (group->k + 1) % group->limits.producers;
}

void
group_committed(struct group *group)
{
	struct group_item *item;

	while ((item = TAILQ_FIRST(&group->batch)))
		finish(group, item);
	group->state = GROUP_IDLE;
	rotate(group);
}

void
group_aborted(struct group *group, int64_t now_ms)
{
	settle(group, now_ms);
	rotate(group);
}

/* ---- what next ----------------------------------------------------------- */

static struct group_action
answer(struct group *group, struct group_items *from, enum group_kind kind)
{
	struct group_item *item = TAILQ_FIRST(from);

	TAILQ_REMOVE(from, item, link);
	release(group, item);
	return (struct group_action){.kind = kind, .item = item};
}

static struct group_action
resume(struct group *group)
{
	struct group_source *source = TAILQ_FIRST(&group->resumes);

	TAILQ_REMOVE(&group->resumes, source, link);
	source->resuming = source->paused = false;
	return (struct group_action){.kind = GROUP_RESUME, .source = source};
}

static struct group_action
send_on(struct group *group)
{
	struct group_action act = {.k = group->k};

	if (!group->begun) {
		group->begun = true;
		act.kind = GROUP_BEGIN;
		return act;
	}
	if (group->spoilt && group->limits.transactional) {
		group->state = GROUP_WAITING;
		act.kind = GROUP_ABORT;
		return act;
	}
	if (!group->next_send) {
		group->state = GROUP_WAITING;
		act.kind = group->limits.transactional ? GROUP_COMMIT
						       : GROUP_NOTHING;
		return act;
	}
	act.kind = GROUP_SEND;
	act.item = group->next_send;
	group->next_send = TAILQ_NEXT(act.item, link);
	group->in_flight++;
	return act;
}

/* The more the last batch held, the longer the next may grow: 1 ms for each
 * record beyond the first. */
static bool
lingers(struct group *group, int64_t now_ms)
{
	int64_t ms = (int64_t)group->last_count - 1;

	if (ms > group->limits.linger_ms)
		ms = group->limits.linger_ms;
	if (group->last_count)
		group->begin_ms = ms > 0 ? now_ms + ms : 0;
	group->last_count = 0;
	return now_ms < group->begin_ms;
}

struct group_action
group_next(struct group *group, int64_t now_ms, bool may_begin)
{
	struct group_topic *topic;

	if (!TAILQ_EMPTY(&group->done))
		return answer(group, &group->done, GROUP_DONE);
	if (!TAILQ_EMPTY(&group->dead))
		return answer(group, &group->dead, GROUP_DEAD);
	if (!TAILQ_EMPTY(&group->resumes))
		return resume(group);
	topic = due_topic(group, now_ms);
	if (topic)
		return (struct group_action){
			.kind = GROUP_LOOKUP, .topic = topic};
	if (group->state == GROUP_IDLE && may_begin &&
		!lingers(group, now_ms) && !TAILQ_EMPTY(&group->ready))
		build(group);
	if (group->state == GROUP_SENDING)
		return send_on(group);
	return (struct group_action){.kind = GROUP_NOTHING};
}

int64_t
group_deadline(const struct group *group)
{
	if (!TAILQ_EMPTY(&group->done) || !TAILQ_EMPTY(&group->dead) ||
		!TAILQ_EMPTY(&group->resumes) || group->state == GROUP_SENDING)
		return 0;
	if (group->state != GROUP_IDLE || TAILQ_EMPTY(&group->ready))
		return group->next_ms;
	if (group->last_count)
		return 0;
	return group->begin_ms < group->next_ms ? group->begin_ms
						: group->next_ms;
}
