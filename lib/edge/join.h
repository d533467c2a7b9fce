/*
 * edge/join.h - the questions that following a room asks of chat-api, and how
 * its answers are read: follow, page, heads (chat-api(7)).
 */
#ifndef EDGE_JOIN_H
#define EDGE_JOIN_H

#include "edge/sub.h"

/* flow/follow's questions (struct follow_ops). */
bool join_ask_follow(
	struct follow_sub *follow, int64_t from_seq, const char *epoch);
bool join_ask_page(struct follow_sub *follow, int64_t after);
bool join_ask_heads(struct follow *follow, const int64_t *rooms, size_t count);

/* The session's queue has room: questions that waited for it are asked. */
void join_ungate(struct session *session);
/* The asker is gone: its answer will be dropped. */
void join_forget(struct room_sub *room);

/* The line to chat-api. */
void join_start(struct edge *edge);
void join_stop(struct edge *edge);
/* Asks again what could not be asked, once a second. */
void join_tick(struct edge *edge, int64_t now_ms);

#endif
