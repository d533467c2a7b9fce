/* tests/sim/kafka.c - see kafka.h: logs, transactions, requests. */
#include "kafka.h"

#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "sends.h"

struct kafka kafka;
const char *const topic_names[TOPICS] = {
	"chat-messages", "chat-events", "chat-messages-dlt"};

enum topic
topic_of(struct str name)
{
	int t;

	for (t = 0; t < TOPICS; t++)
		if (str_eq_c(name, topic_names[t]))
			return (enum topic)t;
	abort();
}

/* ---- logs ---------------------------------------------------------------- */

static unsigned
bit_of(enum topic topic, int part)
{
	return 1u << ((int)topic * PARTS + part);
}

/* A broker that is none. */
static void
swap_last(struct log *log)
{
	struct record *a, *b;
	struct str value;

	if (log->end < 2)
		return;
	a = &log->rec[log->end - 2]->record;
	b = &log->rec[log->end - 1]->record;
	if (!str_eq(a->key, b->key))
		return;
	value = a->value;
	a->value = b->value;
	b->value = value;
}

static struct krec *
append(enum topic topic, int part, const struct record *record)
{
	struct log *log = &kafka.log[topic][part];
	struct krec *rec = sim_alloc(sizeof(*rec)), **more;
	size_t i;

	if (log->end == log->size) {
		log->size = log->size ? 2 * log->size : 64;
		more = sim_alloc((size_t)log->size * sizeof(struct krec *));
		if (log->end)
			memcpy(more, log->rec,
				(size_t)log->end * sizeof(struct krec *));
		log->rec = more;
	}
	rec->record = *record;
	rec->record.topic = str_c(topic_names[topic]);
	rec->record.key = sim_copy(record->key);
	rec->record.value = sim_copy(record->value);
	if (record->header_count) {
		rec->record.headers = sim_alloc(
			record->header_count * sizeof(struct record_header));
		for (i = 0; i < record->header_count; i++) {
			rec->record.headers[i] = record->headers[i];
			rec->record.headers[i].name =
				sim_copy(record->headers[i].name);
			rec->record.headers[i].value =
				sim_copy(record->headers[i].value);
		}
	}
	rec->record.partition = part;
	rec->record.offset = log->end;
	rec->record.timestamp = SIM_WALL_MS + w.now;
	rec->txid = -1;
	rec->state = K_COMMITTED;
	log->rec[log->end++] = rec;
	if (!RULE(sim_no_swap) && topic == MESSAGES && chance(20))
		swap_last(log);
	if (topic == EVENTS)
		event_told(rec->record.value);
	return rec;
}

int64_t
kafka_append(enum topic topic, int part, const struct record *record)
{
	return append(topic, part, record)->record.offset;
}

struct krec *
kafka_fetch(enum topic topic, int part, int64_t *position)
{
	struct log *log = &kafka.log[topic][part];

	for (; *position < log->end; ++*position) {
		struct krec *rec = log->rec[*position];

		if (rec->state == K_COMMITTED ||
			(rec->state == K_ABORTED && !RULE(sim_no_aborted_read)))
			return rec;
		if (rec->state == K_OPEN)
			return NULL;
	}
	return NULL;
}

/* ---- transactions -------------------------------------------------------- */

static void
settle(struct txid *txid, enum topic topic, int part)
{
	struct log *log = &kafka.log[topic][part];
	bool commit = txid->state == T_COMMITTING;
	struct record none = {
		.partition = part, .key_null = true, .value_null = true};
	int64_t i;

	for (i = 0; i < log->end; i++)
		if (log->rec[i]->state == K_OPEN &&
			log->rec[i]->txid == (int)(txid - kafka.txid))
			log->rec[i]->state = commit ? K_COMMITTED : K_ABORTED;
	append(topic, part, &none)->state = K_MARKER;
}

bool
kafka_can_mark(const struct txid *txid)
{
	return w.broker_up &&
	       (txid->state == T_COMMITTING || txid->state == T_ABORTING);
}

void
kafka_mark(struct txid *txid)
{
	int t, p;

	for (t = 0; t < TOPICS; t++)
		for (p = 0; p < PARTS; p++) {
			if (!(txid->parts & bit_of((enum topic)t, p)))
				continue;
			trace("kafka: marker of transaction %d in %s/%d: %s",
				(int)(txid - kafka.txid), topic_names[t], p,
				txid->state == T_COMMITTING ? "committed"
							    : "aborted");
			settle(txid, (enum topic)t, p);
			txid->parts &= ~bit_of((enum topic)t, p);
			if (!txid->parts)
				txid->state = T_EMPTY;
			return;
		}
	txid->state = T_EMPTY;
}

static void
abort_it(struct txid *txid)
{
	txid->epoch++;
	txid->state = txid->parts ? T_ABORTING : T_EMPTY;
}

/* ---- requests ------------------------------------------------------------ */

struct req *
kafka_req(struct actor *actor, enum req_kind kind)
{
	struct req *req = sim_alloc(sizeof(*req));

	req->kind = kind;
	req->actor = actor_id(actor);
	req->inc = actor->inc;
	req->txid = -1;
	return req;
}

static struct kqueue *
queue_new(void)
{
	struct kqueue *queue = kafka.queue;

	while (queue->used)
		if (++queue == kafka.queue + QUEUES)
			abort();
	*queue = (struct kqueue){.used = true, .end = &queue->head};
	return queue;
}

void
kafka_send(struct actor *actor, struct req *req)
{
	struct kqueue *queue = actor->kafka;

	if (!queue)
		queue = actor->kafka = queue_new();
	if (req->kind == R_END && w.late_ms) {
		queue = queue_new();
		queue->hold_ms = w.now + w.late_ms;
		trace("the network keeps %s's EndTxn for %d ms", actor->name,
			w.late_ms);
		w.late_ms = 0;
	}
	*queue->end = req;
	queue->end = &req->next;
}

static struct req *
take(struct kqueue *queue)
{
	struct req *req = queue->head;
	int i;

	queue->head = req->next;
	req->next = NULL;
	if (queue->head)
		return req;
	queue->end = &queue->head;
	for (i = 0; i < w.actors; i++)
		if (w.actor[i].kafka == queue)
			w.actor[i].kafka = NULL;
	queue->used = false;
	return req;
}

void
kafka_client_gone(struct actor *actor)
{
	struct kqueue *queue = actor->kafka;
	struct req **at;

	actor->kafka = NULL;
	if (!queue)
		return;
	for (at = &queue->head; *at && chance(70); at = &(*at)->next)
		;
	*at = NULL;
	queue->end = at;
	queue->used = queue->head != NULL;
}

/* Its transaction's markers are awaited before anything else of it. */
static bool
must_wait(const struct req *req)
{
	const struct txid *txid;

	if (req->txid < 0 || req->kind == R_END)
		return false;
	txid = &kafka.txid[req->txid];
	if (req->kind == R_PRODUCE && req->epoch != txid->epoch)
		return false;
	return txid->state == T_COMMITTING || txid->state == T_ABORTING;
}

bool
kafka_can_serve(const struct kqueue *queue)
{
	return w.broker_up && queue->used && queue->head &&
	       w.now >= queue->hold_ms && !must_wait(queue->head);
}

static enum verdict
serve_produce(struct req *req)
{
	struct txid *txid = req->txid < 0 ? NULL : &kafka.txid[req->txid];
	struct krec *rec;

	if (txid && req->epoch != txid->epoch)
		return V_FENCED;
	if (send_is_refused(req->topic, req->record.value)) {
		send_was_refused(req->record.value);
		return V_REFUSED;
	}
	if (req->refuse)
		return V_REFUSED;
	rec = append(req->topic, req->part, &req->record);
	req->at = rec->record.offset;
	if (!txid)
		return V_OK;
	if (txid->state == T_EMPTY) {
		txid->state = T_ONGOING;
		txid->began_ms = w.now;
	}
	txid->parts |= bit_of(req->topic, req->part);
	rec->state = K_OPEN;
	rec->txid = req->txid;
	return V_OK;
}

static enum verdict
serve_end(const struct req *req)
{
	struct txid *txid = &kafka.txid[req->txid];

	if (req->epoch != txid->epoch)
		return V_FENCED;
	if (txid->state == T_ONGOING)
		txid->state = req->commit ? T_COMMITTING : T_ABORTING;
	return V_OK;
}

void
kafka_serve(struct kqueue *queue)
{
	struct req *req = queue->head;
	struct actor *actor = &w.actor[req->actor];
	struct msg *msg;

	if (req->kind == R_INIT && kafka.txid[req->txid].state == T_ONGOING) {
		abort_it(&kafka.txid[req->txid]);
		return; /* when its markers are written */
	}
	take(queue);
	if (req->kind == R_INIT) {
		req->epoch = ++kafka.txid[req->txid].epoch;
		req->verdict = V_OK;
	} else if (req->kind == R_PRODUCE) {
		req->verdict = serve_produce(req);
	} else if (req->kind == R_END) {
		req->verdict = serve_end(req);
	} else {
		req->verdict = coord_commit(req);
	}
	if (req->kind == R_PRODUCE)
		trace("kafka: %.*s -> %s/%d %s%lld",
			STR_ARG(send_label(req->topic, &req->record)),
			topic_names[req->topic], req->part,
			req->verdict == V_OK ? "@" : "refused or fenced ",
			(long long)req->at);
	if (actor->state == DOWN || actor->inc != req->inc)
		return;
	msg = msg_new(M_KAFKA);
	msg->ptr = req;
	back_push(actor, msg);
}

/* ---- time and fate ------------------------------------------------------- */

void
kafka_tick(void)
{
	int i;

	if (!w.broker_up)
		return;
	for (i = 0; i < TXIDS; i++)
		if (kafka.txid[i].state == T_ONGOING &&
			w.now >= kafka.txid[i].began_ms + TXN_TIMEOUT_MS) {
			trace("kafka: transaction %d has timed out", i);
			abort_it(&kafka.txid[i]);
		}
	coord_tick();
}

int64_t
kafka_deadline(void)
{
	int64_t at = coord_deadline(), then;
	int i;

	for (i = 0; i < TXIDS; i++) {
		then = kafka.txid[i].began_ms + TXN_TIMEOUT_MS;
		if (kafka.txid[i].state == T_ONGOING && then < at)
			at = then;
	}
	for (i = 0; i < QUEUES; i++)
		if (kafka.queue[i].used && kafka.queue[i].hold_ms > w.now &&
			kafka.queue[i].hold_ms < at)
			at = kafka.queue[i].hold_ms;
	return at;
}

/* What was open is ended: its coordinator starts anew, too. */
static void
end_all(void)
{
	int i, t, p;

	for (i = 0; i < TXIDS; i++) {
		if (kafka.txid[i].state == T_ONGOING)
			abort_it(&kafka.txid[i]);
		while (kafka.txid[i].parts)
			kafka_mark(&kafka.txid[i]);
		kafka.txid[i].state = T_EMPTY;
	}
	for (t = 0; t < TOPICS; t++)
		for (p = 0; p < PARTS; p++)
			for (int64_t o = 0; o < kafka.log[t][p].end; o++)
				if (kafka.log[t][p].rec[o]->state == K_OPEN)
					kafka.log[t][p].rec[o]->state =
						K_ABORTED;
}

static void
cut_log(enum topic topic, int part, int64_t end)
{
	struct log *log = &kafka.log[topic][part];
	int64_t i;

	for (i = end; i < log->end; i++)
		if (log->rec[i]->state == K_COMMITTED)
			send_lost(topic, log->rec[i]->record.value);
	trace("kafka: %s/%d ends at %lld now, not at %lld", topic_names[topic],
		part, (long long)end, (long long)log->end);
	log->end = end;
}

void
kafka_forget_requests(void)
{
	int i;

	for (i = 0; i < QUEUES; i++)
		kafka.queue[i].used = false;
}

void
kafka_lose_tail(void)
{
	int64_t lose;
	int t, p;

	end_all();
	for (t = 0; t < TOPICS; t++)
		for (p = 0; p < w.plan.parts; p++) {
			lose = roll(5);
			if (lose > kafka.log[t][p].end)
				lose = kafka.log[t][p].end;
			cut_log((enum topic)t, p, kafka.log[t][p].end - lose);
		}
}

void
kafka_make_anew(void)
{
	int p;

	end_all();
	for (p = 0; p < PARTS; p++)
		cut_log(MESSAGES, p, 0);
	kafka_reset_group(-1);
}

void
kafka_reset_group(int64_t offset)
{
	int p, slot;

	kafka.gen++;
	for (slot = 0; slot < PAIRS; slot++)
		kafka.member[slot].in = false;
	for (p = 0; p < PARTS; p++)
		kafka.committed[p] = offset;
}
