/* kafka/rota.c - see rota.h. */
#include "kafka/rota.h"

#include <stdio.h>

int
rota_open(
	struct rota *rota, const struct producer_options *opts, struct err *err)
{
	struct producer_options mine = *opts;
	char id[300];
	unsigned k, wanted;

	*rota = (struct rota){.transactional = opts->transactional_id != NULL};
	wanted = rota->transactional ? ROTA_MAX : 1;
	mine.one_in_flight = !rota->transactional;
	mine.transactional_id = rota->transactional ? id : NULL;
	for (k = 0; k < wanted; k++) {
		if (rota->transactional)
			snprintf(id, sizeof(id), "%s.%u",
				opts->transactional_id, k);
		if (txn_open(&rota->producers[k], &mine, err) < 0)
			return -1;
		rota->count++;
	}
	return 0;
}

void
rota_close(struct rota *rota)
{
	while (rota->count)
		txn_close(&rota->producers[--rota->count]);
}

static enum kafka_verdict
first_word(
	struct producer *producer, int timeout_ms, bool *again, struct err *err)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code =
		rd_kafka_metadata(producer->rk, 0, NULL, &md, timeout_ms);

	producer_poll(producer);
	*again = code != RD_KAFKA_RESP_ERR_NO_ERROR;
	if (!code) {
		rd_kafka_metadata_destroy(md);
		return KAFKA_OK;
	}
	err_set(err, "no broker answers: %s", rd_kafka_err2str(code));
	return KAFKA_FAILED;
}

enum kafka_verdict
rota_fatal(const struct rota *rota, struct err *err)
{
	enum kafka_verdict verdict = KAFKA_OK;
	unsigned k;

	for (k = 0; k < rota->count && verdict == KAFKA_OK; k++)
		verdict = producer_fatal(&rota->producers[k].producer, err);
	return verdict;
}

enum kafka_verdict
rota_start(struct rota *rota, int timeout_ms, bool *again, struct err *err)
{
	enum kafka_verdict verdict = KAFKA_OK;
	struct err fatal;
	unsigned k;

	*again = false;
	for (k = 0; k < rota->count && verdict == KAFKA_OK; k++) {
		struct txn *txn = &rota->producers[k];

		if (txn->ready)
			continue;
		verdict = rota->transactional
				  ? txn_init(txn, timeout_ms, again, err)
				  : first_word(&txn->producer, timeout_ms,
					    again, err);
		txn->ready = verdict == KAFKA_OK;
	}
	if (verdict == KAFKA_PERM || rota_fatal(rota, &fatal) == KAFKA_OK)
		return verdict;
	*again = false;
	*err = fatal;
	return rota_fatal(rota, err);
}

enum kafka_verdict
rota_poll(struct rota *rota, struct err *err)
{
	unsigned k;

	for (k = 0; k < rota->count; k++) {
		producer_poll(&rota->producers[k].producer);
		if (!atomic_load(&rota->producers[k].producer.kafka.grown))
			continue;
		err_set(err, "the partition count of a topic changed");
		return KAFKA_FAILED;
	}
	return rota_fatal(rota, err);
}

enum topic_state
rota_topic(struct rota *rota, struct str topic, int timeout_ms, struct err *err)
{
	enum topic_state state = TOPIC_THERE;
	unsigned k;

	for (k = 0; k < rota->count && state == TOPIC_THERE; k++)
		state = producer_topic(
			&rota->producers[k].producer, topic, timeout_ms, err);
	return state;
}

int
rota_wake_fd(const struct rota *rota, unsigned k)
{
	return k < rota->count ? rota->producers[k].producer.wake_fd : -1;
}

bool
rota_away(struct rota *rota)
{
	unsigned k;

	for (k = 0; k < rota->count; k++)
		if (kafka_is_away(&rota->producers[k].producer.kafka,
			    rota->producers[k].producer.rk))
			return true;
	return false;
}
