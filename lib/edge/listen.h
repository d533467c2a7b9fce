/*
 * edge/listen.h - the listening socket: ours, not lws's, so that several edges
 * share a port (SO_REUSEPORT), accepting has a pace, and who has too many
 * connections is told so.
 */
#ifndef EDGE_LISTEN_H
#define EDGE_LISTEN_H

#include "base/err.h"
#include "edge/edge.h"

int edge_listen(struct edge *edge, struct err *err) MUST_CHECK;
/* No new connections. */
void edge_unlisten(struct edge *edge);

#endif
