/*
 * edge/upgrade.h - whether a request may become a WebSocket: its form, its
 * Origin, its token. What is refused gets an HTTP answer and is closed.
 */
#ifndef EDGE_UPGRADE_H
#define EDGE_UPGRADE_H

#include "base/base.h"
#include "base/str.h"
#include "edge/conn.h"

/* Where WebSockets are. */
bool upgrade_path(struct str path);

/* lws's callback: 0 go on (conn->session is there), -1 refused. */
int upgrade_check(struct conn *conn) MUST_CHECK;

/* Whether origin is on the list; "null" never is. */
bool upgrade_origin(const struct edge_conf *conf, struct str origin);

#endif
