/*
 * edge/lws.h - the one place where libwebsockets calls us, and is set up: on
 * our libuv loop, without a listener, timers or extensions of its own.
 *
 * Known limits of libwebsockets 4.1.6: it does not show whether a client's
 * frame was masked (an unmasked one is treated as any other), and of several
 * pings at once it answers one.
 */
#ifndef EDGE_LWS_H
#define EDGE_LWS_H

#include "base/err.h"
#include "base/str.h"
#include "edge/edge.h"

struct lws;

int edge_lws_open(struct edge *edge, struct err *err) MUST_CHECK;
void edge_lws_close(struct edge *edge);

/* Hands over an accepted socket; conn is what callbacks get. NULL: fd is
 * closed. */
struct lws *edge_lws_adopt(struct edge *edge, int fd, struct conn *conn);

/* For the upgrade that lws goes on with: the first subprotocol that the client
 * offered, of at most 63 bytes, and what is answered ("" nothing; constant). */
void edge_lws_subprotocol(struct str offered, const char *chosen);

#endif
