/*
 * flow/heads.c - rounds over all rooms that ask chat-api for their heads:
 * after the line of events was away, when a new epoch shows, and by a clock.
 *
 * A round goes in order of ids, FOLLOW_HEADS_MAX a request, one request at a
 * time. A round that was asked for while another runs comes after it, whole:
 * the rooms that the first has passed may have been asked too early.
 */
#include "flow/follow.h"
#include "base/rule.h"

#include "flow/follow_inner.h"

/* The first room with an id of at least `id`. */
static struct follow_room *
room_from(struct follow *follow, int64_t id)
{
	struct follow_room key = {.id = id};

	return RB_NFIND(follow_rooms, &follow->rooms, &key);
}

static void
next_request(struct follow *follow)
{
	int64_t ids[FOLLOW_HEADS_MAX];
	struct follow_room *room = room_from(follow, follow->heads_next);
	size_t count = 0;

	for (; room && count < FOLLOW_HEADS_MAX;
		room = RB_NEXT(follow_rooms, &follow->rooms, room)) {
		room->heads_at = room->naming;
		ids[count++] = room->id;
	}
	if (!count)
		return;
	follow->heads_in_flight = follow->ops->ask_heads(follow, ids, count);
	follow->heads_need = !follow->heads_in_flight;
	if (follow->heads_in_flight)
		follow->heads_next = ids[count - 1] + 1;
}

void
follow_heads_ask(struct follow *follow)
{
	if (follow->heads_in_flight) {
		follow->heads_again = true;
		return;
	}
	follow->heads_need = false;
	follow->heads_next = INT64_MIN;
	next_request(follow);
}

static void
round_goes_on(struct follow *follow)
{
	if (room_from(follow, follow->heads_next)) {
		next_request(follow);
		return;
	}
	if (!follow->heads_again || !RULE(round_after_round))
		return;
	follow->heads_again = false;
	follow_heads_ask(follow);
}

void
follow_heads(struct follow *follow, struct str epoch, const int64_t (*heads)[2],
	size_t count)
{
	struct follow_room *room;
	size_t i;

	follow->heads_in_flight = false;
	if (RULE(heads_bring_epoch))
		follow_epoch(follow, epoch);
	for (i = 0; i < count; i++) {
		room = follow_room_find(follow, heads[i][0]);
		if (!room)
			continue;
		follow_room_head(room, heads[i][1], room->heads_at);
		follow_room_proceed(follow, room);
	}
	if (!follow->heads_in_flight)
		round_goes_on(follow);
	follow_retry(follow);
}

void
follow_heads_failed(struct follow *follow)
{
	follow->heads_in_flight = false;
	follow->heads_again = false;
	follow->heads_need = RULE(failed_heads_are_asked_again);
}
