/*
 * pg/pool.h - some connections to PostgreSQL that answer statements without
 * ever blocking. It has no loop: the owner watches the descriptors that it
 * names, and tells it the time.
 *
 *	pool_submit -> queue (bounded) -> a free connection -> done()
 *
 * Each connection prepares all statements when it is made; a job names one by
 * its index. Statements are planned once, for index look-ups. While no
 * connection is up, jobs fail at once (PG_OUTAGE): who asked asks again. A lost
 * connection is made anew after 0.1 to 1 s; its job's outcome is unknown
 * (PG_OUTAGE). One thread.
 */
#ifndef PG_POOL_H
#define PG_POOL_H

#include <sys/queue.h>

#include "base/base.h"
#include "base/err.h"
#include "pg/array.h"
#include "pg/pg.h"

#define POOL_SLOTS_MAX 32

enum { POOL_READ = 1, POOL_WRITE = 2 };

/* One statement to run. The owner's storage, zero but for what is said here,
 * until done() or pool_drop(). */
struct pool_job {
	size_t statement;    /* index into the pool's statements */
	struct pg_args args; /* borrowed texts: until done() */
	int64_t deadline_ms; /* mono: not begun after it; CLOCK_NEVER */
	/* Once. result only with PG_OK, borrowed for the call. */
	void (*done)(struct pool_job *job, enum pg_fault fault,
		const PGresult *result, const struct err *err);
	/* private */
	TAILQ_ENTRY(pool_job) link;
	struct pool_slot *slot;
};

struct pool_slot {
	PGconn *conn;
	int state;
	size_t prepared;      /* statements that it knows */
	struct pool_job *job; /* NULL while busy: dropped */
	PGresult *result;
	int64_t deadline_ms; /* of the state: then it is closed, or opened */
	int64_t pause_ms;    /* before the next try */
};

struct pool_options {
	struct pg_conf conf; /* its texts are borrowed */
	const char *const *statements;
	size_t statement_count;
	size_t slots;	  /* connections, 1..POOL_SLOTS_MAX */
	size_t max_queue; /* jobs that wait */
	void *data;
	/* Watch fd for events (a set of POOL_*) from now on; -1: nothing.
	 * The fd of a slot may be another one with the same number: begin
	 * anew after each -1. */
	void (*watch)(void *data, size_t slot, int fd, int events);
	/* A connection has come up or gone down (pool->up), or will never come
	 * up (pool->broken); pool->why has the reason. */
	void (*changed)(void *data);
};

struct pool {
	struct pool_options opts;
	struct pool_slot slots[POOL_SLOTS_MAX];
	TAILQ_HEAD(, pool_job) queue;
	size_t queued;
	size_t up;     /* connections that can work */
	bool broken;   /* the schema is not ours: only a person can help */
	struct err why; /* the last failure */
};

/* Begins to connect all. */
void pool_start(struct pool *pool, const struct pool_options *opts,
	int64_t now_ms);
/* Closes all; jobs are failed. */
void pool_stop(struct pool *pool);

/* False: the queue is full, the job was not taken and done() never comes.
 * done() may be called before this returns. */
bool pool_submit(struct pool *pool, struct pool_job *job,
	int64_t now_ms) MUST_CHECK;
/* Nobody waits for it: done() is not called, the storage is free again. */
void pool_drop(struct pool *pool, struct pool_job *job);

/* The slot's descriptor is ready for something. */
void pool_ready(struct pool *pool, size_t slot, int64_t now_ms);
/* Deadlines and new tries; returns when it wants to be called next. */
int64_t pool_tick(struct pool *pool, int64_t now_ms);

#endif
