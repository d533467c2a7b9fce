/* dlq/source_inner.h - what source.c and skip.c share. */
#ifndef DLQ_SOURCE_INNER_H
#define DLQ_SOURCE_INNER_H

#include "dlq/source.h"

/* The range's positions are moved past what is settled, where a mark's hint is
 * true; what this run's marks may claim begins. 0, or an exit code. */
int source_skip_settled(struct source *source, const struct source_place *place,
	struct err *err) MUST_CHECK;

#endif
