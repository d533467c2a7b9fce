/* kafka/publish.c - see publish.h. */
#include "kafka/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/crash.h"
#include "kafka/admin.h"
#include "kafka/item.h"

#define BATCH_RECORDS 500
/* One partition's share of a batch fits one request (batch.size is 1,000,000),
 * so that a refusal is of all of it, and nothing overtakes. */
#define BATCH_BYTES 900000
#define RETRY_MS 1000
#define LOOKUP_MS 2000
#define COPIES_MS 300	  /* a question that not every service answers */
#define STALLED_MS 3000	  /* for so long no answer: as good as away */
#define UNEXPLAINED_MAX 4 /* aborts in a row without a refused record */
#define COPIES_WANTED 3
#define IN_SYNC_WANTED 2

struct topic {
	struct group_topic group;
	char *name;
	size_t items;
};

struct publish {
	struct publish_options opts;
	struct group group;
	struct rota rota;
	int64_t now_ms;
	int64_t sent_ms; /* when the last record went out */
	int unexplained;
	enum kafka_verdict verdict; /* not OK: how it ends, and why */
	struct err why;
	struct topic *last; /* where the last record went */
	struct publish_counters counters;
};

/* ---- its life ------------------------------------------------------------ */

static void
on_delivery(void *data, const struct delivery *d)
{
	struct publish *p = data;
	struct item *item = d->opaque;

	item->code = d->code;
	item->partition = d->partition;
	item->offset = d->offset;
	if (d->verdict == KAFKA_OK)
		group_delivered(&p->group, &item->group, p->now_ms);
	else if (d->verdict == KAFKA_REFUSED)
		group_refused(&p->group, &item->group, p->now_ms);
	else if (!p->opts.id && p->verdict == KAFKA_OK) {
		/* In a transaction its commit has the last word. */
		p->verdict = KAFKA_FAILED;
		err_set(&p->why, "delivery failed: %s: %s",
			kafka_class(d->code), d->message);
	}
}

struct publish *
publish_new(const struct publish_options *opts, struct err *err)
{
	struct group_limits limits = {.transactional = opts->id != NULL,
		.producers = opts->id ? ROTA_MAX : 1,
		.batch_records = BATCH_RECORDS,
		.batch_bytes = BATCH_BYTES,
		.source_records = opts->queue_records,
		.source_bytes = opts->queue_bytes,
		.retry_ms = opts->retry_ms ? opts->retry_ms : RETRY_MS,
		.linger_ms = opts->linger_ms};
	struct producer_options producer = {.kafka = opts->kafka,
		.transactional_id = opts->id,
		.max_bytes = opts->max_bytes,
		.on_delivery = on_delivery};
	struct publish *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(err, "out of memory");
		return NULL;
	}
	p->opts = *opts;
	group_init(&p->group, &limits);
	producer.data = p;
	if (rota_open(&p->rota, &producer, err) == 0)
		return p;
	publish_free(p);
	return NULL;
}

static void
free_topic(struct publish *p, struct topic *t)
{
	group_topic_drop(&p->group, &t->group);
	free(t->name);
	free(t);
}

static void
free_items(struct group_items *items)
{
	struct group_item *item;

	while ((item = TAILQ_FIRST(items))) {
		TAILQ_REMOVE(items, item, link);
		free(item); /* group is the first of struct item */
	}
}

void
publish_free(struct publish *p)
{
	struct group_topic *topic;

	if (!p)
		return;
	rota_close(&p->rota);
	free_items(&p->group.ready);
	free_items(&p->group.batch);
	free_items(&p->group.done);
	free_items(&p->group.dead);
	while ((topic = TAILQ_FIRST(&p->group.topics))) {
		free_items(&topic->parked);
		free_topic(p, (struct topic *)topic);
	}
	free(p);
}

enum kafka_verdict
publish_start(struct publish *p, int timeout_ms, bool *again, struct err *err)
{
	return rota_start(&p->rota, timeout_ms, again, err);
}

/* ---- records in ---------------------------------------------------------- */

static struct topic *
find_topic(struct publish *p, struct str name)
{
	struct group_topic *g;

	if (p->last && str_eq_c(name, p->last->name))
		return p->last;
	TAILQ_FOREACH (g, &p->group.topics, link) {
		struct topic *t = (struct topic *)g;

		if (str_eq_c(name, t->name))
			return t;
	}
	return NULL;
}

static struct topic *
get_topic(struct publish *p, struct str name)
{
	struct topic *t = find_topic(p, name);

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return NULL;
		t->name = str_dup(name);
		if (!t->name) {
			free(t);
			return NULL;
		}
		group_topic_add(&p->group, &t->group);
	}
	p->last = t;
	return t;
}

int
publish_put(struct publish *p, struct group_source *source,
	const struct record *record, void *opaque, struct err *err)
{
	struct topic *topic = get_topic(p, record->topic);
	struct item *item = topic ? item_new(record) : NULL;
	bool was_paused;

	if (!item)
		return err_set(err, "out of memory");
	if (!p->opts.keep)
		item->record.partition = -1;
	item->opaque = opaque;
	item->topic = topic;
	item->group.topic = &topic->group;
	item->group.source = source;
	topic->items++;
	p->counters.records++;
	was_paused = source->paused;
	group_put(&p->group, &item->group);
	if (source->paused && !was_paused)
		p->counters.paused++;
	return 0;
}

void
publish_forget(struct publish *p, struct group_source *source)
{
	group_forget(&p->group, source);
}

/* ---- actions ------------------------------------------------------------- */

static void
answer(struct publish *p, struct item *item, bool dead)
{
	char text[300];
	struct publish_answer a = {.source = item->group.source,
		.opaque = item->opaque,
		.id = item->record.id,
		.dead = dead,
		.topic = item->record.topic,
		.partition = item->partition,
		.offset = item->offset};
	struct topic *t = item->topic;

	if (dead && item->group.missing) {
		snprintf(text, sizeof(text), "there is no topic '%.*s'",
			STR_ARG(item->record.topic));
		a.error_class = STR("UNKNOWN_TOPIC");
		a.error_message = str_c(text);
	} else if (dead) {
		a.error_class = str_c(kafka_class(item->code));
		a.error_message = str_c(rd_kafka_err2str(item->code));
	}
	if (dead) {
		a.partition = -1;
		a.offset = -1;
		p->counters.dead++;
	} else {
		p->counters.done++;
	}
	p->opts.on_answer(p->opts.data, &a);
	free(item);
	if (--t->items || t->group.state != GROUP_TOPIC_NEW)
		return;
	if (p->last == t)
		p->last = NULL;
	free_topic(p, t); /* one that is not there: the next asks again */
}

/* Two of three copies survive one machine; fewer is for development. */
static void
check_copies(struct publish *p, const char *name)
{
	struct admin_topic topic;
	struct err err;

	if (admin_topic(p->rota.producers[0].producer.rk, name, true, &topic,
		    COPIES_MS, &err) <= 0)
		return; /* no right to describe it: not our question */
	if (topic.replicas >= COPIES_WANTED &&
		topic.min_insync >= IN_SYNC_WANTED)
		return;
	LOG_WARN("producer",
		"a topic has fewer copies than a loss of one "
		"machine needs",
		LOG_S("topic", name), LOG_I("replicas", topic.replicas),
		LOG_I("minInsyncReplicas", topic.min_insync));
}

static void
look_up(struct publish *p, struct topic *t)
{
	struct err err;
	enum topic_state state =
		rota_topic(&p->rota, str_c(t->name), LOOKUP_MS, &err);

	if (state == TOPIC_THERE) {
		if (p->opts.check_copies)
			check_copies(p, t->name);
		group_found(&p->group, &t->group);
		return;
	}
	LOG_WARN("producer", "topic not found", LOG_S("topic", t->name),
		LOG_E(&err));
	if (state == TOPIC_MISSING)
		group_missing(&p->group, &t->group, p->now_ms);
	else
		group_unknown(&p->group, &t->group, p->now_ms);
}

static enum kafka_verdict
send_item(struct publish *p, unsigned k, struct item *item, struct err *err)
{
	enum kafka_verdict verdict = txn_send(
		&p->rota.producers[k], &item->record, item, &item->code);

	p->sent_ms = p->now_ms;
	crash_point("produce:after-produce");
	if (verdict == KAFKA_REFUSED) {
		group_refused(&p->group, &item->group, p->now_ms);
		return KAFKA_OK;
	}
	if (verdict == KAFKA_FAILED)
		err_set(err, "cannot send: %s: %s", kafka_class(item->code),
			rd_kafka_err2str(item->code));
	return verdict;
}

/* The transaction as a whole was refused: for which of its records, each will
 * show by itself. */
static void
refuse_all(struct publish *p, rd_kafka_resp_err_t code)
{
	struct group_item *item;

	TAILQ_FOREACH (item, &p->group.batch, link) {
		((struct item *)item)->code = code;
		group_refused(&p->group, item, p->now_ms);
	}
}

static enum kafka_verdict
finish(struct publish *p, unsigned k, bool commit, struct err *err)
{
	struct txn *txn = &p->rota.producers[k];
	enum kafka_verdict verdict;

	crash_point("produce:before-commit");
	verdict = commit ? txn_commit(txn, err) : txn_abort(txn, err);
	crash_point("produce:after-commit");
	if (verdict == KAFKA_OK && commit) {
		p->unexplained = 0;
		p->counters.transactions++;
		group_committed(&p->group);
		return KAFKA_OK;
	}
	if (verdict != KAFKA_OK && verdict != KAFKA_REFUSED)
		return verdict;
	p->counters.aborted++;
	if (!txn->refused && kafka_record_verdict(txn->code) == KAFKA_REFUSED) {
		txn->refused = true;
		refuse_all(p, txn->code);
	}
	if (txn->refused)
		p->unexplained = 0;
	else if (++p->unexplained > UNEXPLAINED_MAX)
		return KAFKA_FAILED;
	group_aborted(&p->group, p->now_ms);
	return KAFKA_OK;
}

static enum kafka_verdict
act(struct publish *p, const struct group_action *a, struct err *err)
{
	switch (a->kind) {
	case GROUP_DONE:
	case GROUP_DEAD:
		answer(p, (struct item *)a->item, a->kind == GROUP_DEAD);
		return KAFKA_OK;
	case GROUP_RESUME:
		p->opts.on_resume(p->opts.data, a->source);
		return KAFKA_OK;
	case GROUP_LOOKUP:
		look_up(p, (struct topic *)a->topic);
		return KAFKA_OK;
	case GROUP_BEGIN:
		return txn_begin(&p->rota.producers[a->k], err);
	case GROUP_SEND:
		return send_item(p, a->k, (struct item *)a->item, err);
	case GROUP_COMMIT:
	case GROUP_ABORT:
		return finish(p, a->k, a->kind == GROUP_COMMIT, err);
	default:
		return KAFKA_OK;
	}
}

static enum kafka_verdict
check(struct publish *p, struct err *err)
{
	enum kafka_verdict verdict = rota_poll(&p->rota, err);

	if (verdict != KAFKA_OK || p->verdict == KAFKA_OK)
		return verdict;
	*err = p->why;
	return p->verdict;
}

enum kafka_verdict
publish_step(struct publish *p, int64_t now_ms, struct err *err)
{
	struct group_action a;
	enum kafka_verdict verdict;
	struct err fatal;
	bool may_begin = true;

	p->now_ms = now_ms;
	verdict = check(p, err);
	while (verdict == KAFKA_OK) {
		a = group_next(&p->group, now_ms, may_begin);
		if (a.kind == GROUP_NOTHING)
			break;
		if (a.kind == GROUP_COMMIT || a.kind == GROUP_ABORT)
			may_begin = false;
		verdict = act(p, &a, err);
	}
	p->counters.queued = (int64_t)p->group.count;
	/* A record's failure may be the first to show what the client's own
	 * error says better: only a person can put this right. */
	if (verdict == KAFKA_FAILED &&
		rota_fatal(&p->rota, &fatal) == KAFKA_PERM) {
		*err = fatal;
		verdict = KAFKA_PERM;
	}
	return verdict;
}

/* ---- looking at it ------------------------------------------------------- */

int64_t
publish_deadline(const struct publish *p)
{
	return group_deadline(&p->group);
}

int
publish_wake_fd(const struct publish *p, unsigned k)
{
	return rota_wake_fd(&p->rota, k);
}

bool
publish_idle(const struct publish *p)
{
	return group_idle(&p->group);
}

bool
publish_away(struct publish *p)
{
	/* A broker that is stopped, not dead, keeps its connections. */
	return rota_away(&p->rota) ||
	       (p->group.state != GROUP_IDLE &&
		       p->now_ms - p->sent_ms > STALLED_MS);
}

const struct publish_counters *
publish_counters(const struct publish *p)
{
	return &p->counters;
}
