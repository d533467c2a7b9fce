/* tests/sim/kafka.c - see kafka.h: logs and requests. */
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

void
record_keep_headers(struct record *record)
{
	const struct record_header *from = record->headers;
	size_t i;

	if (!record->header_count)
		return;
	record->headers =
		sim_alloc(record->header_count * sizeof(struct record_header));
	for (i = 0; i < record->header_count; i++) {
		record->headers[i] = from[i];
		record->headers[i].name = sim_copy(from[i].name);
		record->headers[i].value = sim_copy(from[i].value);
	}
}

static struct krec *
append(enum topic topic, int part, const struct record *record)
{
	struct log *log = &kafka.log[topic][part];
	struct krec *rec = sim_alloc(sizeof(*rec)), **more;

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
	record_keep_headers(&rec->record);
	rec->record.partition = part;
	rec->record.offset = log->end;
	if (topic == MESSAGES && log->end < log->before)
		send_lost(topic, rec->record.value);
	rec->record.timestamp = SIM_WALL_MS + w.now;
	rec->txid = -1;
	rec->state = K_COMMITTED;
	log->rec[log->end++] = rec;
	if (!RULE(sim_no_swap) && topic == MESSAGES && chance(20))
		swap_last(log);
	return rec;
}

/* Readers of what is committed stop at what is open. */
void
kafka_tell(void)
{
	int p;

	for (p = 0; p < PARTS; p++) {
		struct log *log = &kafka.log[EVENTS][p];

		for (; log->told < log->end; log->told++) {
			const struct krec *rec = log->rec[log->told];

			if (rec->state == K_OPEN)
				break;
			if (rec->state == K_COMMITTED)
				event_told(rec->record.value);
		}
	}
}

struct krec *
kafka_append(enum topic topic, int part, const struct record *record)
{
	struct krec *rec = append(topic, part, record);

	kafka_tell();
	return rec;
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

bool
kafka_can_serve(const struct kqueue *queue)
{
	return w.broker_up && queue->used && queue->head &&
	       w.now >= queue->hold_ms && !txn_must_wait(queue->head);
}

static enum verdict
serve_produce(struct req *req)
{
	const struct txid *txid = req->txid < 0 ? NULL : &kafka.txid[req->txid];
	struct krec *rec;

	if (txid && req->epoch != txid->epoch)
		return V_FENCED;
	if (send_is_refused(req->topic, req->record.value)) {
		send_was_refused(req->topic, req->record.value);
		return V_REFUSED;
	}
	if (req->refuse)
		return V_REFUSED;
	rec = append(req->topic, req->part, &req->record);
	req->at = rec->record.offset;
	if (txid)
		txn_add(req, rec);
	kafka_tell();
	return V_OK;
}

void
kafka_serve(struct kqueue *queue)
{
	struct req *req = queue->head;
	struct actor *actor = &w.actor[req->actor];
	struct msg *msg;

	if (txn_aborts(req))
		return; /* when its markers are written */
	take(queue);
	if (req->kind == R_PRODUCE)
		req->verdict = serve_produce(req);
	else if (req->kind == R_COMMIT)
		req->verdict = coord_commit(req);
	else
		req->verdict = txn_serve(req);
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
	if (!w.broker_up)
		return;
	txn_tick();
	coord_tick();
}

int64_t
kafka_deadline(void)
{
	int64_t at = coord_deadline(), then = txn_deadline();
	int i;

	if (then < at)
		at = then;
	for (i = 0; i < QUEUES; i++)
		if (kafka.queue[i].used && kafka.queue[i].hold_ms > w.now &&
			kafka.queue[i].hold_ms < at)
			at = kafka.queue[i].hold_ms;
	return at;
}
