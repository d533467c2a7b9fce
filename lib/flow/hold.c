/* flow/hold.c - see hold.h. */
#include "flow/hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rule.h"

#define SPARE_LANES 256 /* IDLE ones, when items fill all others */

struct lane_id {
	const void *part;
	uint64_t hash;
};

struct lane {
	struct lane_id id;
	bool keyless; /* not in a bucket */
	enum lane_state state;
	struct hold_queue items; /* in order; those that were sent come first */
	size_t sent;
	int64_t due_ms;		    /* DRAIN, WAIT */
	TAILQ_ENTRY(lane) in_queue; /* waiting, idle or free */
	LIST_ENTRY(lane) in_bucket;
};

/* ---- lanes and their table --------------------------------------------- */

/* FNV-1a. */
static struct lane_id
identify(const void *part, struct str key)
{
	struct lane_id id = {part, 0xcbf29ce484222325ULL};
	size_t i;

	for (i = 0; i < key.len; i++)
		id.hash = (id.hash ^ (unsigned char)key.data[i]) *
			  0x100000001b3ULL;
	return id;
}

static struct lane_bucket *
bucket_of(struct hold *hold, const struct lane_id *id)
{
	return &hold->buckets[id->hash % hold->bucket_count];
}

static struct lane *
find_lane(struct hold *hold, const struct lane_id *id)
{
	struct lane *lane;

	LIST_FOREACH (lane, bucket_of(hold, id), in_bucket)
		if (lane->id.part == id->part && lane->id.hash == id->hash)
			return lane;
	return NULL;
}

/* The lane stands in no queue. */
static void
free_lane(struct hold *hold, struct lane *lane)
{
	if (!lane->keyless)
		LIST_REMOVE(lane, in_bucket);
	TAILQ_INSERT_HEAD(&hold->free, lane, in_queue);
}

static void
free_idle(struct hold *hold, struct lane *lane)
{
	TAILQ_REMOVE(&hold->idle, lane, in_queue);
	free_lane(hold, lane);
}

static struct lane *
new_lane(struct hold *hold, const struct lane_id *id, bool keyless)
{
	struct lane *lane;

	if (TAILQ_EMPTY(&hold->free))
		free_idle(hold, TAILQ_FIRST(&hold->idle));
	lane = TAILQ_FIRST(&hold->free);
	TAILQ_REMOVE(&hold->free, lane, in_queue);
	*lane = (struct lane){.id = *id, .keyless = keyless};
	TAILQ_INIT(&lane->items);
	if (!keyless)
		LIST_INSERT_HEAD(bucket_of(hold, id), lane, in_bucket);
	return lane;
}

int
hold_init(struct hold *hold, size_t max_items, bool many, struct err *err)
{
	size_t lanes = max_items + SPARE_LANES, i;

	*hold = (struct hold){.many = many, .bucket_count = lanes};
	TAILQ_INIT(&hold->ready);
	TAILQ_INIT(&hold->sent);
	TAILQ_INIT(&hold->waiting);
	TAILQ_INIT(&hold->idle);
	TAILQ_INIT(&hold->free);
	hold->lanes = calloc(lanes, sizeof(*hold->lanes));
	hold->buckets = calloc(hold->bucket_count, sizeof(*hold->buckets));
	if (!hold->lanes || !hold->buckets) {
		hold_release(hold);
		return err_set(err, "out of memory");
	}
	for (i = 0; i < lanes; i++)
		TAILQ_INSERT_TAIL(&hold->free, &hold->lanes[i], in_queue);
	return 0;
}

void
hold_release(struct hold *hold)
{
	free(hold->lanes);
	free(hold->buckets);
	hold->lanes = NULL;
	hold->buckets = NULL;
}

/* ---- what moves -------------------------------------------------------- */

static void
make_ready(struct hold *hold, struct hold_item *item)
{
	item->place = HOLD_READY;
	TAILQ_INSERT_TAIL(&hold->ready, item, in_queue);
}

/* Out of ready or sent, back to its lane. */
static void
take_back(struct hold *hold, struct hold_item *item)
{
	if (item->place == HOLD_READY) {
		TAILQ_REMOVE(&hold->ready, item, in_queue);
	} else if (item->place == HOLD_SENT) {
		TAILQ_REMOVE(&hold->sent, item, in_queue);
		hold->sent_count--;
		item->lane->sent--;
	}
	item->place = HOLD_WAITING;
}

/* A flowing lane offers what it may: all, or its first. */
static void
offer(struct hold *hold, struct lane *lane)
{
	struct hold_item *item;

	TAILQ_FOREACH (item, &lane->items, in_lane) {
		if (item->place == HOLD_WAITING)
			make_ready(hold, item);
		if (!hold->many && RULE(one_of_a_key))
			break;
	}
}

static void
probe(struct hold *hold, struct lane *lane)
{
	lane->state = LANE_PROBE;
	make_ready(hold, TAILQ_FIRST(&lane->items));
}

static void
wait_until_due(struct hold *hold, struct lane *lane)
{
	struct lane *other;

	lane->state = LANE_WAIT;
	/* All wait equally long: its place is near the end. */
	TAILQ_FOREACH_REVERSE(other, &hold->waiting, lane_queue, in_queue)
	if (other->due_ms <= lane->due_ms)
		break;
	if (other)
		TAILQ_INSERT_AFTER(&hold->waiting, other, lane, in_queue);
	else
		TAILQ_INSERT_HEAD(&hold->waiting, lane, in_queue);
}

/* The only place where a lane comes to rest after something left it. */
static void
settle(struct hold *hold, struct lane *lane)
{
	if (TAILQ_EMPTY(&lane->items)) {
		if (lane->state == LANE_WAIT)
			TAILQ_REMOVE(&hold->waiting, lane, in_queue);
		if (lane->state == LANE_FLOW || lane->keyless ||
			!RULE(filter_holds_on)) {
			free_lane(hold, lane);
			return;
		}
		lane->state = LANE_IDLE;
		TAILQ_INSERT_TAIL(&hold->idle, lane, in_queue);
	} else if (lane->state == LANE_DRAIN &&
		   (!lane->sent || !RULE(retry_drains_first))) {
		wait_until_due(hold, lane);
	}
}

/* ---- events ------------------------------------------------------------ */

void
hold_add(struct hold *hold, struct hold_item *item, const void *part,
	const struct str *key)
{
	struct lane_id id = identify(part, key ? *key : STR(""));
	struct lane *lane = key ? find_lane(hold, &id) : NULL;

	if (!lane)
		lane = new_lane(hold, &id, !key);
	*item = (struct hold_item){.lane = lane};
	TAILQ_INSERT_TAIL(&lane->items, item, in_lane);
	if (lane->state == LANE_IDLE) {
		TAILQ_REMOVE(&hold->idle, lane, in_queue);
		probe(hold, lane);
	} else if ((lane->state == LANE_FLOW || !RULE(new_ones_wait)) &&
		   (hold->many || item == TAILQ_FIRST(&lane->items) ||
			   !RULE(one_of_a_key))) {
		make_ready(hold, item);
	}
}

struct hold_item *
hold_pop(struct hold *hold, bool *again)
{
	struct hold_item *item = TAILQ_FIRST(&hold->ready);

	if (!item)
		return NULL;
	TAILQ_REMOVE(&hold->ready, item, in_queue);
	TAILQ_INSERT_TAIL(&hold->sent, item, in_queue);
	hold->sent_count++;
	item->place = HOLD_SENT;
	item->lane->sent++;
	*again = item->lane->state == LANE_PROBE && RULE(probe_says_again);
	return item;
}

void
hold_remove(struct hold *hold, struct hold_item *item)
{
	struct lane *lane = item->lane;
	bool was_probe =
		lane->state == LANE_PROBE && item->place != HOLD_WAITING;

	take_back(hold, item);
	TAILQ_REMOVE(&lane->items, item, in_lane);
	if (was_probe)
		lane->state = LANE_FLOW;
	if (was_probe || (lane->state == LANE_FLOW && !hold->many))
		offer(hold, lane);
	settle(hold, lane);
}

/* Nothing of the lane goes out any more. */
static void
stop_lane(struct hold *hold, struct lane *lane, int64_t due_ms)
{
	struct hold_item *item;

	lane->state = LANE_DRAIN;
	lane->due_ms = due_ms;
	TAILQ_FOREACH (item, &lane->items, in_lane)
		if (item->place == HOLD_READY && RULE(ready_ones_stop))
			take_back(hold, item);
}

bool
hold_retry(struct hold *hold, struct hold_item *item, int64_t now_ms)
{
	struct lane *lane = item->lane;
	struct hold_item *other;
	bool dead = false;

	take_back(hold, item);
	if (lane->state != LANE_DRAIN || !RULE(only_first_retry_counts)) {
		stop_lane(hold, lane,
			now_ms + (RULE(retry_waits) ? HOLD_WAIT_MS : 0));
		dead = item->last_chance || !RULE(retry_is_retried) ||
		       ++item->attempts > HOLD_RETRIES;
	}
	if (dead) {
		TAILQ_REMOVE(&lane->items, item, in_lane);
		lane->due_ms = now_ms;
		TAILQ_FOREACH (other, &lane->items, in_lane)
			other->last_chance = RULE(last_chance);
	}
	settle(hold, lane);
	return dead;
}

void
hold_forget(struct hold *hold, const void *part)
{
	struct lane *lane, *next;

	TAILQ_FOREACH_SAFE (lane, &hold->idle, in_queue, next)
		if (lane->id.part == part && RULE(revoked_forgets_holds))
			free_idle(hold, lane);
}

void
hold_restart(struct hold *hold)
{
	struct hold_item *item;
	struct lane *lane;

	while ((item = TAILQ_LAST(&hold->sent, hold_queue))) {
		lane = item->lane;
		take_back(hold, item);
		if (lane->state == LANE_DRAIN && RULE(restart_keeps_holds)) {
			settle(hold, lane);
			continue;
		}
		item->place = HOLD_READY;
		if (RULE(restart_keeps_order))
			TAILQ_INSERT_HEAD(&hold->ready, item, in_queue);
		else
			TAILQ_INSERT_TAIL(&hold->ready, item, in_queue);
	}
	while (RULE(new_filter_holds_nothing) &&
		(lane = TAILQ_FIRST(&hold->idle)))
		free_idle(hold, lane);
}

void
hold_tick(struct hold *hold, int64_t now_ms)
{
	struct lane *lane;

	while ((lane = TAILQ_FIRST(&hold->waiting)) && lane->due_ms <= now_ms) {
		TAILQ_REMOVE(&hold->waiting, lane, in_queue);
		probe(hold, lane);
	}
}

int64_t
hold_deadline(const struct hold *hold)
{
	const struct lane *lane = TAILQ_FIRST(&hold->waiting);

	return lane ? lane->due_ms : CLOCK_NEVER;
}
