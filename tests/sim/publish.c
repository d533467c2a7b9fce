/*
 * tests/sim/publish.c - stands for lib/kafka/publish.c and txn.c: flow/group
 * decides, this sends. See kafka.h.
 */
#include <stdlib.h>

#include "base/rule.h"
#include "kafka.h"
#include "sends.h"

enum {
	BATCH_RECORDS = 4,
	BATCH_BYTES = 900,
	SOURCE_BYTES = 3000,
	RETRY_MS = 1000,
	LINGER_MS = 3
};

static void
init_next(struct pub *pub)
{
	struct req *req;
	int k;

	for (k = 0; k < PRODUCERS; k++) {
		req = kafka_req(pub->actor, R_INIT);
		req->txid = k;
		kafka_send(pub->actor, req);
	}
}

void
pub_init(struct pub *pub, struct actor *actor, bool transactional,
	size_t source_records)
{
	const struct group_limits limits = {.transactional = transactional,
		.producers = transactional ? PRODUCERS : 1,
		.batch_records = BATCH_RECORDS,
		.batch_bytes = BATCH_BYTES,
		.source_records = source_records,
		.source_bytes = SOURCE_BYTES,
		.retry_ms = RETRY_MS,
		.linger_ms = w.plan.twice ? LINGER_MS : 0};
	int t;

	*pub = (struct pub){.actor = actor,
		.transactional = transactional,
		.state = transactional ? P_STARTING : P_READY};
	group_init(&pub->group, &limits);
	TAILQ_INIT(&pub->law.items);
	for (t = 0; t < TOPICS; t++)
		group_topic_add(&pub->group, &pub->topics[t]);
	if (transactional)
		init_next(pub);
}

void
pub_put(struct pub *pub, struct group_source *source,
	const struct record *record, void *opaque)
{
	struct pitem *item = sim_alloc(sizeof(*item));

	item->record = *record;
	item->record.key = sim_copy(record->key);
	item->record.value = sim_copy(record->value);
	item->record.id = sim_copy(record->id);
	record_keep_headers(&item->record);
	item->topic = topic_of(record->topic);
	item->opaque = opaque;
	item->part = pub->keep && record->partition >= 0
			     ? record->partition
			     : part_of_key(record->key);
	item->group.topic = &pub->topics[item->topic];
	item->group.source = source;
	item->group.bytes = record->value.len + record->key.len;
	group_put(&pub->group, &item->group);
	law_put(pub, item);
}

static void
look_up(struct pub *pub, struct group_topic *topic)
{
	bool *missed = &pub->missed[topic - pub->topics];

	if (!w.broker_up || (!w.mended && chance(5))) {
		group_unknown(&pub->group, topic, w.now);
	} else if (!*missed && !w.mended && chance(5)) {
		*missed = true; /* for a moment: its leader moves */
		group_missing(&pub->group, topic, w.now);
	} else {
		*missed = false;
		group_found(&pub->group, topic);
	}
}

/* One partition's share of a batch is one request: it is refused as a whole,
 * where one of it is. */
static bool
refused_with_others(struct pub *pub, const struct pitem *item)
{
	const struct group_item *other;

	TAILQ_FOREACH (other, &pub->group.batch, link) {
		const struct pitem *o = (const struct pitem *)other;

		if (o->topic == item->topic && o->part == item->part &&
			send_is_refused(o->topic, o->record.value))
			return true;
	}
	return false;
}

static void
send_item(struct pub *pub, struct pitem *item)
{
	struct req *req = kafka_req(pub->actor, R_PRODUCE);

	law_goes(pub, item);

	req->topic = item->topic;
	req->part = item->part;
	req->record = item->record;
	req->opaque = item;
	req->refuse = refused_with_others(pub, item);
	if (pub->transactional) {
		req->txid = pub->k;
		req->epoch = pub->epoch[pub->k];
	}
	pub->outstanding++;
	kafka_send(pub->actor, req);
	if (pub->actor->kind == PRODUCE)
		passes(pub->actor, AT_PRODUCE);
}

/* EndTxn goes out when all is delivered; where a record was refused, it is an
 * abort. */
static void
end_txn(struct pub *pub)
{
	struct req *req = kafka_req(pub->actor, R_END);

	req->txid = pub->k;
	req->epoch = pub->epoch[pub->k];
	req->commit = pub->commit = pub->commit && !pub->refused;
	pub->state = P_ENDING;
	pub->end_ms = w.now + END_PATIENCE_MS;
	kafka_send(pub->actor, req);
	passes(pub->actor, AT_END);
}

static bool
act(struct pub *pub, const struct group_action *a)
{
	switch (a->kind) {
	case GROUP_NOTHING:
		return false;
	case GROUP_DONE:
	case GROUP_DEAD:
		law_answer(pub, (struct pitem *)a->item, a->kind == GROUP_DEAD);
		pub->on_answer(pub->actor, (struct pitem *)a->item,
			a->kind == GROUP_DEAD);
		return true;
	case GROUP_RESUME:
		law_resume(pub, a->source);
		pub->on_resume(pub->actor, a->source);
		return true;
	case GROUP_LOOKUP:
		look_up(pub, a->topic);
		return true;
	case GROUP_BEGIN:
		law_begin(pub, (int)a->k);
		pub->k = (int)a->k;
		pub->refused = false;
		return true;
	case GROUP_SEND:
		send_item(pub, (struct pitem *)a->item);
		return true;
	case GROUP_COMMIT:
	case GROUP_ABORT:
		pub->commit = a->kind == GROUP_COMMIT;
		pub->state = P_FLUSHING;
		if (!pub->outstanding)
			end_txn(pub);
		return false;
	}
	return false;
}

const char *
pub_step(struct pub *pub)
{
	struct group_action a;

	if (pub->state == P_ENDING && w.now >= pub->end_ms) {
		if (RULE(unknown_end_exits))
			return "nobody knows how its transaction ended";
		pub->end_ms = CLOCK_NEVER;
		pub->unsure = true;
		pub->commit = false;
		end_txn(pub);
		return NULL;
	}
	if (pub->state != P_READY)
		return NULL;
	do
		a = group_next(&pub->group, w.now, true);
	while (act(pub, &a));
	return NULL;
}

static const char *
delivered(struct pub *pub, const struct req *req)
{
	struct pitem *item = req->opaque;

	pub->outstanding--;
	item->offset = req->at;
	law_delivered(pub, item, req->verdict == V_REFUSED);
	if (!pub->transactional) {
		item->in = req->verdict == V_OK;
		if (!pub->outstanding)
			law_over(pub, false);
	}
	if (req->verdict == V_OK) {
		group_delivered(&pub->group, &item->group, w.now);
	} else if (req->verdict == V_REFUSED) {
		pub->refused = true;
		group_refused(&pub->group, &item->group, w.now);
	} else if (RULE(fenced_exits)) {
		return "fenced";
	} else {
		/* Taken for a time-out: all of it again. */
		pub->refused = true;
		group_delivered(&pub->group, &item->group, w.now);
	}
	if (pub->state == P_FLUSHING && !pub->outstanding)
		end_txn(pub);
	return NULL;
}

const char *
pub_answer(struct pub *pub, const struct req *req)
{
	if (req->kind == R_INIT) {
		pub->epoch[req->txid] = req->epoch;
		pub->inited |= 1u << req->txid;
		if (pub->inited == (1u << PRODUCERS) - 1)
			pub->state = P_READY;
	} else if (req->kind == R_PRODUCE) {
		return delivered(pub, req);
	} else if (pub->unsure && req->commit) {
		return NULL; /* the late answer */
	} else if (req->verdict == V_OK || !RULE(fenced_exits)) {
		pub->state = P_READY;
		pub->unsure = false;
		law_over(pub, req->commit && req->verdict == V_OK);
		if (req->commit && req->verdict == V_OK)
			group_committed(&pub->group);
		else
			group_aborted(&pub->group, w.now);
	} else {
		return "fenced";
	}
	return NULL;
}

bool
pub_blocked(const struct pub *pub)
{
	return pub->state != P_READY;
}

int64_t
pub_deadline(const struct pub *pub)
{
	if (pub->state == P_ENDING)
		return pub->end_ms;
	return pub->state == P_READY ? group_deadline(&pub->group)
				     : CLOCK_NEVER;
}
