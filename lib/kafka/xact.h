/*
 * kafka/xact.h - records and a group's offsets in one transaction (KIP-447):
 *
 *	xact_put .. xact_put, xact_commit           again and again
 *
 * All of it is in Kafka, or nothing: a consumer that dies at any point
 * repeats nothing that a read_committed reader sees. Who is not a member of
 * the group any more (a zombie) commits nothing. Blocks: 3-5 ms a
 * transaction. One thread.
 */
#ifndef KAFKA_XACT_H
#define KAFKA_XACT_H

#include "flow/group.h"
#include "kafka/consumer.h"
#include "kafka/rota.h"

struct xact_options {
	const struct kafka_options *kafka;
	const char *id; /* transactional.id less its ".k" */
};

/* Why a transaction was aborted. */
struct xact_refusal {
	bool refused; /* a living broker refused a record, or all of it;
		       * false: for no record's sake, put the same again */
	void *opaque; /* the refused record's; NULL: which, is not known */
	const char *error_class;   /* static text */
	const char *error_message; /* the same */
};

struct xact {
	struct rota rota;
	struct xact_refusal refusal;
	/* private */
	unsigned k; /* whose turn it is */
	bool begun;
	bool spoilt; /* it is to be aborted: refusal says why */
	struct group_items sent;
};

/* Makes the producers; rota_start(&xact->rota, ..) waits for a broker. After
 * -1 xact_close() is due, too. */
int xact_open(struct xact *xact, const struct xact_options *opts,
	struct err *err) MUST_CHECK;
/* May be called on a zeroed one. Ends no transaction. */
void xact_close(struct xact *xact);

/* Copies the record into the transaction, which it begins; where it is spoilt
 * already the record is dropped. KAFKA_OK, or how the program ends (FAILED
 * 111, PERM 100): what a broker refuses, and a topic that is not there, is
 * said by xact_commit(). */
enum kafka_verdict xact_put(struct xact *xact, const struct record *record,
	void *opaque, struct err *err) MUST_CHECK;

/*
 * Commits what was put (may be nothing) and the offsets, those to be read
 * next, as the consumer's group. KAFKA_OK. KAFKA_REFUSED: all of it was
 * aborted, xact->refusal and err say why. Else how the program ends: unknown,
 * or fenced.
 */
enum kafka_verdict xact_commit(struct xact *xact, struct consumer *consumer,
	const rd_kafka_topic_partition_list_t *offsets,
	struct err *err) MUST_CHECK;

#endif
