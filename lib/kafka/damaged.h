/*
 * kafka/damaged.h - partitions whose next record cannot be read, because its
 * bytes are not those that were written (CRC-32C, check.crcs). librdkafka says
 * so once and goes on with what comes behind: that record would be lost, and
 * order with it. A partition that is held stands where it is, and is tried
 * again every DAMAGED_AGAIN_MS: a replica that takes over has the right bytes.
 *
 * Holding is pausing; the owner pauses for reasons of his own, and neither
 * undoes the other's. One thread.
 */
#ifndef KAFKA_DAMAGED_H
#define KAFKA_DAMAGED_H

#include <librdkafka/rdkafka.h>

#include "base/base.h"

#define DAMAGED_AGAIN_MS 5000

struct damaged {
	rd_kafka_topic_partition_list_t *list; /* NULL: none, ever */
	int64_t again_ms;		       /* when all are tried again */
};

void damaged_release(struct damaged *damaged);

/* Pauses it; again by the clock of now_ms (monotonic). */
void damaged_add(struct damaged *damaged, rd_kafka_t *rk, const char *topic,
	int32_t partition, int64_t now_ms);
/* Takes what the owner wants; false: it is not held, do it. */
bool damaged_owner_pauses(struct damaged *damaged, const char *topic,
	int32_t partition, bool pause);
/* Lets all go; the owner's pauses stay. */
void damaged_forget(struct damaged *damaged, rd_kafka_t *rk);
/* .. when it is time. */
void damaged_tick(struct damaged *damaged, rd_kafka_t *rk, int64_t now_ms);

static inline int64_t
damaged_count(const struct damaged *damaged)
{
	return damaged->list ? damaged->list->cnt : 0;
}

#endif
