/* kafka/xact.c - see xact.h. */
#include "kafka/xact.h"

#include <stdlib.h>

#include "io/crash.h"
#include "kafka/item.h"

#define LOOKUP_MS 2000

/* ---- its life ------------------------------------------------------------ */

static void
refuse(struct xact *xact, void *opaque, const char *class, const char *message)
{
	xact->spoilt = true;
	if (xact->refusal.refused)
		return; /* the first one is the one */
	xact->refusal = (struct xact_refusal){.refused = true,
		.opaque = opaque,
		.error_class = class,
		.error_message = message};
}

static void
refuse_code(struct xact *xact, void *opaque, rd_kafka_resp_err_t code)
{
	refuse(xact, opaque, kafka_class(code), rd_kafka_err2str(code));
}

/* What failed otherwise is the commit's to judge. */
static void
on_delivery(void *data, const struct delivery *d)
{
	struct item *item = d->opaque;

	if (d->verdict == KAFKA_REFUSED)
		refuse_code(data, item->opaque, d->code);
}

int
xact_open(struct xact *xact, const struct xact_options *opts, struct err *err)
{
	const struct producer_options producer = {.kafka = opts->kafka,
		.transactional_id = opts->id,
		.on_delivery = on_delivery,
		.data = xact};

	*xact = (struct xact){0};
	TAILQ_INIT(&xact->sent);
	return rota_open(&xact->rota, &producer, err);
}

static void
free_sent(struct xact *xact)
{
	struct group_item *item;

	while ((item = TAILQ_FIRST(&xact->sent))) {
		TAILQ_REMOVE(&xact->sent, item, link);
		free(item); /* group is the first of struct item */
	}
}

void
xact_close(struct xact *xact)
{
	if (!xact->rota.count)
		return;
	rota_close(&xact->rota);
	free_sent(xact);
}

/* ---- records ------------------------------------------------------------- */

static enum kafka_verdict
begin(struct xact *xact, struct err *err)
{
	if (xact->begun)
		return KAFKA_OK;
	xact->begun = true;
	xact->spoilt = false;
	xact->refusal = (struct xact_refusal){0};
	return txn_begin(&xact->rota.producers[xact->k], err);
}

/* False: nothing can be sent there, the transaction is spoilt. */
static bool
topic_is_there(struct xact *xact, const struct record *record, void *opaque)
{
	struct err err;

	switch (rota_topic(&xact->rota, record->topic, LOOKUP_MS, &err)) {
	case TOPIC_THERE:
		return true;
	case TOPIC_MISSING:
		refuse(xact, opaque, "UNKNOWN_TOPIC", "there is no such topic");
		return false;
	default:
		xact->spoilt = true; /* nobody could say */
		return false;
	}
}

enum kafka_verdict
xact_put(struct xact *xact, const struct record *record, void *opaque,
	struct err *err)
{
	enum kafka_verdict verdict = begin(xact, err);
	rd_kafka_resp_err_t code;
	struct item *item;

	if (verdict != KAFKA_OK || xact->spoilt ||
		!topic_is_there(xact, record, opaque))
		return verdict;
	item = item_new(record);
	if (!item) {
		err_set(err, "out of memory");
		return KAFKA_FAILED;
	}
	item->opaque = opaque;
	TAILQ_INSERT_TAIL(&xact->sent, &item->group, link);
	verdict = txn_send(
		&xact->rota.producers[xact->k], &item->record, item, &code);
	if (verdict == KAFKA_REFUSED) {
		refuse_code(xact, opaque, code);
		return KAFKA_OK;
	}
	if (verdict != KAFKA_OK)
		err_set(err, "cannot send: %s: %s", kafka_class(code),
			rd_kafka_err2str(code));
	return verdict;
}

/* ---- its end ------------------------------------------------------------- */

/* Committed; or aborted, then REFUSED. */
static enum kafka_verdict
end(struct xact *xact, struct consumer *consumer,
	const rd_kafka_topic_partition_list_t *offsets, struct err *err)
{
	struct txn *txn = &xact->rota.producers[xact->k];
	enum kafka_verdict verdict;

	if (xact->spoilt) {
		verdict = txn_abort(txn, err);
		return verdict == KAFKA_OK ? KAFKA_REFUSED : verdict;
	}
	crash_point("run:before-offsets");
	verdict = txn_offsets(txn, offsets, consumer->rk, err);
	if (verdict != KAFKA_OK)
		return verdict;
	crash_point("run:before-commit");
	verdict = txn_commit(txn, err);
	crash_point("run:after-commit");
	/* Refused as a whole: by which record, each will show alone. */
	if (verdict == KAFKA_REFUSED && !xact->spoilt &&
		kafka_record_verdict(txn->code) == KAFKA_REFUSED)
		refuse_code(xact, NULL, txn->code);
	return verdict;
}

enum kafka_verdict
xact_commit(struct xact *xact, struct consumer *consumer,
	const rd_kafka_topic_partition_list_t *offsets, struct err *err)
{
	enum kafka_verdict verdict = begin(xact, err);
	struct err fatal;

	if (verdict == KAFKA_OK)
		verdict = end(xact, consumer, offsets, err);
	if (verdict == KAFKA_FAILED &&
		rota_fatal(&xact->rota, &fatal) == KAFKA_PERM) {
		*err = fatal;
		return KAFKA_PERM;
	}
	if (verdict != KAFKA_OK && verdict != KAFKA_REFUSED)
		return verdict;
	if (verdict == KAFKA_REFUSED && xact->refusal.refused)
		err_set(err, "%s: %s", xact->refusal.error_class,
			xact->refusal.error_message);
	xact->begun = false;
	xact->k = (xact->k + 1) % xact->rota.count;
	free_sent(xact);
	return verdict;
}
