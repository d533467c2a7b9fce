/*
 * edge/user.h - who is connected to this edge, and how much each has said in
 * the last minute. A user stays for that minute after his last session, else
 * reconnecting would give a fresh allowance.
 */
#ifndef EDGE_USER_H
#define EDGE_USER_H

#include "edge/edge.h"
#include "edge/limit.h"
#include "edge/session.h"

#define USER_SWEEP_MS 10000

struct user {
	int64_t id;
	struct rate rate;
	LIST_HEAD(, session) sessions;
	RB_ENTRY(user) node;
};

/* NULL: nobody of that id is known. */
struct user *user_find(struct edge *edge, int64_t id);
/* Finds or makes; NULL: out of memory. */
struct user *user_get(struct edge *edge, int64_t id) MUST_CHECK;
/* Frees who has no session and was silent for a minute. */
void users_sweep(struct edge *edge, int64_t now_ms);
void users_release(struct edge *edge);

#endif
