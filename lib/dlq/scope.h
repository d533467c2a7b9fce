/*
 * dlq/scope.h - which letters were asked for, from words to places and times.
 */
#ifndef DLQ_SCOPE_H
#define DLQ_SCOPE_H

#include "dlq/choice.h"
#include "dlq/source.h"

/* As they stand in the command line; NULL: not given. */
struct scope {
	const char *from, *to;	   /* -o, -e */
	const char *since, *until; /* --since, --until */
	int64_t partition;	   /* -1: all */
};

/* Rows for a program's table of options. */
#define SCOPE_OPTS(s, c)                                                       \
	{OPT_LIST, 'r', "room", &(c)->rooms, "ROOM",                           \
		"letters with this key; may be repeated", 0, 0},               \
		{OPT_LIST, 0, "reason", &(c)->reasons, "CLASS",                \
			"a reason, how it begins, or a glob; may be repeated", \
			0, 0},                                                 \
		{OPT_STRING, 0, "since", &(s)->since, "TIME",                  \
			"not older than this (2026-01-11T10:30:00Z, "          \
			"@SECONDS)",                                           \
			0, 0},                                                 \
		{OPT_STRING, 0, "until", &(s)->until, "TIME",                  \
			"older than this", 0, 0},                              \
		{OPT_STRING, 'o', "offset", &(s)->from, "PLACE",               \
			"from: start, end, N, -N, a time", 0, 0},              \
		{OPT_STRING, 'e', "end", &(s)->to, "PLACE",                    \
			"up to, without it: end, N, -N, a time", 0, 0},        \
	{                                                                      \
		OPT_INT, 0, "partition", &(s)->partition, "N",                 \
			"of this partition only", 0, INT32_MAX                 \
	}

/* Fills the times of choice, and all of place but its topic. */
int scope_parse(const struct scope *scope, struct choice *choice,
	struct source_place *place, struct err *err) MUST_CHECK;
/* It says where to read: -o, -e or a partition. */
bool scope_is_narrow(const struct scope *scope);

/* "TOPIC/PARTITION/OFFSET": that letter and no other. topic is the caller's to
 * free. */
int scope_letter(const char *text, char **topic, struct source_place *place,
	struct err *err) MUST_CHECK;

#endif
