/*
 * run/group.h - a runner's side of the group: rebalances, positions, commits.
 * Part of the runner; see inner.h.
 */
#ifndef RUN_GROUP_H
#define RUN_GROUP_H

#include "run/inner.h"

extern const struct consumer_ops group_ops; /* data is a struct run */

/* Appends "<host>-<slot>", the group.instance.id. */
void group_instance(struct buf *out, int64_t slot);
/* Tells the runner where the consumer stands in each partition. */
void group_positions(struct run *run);
/* Offsets that are committed carry our name as their metadata, so that those
 * of a stranger are known: he may have skipped what nobody has done. */
void group_sign(rd_kafka_topic_partition_list_t *list);
/* What an ACT_COMMIT commits, signed; the caller destroys it. */
rd_kafka_topic_partition_list_t *group_offsets(
	const struct runner_action *action);
void group_commit(struct run *run, const struct runner_action *action);
/* For a status file: "lag", offsets that the log has and the group has not
 * finished, and "partitions", each with position, committed, end and lag; an
 * unknown one is null. data is a struct run. */
void group_status(void *data, struct buf *out);
/* Answers the rebalance that took the partitions away. */
void group_let_go(struct run *run);

#endif
