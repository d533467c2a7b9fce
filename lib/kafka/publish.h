/*
 * kafka/publish.h - records in, one answer each: what chat-produce is made of,
 * and a runner's emits and its letters may be. flow/group decides, producer and
 * txn act.
 *
 *	publish_put ... publish_put, publish_step (once a loop turn)
 *
 * Transactional: two producers in rotation, group commit; publish_step()
 * blocks 2-4 ms where records wait. Idempotent: one batch in flight, nothing
 * blocks; call publish_step() when a wake fd is readable too.
 * Order is kept within a topic, over all who put. An answer is given once:
 * done (in Kafka, committed) or dead (is not, and never will be: refused
 * twice, 1 s apart, and alone; or a topic that is not there, twice, 1 s apart;
 * its records do not hold up those of other topics).
 */
#ifndef KAFKA_PUBLISH_H
#define KAFKA_PUBLISH_H

#include "flow/group.h"
#include "kafka/rota.h"

/* All borrowed for the call. */
struct publish_answer {
	struct group_source *source; /* NULL: forgotten */
	void *opaque;
	struct str id; /* the record's, raw JSON */
	bool dead;
	struct str topic;
	int32_t partition;
	int64_t offset;
	struct str error_class, error_message;
};

struct publish_options {
	const struct kafka_options *kafka;
	const char *id;	   /* transactional.id less its ".k"; NULL: -I */
	bool keep;	   /* records' own partitions count (-P) */
	int64_t max_bytes; /* producer.h */
	int64_t retry_ms;  /* between two refusals; 0: 1000 */
	int64_t linger_ms; /* of a batch under load, at most (group.h) */
	bool check_copies; /* warn where a topic has too few (blocks 0.3 s
			    * where a service does not answer that) */
	size_t queue_records,
		queue_bytes; /* of one source, until it is paused */
	/* A record has its end. The answer is borrowed for the call. */
	void (*on_answer)(void *data, const struct publish_answer *answer);
	/* A source may go on. */
	void (*on_resume)(void *data, struct group_source *source);
	void *data;
};

struct publish;

/* Makes the producers; does not wait for a broker. */
struct publish *publish_new(
	const struct publish_options *opts, struct err *err) MUST_CHECK;
void publish_free(struct publish *publish);

/* Until KAFKA_OK: init_transactions, or the first broker's answer. FAILED with
 * *again: no broker yet, call it again (blocks timeout_ms at most). */
enum kafka_verdict publish_start(struct publish *publish, int timeout_ms,
	bool *again, struct err *err) MUST_CHECK;

/* Copies the record. source (zeroed by its owner, freed only after
 * publish_forget()) is whose bounds it counts under. Never refuses: when its
 * queue is full source->paused is set: stop reading it until on_resume; what
 * is put still is taken. -1: out of memory. */
int publish_put(struct publish *publish, struct group_source *source,
	const struct record *record, void *opaque, struct err *err) MUST_CHECK;
/* The source is gone: its records are sent and answered all the same. */
void publish_forget(struct publish *publish, struct group_source *source);

/* Does what can be done now: at most one transaction. KAFKA_OK, or how the
 * program has to end (FAILED 111, PERM 100) with err. */
enum kafka_verdict publish_step(
	struct publish *publish, int64_t now_ms, struct err *err) MUST_CHECK;
/* When to call publish_step() again without an event: 0 at once (more waits),
 * else mono; CLOCK_NEVER. */
int64_t publish_deadline(const struct publish *publish);
/* Readable: call publish_step(). k from 0; -1: there are no more. */
int publish_wake_fd(const struct publish *publish, unsigned k);
bool publish_idle(const struct publish *publish); /* every record answered */
/* No broker is in reach, or none has answered for a while. */
bool publish_away(struct publish *publish);

struct publish_counters {
	int64_t records, done, dead, transactions, aborted, queued, paused;
};
const struct publish_counters *publish_counters(const struct publish *publish);

#endif
