/*
 * tests/sim/xact.c - emits, letters and offsets in one transaction (-x): stands
 * for lib/run/transact.c and lib/kafka/xact.c, which block; here the process
 * does nothing else until the answer is there. See runner.h.
 *
 *	READY --xact_emit()..--> records go out as they come
 *	  --xact_commit()--> OFFSETS --the group's word--> FLUSHING --all
 *acked--> ENDING --committed, or aborted--> READY, the other producer
 */
#include <stdlib.h>

#include "base/rule.h"
#include "runner.h"
#include "wire/result.h"

void
xact_init(struct actor *actor)
{
	struct run *run = actor->self;
	struct xact *x = &run->xact;
	struct req *req;
	int k;

	x->first = PRODUCERS + PRODUCERS * actor->index;
	for (k = 0; k < PRODUCERS; k++) {
		req = kafka_req(actor, R_INIT);
		req->txid = x->first + k;
		kafka_send(actor, req);
	}
}

static struct req *
request(struct actor *actor, enum req_kind kind)
{
	struct run *run = actor->self;
	struct xact *x = &run->xact;
	struct req *req = kafka_req(actor, kind);

	if (!x->begun) {
		x->begun = true;
		x->refused = x->letter = x->denied = false;
	}
	req->txid = x->first + x->k;
	req->epoch = x->epoch[x->k];
	return req;
}

/* ---- what goes in -------------------------------------------------------- */

void
xact_keep(struct run *run, struct item *item)
{
	struct kept *kept =
		sim_alloc(sizeof(*kept) +
			  (size_t)run->pending_count * sizeof(struct str));
	size_t bytes = 0;

	for (; kept->count < run->pending_count; kept->count++) {
		kept->line[kept->count] = run->pending[kept->count];
		bytes += run->pending[kept->count].len;
	}
	law_kept(&run->law, item, bytes);
	runner_emits(&run->r, item, kept, bytes, w.now);
}

static void
put(struct actor *actor, const struct record *record, struct item *item,
	bool letter, int of)
{
	struct run *run = actor->self;
	struct req *req = request(actor, R_PRODUCE);

	req->topic = topic_of(record->topic);
	req->part = record->partition >= 0 ? record->partition
					   : part_of_key(record->key);
	req->record = *record;
	req->record.key = sim_copy(record->key);
	req->record.value = sim_copy(record->value);
	record_keep_headers(&req->record);
	req->cause = item->body;
	req->of = of;
	req->opaque = letter ? item : NULL;
	run->xact.outstanding++;
	kafka_send(actor, req);
	passes(actor, letter ? AT_LETTER : AT_EMITS);
}

void
xact_emit(struct actor *actor, struct item *item)
{
	struct run *run = actor->self;
	const struct kept *kept = item->emits;
	struct filter_line parsed;
	struct record letter;
	struct err err;
	int of = (item->publishing ? kept->count : 0) + item->letter_due, i;

	for (i = 0; item->publishing && i < kept->count; i++) {
		if (filter_line_parse(
			    &parsed, kept->line[i], &run->room, &err) < 0)
			abort();
		put(actor, &parsed.emit, item, false, of);
	}
	if (!item->letter_due)
		return;
	letter_make(&letter, item);
	put(actor, &letter, item, true, of);
}

void
xact_commit(struct actor *actor, struct req *offsets)
{
	struct run *run = actor->self;
	struct req *req = request(actor, R_OFFSETS);
	int p;

	req->gen = offsets->gen;
	for (p = 0; p < PARTS; p++)
		req->offset[p] = offsets->offset[p];
	run->xact.offsets = offsets;
	run->xact.state = X_OFFSETS;
	run->xact.end_ms = w.now + END_PATIENCE_MS;
	if (RULE(x_offsets_in_it))
		kafka_send(actor, req);
	else
		run->xact.state = X_FLUSHING;
}

/* ---- its end ------------------------------------------------------------- */

static void
flushed(struct actor *actor)
{
	struct run *run = actor->self;
	struct xact *x = &run->xact;
	struct req *req;

	if (x->state != X_FLUSHING || x->outstanding)
		return;
	req = request(actor, R_END);
	req->commit = x->commit = !x->refused && !x->denied && !x->skips[x->k];
	x->state = X_ENDING;
	x->end_ms = w.now + END_PATIENCE_MS;
	kafka_send(actor, req);
	passes(actor, AT_END);
}

static void
ended(struct actor *actor)
{
	struct run *run = actor->self;
	struct xact *x = &run->xact;

	/* librdkafka 2.0.2: sequence numbers were skipped. */
	x->skips[x->k] = x->refused;
	x->k = (x->k + 1) % PRODUCERS;
	x->begun = false;
	x->state = X_READY;
	trace("%s: its transaction is %s", actor->name,
		x->commit    ? "committed"
		: x->refused ? "aborted, a record was refused"
			     : "aborted");
	if (x->commit && !RULE(x_offsets_in_it))
		kafka_send(actor, x->offsets);
	if (x->refused) {
		law_refused(&run->law);
		runner_refused(&run->r, x->letter, STR("refused"), w.now);
	} else {
		law_committed(&run->law, x->commit);
		runner_committed(&run->r, x->commit, w.now);
	}
}

const char *
xact_step(struct actor *actor)
{
	struct run *run = actor->self;
	struct xact *x = &run->xact;

	if (x->state > X_READY && w.now >= x->end_ms)
		return "nobody knows how its transaction ended";
	flushed(actor);
	return NULL;
}

static const char *
delivered(struct actor *actor, const struct req *req)
{
	struct run *run = actor->self;
	struct xact *x = &run->xact;

	x->outstanding--;
	if (req->verdict == V_FENCED)
		return "fenced";
	if (req->verdict == V_REFUSED && !x->refused) {
		x->refused = true;
		x->letter = req->opaque != NULL;
	}
	flushed(actor);
	return NULL;
}

const char *
xact_answer(struct actor *actor, const struct req *req)
{
	struct run *run = actor->self;
	struct xact *x = &run->xact;

	if (req->kind == R_PRODUCE)
		return delivered(actor, req);
	if (req->verdict == V_FENCED)
		return "fenced";
	if (req->kind == R_INIT) {
		x->epoch[req->txid - x->first] = req->epoch;
		x->inited |= 1u << (req->txid - x->first);
		if (x->inited == (1u << PRODUCERS) - 1)
			x->state = X_READY;
	} else if (req->kind == R_OFFSETS) {
		x->denied = req->verdict != V_OK;
		x->state = X_FLUSHING;
		flushed(actor);
	} else {
		ended(actor);
	}
	return NULL;
}

bool
xact_blocked(const struct run *run)
{
	return run->atomic && run->xact.state != X_READY;
}

int64_t
xact_deadline(const struct run *run)
{
	return run->xact.state > X_READY ? run->xact.end_ms : CLOCK_NEVER;
}
