/*
 * edge/metrics.h - what Prometheus reads: this edge's counters, and the status
 * files of the other programs on this host, which have no port of their own.
 */
#ifndef EDGE_METRICS_H
#define EDGE_METRICS_H

#include "edge/edge.h"

/* Appends the text format (version 0.0.4). */
void metrics_print(struct edge *edge, struct buf *out);

/* The counters of the status file; *count of them. Valid as long as edge. */
const struct status_counter *metrics_counters(struct edge *edge, size_t *count);
/* Takes over what others count; before anybody reads. */
void metrics_gather(struct edge *edge);

#endif
