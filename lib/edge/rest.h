/*
 * edge/rest.h - requests under /api/v1/: the token's user, the query, the body,
 * passed on to chat-api; its answer goes back as it stands.
 */
#ifndef EDGE_REST_H
#define EDGE_REST_H

#include "edge/conn.h"

/* The head is there; conn->http is new. */
void rest_request(struct conn *conn);
/* The body is there, too. */
void rest_forward(struct conn *conn);
/* How many bytes of body a request declares; -1: answered with an error. */
int64_t rest_body_bytes(struct conn *conn);

#endif
