/*
 * flow/follow_inner.h - what follow.c, ring.c and heads.c share; for nobody
 * else.
 */
#ifndef FLOW_FOLLOW_INNER_H
#define FLOW_FOLLOW_INNER_H

#include "flow/follow.h"

RB_PROTOTYPE(follow_rooms, follow_room, node, )

struct follow_room *follow_room_find(struct follow *follow, int64_t id);
/* A head, asked for when room->naming was asked_at. */
void follow_room_head(
	struct follow_room *room, int64_t head, uint64_t asked_at);
/* Each subscription goes on with what it needs; the room may be freed. */
void follow_room_proceed(struct follow *follow, struct follow_room *room);
/* The epoch of an answer: another than before switches. */
void follow_epoch(struct follow *follow, struct str epoch);

/* Starts a round of heads; one that runs is followed by another. */
void follow_heads_ask(struct follow *follow);

struct follow_item *follow_ring_get(
	const struct follow_room *room, int64_t seq);
void follow_ring_put(struct follow *follow, struct follow_room *room,
	struct follow_item *item);
void follow_ring_clear(struct follow *follow, struct follow_room *room);

#endif
