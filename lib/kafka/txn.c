/* kafka/txn.c - see txn.h. */
#include "kafka/txn.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define AGAIN_US 2000 /* between two calls of the same */

static bool
for_time(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
	       code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
	       code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
	       code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

/* The caller sees deliveries unchanged; we remember what they mean for the
 * transaction: only one that failed before EndTxn was sent may be aborted. */
static void
on_delivery(void *data, const struct delivery *delivery)
{
	struct txn *txn = data;

	if (delivery->verdict == KAFKA_REFUSED)
		txn->refused = true;
	else if (for_time(delivery->code))
		txn->late = true;
	else if (delivery->verdict == KAFKA_FAILED)
		txn->failed = true;
	txn->on_delivery(txn->data, delivery);
}

int
txn_open(struct txn *txn, const struct producer_options *opts, struct err *err)
{
	struct producer_options mine = *opts;

	*txn = (struct txn){
		.on_delivery = opts->on_delivery, .data = opts->data};
	mine.on_delivery = on_delivery;
	mine.data = txn;
	return producer_open(&txn->producer, &mine, err);
}

static bool
no_transactions(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
	       code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION;
}

static enum kafka_verdict
fail(const char *what, rd_kafka_error_t *error, struct err *err)
{
	enum kafka_verdict verdict =
		kafka_client_verdict(rd_kafka_error_code(error));

	err_set(err, "%s: %s: %s%s", what,
		kafka_class(rd_kafka_error_code(error)),
		rd_kafka_error_string(error),
		no_transactions(rd_kafka_error_code(error))
			? " (no transactions there: use -I, or leave out -x)"
			: "");
	rd_kafka_error_destroy(error);
	return verdict;
}

enum kafka_verdict
txn_init(struct txn *txn, int timeout_ms, bool *again, struct err *err)
{
	rd_kafka_error_t *error =
		rd_kafka_init_transactions(txn->producer.rk, timeout_ms);

	*again = false;
	producer_poll(&txn->producer);
	if (!error) {
		atomic_store(&txn->producer.kafka.away, false);
		return KAFKA_OK;
	}
	*again = !rd_kafka_error_is_fatal(error) &&
		 rd_kafka_error_is_retriable(error);
	return fail("cannot begin with transactions", error, err);
}

enum kafka_verdict
txn_begin(struct txn *txn, struct err *err)
{
	rd_kafka_error_t *error = rd_kafka_begin_transaction(txn->producer.rk);

	txn->refused = txn->failed = txn->late = false;
	return error ? fail("cannot begin a transaction", error, err)
		     : KAFKA_OK;
}

enum kafka_verdict
txn_send(struct txn *txn, const struct record *record, void *opaque,
	rd_kafka_resp_err_t *code)
{
	enum kafka_verdict verdict =
		producer_send(&txn->producer, record, opaque, code);

	if (verdict == KAFKA_REFUSED)
		txn->refused = true;
	return verdict;
}

/* Repeats a call of librdkafka with the same arguments while it says that it
 * may, and the broker would still know the transaction. */
static rd_kafka_error_t *
persist(struct txn *txn, rd_kafka_error_t *(*call)(rd_kafka_t *, int))
{
	int64_t deadline_ms = clock_mono_ms() + TXN_TIMEOUT_MS;
	rd_kafka_error_t *error;

	for (;;) {
		error = call(txn->producer.rk, -1);
		if (!error || rd_kafka_error_is_fatal(error) ||
			rd_kafka_error_txn_requires_abort(error) ||
			!rd_kafka_error_is_retriable(error) ||
			clock_mono_ms() >= deadline_ms)
			return error;
		rd_kafka_error_destroy(error);
		usleep(AGAIN_US);
	}
}

enum kafka_verdict
txn_abort(struct txn *txn, struct err *err)
{
	rd_kafka_error_t *error = persist(txn, rd_kafka_abort_transaction);

	producer_poll(&txn->producer);
	return error ? fail("cannot abort a transaction", error, err)
		     : KAFKA_OK;
}

/* Of a consumer that was a member; what it says may be repeated. */
static rd_kafka_error_t *
send_offsets(struct txn *txn, const rd_kafka_topic_partition_list_t *offsets,
	rd_kafka_t *consumer)
{
	int64_t deadline_ms = clock_mono_ms() + TXN_TIMEOUT_MS;
	rd_kafka_consumer_group_metadata_t *group =
		rd_kafka_consumer_group_metadata(consumer);
	rd_kafka_error_t *error;

	for (;;) {
		error = rd_kafka_send_offsets_to_transaction(
			txn->producer.rk, offsets, group, TXN_TIMEOUT_MS);
		if (!error || rd_kafka_error_is_fatal(error) ||
			rd_kafka_error_txn_requires_abort(error) ||
			!rd_kafka_error_is_retriable(error) ||
			clock_mono_ms() >= deadline_ms)
			break;
		rd_kafka_error_destroy(error);
		usleep(AGAIN_US);
	}
	rd_kafka_consumer_group_metadata_destroy(group);
	return error;
}

enum kafka_verdict
txn_offsets(struct txn *txn, const rd_kafka_topic_partition_list_t *offsets,
	rd_kafka_t *consumer, struct err *err)
{
	rd_kafka_error_t *error = send_offsets(txn, offsets, consumer);
	struct err ignored;
	bool may_abort, fenced;

	if (!error)
		return KAFKA_OK;
	txn->code = rd_kafka_error_code(error);
	may_abort = !rd_kafka_error_is_fatal(error) &&
		    rd_kafka_error_txn_requires_abort(error) &&
		    !for_time(txn->code);
	fenced = txn->code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
	(void)fail("cannot send offsets", error, err);
	if (!may_abort)
		return KAFKA_FAILED;
	/* Even where it is the end: readers would wait for the time-out. */
	if (txn_abort(txn, &ignored) != KAFKA_OK || fenced)
		return KAFKA_FAILED;
	return KAFKA_REFUSED;
}

enum kafka_verdict
txn_commit(struct txn *txn, struct err *err)
{
	rd_kafka_error_t *error;
	enum kafka_verdict verdict;
	bool may_abort;

	error = persist(txn, rd_kafka_commit_transaction);
	if (!error) {
		atomic_store(&txn->producer.kafka.away, false);
		return KAFKA_OK;
	}
	/* EndTxn is sent when all are delivered; where one is not, or failed,
	 * it was not. Else nobody knows, and an abort could undo what a late
	 * answer calls committed. */
	may_abort = !rd_kafka_error_is_fatal(error) &&
		    rd_kafka_error_txn_requires_abort(error) &&
		    !for_time(rd_kafka_error_code(error)) && !txn->late &&
		    (txn->refused || txn->failed || txn->producer.outstanding);
	txn->code = rd_kafka_error_code(error);
	verdict = fail("cannot commit", error, err);
	if (txn->late) /* librdkafka may say only that one failed */
		err_prefix(err, "a record had no answer (_MSG_TIMED_OUT)");
	if (!may_abort)
		return verdict;
	LOG_INFO("producer", "transaction aborted", LOG_E(err));
	verdict = txn_abort(txn, err);
	return verdict == KAFKA_OK ? KAFKA_REFUSED : verdict;
}

void
txn_close(struct txn *txn)
{
	producer_close(&txn->producer);
}
