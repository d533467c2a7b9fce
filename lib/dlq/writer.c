/* dlq/writer.c - see writer.h. */
#include "dlq/writer_inner.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/stop.h"

#define LOOK_MS 20     /* the first look whether Kafka has taken us in */
#define LOOKUP_MS 2000 /* of a topic */
#define ID "chat-dlq-replay"

static int
code_of(enum kafka_verdict verdict)
{
	switch (verdict) {
	case KAFKA_OK:
		return 0;
	case KAFKA_FAILED:
		return EXIT_TEMP;
	default:
		return EXIT_PERM;
	}
}

/* ---- its life --------------------------------------------------------------
 */

static bool
transacts(const struct writer *w)
{
	return !w->opts.idempotent && !w->opts.dry;
}

/* The id knows no host: another run for the same topic, wherever it is, ends
 * this one's transactions and fences it. */
static int
open_txn(struct writer *w, unsigned k, struct err *err)
{
	struct buf id = {0};
	struct producer_options opts = {.kafka = w->opts.kafka,
		.one_in_flight = w->opts.idempotent,
		.on_delivery = writer_delivered,
		.data = w};
	int rc;

	buf_printf(&id, ID ".%s.%u", w->opts.dlt, k);
	if (buf_bad(&id))
		return err_set(err, "out of memory");
	opts.transactional_id = transacts(w) ? id.data : NULL;
	rc = txn_open(&w->txn[k], &opts, err);
	buf_release(&id);
	return rc;
}

struct writer *
writer_new(const struct writer_options *opts, struct err *err)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w) {
		err_set(err, "out of memory");
		return NULL;
	}
	w->opts = *opts;
	buf_printf(&w->settled, "%s" DLT_SETTLED_SUFFIX, opts->dlt);
	if (buf_bad(&w->settled)) {
		err_set(err, "out of memory");
		writer_free(w);
		return NULL;
	}
	while (w->count < (transacts(w) ? ARRAY_LEN(w->txn) : 1)) {
		if (open_txn(w, w->count, err) < 0) {
			writer_free(w);
			return NULL;
		}
		w->count++;
	}
	return w;
}

void
writer_free(struct writer *w)
{
	bool left = false;
	size_t i;

	if (!w)
		return;
	while (w->count) {
		txn_close(&w->txn[--w->count]);
		left |= w->txn[w->count].producer.rk != NULL;
	}
	if (left)
		return; /* to the end of the process, as its client */
	for (i = 0; i < WRITER_BATCH; i++) {
		if (w->item[i].message)
			rd_kafka_message_destroy(w->item[i].message);
		buf_release(&w->item[i].mark);
		buf_release(&w->item[i].bare);
	}
	while (w->targets)
		free(w->target[--w->targets].name);
	buf_release(&w->settled);
	record_room_release(&w->letter_room);
	record_room_release(&w->room);
	free(w);
}

/* On all producers: each has handles of its own. */
static enum topic_state
look_up(struct writer *w, struct str topic, struct err *err)
{
	enum topic_state state = TOPIC_THERE;
	unsigned k;

	for (k = 0; k < w->count && state == TOPIC_THERE; k++)
		state = producer_topic(
			&w->txn[k].producer, topic, LOOKUP_MS, err);
	return state;
}

/*
 * Both side by side. What a killed predecessor left is ended within
 * milliseconds, but librdkafka asks again only after half a second, or when it
 * is called again: so the first looks are short. (All short would ask a slow
 * broker twice at a time, and the second answer fences the first.)
 */
static enum kafka_verdict
init(struct writer *w, int64_t deadline_ms, struct err *err)
{
	enum kafka_verdict verdict = KAFKA_OK;
	bool ready = false, again;
	int look_ms = LOOK_MS;
	unsigned k;

	for (; !ready && !stop_asked; look_ms = 2 * look_ms) {
		ready = true;
		for (k = 0; k < w->count; k++) {
			struct txn *txn = &w->txn[k];

			if (txn->ready)
				continue;
			verdict = txn_init(txn, look_ms, &again, err);
			txn->ready = verdict == KAFKA_OK;
			ready &= txn->ready;
			if (!txn->ready &&
				(!again || clock_mono_ms() >= deadline_ms))
				return verdict;
		}
	}
	err_clear(err); /* of looks that came too early */
	return KAFKA_OK;
}

int
writer_start(struct writer *w, struct err *err)
{
	int64_t deadline_ms = clock_mono_ms() + w->opts.patience_ms;
	enum topic_state state;
	enum kafka_verdict verdict =
		transacts(w) ? init(w, deadline_ms, err) : KAFKA_OK;

	if (verdict != KAFKA_OK)
		return code_of(verdict);
	do {
		state = look_up(w, buf_str(&w->settled), err);
	} while (state == TOPIC_ERROR && !stop_asked &&
		 clock_mono_ms() < deadline_ms);
	if (state == TOPIC_THERE || stop_asked)
		return 0;
	if (state == TOPIC_ERROR)
		return EXIT_TEMP;
	err_set(err, "topic '%s' is not there: declare it (chat-topics(1))",
		w->settled.data);
	return EXIT_PERM;
}

/* ---- letters in ------------------------------------------------------------
 */

static struct target *
find_target(struct writer *w, struct str name)
{
	size_t i;

	for (i = 0; i < w->targets; i++)
		if (str_eq_c(name, w->target[i].name))
			return &w->target[i];
	return NULL;
}

/* NULL: too many of them, or out of memory. */
static struct target *
get_target(struct writer *w, struct str name)
{
	struct target *t = find_target(w, name);
	char *copy;

	if (t || w->targets == WRITER_TARGETS)
		return t;
	copy = str_dup(name);
	if (!copy)
		return NULL;
	t = &w->target[w->targets++];
	*t = (struct target){.name = copy};
	return t;
}

void
writer_put(struct writer *w, rd_kafka_message_t *message, struct str target,
	const struct letter_edit *edit)
{
	struct item *item = &w->item[w->items++];
	struct buf mark = item->mark, bare = item->bare;
	struct target *t = w->opts.drop ? NULL : get_target(w, target);

	*item = (struct item){.message = message,
		.target = t ? t->name : NULL,
		.edited = edit != NULL,
		.bare = bare,
		.mark = mark};
	if (edit)
		item->edit = *edit;
	w->bytes += message->len + message->key_len;
	if (edit)
		w->bytes += edit->value.len + edit->key.len;
}

void
writer_put_bare(struct writer *w, struct str key, struct str value)
{
	struct item *item = &w->item[w->items++];
	struct buf mark = item->mark, bare = item->bare;

	buf_reset(&bare);
	buf_add_str(&bare, key);
	*item = (struct item){.value = value, .bare = bare, .mark = mark};
	w->bytes += key.len + value.len;
}

size_t
writer_count(const struct writer *w)
{
	return w->items;
}

bool
writer_full(const struct writer *w)
{
	return w->items == WRITER_BATCH || w->bytes >= WRITER_BATCH_BYTES;
}

/* ---- a batch ---------------------------------------------------------------
 */

static void
end_item(struct writer *w, struct item *item, const char *why)
{
	if (!item->message)
		return;
	w->opts.on_end(w->opts.data, item->message, why);
	rd_kafka_message_destroy(item->message);
	item->message = NULL;
}

/* Looks up where letters go that none went to yet. 0, or a code. */
static int
look_up_targets(struct writer *w, struct err *err)
{
	size_t i;

	for (i = 0; i < w->targets; i++) {
		struct target *t = &w->target[i];

		if (t->there)
			continue;
		switch (look_up(w, str_c(t->name), err)) {
		case TOPIC_THERE:
			t->there = true;
			break;
		case TOPIC_ERROR:
			return EXIT_TEMP;
		default:
			break;
		}
	}
	return 0;
}

/* NULL: it can go where it is to go. */
static const char *
homeless(struct writer *w, const struct item *item)
{
	if (w->opts.drop || !item->message)
		return NULL;
	if (!item->target)
		return "over 64 topics to go back to";
	return find_target(w, str_c(item->target))->there
		       ? NULL
		       : "its topic is not there";
}

/* Letters that have nowhere to go end here; the others move up. */
static void
drop_homeless(struct writer *w)
{
	size_t i, kept = 0;

	for (i = 0; i < w->items; i++) {
		struct item item = w->item[i];
		const char *why = homeless(w, &item);

		if (why) {
			resume_open(w->opts.resume, item.message->partition,
				item.message->offset);
			end_item(w, &w->item[i], why);
			continue;
		}
		w->item[i] = w->item[kept];
		w->item[kept++] = item;
	}
	w->items = kept;
}

int
writer_flush(struct writer *w, struct err *err)
{
	struct err fatal;
	enum kafka_verdict verdict = KAFKA_OK;
	int code = look_up_targets(w, err);
	size_t i;
	unsigned k;

	if (code)
		return code;
	drop_homeless(w);
	if (w->items && !w->opts.dry)
		verdict = writer_deliver(w, w->item, w->items, err);
	for (k = 0; verdict == KAFKA_FAILED && k < w->count; k++) {
		if (producer_fatal(&w->txn[k].producer, &fatal) == KAFKA_PERM) {
			*err = fatal;
			verdict = KAFKA_PERM;
		}
	}
	if (verdict != KAFKA_OK)
		return code_of(verdict);
	for (i = 0; i < w->items; i++)
		end_item(w, &w->item[i],
			w->item[i].refused ? rd_kafka_err2str(w->item[i].code)
					   : NULL);
	w->items = w->bytes = 0;
	return 0;
}
