/*
 * edge/fanout.h - events from chat-broadcast: messages become items, framed
 * once for all who follow their room; acks, duplicates and refusals go to their
 * users' sessions on this edge.
 */
#ifndef EDGE_FANOUT_H
#define EDGE_FANOUT_H

#include "edge/edge.h"

/* The line from chat-broadcast. */
void fanout_start(struct edge *edge);
void fanout_stop(struct edge *edge);

#endif
