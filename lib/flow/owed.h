/*
 * flow/owed.h - answers that a filter still owes for partitions that were
 * taken away meanwhile. Pure.
 *
 * A filter answers every record it was sent. Until the late answers of a
 * partition have come (and were dropped, with their emits) it must not be sent
 * again: an old answer would pass for the new one's. A new filter owes
 * nothing. Silence about them counts from the last of them that came, or from
 * `waiting`, whatever else the filter says.
 *
 * Bounded by its owner, who brings the debts.
 */
#ifndef FLOW_OWED_H
#define FLOW_OWED_H

#include <bsd/sys/queue.h>

#include "base/base.h"

struct debt {
	TAILQ_ENTRY(debt) entry;
	const void *part; /* whose; compared only */
	int64_t offset;
};

struct owed {
	TAILQ_HEAD(, debt) debts; /* oldest first */
	size_t count;
	int64_t said_ms; /* from when silence counts */
};

void owed_init(struct owed *owed);
/* The debt is borrowed until owed_take() or owed_pop() gives it back. */
void owed_add(struct owed *owed, struct debt *debt, const void *part,
	int64_t offset, int64_t now_ms);
/* An answer came: its debt, or NULL where none is owed. */
struct debt *owed_take(
	struct owed *owed, const void *part, int64_t offset, int64_t now_ms);
/* The filter is gone: gives the debts back one by one, then NULL. */
struct debt *owed_pop(struct owed *owed);
/* Answers of that partition are missing. */
bool owed_for(const struct owed *owed, const void *part);
/* The filter waits for a dependency, or could not be heard until now. */
void owed_said(struct owed *owed, int64_t now_ms);
/* When its silence has lasted silence_ms; CLOCK_NEVER: nothing is owed. */
int64_t owed_deadline(const struct owed *owed, int64_t silence_ms);

#endif
