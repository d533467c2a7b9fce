/*
 * kafka/consumer.h - one consumer: of a group (static member, range), or of
 * partitions and offsets that it is told. Never commits by itself.
 *
 * A rebalance is answered by the owner, inside its callback or later:
 * consumer_assign() or consumer_unassign(). One thread: callbacks come from
 * consumer_poll() only. wake_fd is an edge (kafka/conf.h): read it, then poll
 * until nothing is there; poll every second even when idle.
 */
#ifndef KAFKA_CONSUMER_H
#define KAFKA_CONSUMER_H

#include "kafka/conf.h"
#include "kafka/damaged.h"
#include "wire/record.h"

struct consumer;

struct consumer_ops {
	/* The group's rebalance; list is borrowed. */
	void (*on_assign)(void *data, rd_kafka_topic_partition_list_t *list);
	void (*on_revoke)(
		void *data, rd_kafka_topic_partition_list_t *list, bool lost);
	/* The commit in flight has ended. */
	void (*on_commit)(void *data, rd_kafka_resp_err_t code);
};

struct consumer_options {
	const struct kafka_options *kafka;
	const char *group;    /* NULL: none */
	const char *instance; /* group.instance.id; NULL: none */
	bool uncommitted;     /* isolation.level=read_uncommitted */
	bool eof;	      /* consumer_poll() tells of partition ends */
	bool bulk;	      /* much is read at once: 64 MB read ahead, and 20
			       * times as fast (librdkafka pauses a partition
			       * that has enough for 0.1 s and more) */
	bool hold; /* a partition whose next record is damaged is held
		    * (kafka/damaged.h); otherwise: CONSUMER_FATAL */
	const struct consumer_ops *ops; /* may be NULL without a group */
	void *data;
};

struct consumer {
	struct kafka kafka;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	int wake_fd;
	const struct consumer_ops *ops;
	void *data;
	bool holds, closing;
	struct damaged damaged;
};

int consumer_open(struct consumer *consumer,
	const struct consumer_options *opts, struct err *err) MUST_CHECK;
/* Gives up after a second without a broker (librdkafka 4519). A static member
 * does not leave its group: it comes back within the session. May be called
 * on a zeroed consumer. */
void consumer_close(struct consumer *consumer);

int consumer_subscribe(struct consumer *consumer, const char *const *topics,
	size_t count, struct err *err) MUST_CHECK;

/* Offsets are taken from the list, RD_KAFKA_OFFSET_INVALID: the group's. */
int consumer_assign(struct consumer *consumer,
	const rd_kafka_topic_partition_list_t *list,
	struct err *err) MUST_CHECK;
void consumer_unassign(struct consumer *consumer);
void consumer_pause(struct consumer *consumer, const char *topic,
	int32_t partition, bool pause);

enum consumer_got {
	CONSUMER_NOTHING,
	CONSUMER_RECORD,  /* rd_kafka_message_destroy() it */
	CONSUMER_END,	  /* of a partition, at its offset; destroy it too */
	CONSUMER_MISSING, /* a topic is not there (yet); err */
	CONSUMER_BARRED,  /* not let into the group now; tried each second; err */
	CONSUMER_PERM,	  /* no right to it: exit 100; err */
	CONSUMER_FATAL,	  /* fenced, damaged, or worse: exit 111; err */
};
/* The next thing, after waiting timeout_ms at most. Passing errors are logged
 * and skipped. message is set for RECORD and END only. */
enum consumer_got consumer_poll(struct consumer *consumer, int timeout_ms,
	rd_kafka_message_t **message, struct err *err) MUST_CHECK;

/* Where it stands in that partition; -1: nowhere yet. */
int64_t consumer_position(
	struct consumer *consumer, const char *topic, int32_t partition);
/* Commits asynchronously; at most one at a time. -1: on_commit will not come.
 */
int consumer_commit(struct consumer *consumer,
	const rd_kafka_topic_partition_list_t *list,
	struct err *err) MUST_CHECK;

/* The message as a record; views live as long as message and room. -1: over
 * RECORD_HEADERS_MAX headers; the record then has the first so many. */
int consumer_record(struct record *record, rd_kafka_message_t *message,
	struct record_room *room, struct err *err) MUST_CHECK;

#endif
