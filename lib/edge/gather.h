/*
 * edge/gather.h - one write for several frames, while the edge is busy.
 *
 * Most of what a message to a subscriber costs is its send(). An edge that has
 * time writes each frame at once. One whose loop is busy lets a connection that
 * was written to a moment ago wait, `ms` at most, for more frames: what waits
 * goes out in one write. So the cost of a delivery falls as the load rises, and
 * the delay (30 ms at most, a setting) comes only where there would be a queue
 * anyway.
 *
 *	busy over HIGH %  ms grows       every 100 ms, by libuv's idle time
 *	     under LOW %  ms shrinks
 *
 * Closing, answering HTTP and a queue of over GATHER_BYTES are never delayed.
 */
#ifndef EDGE_GATHER_H
#define EDGE_GATHER_H

#include "edge/edge.h"

struct conn;

#define GATHER_BYTES 16384

/* Before the loop runs. */
void gather_start(struct edge *edge);
void gather_stop(struct edge *edge);
/* Every tick of the edge's clock: how busy the loop is. */
void gather_tick(struct edge *edge);

/* What waits for this connection is to wait on; it is touched again when its
 * time has come. */
bool gather_waits(struct edge *edge, struct conn *conn);
/* The connection dies. */
void gather_forget(struct edge *edge, struct conn *conn);

#endif
