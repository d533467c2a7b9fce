/*
 * edge/sub.h - subscriptions: a client's ids, and what stands behind them.
 * Those to rooms do the I/O of flow/follow: its questions to chat-api (join.c),
 * its deliveries to the connection's queue.
 */
#ifndef EDGE_SUB_H
#define EDGE_SUB_H

#include "edge/session.h"
#include "flow/follow.h"

enum sub_kind {
	SUB_ROOM,
	SUB_ERRORS,
	SUB_ACKS,
	SUB_JOINS,
	SUB_SESSION,
	SUB_ROOMS,
};

struct sub {
	enum sub_kind kind;
	bool over; /* freed at the end of the turn */
	uint16_t id_len;
	char *id; /* as the version writes it; NULL: none (1.0) */
	struct session *session;
	LIST_ENTRY(sub) link;
};

/* To a room. */
struct room_sub {
	struct sub sub;
	struct follow_sub follow;
	int64_t room_id;
	struct call *call; /* a question to chat-api */
	size_t reserved;   /* of session->reserved, for its answer */
	bool gated;	   /* on session->gated */
	TAILQ_ENTRY(room_sub) gate;
	char *receipt; /* of the SUBSCRIBE, until it is answered */
};

extern const struct follow_ops sub_follow_ops;

/* The frames. */
void sub_subscribe(struct session *session, const struct stomp_frame *frame);
void sub_unsubscribe(struct session *session, const struct stomp_frame *frame);

/* A SUBSCRIBE to that room on this session waits for its answer. */
bool subs_asking(const struct session *session, int64_t room_id);
/* The session's queue has room again. */
void subs_drained(struct session *session);
/* It has ended; not freed now: a callback of flow/follow may be on the stack.
 */
void sub_over(struct sub *sub);
/* Frees those that are over. */
void subs_reap(struct session *session);
void subs_free(struct session *session);

static inline struct str
sub_id(const struct sub *sub)
{
	return (struct str){sub->id, sub->id_len};
}

static inline struct room_sub *
room_sub_of(struct follow_sub *follow)
{
	return (struct room_sub *)(void *)((char *)follow -
					   offsetof(struct room_sub, follow));
}

#endif
