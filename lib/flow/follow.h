/*
 * flow/follow.h - following rooms without a seam: what an edge decides about
 * events, cursors, pages and epochs. Pure: no sockets, no clock; events go in
 * as calls, actions come out through struct follow_ops.
 *
 * chat-events is a hint, (room, seq) in PostgreSQL is the truth. A subscription
 * has one number, its cursor: the last seq that went to its client.
 *
 *	event seq = cursor + 1   delivered, the cursor moves
 *	          lower          dropped
 *	          higher         fetched: from the room's ring of the last 64
 *	                         events, else as a page from chat-api
 *
 * A room remembers the highest seq that any event or answer has named since it
 * was registered; a subscription whose cursor is below it is catching up. So an
 * event that overtakes the answer to SUBSCRIBE is not lost: its seq was named.
 *
 *	ASKING --answer: member--> FOLLOWING --kick, leave in its place--> gone
 *	   |  ^                       |
 *	   |  '------ new epoch ------'
 *	   '--answer: no member--> gone
 *
 * Ownership: the caller embeds a struct follow_sub in its subscription and a
 * struct follow_item in its framed message; rooms are allocated here. Items are
 * counted: follow_item_hold/_drop, the last drop calls ops->item_free.
 *
 * Callbacks must not call back into this module: a client that must go is
 * marked, and follow_unsubscribe() comes later in the loop turn. Until then
 * deliveries to it are the caller's to ignore.
 */
#ifndef FLOW_FOLLOW_H
#define FLOW_FOLLOW_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "base/base.h"
#include "base/str.h"

#define FOLLOW_RING 64	      /* events a room keeps */
#define FOLLOW_HEADS_MAX 1000 /* rooms in one request for heads */
#define FOLLOW_EVERY_MS 30000 /* heads are asked for by a clock, too */
#define FOLLOW_EPOCH_MAX 64   /* bytes of an epoch with its NUL */
#define FOLLOW_EPOCHS 8	      /* epochs remembered as seen */

struct follow;
struct follow_room;
struct follow_sub;

/* A message, as it will be framed. seq >= 1. */
struct follow_item {
	int64_t seq;
	uint32_t refs;
	uint32_t bytes;		/* what it costs to keep, for the rings' bound */
	/* Whom it takes out of the room (SYSTEM_KICK, SYSTEM_LEAVE). */
	const int64_t *ends;	/* lives as long as the item; NULL: nobody */
	size_t ends_count;
	struct follow_room *ring_of; /* private: in whose ring it is */
	TAILQ_ENTRY(follow_item) link;
};

enum follow_status {
	FOLLOW_LIVE,	  /* no from-seq was given */
	FOLLOW_RECOVERED, /* everything after from-seq comes */
	FOLLOW_TRUNCATED, /* begins at `first` */
	FOLLOW_RESET,	  /* other epoch, or from-seq above the head */
};

/* An answer of chat-api to a follow or a page. */
struct follow_answer {
	bool member;
	int64_t head; /* of a member only */
	struct str epoch;
	enum follow_status status; /* follow only */
	int64_t first;		   /* truncated only */
	struct follow_item **items; /* ascending; a reference each is taken
				     * where one is kept, none is given */
	size_t count;
	bool more; /* there is more behind the last item */
};

struct follow_ops {
	/* Ask chat-api; exactly one follow_answered(), follow_paged() or
	 * follow_failed() comes for it, or follow_unsubscribe(). False: it
	 * cannot be asked now; follow_retry() tries again. from_seq -1: none;
	 * epoch "": none. */
	bool (*ask_follow)(struct follow_sub *sub, int64_t from_seq,
		const char *epoch);
	bool (*ask_page)(struct follow_sub *sub, int64_t after);
	/* At most FOLLOW_HEADS_MAX ids; follow_heads() or follow_heads_failed()
	 * comes. */
	bool (*ask_heads)(struct follow *follow, const int64_t *rooms,
		size_t count);
	/* The client's queue is less than half full: a page may be fetched. If
	 * not, follow_drained() must come when it is. */
	bool (*has_room)(struct follow_sub *sub);
	/* One message to one subscriber, in order. */
	void (*deliver)(struct follow_sub *sub, struct follow_item *item);
	/* The SUBSCRIBE's answer; the messages come after it. */
	void (*joined)(struct follow_sub *sub, const struct follow_answer *a);
	/* A living subscription starts anew at a.head: other epoch. */
	void (*reset)(struct follow_sub *sub, const struct follow_answer *a);
	/* No member: the SUBSCRIBE is refused. sub is out of its room. */
	void (*refused)(struct follow_sub *sub);
	/* Kicked or left, in its place in the order (item; NULL: found out by
	 * a page or a new follow only). sub is out of its room. */
	void (*ended)(struct follow_sub *sub, struct follow_item *item);
	void (*item_free)(struct follow_item *item);
};

enum follow_state { FOLLOW_GONE, FOLLOW_ASKING, FOLLOW_FOLLOWING };

struct follow_sub {
	struct follow_room *room; /* NULL: in none */
	int64_t user;
	int64_t cursor;
	int64_t from_seq;     /* asked for; -1: none */
	int64_t member_head;  /* of the answer that last found him a member */
	uint64_t asked_at;    /* room's naming counter when the ask went out */
	enum follow_state state;
	bool answered;	      /* the SUBSCRIBE had its answer */
	bool in_flight;	      /* an ask waits for its answer */
	bool needs_ask;	      /* on the list of those to ask again */
	char epoch[FOLLOW_EPOCH_MAX]; /* to send with the next follow */
	LIST_ENTRY(follow_sub) link;
	TAILQ_ENTRY(follow_sub) need;
};

struct follow_room {
	int64_t id;
	int64_t named;	      /* highest seq named since registered */
	uint64_t naming;      /* counts the times that `named` rose */
	uint64_t named_at;    /* value of naming when it rose last */
	uint64_t heads_at;    /* naming when its head was asked for */
	LIST_HEAD(, follow_sub) subs;
	size_t count;
	struct follow_item **ring; /* slot = seq % FOLLOW_RING; or NULL */
	RB_ENTRY(follow_room) node;
};

struct follow {
	const struct follow_ops *ops;
	void *data;
	RB_HEAD(follow_rooms, follow_room) rooms;
	size_t room_count;
	TAILQ_HEAD(follow_needs, follow_sub) need; /* subs to be asked for again */
	TAILQ_HEAD(, follow_item) kept; /* all rings, oldest first */
	size_t kept_bytes, kept_max;
	char epoch[FOLLOW_EPOCH_MAX]; /* of chat-api's last answer; "" none */
	char seen[FOLLOW_EPOCHS][FOLLOW_EPOCH_MAX];
	size_t seen_next;
	bool heads_in_flight, heads_again, heads_need;
	int64_t heads_next; /* id from which the round goes on */
	int64_t next_tick_ms;
	/* counters */
	int64_t pages, refollows, ring_hits, dropped_epoch;
};

/* kept_max: bytes that all rings may hold together; the oldest go first. */
void follow_init(struct follow *follow, const struct follow_ops *ops, void *data,
	size_t kept_max);
/* Frees rooms and rings; every sub must have been unsubscribed. */
void follow_release(struct follow *follow);

/* Registers sub in the room, then asks. from_seq -1: none; epoch empty: none.
 * -1: out of memory, nothing was done. */
int follow_subscribe(struct follow *follow, struct follow_sub *sub,
	int64_t room_id, int64_t user, int64_t from_seq,
	struct str epoch) MUST_CHECK;
/* Out of its room, whatever is in flight. Harmless where it is in none. */
void follow_unsubscribe(struct follow *follow, struct follow_sub *sub);

/* Answers. */
void follow_answered(struct follow *follow, struct follow_sub *sub,
	const struct follow_answer *answer);
void follow_paged(struct follow *follow, struct follow_sub *sub,
	const struct follow_answer *answer);
void follow_failed(struct follow *follow, struct follow_sub *sub);
void follow_heads(struct follow *follow, struct str epoch,
	const int64_t (*heads)[2], size_t count);
void follow_heads_failed(struct follow *follow);

/* A message event. Makes nothing of it where the room is not followed (ask
 * follow_wants() first, to spare the framing). */
bool follow_wants(struct follow *follow, int64_t room_id);
void follow_event(struct follow *follow, int64_t room_id, struct str epoch,
	struct follow_item *item);

/* The line of events is ready (again): all rooms are followed again. */
void follow_line_up(struct follow *follow);
/* chat-api may be asked (again). */
void follow_retry(struct follow *follow);
/* The client's queue is less than half full again. */
void follow_drained(struct follow *follow, struct follow_sub *sub);
/* Time; returns when it wants to be told again. */
int64_t follow_tick(struct follow *follow, int64_t now_ms);

void follow_item_hold(struct follow_item *item);
void follow_item_drop(struct follow *follow, struct follow_item *item);

#endif
