/* kafka/consumer.c - see consumer.h. */
#include "kafka/consumer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define CLOSE_MS 1000
/* librdkafka wants a group even where none is joined. */
#define NO_GROUP "chat-consume-none"

static void
on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
	rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka *kafka = opaque;
	struct consumer *consumer = kafka->owner;

	if (consumer->closing || !consumer->ops)
		rd_kafka_assign(rk, NULL);
	else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		consumer->ops->on_assign(consumer->data, list);
	else
		consumer->ops->on_revoke(
			consumer->data, list, rd_kafka_assignment_lost(rk));
}

static void
on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code,
	rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka *kafka = opaque;
	struct consumer *consumer = kafka->owner;

	if (!consumer->closing && consumer->ops)
		consumer->ops->on_commit(consumer->data, code);
}

static rd_kafka_conf_t *
make_conf(struct consumer *consumer, const struct consumer_options *opts,
	struct err *err)
{
	const struct kafka_setting settings[] = {
		{"group.id", opts->group ? opts->group : NO_GROUP},
		{"isolation.level", opts->uncommitted ? "read_uncommitted"
						      : "read_committed"},
		{"enable.auto.commit", "false"},
		{"enable.auto.offset.store", "false"},
		{"auto.offset.reset", "earliest"},
		{"partition.assignment.strategy", "range"},
		{"session.timeout.ms", "10000"},
		{"heartbeat.interval.ms", "1000"},
		{"max.poll.interval.ms", "60000"},
		{"fetch.wait.max.ms", "100"},
		{"fetch.error.backoff.ms", "50"},
		{"queued.min.messages", opts->bulk ? "1000000" : "10000"},
		{"enable.partition.eof", opts->eof ? "true" : "false"},
		/* Kafka hands out what its disk has, without a look at it. */
		{"check.crcs", "true"},
		{"group.instance.id", opts->instance},
	};
	rd_kafka_conf_t *conf;

	conf = kafka_conf(opts->kafka, &consumer->kafka, settings,
		ARRAY_LEN(settings) - !opts->instance, err);
	if (!conf)
		return NULL;
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
	return conf;
}

int
consumer_open(struct consumer *consumer, const struct consumer_options *opts,
	struct err *err)
{
	rd_kafka_conf_t *conf;

	*consumer = (struct consumer){
		.kafka = {.logger = "consumer", .owner = consumer},
		.wake_fd = -1,
		.ops = opts->ops,
		.data = opts->data,
		.holds = opts->hold};
	conf = make_conf(consumer, opts, err);
	if (!conf)
		return -1;
	consumer->rk = kafka_new(RD_KAFKA_CONSUMER, conf, err);
	if (!consumer->rk)
		return -1;
	rd_kafka_poll_set_consumer(consumer->rk);
	consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
	consumer->wake_fd = kafka_wake_fd(consumer->queue, err);
	return consumer->wake_fd < 0 ? -1 : 0;
}

void
consumer_close(struct consumer *consumer)
{
	int64_t deadline = clock_mono_ms() + CLOSE_MS;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *event;
	rd_kafka_error_t *error;

	if (!consumer->rk)
		return;
	consumer->closing = true;
	damaged_release(&consumer->damaged);
	queue = rd_kafka_queue_new(consumer->rk);
	error = rd_kafka_consumer_close_queue(consumer->rk, queue);
	if (error)
		rd_kafka_error_destroy(error);
	while (!rd_kafka_consumer_closed(consumer->rk) &&
		clock_mono_ms() < deadline) {
		event = rd_kafka_queue_poll(queue, 20);
		if (event &&
			rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
			rd_kafka_assign(consumer->rk, NULL);
		if (event)
			rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
	if (consumer->wake_fd >= 0)
		rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
	rd_kafka_queue_destroy(consumer->queue);
	/* The client itself is left to the end of the process. */
}

int
consumer_subscribe(struct consumer *consumer, const char *const *topics,
	size_t count, struct err *err)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t code;
	size_t i;

	for (i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(
			list, topics[i], RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(consumer->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (!code)
		return 0;
	return err_set(err, "cannot subscribe: %s", rd_kafka_err2str(code));
}

int
consumer_assign(struct consumer *consumer,
	const rd_kafka_topic_partition_list_t *list, struct err *err)
{
	rd_kafka_resp_err_t code;

	damaged_forget(&consumer->damaged, consumer->rk);
	code = rd_kafka_assign(consumer->rk, list);
	if (!code)
		return 0;
	return err_set(err, "cannot assign: %s", rd_kafka_err2str(code));
}

void
consumer_unassign(struct consumer *consumer)
{
	damaged_forget(&consumer->damaged, consumer->rk);
	rd_kafka_assign(consumer->rk, NULL);
}

void
consumer_pause(struct consumer *consumer, const char *topic, int32_t partition,
	bool pause)
{
	rd_kafka_topic_partition_list_t *list;

	if (damaged_owner_pauses(&consumer->damaged, topic, partition, pause))
		return;
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, partition);
	if (pause)
		rd_kafka_pause_partitions(consumer->rk, list);
	else
		rd_kafka_resume_partitions(consumer->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

/* ---- what comes --------------------------------------------------------- */

/* What is behind it would come next, and it would be lost. */
static enum consumer_got
on_damaged(struct consumer *consumer, rd_kafka_message_t *m, struct err *err)
{
	const char *topic = rd_kafka_topic_name(m->rkt);

	if (!consumer->holds) {
		err_set(err, "'%s', partition %d, offset %lld is damaged: %s",
			topic, (int)m->partition, (long long)m->offset,
			rd_kafka_message_errstr(m));
		return CONSUMER_FATAL;
	}
	LOG_ERROR("consumer", "a record is damaged", LOG_S("topic", topic),
		LOG_I("partition", m->partition), LOG_I("offset", m->offset),
		LOG_S("error", rd_kafka_message_errstr(m)));
	damaged_add(&consumer->damaged, consumer->rk, topic, m->partition,
		clock_mono_ms());
	return CONSUMER_NOTHING;
}

static enum consumer_got
judge(struct consumer *consumer, rd_kafka_message_t *m, struct err *err)
{
	switch (m->err) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return CONSUMER_RECORD;
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		return CONSUMER_END;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		err_set(err, "%s", rd_kafka_message_errstr(m));
		return CONSUMER_MISSING;
	case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
		/* A stranger is in the group; he may leave. */
		err_set(err, "%s", rd_kafka_message_errstr(m));
		return CONSUMER_BARRED;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
		err_set(err, "%s", rd_kafka_message_errstr(m));
		return CONSUMER_PERM;
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
		err_set(err, "%s", rd_kafka_message_errstr(m));
		return CONSUMER_FATAL;
	case RD_KAFKA_RESP_ERR__BAD_MSG:
		return on_damaged(consumer, m, err);
	default:
		LOG_WARN("consumer", "trouble with kafka",
			LOG_S("class", kafka_class(m->err)),
			LOG_S("error", rd_kafka_message_errstr(m)));
		return CONSUMER_NOTHING;
	}
}

enum consumer_got
consumer_poll(struct consumer *consumer, int timeout_ms,
	rd_kafka_message_t **message, struct err *err)
{
	rd_kafka_message_t *m;
	enum consumer_got got;

	if (damaged_count(&consumer->damaged))
		damaged_tick(&consumer->damaged, consumer->rk, clock_mono_ms());
	for (;;) {
		m = rd_kafka_consumer_poll(consumer->rk, timeout_ms);
		if (!m)
			return CONSUMER_NOTHING;
		got = judge(consumer, m, err);
		if (got == CONSUMER_RECORD || got == CONSUMER_END) {
			atomic_store(&consumer->kafka.away, false);
			*message = m;
			return got;
		}
		rd_kafka_message_destroy(m);
		if (got != CONSUMER_NOTHING)
			return got;
	}
}

int64_t
consumer_position(
	struct consumer *consumer, const char *topic, int32_t partition)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(1);
	int64_t offset = -1;

	rd_kafka_topic_partition_list_add(list, topic, partition);
	if (!rd_kafka_position(consumer->rk, list) && !list->elems[0].err)
		offset = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	return offset < 0 ? -1 : offset;
}

int
consumer_commit(struct consumer *consumer,
	const rd_kafka_topic_partition_list_t *list, struct err *err)
{
	rd_kafka_resp_err_t code = rd_kafka_commit(consumer->rk, list, 1);

	if (!code)
		return 0;
	return err_set(err, "cannot commit: %s", rd_kafka_err2str(code));
}

/* ---- as a record -------------------------------------------------------- */

static int
copy_headers(struct record *record, rd_kafka_message_t *m,
	struct record_room *room, struct err *err)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t size, i;

	record->headers = room->headers;
	if (rd_kafka_message_headers(m, &headers))
		return 0;
	for (i = 0; i < RECORD_HEADERS_MAX; i++) {
		if (rd_kafka_header_get_all(headers, i, &name, &value, &size))
			break;
		room->headers[i] = (struct record_header){.name = str_c(name),
			.value = {value, value ? size : 0},
			.null = !value};
	}
	record->header_count = i;
	if (i < rd_kafka_header_cnt(headers))
		return err_set(err, "over %d headers", RECORD_HEADERS_MAX);
	return 0;
}

int
consumer_record(struct record *record, rd_kafka_message_t *m,
	struct record_room *room, struct err *err)
{
	rd_kafka_timestamp_type_t type;

	*record = (struct record){.topic = str_c(rd_kafka_topic_name(m->rkt)),
		.partition = m->partition,
		.offset = m->offset,
		.key = {m->key, m->key ? m->key_len : 0},
		.key_null = !m->key,
		.value = {m->payload, m->payload ? m->len : 0},
		.value_null = !m->payload};
	record->timestamp = rd_kafka_message_timestamp(m, &type);
	record->append_time = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
	return copy_headers(record, m, room, err);
}
