/*
 * kafka/item.h - a record on its way, copied: one block of memory from the
 * line that brought it to its answer. Inside of publish.
 */
#ifndef KAFKA_ITEM_H
#define KAFKA_ITEM_H

#include "flow/group.h"
#include "kafka/conf.h"
#include "wire/record.h"

struct topic;

struct item {
	struct group_item group; /* first: one is cast to the other */
	struct topic *topic;
	void *opaque;
	struct record record;	  /* its views point behind this struct */
	rd_kafka_resp_err_t code; /* of its last delivery */
	int32_t partition;
	int64_t offset;
};

/* A copy, with its bytes counted; the caller frees it with free(). NULL: out
 * of memory. */
struct item *item_new(const struct record *record) MUST_CHECK;

#endif
