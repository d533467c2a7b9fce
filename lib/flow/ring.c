/*
 * flow/ring.c - the last events of each room, and the count of their items.
 *
 * A room's ring is an array of FOLLOW_RING slots, made with its first event;
 * seq goes to slot seq % FOLLOW_RING. All items of all rings are on one list,
 * oldest first, so that their bytes can be bounded together.
 */
#include "flow/follow.h"

#include <stdlib.h>

#include "base/rule.h"
#include "flow/follow_inner.h"

void
follow_item_hold(struct follow_item *item)
{
	item->refs++;
}

void
follow_item_drop(struct follow *follow, struct follow_item *item)
{
	if (--item->refs == 0)
		follow->ops->item_free(item);
}

static struct follow_item **
ring_slot(const struct follow_room *room, int64_t seq)
{
	return &room->ring[seq % FOLLOW_RING];
}

struct follow_item *
follow_ring_get(const struct follow_room *room, int64_t seq)
{
	struct follow_item *item = room->ring ? *ring_slot(room, seq) : NULL;

	return item && item->seq == seq ? item : NULL;
}

static void
forget(struct follow *follow, struct follow_item *item)
{
	*ring_slot(item->ring_of, item->seq) = NULL;
	item->ring_of = NULL;
	TAILQ_REMOVE(&follow->kept, item, link);
	follow->kept_bytes -= item->bytes;
	follow_item_drop(follow, item);
}

/* An older one never takes a newer one's place. Without memory for a ring the
 * room has none: pages do the same, more slowly. */
void
follow_ring_put(struct follow *follow, struct follow_room *room,
	struct follow_item *item)
{
	struct follow_item *old;

	if (!room->ring)
		room->ring = calloc(FOLLOW_RING, sizeof(*room->ring));
	if (!room->ring)
		return;
	old = *ring_slot(room, item->seq);
	if (old && old->seq >= item->seq && RULE(ring_keeps_newest))
		return;
	if (old)
		forget(follow, old);
	*ring_slot(room, item->seq) = item;
	item->ring_of = room;
	follow_item_hold(item);
	TAILQ_INSERT_TAIL(&follow->kept, item, link);
	follow->kept_bytes += item->bytes;
	while (follow->kept_bytes > follow->kept_max)
		forget(follow, TAILQ_FIRST(&follow->kept));
}

void
follow_ring_clear(struct follow *follow, struct follow_room *room)
{
	size_t i;

	if (!room->ring)
		return;
	for (i = 0; i < FOLLOW_RING; i++)
		if (room->ring[i])
			forget(follow, room->ring[i]);
	free(room->ring);
	room->ring = NULL;
}
