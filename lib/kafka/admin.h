/*
 * kafka/admin.h - topics as they are: list, create, configs. Blocking, each
 * call with a timeout. The client may be any (a producer's rk too).
 */
#ifndef KAFKA_ADMIN_H
#define KAFKA_ADMIN_H

#include "base/str.h"
#include "kafka/conf.h"

#define ADMIN_CONFIGS_MAX 32

struct admin {
	struct kafka kafka;
	rd_kafka_t *rk;
};

/* A client of its own, for programs that have no other. */
int admin_open(struct admin *admin, const struct kafka_options *opts,
	struct err *err) MUST_CHECK;
void admin_close(struct admin *admin);

/* What a topic is. */
struct admin_topic {
	int32_t partitions;
	int32_t replicas;   /* of its first partition */
	bool leaders;	    /* every partition has one */
	int64_t min_insync; /* -1: not told, as max_bytes */
	int64_t max_bytes;  /* max.message.bytes */
};

/* 1 it is there, 0 it is not, -1 err (no broker answered, no right). Its
 * configs are asked for too, where `configs`. */
int admin_topic(rd_kafka_t *rk, const char *name, bool configs,
	struct admin_topic *out, int timeout_ms, struct err *err) MUST_CHECK;

/* Names of all topics, internal ones too, unsorted; borrowed for the call. */
int admin_list(rd_kafka_t *rk,
	void (*each)(
		void *data, const char *name, const struct admin_topic *topic),
	void *data, int timeout_ms, struct err *err) MUST_CHECK;

struct admin_config {
	char *name, *value;
};
struct admin_configs {
	struct admin_config entry[ADMIN_CONFIGS_MAX];
	size_t count;
};
void admin_configs_release(struct admin_configs *configs);
const char *admin_configs_get(const struct admin_configs *configs,
	const char *name); /* NULL: not there */
int admin_configs_set(struct admin_configs *configs, const char *name,
	const char *value, struct err *err) MUST_CHECK;

/* The topic's own configs (DYNAMIC_TOPIC_CONFIG), not the broker's. */
int admin_configs_read(rd_kafka_t *rk, const char *name,
	struct admin_configs *out, int timeout_ms, struct err *err) MUST_CHECK;
/* Replaces ALL own configs of the topic by these (kafka-notes §8): read,
 * change, write. */
int admin_configs_write(rd_kafka_t *rk, const char *name,
	const struct admin_configs *configs, int timeout_ms,
	struct err *err) MUST_CHECK;

/* Creates it and waits until every partition has a leader. replicas -1 and no
 * config: the broker's defaults. */
int admin_create(rd_kafka_t *rk, const char *name, int32_t partitions,
	int32_t replicas, const struct admin_configs *configs, int timeout_ms,
	struct err *err) MUST_CHECK;

#endif
