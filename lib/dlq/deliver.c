/* dlq/deliver.c - letters out, with their marks; see writer.h. */
#include "base/clock.h"
#include "dlq/source.h"
#include "dlq/writer_inner.h"
#include "io/crash.h"

#define UNEXPLAINED_MAX 4 /* aborts in a row without a refused record */

/* An item's address is even: the lowest bit says that it is a mark. */
static void *
tag(struct item *item, bool mark)
{
	return (char *)item + mark;
}

void
writer_delivered(void *data, const struct delivery *d)
{
	struct writer *w = data;
	bool mark = (uintptr_t)d->opaque & 1;
	struct item *item = (struct item *)((char *)d->opaque - mark);

	if (d->verdict == KAFKA_OK && mark) {
		item->done = true;
	} else if (d->verdict == KAFKA_OK) {
		item->sent = true;
	} else if (d->verdict == KAFKA_FAILED) {
		w->failed = d->code;
	} else if (mark) {
		w->mark_code = d->code;
	} else {
		w->blamed = item->refused = true;
		item->code = d->code;
	}
}

enum what { RECORDS = 1, MARKS = 2 };

static enum kafka_verdict
failed(struct err *err, const char *what, rd_kafka_resp_err_t code)
{
	err_set(err, "%s: %s: %s", what, kafka_class(code),
		rd_kafka_err2str(code));
	return KAFKA_FAILED;
}

static enum kafka_verdict
cannot_send(struct writer *w, struct err *err, const char *what,
	rd_kafka_resp_err_t code)
{
	/* The transaction is to be aborted already: what went wrong with it
	 * came before this record. */
	w->spoilt = code == RD_KAFKA_RESP_ERR__STATE;
	return failed(err, what, code);
}

static enum kafka_verdict
send_record(struct writer *w, struct txn *txn, struct item *item,
	const struct letter *letter, struct err *err)
{
	struct record out;
	rd_kafka_resp_err_t code;
	enum kafka_verdict verdict;

	if (letter_replay(&out, letter, str_c(item->target),
		    item->edited ? &item->edit : NULL, &w->room, err) < 0)
		return KAFKA_PERM; /* out of memory: headers were counted */
	verdict = txn_send(txn, &out, tag(item, false), &code);
	if (verdict == KAFKA_REFUSED) {
		w->blamed = item->refused = true;
		item->code = code;
	} else if (verdict == KAFKA_FAILED) {
		return cannot_send(w, err, "cannot send", code);
	}
	return KAFKA_OK;
}

/* Into the topic of marks. */
static enum kafka_verdict
settle(struct writer *w, struct txn *txn, struct item *item,
	const struct buf *key, struct str value, struct err *err)
{
	struct record_header tidied = {STR(DLT_TIDIED), STR("1"), false};
	const struct record out = {.topic = buf_str(&w->settled),
		.partition = 0,
		.offset = -1,
		.timestamp = -1,
		.key = buf_str(key),
		.value = value,
		.value_null = !value.data,
		.headers = &tidied,
		.header_count = !value.data};
	rd_kafka_resp_err_t code;
	enum kafka_verdict verdict;

	if (buf_bad(key)) {
		err_set(err, "out of memory");
		return KAFKA_FAILED;
	}
	verdict = txn_send(txn, &out, tag(item, true), &code);
	if (verdict == KAFKA_REFUSED)
		w->mark_code = code;
	else if (verdict == KAFKA_FAILED)
		return cannot_send(w, err, "cannot send a mark", code);
	return KAFKA_OK;
}

static enum kafka_verdict
send_mark(struct writer *w, struct txn *txn, struct item *item,
	const struct letter *letter, struct err *err)
{
	struct buf *key = &w->room.bytes;

	buf_reset(key);
	letter_mark_key(key, letter);
	buf_reset(&item->mark);
	letter_mark_value(&item->mark, letter, w->opts.drop, clock_wall_ms(),
		resume_below(w->opts.resume, letter->record.partition,
			letter->record.offset));
	key->bad |= buf_bad(&item->mark);
	return settle(w, txn, item, key, buf_str(&item->mark), err);
}

static enum kafka_verdict
send_item(struct writer *w, struct txn *txn, struct item *item, unsigned what,
	struct err *err)
{
	enum kafka_verdict verdict = KAFKA_OK;
	struct letter letter;
	bool mark = (what & MARKS) && !item->done;

	if (!item->message)
		return mark ? settle(w, txn, item, &item->bare, item->value,
				      err)
			    : KAFKA_OK;
	source_letter(&letter, item->message, &w->letter_room);
	if ((what & RECORDS) && !item->sent && !w->opts.drop)
		verdict = send_record(w, txn, item, &letter, err);
	if (verdict == KAFKA_OK && mark && !item->refused)
		verdict = send_mark(w, txn, item, &letter, err);
	return verdict;
}

static enum kafka_verdict
send_all(struct writer *w, struct txn *txn, struct item *item, size_t n,
	unsigned what, struct err *err)
{
	enum kafka_verdict verdict = KAFKA_OK;
	size_t i;

	for (i = 0; i < n && verdict == KAFKA_OK; i++) {
		verdict = send_item(w, txn, &item[i], what, err);
		crash_point("dlq:sent");
	}
	return verdict;
}

static enum kafka_verdict
marks_refused(struct writer *w, struct err *err)
{
	err_set(err, "topic '%s' takes no marks: %s", w->settled.data,
		rd_kafka_err2str(w->mark_code));
	return KAFKA_PERM;
}

static void
forget_deliveries(struct item *item, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		item[i].sent = item[i].done = false;
}

/* One transaction. REFUSED: nothing of it is in Kafka. */
static enum kafka_verdict
transact(struct writer *w, struct item *item, size_t n, struct err *err)
{
	struct txn *txn = &w->txn[w->turn];
	enum kafka_verdict verdict;

	w->turn = (w->turn + 1) % w->count;
	forget_deliveries(item, n);
	verdict = txn_begin(txn, err);
	if (verdict == KAFKA_OK)
		verdict = send_all(w, txn, item, n, RECORDS | MARKS, err);
	if (verdict != KAFKA_OK && !w->spoilt)
		return verdict;
	crash_point("dlq:before-commit");
	if (txn->refused || w->spoilt) {
		verdict = txn_abort(txn, err);
		if (txn->late) /* never begin another on that handle */
			return KAFKA_FAILED;
		return verdict == KAFKA_OK ? KAFKA_REFUSED : verdict;
	}
	verdict = txn_commit(txn, err);
	crash_point("dlq:after-commit");
	if (verdict == KAFKA_REFUSED && !w->blamed &&
		kafka_record_verdict(txn->code) == KAFKA_REFUSED) {
		/* As a whole: which of its records, each will show alone. */
		w->blamed = true;
		item->code = txn->code;
	}
	return verdict;
}

static enum kafka_verdict
flush(struct writer *w, struct err *err)
{
	struct producer *producer = &w->txn[0].producer;

	if (producer_flush(producer, (int)w->opts.patience_ms)) {
		err_set(err, "kafka does not answer: what was sent last may "
			     "be there, or not");
		return KAFKA_FAILED;
	}
	producer_poll(producer);
	return w->failed ? failed(err, "delivery failed", w->failed) : KAFKA_OK;
}

/* The records, and when they are there the marks. REFUSED: not all of them. */
static enum kafka_verdict
in_two_steps(struct writer *w, struct item *item, size_t n, struct err *err)
{
	enum kafka_verdict verdict;

	verdict = send_all(w, &w->txn[0], item, n, RECORDS, err);
	if (verdict == KAFKA_OK)
		verdict = flush(w, err);
	crash_point("dlq:before-marks");
	if (verdict == KAFKA_OK)
		verdict = send_all(w, &w->txn[0], item, n, MARKS, err);
	if (verdict == KAFKA_OK)
		verdict = flush(w, err);
	if (verdict == KAFKA_OK && w->blamed)
		return KAFKA_REFUSED;
	return verdict;
}

static enum kafka_verdict
attempt(struct writer *w, struct item *item, size_t n, struct err *err)
{
	enum kafka_verdict verdict;
	size_t i;

	w->blamed = w->spoilt = false;
	w->mark_code = w->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
	for (i = 0; i < n; i++)
		item[i].refused = false;
	verdict = w->opts.idempotent ? in_two_steps(w, item, n, err)
				     : transact(w, item, n, err);
	if (w->mark_code && verdict != KAFKA_FAILED)
		return marks_refused(w, err);
	return verdict;
}

enum kafka_verdict
writer_deliver(struct writer *w, struct item *item, size_t n, struct err *err)
{
	enum kafka_verdict verdict;

	for (;;) {
		verdict = attempt(w, item, n, err);
		if (verdict != KAFKA_REFUSED) {
			w->unexplained = 0;
			return verdict;
		}
		if (w->blamed) {
			w->unexplained = 0;
			break;
		}
		if (++w->unexplained > UNEXPLAINED_MAX)
			return KAFKA_FAILED;
	}
	if (n == 1) {
		/* Before any mark behind it is sent. */
		item->refused = true;
		if (item->message)
			resume_open(w->opts.resume, item->message->partition,
				item->message->offset);
		return KAFKA_OK;
	}
	verdict = writer_deliver(w, item, n / 2, err);
	if (verdict != KAFKA_OK)
		return verdict;
	return writer_deliver(w, item + n / 2, n - n / 2, err);
}
