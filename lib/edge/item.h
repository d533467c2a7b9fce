/*
 * edge/item.h - a message framed once for all who follow its room; what
 * flow/follow counts references to and keeps in its rings.
 */
#ifndef EDGE_ITEM_H
#define EDGE_ITEM_H

#include "base/str.h"
#include "edge/edge.h"
#include "json/json.h"

/* What an item is made of; json is the very object that subscribers get. */
struct item_text {
	int64_t room_id, seq, sender;
	struct str type, json;
	struct json targets;
};
/* One reference is the caller's. NULL: out of memory. */
struct follow_item *item_new(
	struct edge *edge, const struct item_text *text) MUST_CHECK;
/* The same of a message of a page, which says all that itself. NULL also where
 * it is none. */
struct follow_item *item_new_of(
	struct edge *edge, int64_t room_id, struct json message) MUST_CHECK;
/* The frame behind its subscription header. */
struct str item_tail(const struct follow_item *item);
/* SYSTEM_LEAVE, not SYSTEM_KICK. */
bool item_left(const struct follow_item *item);
void item_free(struct follow_item *item);

#endif
