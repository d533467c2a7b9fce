/*
 * kafka/declare.h - the file that declares topics (chat-topics(1)): JSON
 * Lines, with '#' comments and empty lines between.
 *
 *	{"topic":"x","partitions":{"prod":10,"dev":3},"replicas":1,
 *	 "config":{"retention.ms":604800000,"min.insync.replicas":{"prod":2}}}
 *
 * Any value may be an object by environment; a config without a value for the
 * environment is not declared there. Pure: no I/O.
 */
#ifndef KAFKA_DECLARE_H
#define KAFKA_DECLARE_H

#include "base/buf.h"
#include "base/str.h"
#include "kafka/admin.h"

#define DECLARE_MAX 256

struct declared {
	char *name;
	int32_t partitions, replicas;
	struct admin_configs configs;
};

struct declaration {
	struct declared topic[DECLARE_MAX];
	size_t count;
};

/* Reads a whole file's text for one environment. -1 with err ("line 3: .."):
 * no JSON object, an unknown or missing field, a number out of range, no
 * value for env, a topic twice. Release it in both cases. */
int declare_parse(struct declaration *declaration, struct str text,
	const char *env, struct err *err) MUST_CHECK;
void declare_release(struct declaration *declaration);

/* What apply has to do with one topic. */
enum declare_action {
	DECLARE_OK,
	DECLARE_CREATE,
	DECLARE_CONFIG, /* set the configs that differ */
	DECLARE_DRIFT,	/* partitions or replicas differ: not ours to change */
};

/*
 * Compares with what is there (topic NULL: nothing; own: its own configs).
 * why gets the differences as text, "retention.ms 1 -> 2"; empty for OK. What
 * is set there but not declared is nobody's difference.
 */
enum declare_action declare_compare(const struct declared *declared,
	const struct admin_topic *topic, const struct admin_configs *own,
	struct buf *why);

#endif
