/*
 * kafka/offsets.h - a group's committed offsets from outside: who is in it,
 * and to set them while nobody is. Blocking, each call with a timeout. The
 * client may be any.
 */
#ifndef KAFKA_OFFSETS_H
#define KAFKA_OFFSETS_H

#include "base/buf.h"
#include "kafka/conf.h"

/* How many members a group has (0: also where there is no such group); each is
 * appended to `names`, by its instance id or its member id, and its host. A
 * static member counts until its session has ended. -1 err. */
int offsets_members(rd_kafka_t *rk, const char *group, struct buf *names,
	int timeout_ms, struct err *err) MUST_CHECK;

/* Sets the offsets of the list, for the group. 1; 0 the group has members now:
 * nothing was set; -1 err. */
int offsets_set(rd_kafka_t *rk, const char *group,
	const rd_kafka_topic_partition_list_t *list, int timeout_ms,
	struct err *err) MUST_CHECK;

#endif
