/*
 * pg/pool.c - see pool.h.
 *
 *	DOWN -> CONNECTING -> SETTING -> PREPARING (n times) -> IDLE <-> BUSY
 *	  ^---------- any failure, any deadline -------------------------'
 */
#include "pg/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MOST_MS 1000
#define ANSWER_MORE_MS 5000 /* the server's own timeout comes first */

enum { DOWN, CONNECTING, SETTING, PREPARING, IDLE, BUSY };

/* Each session begins with this, and answers with the schema's version. The
 * plans are for look-ups by index, whatever the statistics of a table that
 * has just been made say. */
static const char setting[] =
	"set jit = off; set plan_cache_mode = force_generic_plan; "
	"set enable_seqscan = off; set enable_bitmapscan = off; "
	"set enable_hashjoin = off; set enable_mergejoin = off; "
	"select coalesce(max(version), 0) from schema_version";

static size_t
index_of(const struct pool *pool, const struct pool_slot *slot)
{
	return (size_t)(slot - pool->slots);
}

static void
watch(struct pool *pool, struct pool_slot *slot, int events)
{
	pool->opts.watch(pool->opts.data, index_of(pool, slot),
		events ? PQsocket(slot->conn) : -1, events);
}

static bool
is_up(const struct pool_slot *slot)
{
	return slot->state == IDLE || slot->state == BUSY;
}

/* The one function that ends a job of a slot. */
static void
finish_job(struct pool_slot *slot, enum pg_fault fault, const struct err *err)
{
	struct pool_job *job = slot->job;
	PGresult *result = slot->result;

	slot->job = NULL;
	slot->result = NULL;
	if (job) {
		job->slot = NULL;
		job->done(job, fault, fault == PG_OK ? result : NULL, err);
	}
	PQclear(result);
}

static void
fail_queue(struct pool *pool, const struct err *err)
{
	struct pool_job *job;

	while ((job = TAILQ_FIRST(&pool->queue))) {
		TAILQ_REMOVE(&pool->queue, job, link);
		pool->queued--;
		job->done(job, PG_OUTAGE, NULL, err);
	}
}

/* The one function that closes a connection. */
static void
take_down(struct pool *pool, struct pool_slot *slot, const struct err *why,
	int64_t now_ms)
{
	struct err err = *why;
	bool was_up = is_up(slot);

	if (slot->conn) {
		watch(pool, slot, 0);
		PQfinish(slot->conn);
		slot->conn = NULL;
	}
	slot->state = DOWN;
	slot->prepared = 0;
	slot->deadline_ms = now_ms + slot->pause_ms;
	slot->pause_ms = slot->pause_ms * 2;
	if (slot->pause_ms > PAUSE_MOST_MS)
		slot->pause_ms = PAUSE_MOST_MS;
	pool->why = err;
	if (was_up)
		pool->up--;
	finish_job(slot, PG_OUTAGE, &err);
	if (was_up && !pool->up)
		fail_queue(pool, &err);
	pool->opts.changed(pool->opts.data);
}

static void
take_down_lost(struct pool *pool, struct pool_slot *slot, int64_t now_ms)
{
	struct err err;

	pg_fault(slot->conn, NULL, NULL, &err);
	take_down(pool, slot, &err, now_ms);
}

/* What was sent goes out, and the answer is awaited. */
static void
sent(struct pool *pool, struct pool_slot *slot, int state, int64_t deadline_ms)
{
	int left = PQflush(slot->conn);

	slot->state = state;
	slot->deadline_ms = deadline_ms;
	watch(pool, slot, left > 0 ? POOL_READ | POOL_WRITE : POOL_READ);
}

/* The next waiting job that is still wanted. */
static struct pool_job *
next_job(struct pool *pool, int64_t now_ms)
{
	static const struct err late = {"its deadline has passed"};
	struct pool_job *job;

	while ((job = TAILQ_FIRST(&pool->queue))) {
		TAILQ_REMOVE(&pool->queue, job, link);
		pool->queued--;
		if (now_ms < job->deadline_ms)
			return job;
		job->done(job, PG_OUTAGE, NULL, &late);
	}
	return NULL;
}

static void
run(struct pool *pool, struct pool_slot *slot, struct pool_job *job,
	int64_t now_ms)
{
	int64_t ms = pool->opts.conf.statement_ms;
	char name[24];
	struct err err;

	if (!ms)
		ms = PG_STATEMENT_MS;
	snprintf(name, sizeof(name), "s%zu", job->statement);
	slot->job = job;
	job->slot = slot;
	if (pg_send_prepared(slot->conn, name, &job->args, &err) < 0)
		take_down(pool, slot, &err, now_ms);
	else
		sent(pool, slot, BUSY, now_ms + ms + ANSWER_MORE_MS);
}

static void
become_idle(struct pool *pool, struct pool_slot *slot, int64_t now_ms)
{
	struct pool_job *job;

	slot->state = IDLE;
	slot->deadline_ms = CLOCK_NEVER;
	job = next_job(pool, now_ms);
	if (job)
		run(pool, slot, job, now_ms);
}

/* ---- a connection's beginning ------------------------------------------ */

static void
prepare_next(struct pool *pool, struct pool_slot *slot, int64_t now_ms)
{
	char name[24];

	if (slot->prepared == pool->opts.statement_count) {
		slot->pause_ms = PAUSE_FIRST_MS;
		slot->state = IDLE;
		pool->up++;
		become_idle(pool, slot, now_ms);
		pool->opts.changed(pool->opts.data);
		return;
	}
	snprintf(name, sizeof(name), "s%zu", slot->prepared);
	if (!PQsendPrepare(slot->conn, name,
		    pool->opts.statements[slot->prepared], 0, NULL))
		take_down_lost(pool, slot, now_ms);
	else
		sent(pool, slot, PREPARING, now_ms + PG_CONNECT_MS);
}

/* Settings, schema or a statement were refused. */
static void
refuse(struct pool *pool, struct pool_slot *slot, enum pg_fault fault,
	const struct err *err, int64_t now_ms)
{
	if (fault == PG_BROKEN)
		pool->broken = true;
	take_down(pool, slot, err, now_ms);
}

static void
check_version(struct pool *pool, struct pool_slot *slot, int64_t now_ms)
{
	struct err err;
	int64_t found = 0;
	bool number = PQntuples(slot->result) == 1 &&
		      str_i64(str_c(PQgetvalue(slot->result, 0, 0)), &found);

	PQclear(slot->result);
	slot->result = NULL;
	if (number && found >= PG_SCHEMA_VERSION) {
		prepare_next(pool, slot, now_ms);
		return;
	}
	err_set(&err,
		"the schema is of version %lld, this program needs %d: "
		"run scripts/migrate",
		(long long)found, PG_SCHEMA_VERSION);
	refuse(pool, slot, PG_BROKEN, &err, now_ms);
}

static void
connect_more(struct pool *pool, struct pool_slot *slot, int64_t now_ms)
{
	/* libpq may go on with another socket of the same number. */
	watch(pool, slot, 0);
	switch (PQconnectPoll(slot->conn)) {
	case PGRES_POLLING_READING:
		watch(pool, slot, POOL_READ);
		break;
	case PGRES_POLLING_WRITING:
		watch(pool, slot, POOL_WRITE);
		break;
	case PGRES_POLLING_OK:
		if (PQsetnonblocking(slot->conn, 1) < 0 ||
			!PQsendQuery(slot->conn, setting))
			take_down_lost(pool, slot, now_ms);
		else
			sent(pool, slot, SETTING, now_ms + PG_CONNECT_MS);
		break;
	default:
		take_down_lost(pool, slot, now_ms);
	}
}

static void
open_slot(struct pool *pool, struct pool_slot *slot, int64_t now_ms)
{
	struct err err;

	slot->conn = pg_start(&pool->opts.conf, &err);
	if (!slot->conn) {
		take_down(pool, slot, &err, now_ms);
		return;
	}
	slot->state = CONNECTING;
	slot->deadline_ms = now_ms + PG_CONNECT_MS;
	watch(pool, slot, POOL_WRITE); /* as after PGRES_POLLING_WRITING */
}

/* ---- answers ----------------------------------------------------------- */

static void
answered(struct pool *pool, struct pool_slot *slot, int64_t now_ms)
{
	struct err err;
	enum pg_fault fault = pg_fault(slot->conn, slot->result, NULL, &err);

	if (slot->state == BUSY) {
		/* Free before done(): it may submit the next one. */
		slot->state = IDLE;
		slot->deadline_ms = CLOCK_NEVER;
		finish_job(slot, fault, &err);
		if (slot->state == IDLE)
			become_idle(pool, slot, now_ms);
		return;
	}
	if (fault != PG_OK) {
		refuse(pool, slot, fault, &err, now_ms);
		return;
	}
	if (slot->state == SETTING) {
		check_version(pool, slot, now_ms);
		return;
	}
	PQclear(slot->result);
	slot->result = NULL;
	slot->prepared++;
	prepare_next(pool, slot, now_ms);
}

/* Of several results the last counts, but the first error stays. */
static void
keep(struct pool_slot *slot, PGresult *result)
{
	ExecStatusType kept = PQresultStatus(slot->result);

	if (slot->result && kept != PGRES_TUPLES_OK &&
		kept != PGRES_COMMAND_OK) {
		PQclear(result);
		return;
	}
	PQclear(slot->result);
	slot->result = result;
}

static void
read_answer(struct pool *pool, struct pool_slot *slot, int64_t now_ms)
{
	PGresult *result;
	int left = PQflush(slot->conn);

	if (left < 0 || !PQconsumeInput(slot->conn)) {
		take_down_lost(pool, slot, now_ms);
		return;
	}
	if (left == 0)
		watch(pool, slot, POOL_READ);
	if (slot->state == IDLE) {
		if (PQstatus(slot->conn) != CONNECTION_OK)
			take_down_lost(pool, slot, now_ms);
		return;
	}
	while (!PQisBusy(slot->conn)) {
		result = PQgetResult(slot->conn);
		if (!result) {
			if (PQstatus(slot->conn) == CONNECTION_OK)
				answered(pool, slot, now_ms);
			else
				take_down_lost(pool, slot, now_ms);
			return;
		}
		keep(slot, result);
	}
}

void
pool_ready(struct pool *pool, size_t index, int64_t now_ms)
{
	struct pool_slot *slot = &pool->slots[index];

	if (slot->state == CONNECTING)
		connect_more(pool, slot, now_ms);
	else if (slot->state != DOWN)
		read_answer(pool, slot, now_ms);
}

int64_t
pool_tick(struct pool *pool, int64_t now_ms)
{
	static const struct err silent = {"no answer from the database server"};
	int64_t next = CLOCK_NEVER;
	size_t i;

	for (i = 0; i < pool->opts.slots; i++) {
		struct pool_slot *slot = &pool->slots[i];

		if (now_ms >= slot->deadline_ms) {
			if (slot->state == DOWN)
				open_slot(pool, slot, now_ms);
			else
				take_down(pool, slot, &silent, now_ms);
		}
		if (slot->deadline_ms < next)
			next = slot->deadline_ms;
	}
	return next;
}

/* ---- entry points ------------------------------------------------------ */

void
pool_start(struct pool *pool, const struct pool_options *opts, int64_t now_ms)
{
	size_t i;

	*pool = (struct pool){.opts = *opts};
	TAILQ_INIT(&pool->queue);
	for (i = 0; i < opts->slots; i++) {
		pool->slots[i].pause_ms = PAUSE_FIRST_MS;
		pool->slots[i].deadline_ms = now_ms;
	}
	pool_tick(pool, now_ms);
}

void
pool_stop(struct pool *pool)
{
	static const struct err stopping = {"stopping"};
	size_t i;

	for (i = 0; i < pool->opts.slots; i++) {
		take_down(pool, &pool->slots[i], &stopping, 0);
		pool->slots[i].deadline_ms = CLOCK_NEVER;
	}
	fail_queue(pool, &stopping);
}

bool
pool_submit(struct pool *pool, struct pool_job *job, int64_t now_ms)
{
	size_t i;

	job->slot = NULL;
	if (!pool->up) {
		job->done(job, PG_OUTAGE, NULL, &pool->why);
		return true;
	}
	if (pool->queued == 0) {
		for (i = 0; i < pool->opts.slots; i++) {
			if (pool->slots[i].state != IDLE)
				continue;
			run(pool, &pool->slots[i], job, now_ms);
			return true;
		}
	}
	if (pool->queued >= pool->opts.max_queue)
		return false;
	TAILQ_INSERT_TAIL(&pool->queue, job, link);
	pool->queued++;
	return true;
}

void
pool_drop(struct pool *pool, struct pool_job *job)
{
	if (job->slot) {
		job->slot->job = NULL;
		job->slot = NULL;
		return;
	}
	TAILQ_REMOVE(&pool->queue, job, link);
	pool->queued--;
}
