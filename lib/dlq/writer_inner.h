/*
 * dlq/writer_inner.h - what writer.c (its life, what goes in) and deliver.c
 * (what goes out) share.
 */
#ifndef DLQ_WRITER_INNER_H
#define DLQ_WRITER_INNER_H

#include "dlq/writer.h"

struct item {
	rd_kafka_message_t *message; /* NULL: no letter's, but bare */
	struct buf bare;	     /* its key, .. */
	struct str value;	     /* .. and value */
	char *target;		     /* a name in writer->target */
	struct letter_edit edit;
	bool edited;
	struct buf mark; /* the mark's value, borrowed by its delivery */
	bool sent;	 /* without transactions: its record is in Kafka, .. */
	bool done;	 /* .. and its mark */
	rd_kafka_resp_err_t code; /* why a broker refused its record */
	bool refused;
};

struct target {
	char *name;
	bool there;
};

struct writer {
	struct writer_options opts;
	struct txn txn[2]; /* without transactions: the first one's producer */
	unsigned count, turn;
	struct buf settled; /* the name of the topic of marks */
	struct target target[WRITER_TARGETS];
	size_t targets;
	struct item item[WRITER_BATCH];
	size_t items, bytes;
	int unexplained;
	/* Of the batch under way. */
	bool blamed; /* a record was refused */
	bool spoilt; /* the transaction failed while records were sent */
	rd_kafka_resp_err_t mark_code; /* a mark was */
	rd_kafka_resp_err_t failed;    /* a delivery failed otherwise */
	struct record_room letter_room, room;
};

/* Both producers' callback; data is the writer. */
void writer_delivered(void *data, const struct delivery *delivery);

/* n items go out: KAFKA_OK, each is in Kafka with its mark, or refused; else
 * how the program ends, and nobody knows of those that were under way. */
enum kafka_verdict writer_deliver(struct writer *writer, struct item *item,
	size_t n, struct err *err) MUST_CHECK;

#endif
