/* kafka/damaged.c - see hold.h. An element's opaque: the owner has paused it.
 */
#include "kafka/damaged.h"

static bool owner;

void
damaged_release(struct damaged *damaged)
{
	if (damaged->list)
		rd_kafka_topic_partition_list_destroy(damaged->list);
	damaged->list = NULL;
}

void
damaged_add(struct damaged *damaged, rd_kafka_t *rk, const char *topic,
	int32_t partition, int64_t now_ms)
{
	rd_kafka_topic_partition_list_t *one =
		rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(one, topic, partition);
	rd_kafka_pause_partitions(rk, one);
	rd_kafka_topic_partition_list_destroy(one);
	if (!damaged->list)
		damaged->list = rd_kafka_topic_partition_list_new(1);
	if (damaged->list->cnt == 0)
		damaged->again_ms = now_ms + DAMAGED_AGAIN_MS;
	if (!rd_kafka_topic_partition_list_find(
		    damaged->list, topic, partition))
		rd_kafka_topic_partition_list_add(
			damaged->list, topic, partition);
}

bool
damaged_owner_pauses(struct damaged *damaged, const char *topic,
	int32_t partition, bool pause)
{
	rd_kafka_topic_partition_t *held = NULL;

	if (damaged->list)
		held = rd_kafka_topic_partition_list_find(
			damaged->list, topic, partition);
	if (held)
		held->opaque = pause ? &owner : NULL;
	return held;
}

/* What the owner has paused stays so: he resumes it. */
void
damaged_forget(struct damaged *damaged, rd_kafka_t *rk)
{
	int i;

	for (i = (int)damaged_count(damaged) - 1; i >= 0; i--)
		if (damaged->list->elems[i].opaque)
			rd_kafka_topic_partition_list_del_by_idx(
				damaged->list, i);
	if (damaged_count(damaged))
		rd_kafka_resume_partitions(rk, damaged->list);
	damaged_release(damaged);
}

void
damaged_tick(struct damaged *damaged, rd_kafka_t *rk, int64_t now_ms)
{
	if (damaged_count(damaged) && now_ms >= damaged->again_ms)
		damaged_forget(damaged, rk);
}
