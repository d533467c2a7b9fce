/* kafka/producer.c - see producer.h. */
#include "kafka/producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define TXN_TIMEOUT "10000" /* TXN_TIMEOUT_MS of txn.h */
#define CLOSE_MS 1000

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka *kafka = opaque;
	struct producer *producer = kafka->owner;
	struct delivery delivery = {.opaque = m->_private,
		.verdict = kafka_record_verdict(m->err),
		.partition = m->partition,
		.offset = m->offset,
		.code = m->err,
		.message = rd_kafka_err2str(m->err)};

	producer->outstanding--;
	if (!m->err)
		atomic_store(&kafka->away, false);
	producer->on_delivery(producer->data, &delivery);
}

static rd_kafka_conf_t *
make_conf(struct producer *producer, const struct producer_options *opts,
	struct err *err)
{
	char bytes[24];
	bool transactional = opts->transactional_id != NULL;
	const struct kafka_setting settings[] = {
		{"enable.idempotence", "true"},
		{"linger.ms", "0"},
		{"retry.backoff.ms", "10"},
		{"partitioner", "murmur2_random"},
		{"message.max.bytes", bytes},
		{"max.in.flight", opts->one_in_flight ? "1" : "5"},
		/* The last is for transactions only: theirs bounds it. */
		{"message.timeout.ms", transactional ? TXN_TIMEOUT : "0"},
		{"transaction.timeout.ms", TXN_TIMEOUT},
		{"transactional.id", opts->transactional_id},
	};
	rd_kafka_conf_t *conf;

	snprintf(bytes, sizeof(bytes), "%lld",
		(long long)(opts->max_bytes ? opts->max_bytes
					    : PRODUCER_MAX_BYTES));
	conf = kafka_conf(opts->kafka, &producer->kafka, settings,
		ARRAY_LEN(settings) - !transactional, err);
	if (conf)
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	return conf;
}

int
producer_open(struct producer *producer, const struct producer_options *opts,
	struct err *err)
{
	rd_kafka_conf_t *conf;
	rd_kafka_queue_t *queue;

	*producer = (struct producer){
		.kafka = {.logger = "producer", .owner = producer},
		.wake_fd = -1,
		.on_delivery = opts->on_delivery,
		.data = opts->data};
	conf = make_conf(producer, opts, err);
	if (!conf)
		return -1;
	producer->rk = kafka_new(RD_KAFKA_PRODUCER, conf, err);
	if (!producer->rk)
		return -1;
	queue = rd_kafka_queue_get_main(producer->rk);
	producer->wake_fd = kafka_wake_fd(queue, err);
	rd_kafka_queue_destroy(queue);
	if (producer->wake_fd < 0) {
		producer_close(producer);
		return -1;
	}
	/* What was queued before the fd was there gives no event. */
	producer_poll(producer);
	return 0;
}

/* ---- topics ------------------------------------------------------------ */

/* Its index, or topic_count. */
static size_t
find(const struct producer *producer, struct str topic)
{
	size_t i;

	for (i = 0; i < producer->topic_count; i++)
		if (str_eq_c(topic, producer->topics[i].name))
			break;
	return i;
}

static struct producer_topic *
add(struct producer *producer, struct str topic, struct err *err)
{
	struct producer_topic *t;

	if (producer->topic_count == PRODUCER_TOPICS_MAX) {
		err_set(err, "over %d topics", PRODUCER_TOPICS_MAX);
		return NULL;
	}
	t = &producer->topics[producer->topic_count];
	t->name = str_dup(topic);
	if (!t->name) {
		err_set(err, "out of memory");
		return NULL;
	}
	t->handle = rd_kafka_topic_new(producer->rk, t->name, NULL);
	if (!t->handle) {
		err_set(err, "cannot use topic '%s': %s", t->name,
			rd_kafka_err2str(rd_kafka_last_error()));
		free(t->name);
		return NULL;
	}
	producer->topic_count++;
	return t;
}

/* Handles of topics that are not there would pile up. */
static void
drop_last(struct producer *producer)
{
	struct producer_topic *t = &producer->topics[--producer->topic_count];

	rd_kafka_topic_destroy(t->handle);
	free(t->name);
	*t = (struct producer_topic){0};
}

static bool
is_missing(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
	       code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
	       code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

static enum topic_state
look_up(struct producer *producer, struct producer_topic *t, int timeout_ms,
	struct err *err)
{
	const struct rd_kafka_metadata *md = NULL; /* and so where it fails */
	rd_kafka_resp_err_t code;
	int32_t partitions = 0;

	code = rd_kafka_metadata(producer->rk, 0, t->handle, &md, timeout_ms);
	if (!code && md->topic_cnt == 1) {
		code = md->topics[0].err;
		partitions = md->topics[0].partition_cnt;
	}
	if (!code && !partitions)
		code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (md)
		rd_kafka_metadata_destroy(md);
	if (code)
		err_set(err, "no metadata of topic '%s': %s", t->name,
			rd_kafka_err2str(code));
	if (is_missing(code))
		return TOPIC_MISSING;
	if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return TOPIC_THERE; /* the records will be refused for it */
	if (code)
		return TOPIC_ERROR;
	atomic_store(&producer->kafka.away, false);
	t->partitions = partitions;
	return TOPIC_THERE;
}

enum topic_state
producer_topic(struct producer *producer, struct str topic, int timeout_ms,
	struct err *err)
{
	size_t at = find(producer, topic);
	struct producer_topic *t;
	enum topic_state state;

	if (at < producer->topic_count)
		return TOPIC_THERE;
	t = add(producer, topic, err);
	if (!t)
		return TOPIC_ERROR;
	state = look_up(producer, t, timeout_ms, err);
	if (state != TOPIC_THERE)
		drop_last(producer);
	return state;
}

int32_t
producer_partitions(const struct producer *producer, struct str topic)
{
	return producer->topics[find(producer, topic)].partitions;
}

/* ---- records ------------------------------------------------------------ */

static rd_kafka_resp_err_t
make_headers(const struct record *record, rd_kafka_headers_t **out)
{
	rd_kafka_headers_t *hs = rd_kafka_headers_new(record->header_count);
	size_t i;

	for (i = 0; i < record->header_count; i++) {
		const struct record_header *h = &record->headers[i];
		rd_kafka_resp_err_t code = rd_kafka_header_add(hs,
			h->name.data ? h->name.data : "", (ssize_t)h->name.len,
			h->null	       ? NULL
			: h->value.len ? h->value.data
				       : "",
			h->null ? 0 : (ssize_t)h->value.len);

		if (code) {
			rd_kafka_headers_destroy(hs);
			return code;
		}
	}
	*out = hs;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* An empty key or value is one, NULL is none; where there are no bytes a
 * pointer must say which. */
static void *
bytes(struct str s, bool null)
{
	static char empty[1];
	union {
		const char *in;
		void *out;
	} cast = {.in = s.data};

	if (null)
		return NULL;
	return s.len ? cast.out : empty;
}

static rd_kafka_resp_err_t
produce(struct producer *producer, const struct producer_topic *t,
	const struct record *record, rd_kafka_headers_t *headers, void *opaque)
{
	rd_kafka_vu_t v[8] = {
		{.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = t->handle},
		{.vtype = RD_KAFKA_VTYPE_PARTITION,
			.u.i32 = record->partition < 0 ? RD_KAFKA_PARTITION_UA
						       : record->partition},
		{.vtype = RD_KAFKA_VTYPE_VALUE,
			.u.mem = {bytes(record->value, record->value_null),
				record->value.len}},
		{.vtype = RD_KAFKA_VTYPE_KEY,
			.u.mem = {bytes(record->key, record->key_null),
				record->key.len}},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
		{.vtype = RD_KAFKA_VTYPE_TIMESTAMP,
			.u.i64 = record->timestamp < 0 ? 0 : record->timestamp},
	};
	size_t count = 6;
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;

	if (headers)
		v[count++] = (rd_kafka_vu_t){
			.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
	error = rd_kafka_produceva(producer->rk, v, count);
	if (!error)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (headers)
		rd_kafka_headers_destroy(headers);
	return code;
}

enum kafka_verdict
producer_send(struct producer *producer, const struct record *record,
	void *opaque, rd_kafka_resp_err_t *code)
{
	const struct producer_topic *t =
		&producer->topics[find(producer, record->topic)];
	rd_kafka_headers_t *headers = NULL;

	*code = RD_KAFKA_RESP_ERR_NO_ERROR;
	if (!t->handle)
		*code = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
	/* Never leave it to produceva: with headers and an unknown partition
	 * it frees them twice (librdkafka 4627). */
	else if (record->partition >= t->partitions)
		*code = RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
	else if (record->header_count)
		*code = make_headers(record, &headers);
	if (!*code)
		*code = produce(producer, t, record, headers, opaque);
	if (!*code)
		producer->outstanding++;
	return kafka_record_verdict(*code);
}

/* ---- time ---------------------------------------------------------------- */

void
producer_poll(struct producer *producer)
{
	kafka_wake_clear(producer->wake_fd);
	while (rd_kafka_poll(producer->rk, 0) > 0)
		;
}

enum kafka_verdict
producer_fatal(const struct producer *producer, struct err *err)
{
	char why[300];
	rd_kafka_resp_err_t code =
		rd_kafka_fatal_error(producer->rk, why, sizeof(why));

	if (!code)
		return KAFKA_OK;
	err_set(err, "%s: %s", kafka_class(code), why);
	return kafka_client_verdict(code);
}

int64_t
producer_flush(struct producer *producer, int timeout_ms)
{
	if (rd_kafka_flush(producer->rk, timeout_ms))
		LOG_DEBUG("producer", "flush timed out",
			LOG_I("outstanding", producer->outstanding));
	return producer->outstanding;
}

static void
ignore(void *data, const struct delivery *delivery)
{
}

void
producer_close(struct producer *producer)
{
	if (!producer->rk)
		return;
	producer->on_delivery = ignore;
	rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE |
					     RD_KAFKA_PURGE_F_INFLIGHT |
					     RD_KAFKA_PURGE_F_NON_BLOCKING);
	rd_kafka_flush(producer->rk, CLOSE_MS);
	while (producer->topic_count)
		drop_last(producer);
	if (atomic_load(&producer->kafka.away))
		return; /* destroying it may hang: librdkafka 4519 */
	rd_kafka_destroy(producer->rk);
	producer->rk = NULL;
	close(producer->wake_fd);
}
