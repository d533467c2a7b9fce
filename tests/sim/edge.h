/*
 * tests/sim/edge.h - chat-ws-edge: stands for lib/edge (session, send, produce,
 * sub, room, join, fanout, item). What it decides about records without an
 * answer is flow/resend's, about rooms flow/follow's.
 */
#ifndef SIM_EDGE_H
#define SIM_EDGE_H

#include "flow/follow.h"
#include "flow/resend.h"
#include "pg.h"
#include "world.h"

enum {
	ASKS = 64,
	OUT_MAX = 16, /* messages that wait for a client */
	HELD_MAX = 64,
	SESSIONS = 32,
	UNANSWERED_MAX = 512,
};

struct session;
struct edge;

struct sub {
	struct follow_sub follow;
	struct session *session;
	int room;
	bool used, over;
	struct ask *ask;
	int64_t asked_at;   /* by law.clock */
	int64_t step, head; /* of the answer that last found him a member */
};

struct ask {
	bool used;
	int64_t id, deadline_ms;
	struct sub *sub; /* NULL: forgotten */
	int what;
};

struct held {
	int room;
	int64_t id;
	struct str value;
};

struct session {
	int no; /* no other has it */
	bool used, doomed;
	struct edge *edge;
	struct conn *conn;
	int user;
	struct sub sub[ROOMS];
	struct held held[HELD_MAX];
	int held_count;
};

/* law_edge.c: what is on its way to chat-produce, in order; which lives of the
 * database were heard of. */
struct edge_law {
	struct {
		int64_t id;
		int session;
	} sent[UNANSWERED_MAX];
	int count, next; /* next: to be sent again */
	int taken, given, sessions;
	unsigned lives;
	bool first; /* .. is the first of its own life */
	int epoch;  /* of chat-api's last answer; 0: none */
	bool early; /* an event came before the first */
	bool foreign;
	int64_t clock; /* counts what happens */
	struct {
		int64_t named, named_at, heads_at;
	} room[ROOMS];
};

struct ticket {
	int room;
	int64_t id;
};

struct edge {
	struct actor *actor;
	struct follow follow;
	struct resend resend;
	struct conn *produce, *cast, *api;
	int64_t dial_ms[3];
	struct session session[SESSIONS];
	struct ask ask[ASKS];
	int64_t next_ask, follow_tick_ms;
	struct edge_law law;
	bool full;	  /* it reads no SENDs */
	bool heads_due;	  /* a question for heads has failed */
	bool heads_out;	  /* .. is out */
	bool heads_again; /* .. and `ready` came meanwhile */
	struct record_room room;
	struct buf line;
	int items; /* alive */
};

/* A message, as it goes to clients. */
struct sitem {
	struct follow_item follow;
	struct edge *edge;
	int room, user;
	int64_t cmid;
	enum row_type type;
	int epoch;   /* that it was told in */
	bool told;   /* by an event, not an answer */
	int64_t end; /* whom it takes out; -1 */
	char content[16];
};

/* edge_room.c: what flow/follow wants done, and its answers. */
extern const struct follow_ops edge_follow_ops;
struct sitem *edge_item(struct edge *edge, int room, int64_t seq);
void edge_answer(struct edge *edge, const struct msg *msg);
void edge_asks_end(struct edge *edge); /* the line to chat-api is lost */
void edge_asks_tick(struct edge *edge);
void edge_sub_free(struct sub *sub);
/* The message takes that user out of the room. */
void edge_item_end(struct sitem *item, int user);

/* law_edge.c: architecture.md, sections 4.8 and 5 */
void law_edge_add(struct edge *edge, int64_t id, int session);
void law_edge_answer(
	struct edge *edge, int64_t id, const struct resend_entry *entry);
void law_edge_again(struct edge *edge, struct str line);
void law_edge_sent_again(struct edge *edge);
void law_edge_left(const struct session *session);
void law_edge_event(struct edge *edge, int epoch, bool after);
void law_edge_epoch(struct edge *edge, int epoch);
void law_edge_answered(struct edge *edge);
void law_edge_deliver(
	struct edge *edge, const struct sub *sub, const struct sitem *item);
/* law_room.c: the highest seq that was named */
void law_room_event(struct edge *edge, int room, int64_t seq, int epoch);
void law_room_followed(struct edge *edge, int room);
void law_room_forget(struct edge *edge);
/* asked_at -1: with those of all rooms. */
void law_room_head(struct edge *edge, int room, int64_t head, int64_t asked_at);
void law_room_check(struct edge *edge);
void law_edge_rooms(const struct edge *edge);

/* edge_event.c */
void edge_event(struct edge *edge, struct str line);

/* edge.c */
void edge_to_client(struct session *session, struct msg *msg);
bool edge_asking(const struct session *session, int room);
void edge_release_held(struct session *session, int room); /* -1: all */

#endif
