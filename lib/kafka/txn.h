/*
 * kafka/txn.h - one transactional producer, for one transactional.id:
 *
 *	txn_init                    once, ends what a dead predecessor left
 *	txn_begin, txn_send.., txn_commit          again and again
 *	                       (txn_offsets in front of it: a consumer's)
 *
 * begin, commit and init block (commit 2-4 ms). Delivery callbacks come from
 * within commit; a record is in Kafka only when commit has said KAFKA_OK.
 * Errors are judged in the order of kafka-notes §2. After FAILED or PERM the
 * process ends: never another transaction on that handle.
 *
 * Pacing: begin again on the same producer at once costs 20 ms; rotate two.
 */
#ifndef KAFKA_TXN_H
#define KAFKA_TXN_H

#include "kafka/producer.h"

#define TXN_TIMEOUT_MS 10000 /* transaction.timeout.ms */

struct txn {
	struct producer producer;
	producer_delivered *on_delivery; /* the caller's */
	void *data;
	bool ready;		  /* txn_init() was; kept by the caller */
	bool refused;		  /* a record of this transaction was refused */
	bool failed;		  /* .. or its delivery failed otherwise, */
	bool late;		  /* for time */
	rd_kafka_resp_err_t code; /* why the last commit did not succeed */
};

/* As producer_open(); transactional_id is set. */
int txn_open(struct txn *txn, const struct producer_options *opts,
	struct err *err) MUST_CHECK;

/* KAFKA_OK, or KAFKA_FAILED after timeout_ms with *again true: no broker yet,
 * call it again; else as above. */
enum kafka_verdict txn_init(struct txn *txn, int timeout_ms, bool *again,
	struct err *err) MUST_CHECK;

enum kafka_verdict txn_begin(struct txn *txn, struct err *err) MUST_CHECK;

/* As producer_send(). REFUSED: commit will abort. */
enum kafka_verdict txn_send(struct txn *txn, const struct record *record,
	void *opaque, rd_kafka_resp_err_t *code) MUST_CHECK;

/*
 * The consumer's group has read up to `offsets` (each the next to be read), if
 * this transaction commits. KAFKA_OK; KAFKA_REFUSED: the group does not know
 * this member any more, or not now (a zombie, a rebalance): the transaction
 * was aborted, the handle may begin again. FAILED: another process has its
 * place (FENCED_INSTANCE_ID; aborted, too), or unknown. May hang while the
 * coordinator is down (librdkafka 5456): the caller keeps a watch.
 */
enum kafka_verdict txn_offsets(struct txn *txn,
	const rd_kafka_topic_partition_list_t *offsets, rd_kafka_t *consumer,
	struct err *err) MUST_CHECK;

/*
 * KAFKA_OK: all are in Kafka. KAFKA_REFUSED: the transaction was aborted, none
 * is in Kafka, the handle may begin again. A broker refused at least one (its
 * delivery said so); or the transaction as a whole (code says why: no right to
 * one of its topics); or nobody: the first transaction after a refused one
 * fails for skipped sequence numbers (librdkafka 2.0.2), the same records go
 * through in the next. FAILED: unknown.
 */
enum kafka_verdict txn_commit(struct txn *txn, struct err *err) MUST_CHECK;

/* Drops what was sent. OK or FAILED. */
enum kafka_verdict txn_abort(struct txn *txn, struct err *err) MUST_CHECK;

void txn_close(struct txn *txn);

#endif
