/*
 * proto/stomp_rules.h - what the commands are, and what a frame's lines mean:
 * the part of stomp_in that knows nothing of where bytes were cut. For
 * stomp_in.c only.
 */
#ifndef PROTO_STOMP_RULES_H
#define PROTO_STOMP_RULES_H

#include "base/base.h"
#include "base/str.h"
#include "proto/stomp_in.h"

struct stomp_rule {
	const char *name;
	enum stomp_from from;
	bool body;  /* may have one */
	bool plain; /* its headers know no escapes */
};
extern const struct stomp_rule stomp_rules[]; /* by enum stomp_command */

/* The command that the line names, exactly; -1: none. */
int stomp_rule_find(struct str line);

/* Each backslash begins an escape that the version has. */
bool stomp_escapes_known(struct str s, enum stomp_version version);

/* Fills the headers of a frame whose count lines behind the first one are known
 * to be right; views data, in which escapes are undone in place. */
void stomp_split(struct stomp_frame *frame, char *data, size_t len,
	size_t count, bool escapes);

#endif
