/*
 * kafka/admin_inner.h - what requests to the Admin API share: admin.c and
 * offsets.c. Not for others.
 */
#ifndef KAFKA_ADMIN_INNER_H
#define KAFKA_ADMIN_INNER_H

#include "kafka/conf.h"

/* Waits for the answer; NULL with err where there is none, or it is an error
 * as a whole. The caller destroys it. */
rd_kafka_event_t *admin_await(rd_kafka_queue_t *queue, int timeout_ms,
	const char *what, struct err *err) MUST_CHECK;
/* The caller destroys them. */
rd_kafka_AdminOptions_t *admin_options(
	rd_kafka_t *rk, rd_kafka_admin_op_t op, int timeout_ms);

#endif
