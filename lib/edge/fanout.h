/*
 * edge/fanout.h - events from chat-broadcast: messages become items, framed
 * once for all who follow their room; acks, duplicates and refusals go to their
 * users' sessions on this edge.
 */
#ifndef EDGE_FANOUT_H
#define EDGE_FANOUT_H

#include "base/str.h"
#include "edge/edge.h"
#include "json/json.h"

/* The line from chat-broadcast. */
void fanout_start(struct edge *edge);
void fanout_stop(struct edge *edge);

/* An item of one message object (of a page): seq, type, targets are read out
 * of it. One reference is the caller's. NULL: it is none, or out of memory. */
struct follow_item *item_new_of(
	struct edge *edge, int64_t room_id, struct json message) MUST_CHECK;
/* The frame behind its subscription header. */
struct str item_tail(const struct follow_item *item);
/* SYSTEM_LEAVE, not SYSTEM_KICK. */
bool item_left(const struct follow_item *item);
void item_free(struct follow_item *item);

#endif
