/*
 * kafka/rota.h - the producers of one slot: two transactional ones that take
 * turns (kafka-notes §2: begin on the second when the first has committed), or
 * one that is only idempotent. What publish.h and atomic.h stand on. One
 * thread.
 */
#ifndef KAFKA_ROTA_H
#define KAFKA_ROTA_H

#include "kafka/txn.h"

#define ROTA_MAX 2

struct rota {
	struct txn producers[ROTA_MAX];
	unsigned count;
	bool transactional;
};

/* Makes them; does not wait for a broker. opts->transactional_id is less its
 * ".k"; NULL: one, idempotent. After -1 rota_close() is due, too. */
int rota_open(struct rota *rota, const struct producer_options *opts,
	struct err *err) MUST_CHECK;
void rota_close(struct rota *rota);

/* Until KAFKA_OK: init_transactions, or the first broker's answer. FAILED with
 * *again: no broker yet, call it again (blocks timeout_ms at most). */
enum kafka_verdict rota_start(struct rota *rota, int timeout_ms, bool *again,
	struct err *err) MUST_CHECK;

/* Serves callbacks. Not OK: the process ends (fenced, or a topic's partition
 * count has changed: keys go elsewhere now, and whoever keeps order by key
 * begins anew). */
enum kafka_verdict rota_poll(struct rota *rota, struct err *err) MUST_CHECK;
/* producer_fatal(), of any. */
enum kafka_verdict rota_fatal(
	const struct rota *rota, struct err *err) MUST_CHECK;

/* producer_topic(), for each. */
enum topic_state rota_topic(struct rota *rota, struct str topic, int timeout_ms,
	struct err *err) MUST_CHECK;

/* Readable: rota_poll(). k from 0; -1: there are no more. */
int rota_wake_fd(const struct rota *rota, unsigned k);
/* No broker is in reach. */
bool rota_away(struct rota *rota);

#endif
