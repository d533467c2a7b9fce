/*
 * edge/user.c - see user.h.
 */
#include "edge/user.h"

#include <stdlib.h>

static int
user_cmp(const struct user *a, const struct user *b)
{
	return (a->id > b->id) - (a->id < b->id);
}

RB_PROTOTYPE(user_tree, user, node, )
RB_GENERATE(user_tree, user, node, user_cmp)

struct user *
user_find(struct edge *edge, int64_t id)
{
	struct user key = {.id = id};

	return RB_FIND(user_tree, &edge->users, &key);
}

struct user *
user_get(struct edge *edge, int64_t id)
{
	struct user *user = user_find(edge, id);

	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->id = id;
	LIST_INIT(&user->sessions);
	RB_INSERT(user_tree, &edge->users, user);
	edge->count.users++;
	return user;
}

static void
user_drop(struct edge *edge, struct user *user)
{
	RB_REMOVE(user_tree, &edge->users, user);
	edge->count.users--;
	rate_release(&user->rate);
	free(user);
}

void
users_sweep(struct edge *edge, int64_t now_ms)
{
	struct user *user, *next;

	if (now_ms < edge->users_swept_ms + USER_SWEEP_MS)
		return;
	edge->users_swept_ms = now_ms;
	RB_FOREACH_SAFE (user, user_tree, &edge->users, next)
		if (LIST_EMPTY(&user->sessions) &&
			rate_idle(&user->rate, now_ms))
			user_drop(edge, user);
}

void
users_release(struct edge *edge)
{
	struct user *user, *next;

	RB_FOREACH_SAFE (user, user_tree, &edge->users, next)
		user_drop(edge, user);
}
