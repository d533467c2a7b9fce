/*
 * flow/group.h - group commit: what waits goes out as one batch, what arrives
 * meanwhile is the next. Under load that one lingers, 1 ms for each record of
 * the last beyond its first: a batch costs Kafka, and everybody behind it, much
 * the same whatever it holds. Pure: events and the time come in, actions are
 * asked for, nothing blocks, nothing is allocated.
 *
 *	group_put ---> ready ---> batch ---> done / dead ---> answers
 *	                 ^ |        |
 *	      topic there| |held    | refused: back to the front, one by one
 *	                 | v        v
 *	              topic.parked  (alone: held 1 s, once more, then dead)
 *
 * Transactional: begin k, send.., commit k; after commit or abort k moves on
 * (producers in rotation: beginning again at once on one costs 20 ms). A
 * record is done when its transaction is committed.
 * Not transactional: send.., then nothing until every record of the batch is
 * delivered or refused. A record is done when it is delivered.
 *
 * Invariants:
 * - at most one batch is out; its records are in the order they were put;
 * - within a topic records go out in the order they were put, and none
 *   overtakes one that was refused but is not dead yet;
 * - a record is dead only when a living broker refused it (GROUP_REFUSED)
 *   twice, at least retry_ms apart, the last time alone; or its topic was
 *   missing twice, retry_ms apart. Time never makes one dead;
 * - a source over its bounds is to stop; it is told once, and once to go on.
 *
 * Who learns that an outcome is unknown (fenced, timed out) ends the process:
 * there is no event for it, and no answer after it.
 */
#ifndef FLOW_GROUP_H
#define FLOW_GROUP_H

#include <sys/queue.h>

#include "base/base.h"

struct group_limits {
	bool transactional;
	unsigned producers;   /* in rotation; 1 where not transactional */
	size_t batch_records; /* of a batch */
	size_t batch_bytes;   /* a larger record goes in a batch of its own */
	size_t source_records, source_bytes; /* of one source, until it stops;
					      * it goes on below half of both */
	int64_t retry_ms;
	int64_t linger_ms; /* at most; 0: never */
};

/* Whose records they are. Its owner zeroes it, and calls group_forget()
 * before it goes. */
struct group_source {
	void *data;
	size_t records, bytes; /* put, not answered */
	bool paused;	       /* is to stop */
	bool resuming;	       /* private: listed in group.resumes */
	TAILQ_ENTRY(group_source) link;
};

enum group_topic_state {
	GROUP_TOPIC_NEW,   /* nobody has asked for it */
	GROUP_TOPIC_ASK,   /* to be looked up when `until_ms` has come */
	GROUP_TOPIC_HELD,  /* its first parked record was refused: until_ms */
	GROUP_TOPIC_TRIAL, /* .. and is out again, the others wait */
	GROUP_TOPIC_OPEN,
};

TAILQ_HEAD(group_items, group_item);

/* Caller's storage, for as long as the group. Zero it, then
 * group_topic_add(). */
struct group_topic {
	enum group_topic_state state;
	bool missing; /* the last look-up said so */
	int64_t until_ms;
	struct group_items parked;
	TAILQ_ENTRY(group_topic) link;
};

/* One record; embedded in the caller's own, borrowed until it is answered. */
struct group_item {
	struct group_source *source; /* NULL: forgotten */
	struct group_topic *topic;
	size_t bytes;
	bool missing; /* of a dead one: because its topic is missing */
	/* private */
	bool alone;	   /* goes out in a batch of its own */
	bool refused_once; /* alone, and held since */
	bool refused;	   /* in this batch */
	TAILQ_ENTRY(group_item) link;
};

enum group_state {
	GROUP_IDLE,
	GROUP_SENDING, /* batch.unsent > 0 */
	GROUP_WAITING, /* for commit, abort, or the last delivery */
};

struct group {
	struct group_limits limits;
	enum group_state state;
	unsigned k; /* the producer whose turn it is */
	struct group_items ready, batch, done, dead;
	struct group_item *next_send; /* in batch; NULL: all are sent */
	size_t batch_count, in_flight;
	size_t last_count;  /* of the batch that is over; 0: begin_ms is set */
	int64_t begin_ms;   /* the next batch may begin */
	bool begun, spoilt; /* spoilt: a record was refused: abort */
	size_t count;	    /* put, not answered */
	TAILQ_HEAD(, group_topic) topics;
	TAILQ_HEAD(, group_source) resumes;
	int64_t next_ms; /* the earliest until_ms, or CLOCK_NEVER */
};

enum group_kind {
	GROUP_NOTHING, /* until the next event, or group_deadline() */
	GROUP_DONE,    /* answer item; it is the caller's again */
	GROUP_DEAD,    /* the same; missing says why */
	GROUP_RESUME,  /* source may go on */
	GROUP_LOOKUP,  /* is topic there? group_found/missing/unknown() */
	GROUP_BEGIN,   /* a transaction on producer k */
	GROUP_SEND,    /* item on producer k; its delivery comes later */
	GROUP_COMMIT,  /* k; group_committed() or group_aborted() */
	GROUP_ABORT,   /* k; group_aborted() */
};

struct group_action {
	enum group_kind kind;
	unsigned k;
	struct group_item *item;
	struct group_topic *topic;
	struct group_source *source;
};

void group_init(struct group *group, const struct group_limits *limits);
void group_topic_add(struct group *group, struct group_topic *topic);
/* Forgets one that has no records. */
void group_topic_drop(struct group *group, struct group_topic *topic);

/* A record has come: topic, source and bytes are set, the rest is zero. Where
 * source->paused is set then, its source is to stop (what it puts still is
 * taken). */
void group_put(struct group *group, struct group_item *item);

/* Answers to GROUP_LOOKUP: there; not there; nobody could say (asked again
 * after retry_ms). */
void group_found(struct group *group, struct group_topic *topic);
void group_missing(
	struct group *group, struct group_topic *topic, int64_t now_ms);
void group_unknown(
	struct group *group, struct group_topic *topic, int64_t now_ms);

/* An item that was to be sent was refused: at once, or by its delivery. */
void group_refused(
	struct group *group, struct group_item *item, int64_t now_ms);
/* It is in Kafka (in a transaction: for the time being). */
void group_delivered(
	struct group *group, struct group_item *item, int64_t now_ms);
void group_committed(struct group *group);
void group_aborted(struct group *group, int64_t now_ms);

/* The source is gone; its records go on without it. */
void group_forget(struct group *group, struct group_source *source);

/* What to do next. Ask until GROUP_NOTHING. may_begin false: no new batch
 * begins; who commits once a turn of its loop says so after a commit. */
struct group_action group_next(
	struct group *group, int64_t now_ms, bool may_begin);

/* When to ask again, without an event: 0 at once, CLOCK_NEVER. */
int64_t group_deadline(const struct group *group);

static inline bool
group_idle(const struct group *group)
{
	return group->count == 0;
}

#endif
