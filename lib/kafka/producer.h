/*
 * kafka/producer.h - one idempotent producer: records go in with an opaque,
 * each comes back once in the delivery callback, in order within a partition.
 * Also the client under a transactional producer (txn.h).
 *
 * Records are not copied where it can be avoided: key, headers and topic are
 * copied, the VALUE is borrowed until its delivery callback.
 *
 * A delivery KAFKA_FAILED leaves the outcome unknown: end the program (111),
 * never send again on this handle (architecture.md §4 rule 9). Time alone
 * never fails a record of an idempotent producer (message.timeout.ms=0).
 *
 * Who wants "one answer a record, refused ones tried twice and alone" uses
 * publish.h, which stands on this. One thread.
 */
#ifndef KAFKA_PRODUCER_H
#define KAFKA_PRODUCER_H

#include "kafka/conf.h"
#include "wire/record.h"

#define PRODUCER_TOPICS_MAX 256
/* Largest record we hand to a broker, unless told otherwise: a line of 16 MiB
 * and its frame. Whether a topic takes it is its broker's word. */
#define PRODUCER_MAX_BYTES (17 << 20)

struct delivery {
	void *opaque;
	enum kafka_verdict verdict; /* OK, REFUSED, FAILED */
	int32_t partition;
	int64_t offset;
	rd_kafka_resp_err_t code;
	const char *message; /* librdkafka's words; static */
};

typedef void producer_delivered(void *data, const struct delivery *delivery);

struct producer_options {
	const struct kafka_options *kafka;
	const char *transactional_id; /* NULL: idempotent only */
	int64_t max_bytes;	      /* message.max.bytes; 0: the above */
	bool one_in_flight;	      /* max.in.flight=1: a refused batch is
				       * not overtaken by the next */
	producer_delivered *on_delivery;
	void *data;
};

struct producer_topic {
	rd_kafka_topic_t *handle;
	char *name;
	int32_t partitions; /* 0: no right to know */
};

struct producer {
	struct kafka kafka;
	rd_kafka_t *rk;
	int wake_fd;	     /* readable: call producer_poll() */
	int64_t outstanding; /* sent, no callback yet */
	/* One more, always empty: what is not found. */
	struct producer_topic topics[PRODUCER_TOPICS_MAX + 1];
	size_t topic_count;
	producer_delivered *on_delivery;
	void *data;
};

/* Makes the client; does not wait for a broker. */
int producer_open(struct producer *producer,
	const struct producer_options *opts, struct err *err) MUST_CHECK;

enum topic_state {
	TOPIC_ERROR = -1, /* no broker answered in time: say nothing of it */
	TOPIC_MISSING = 0,
	TOPIC_THERE = 1,
};

/*
 * Looks a topic up at a broker (blocks at most timeout_ms; returns at once
 * for one that is known) and keeps its handle, so that the first record does
 * not wait a second. Call it before the first producer_send() to a topic: a
 * record for a topic that does not exist would just time out, or never.
 */
enum topic_state producer_topic(struct producer *producer, struct str topic,
	int timeout_ms, struct err *err) MUST_CHECK;
/* Its partitions, 0 where it was never found. */
int32_t producer_partitions(const struct producer *producer, struct str topic);

/*
 * Queues a record. partition -1: murmur2 of the key, as Java clients do
 * (random without a key). KAFKA_OK: the delivery callback will come with
 * opaque. Else it will not; code says why. timestamp -1: now.
 */
enum kafka_verdict producer_send(struct producer *producer,
	const struct record *record, void *opaque,
	rd_kafka_resp_err_t *code) MUST_CHECK;

/* Serves callbacks, without waiting for any. */
void producer_poll(struct producer *producer);

/* KAFKA_OK, or how the program has to end: a fatal client is one, whatever
 * the call said, and before its error callback has come. */
enum kafka_verdict producer_fatal(
	const struct producer *producer, struct err *err) MUST_CHECK;

/* Waits until nothing is outstanding, or the deadline; 0, or how many are. */
int64_t producer_flush(struct producer *producer, int timeout_ms);

/* What is outstanding is dropped, its callbacks never come. May be called on
 * a zeroed producer. Returns after a second at most, even without a broker
 * (then the client is left to the end of the process: librdkafka 4519). */
void producer_close(struct producer *producer);

#endif
