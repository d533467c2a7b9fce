/*
 * audit/live.h - sources that live: Kafka's topics, and PostgreSQL's tables.
 *
 * The order is what makes it right: who calls has read the histories; then the
 * ends of chat-messages are taken; then the storing group is waited for until
 * it has done all before them (I9); then the topics are read up to their ends,
 * and the tables last. So what a history has seen is in Kafka below the ends,
 * and what Kafka has below them is decided.
 */
#ifndef AUDIT_LIVE_H
#define AUDIT_LIVE_H

#include "audit/audit.h"
#include "kafka/conf.h"
#include "kafka/positions.h"

#define AUDIT_TOPIC "chat-messages"
#define AUDIT_TOPIC_LETTERS AUDIT_TOPIC "-dlt"
#define AUDIT_TOPIC_EVENTS "chat-events"
#define AUDIT_GROUP_OUTCOMES "outcomes"

struct audit_live {
	const struct kafka_options *kafka;
	const char *conninfo;
	const char *group; /* that stores */
	struct spec from;  /* SPEC_START or SPEC_TIME */
	int64_t settle_ms;
	struct audit_progress *progress; /* may be NULL */
};

/* Both: 0, or an exit code with err: EXIT_TEMP where a source cannot be read
 * now, EXIT_PERM where it never will. */
int audit_read_kafka(struct audit *audit, const struct audit_live *live,
	struct err *err) MUST_CHECK;
int audit_read_pg(struct audit *audit, const struct audit_live *live,
	struct err *err) MUST_CHECK;

/* Reads one topic up to its end, or `ends`, each record to each(). 0 or an exit
 * code; a topic that is not there has no records, and sets *missing. */
struct audit_reading {
	const struct audit_live *live;
	const char *topic;
	bool uncommitted;
	const struct spec *to;	      /* NULL: the topic's end */
	const struct positions *ends; /* may be NULL */
	struct positions *found;      /* gets what was read; may be NULL */
	int (*each)(void *arg, const struct record *record);
	void *arg;
	bool missing;
};
int audit_read_topic(struct audit_reading *reading, struct err *err) MUST_CHECK;

/* ---- atomicity ---------------------------------------------------------- */

/* A filter's runner of chat-consume -x: each record of source below the group's
 * offset has exactly one emit in target, and none above has one. */
struct audit_atomic {
	char source[250], target[250], group[250];
};
/* "SOURCE:TARGET:GROUP" */
int audit_atomic_parse(struct audit_atomic *atomic, const char *text,
	struct err *err) MUST_CHECK;
/* Fills the verdict I8. 0 or an exit code. */
int audit_judge_atomic(struct audit *audit, const struct audit_live *live,
	const struct audit_atomic *atomic, struct err *err) MUST_CHECK;

#endif
