/*
 * audit/life.h - the life of one message of a living system, by its
 * clientMessageId: where it was committed (or aborted), stored with which seq,
 * published where, or refused, dead-lettered, replayed.
 */
#ifndef AUDIT_LIFE_H
#define AUDIT_LIFE_H

#include "audit/live.h"

/* Appends it: a line for each event in the order of time, and one that says how
 * it ended; or a JSON object. *right: there is
 * something of it, and what there is agrees. 0 or an exit code. */
int life_tell(const struct audit_live *live, const char *client_id, bool json,
	struct buf *out, bool *right, struct err *err) MUST_CHECK;

#endif
