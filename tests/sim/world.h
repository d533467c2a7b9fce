/*
 * tests/sim/world.h - the whole system in one process: the objects of lib/flow
 * (with lib/store's batch and lib/wire), linked as the programs link them, in a
 * simulated Kafka, PostgreSQL, pipes, sockets, clients and clock.
 *
 *	seed --> plan (clients' SENDs, members' comings and goings, faults)
 *	plan, seed --> schedule: at each step one of all that could happen next
 *	         happens: a line arrives, a program takes a turn, a broker
 *	         answers, a transaction commits, time passes
 *	the plan is over, all is mended --> runs on until it has drained, which
 *	         must not take long --> check.c: I1 to I10
 *
 * What is real: flow/runner (window, hold, owed, deaths), flow/group,
 * flow/resend, flow/follow (ring, heads), store/batch and store/outcomes, all
 * of wire, json, base. What is written again here is thin, and says which file
 * it stands for: it must do what that file does, in its order.
 *
 *	client.c	a careful client
 *	edge*.c		lib/edge
 *	produce.c	lib/run/desk; publish.c: lib/kafka/publish and txn
 *	runner.c	lib/run; emits.c: what its filter says; consumer.c: its
 *			group and records; xact.c: transact and lib/kafka/xact
 *	store.c		cmd/chat-store, lib/store/save; odd.c: another filter
 *	api.c		lib/api/follow; chat-outbox as architecture says
 *	cast.c		lib/run/feed, lib/serve/hub
 *	pg*.c		chat_store(), chat_kick() .., the snapshots of chat-api
 *	kafka.c		a broker; txn.c: its transactions; coord.c: its groups
 *
 * Besides what the checker finds at the end, laws are watched at the lines, by
 * models that know nothing of lib/flow, so that a broken rule is seen at once
 * though another mends it: law.h (a runner and its filter), law_group.c
 *(records on their way to Kafka), law_store.c (keys on hold), law_edge.c and
 *law_room.c (an edge).
 *
 * Programs die (SIGKILL), stop and go on (SIGSTOP, SIGCONT) between any two
 * steps, and between any two actions of a runner; a line that was written
 * before a death still arrives, but for a network's; a statement that reached
 * PostgreSQL commits though its client is gone.
 *
 * Limits: one broker (acks=all of three brokers is one log that loses nothing
 * that it acked, but in the fault that says so); librdkafka's own retries are
 * exact; lines are never torn; memory never runs out. Not in here: read states,
 * fuses (-f), a message deleted for all; chat-dlq-replay is one atomic step.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <bsd/sys/queue.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "wire/record.h"

enum {
	EDGES = 2,
	PAIRS = 3,	  /* of runner and store, the third comes and goes */
	OUTCOMES = PAIRS, /* the pair that makes rows of dead letters */
	RUNNERS,
	CLIENTS = 4,
	USERS = CLIENTS, /* the last client may be a twin of the first */
	ROOMS = 3,
	PARTS = 2,
	SENDS_MAX = 64,
	STEPS_MAX = 200, /* of a plan */
	CONNS = 96,
	ROWS_MAX = 160, /* of a room */
};

/* ---- actors -------------------------------------------------------------- */

enum actor_kind {
	EDGE,
	PRODUCE,
	CAST,
	API,
	OUTBOX,
	RUNNER,
	STORE,
	CLIENT,
	ACTOR_KINDS,
};

enum actor_state { DOWN, UP, STOPPED /* SIGSTOP */ };

struct actor {
	char name[12];
	enum actor_kind kind;
	int index; /* within its kind */
	enum actor_state state;
	int inc;		      /* which life of it */
	bool due;		      /* it has something to do */
	bool supervised;	      /* is started again */
	int64_t wake_ms;	      /* .. at this time; CLOCK_NEVER */
	int64_t restart_ms;	      /* DOWN: not before */
	int64_t cont_ms;	      /* STOPPED: SIGCONT comes */
	int weight;		      /* how quick it is in this schedule */
	struct kqueue *kafka;	      /* its requests to the broker */
	struct msg *back, **back_end; /* answers of broker and database */
	void *self;
};

/* ---- lines --------------------------------------------------------------- */

enum msg_kind {
	M_EOF,
	M_LINE, /* JSON Lines: text */
	/* client to edge */
	M_SUBSCRIBE, /* room, seq (from-seq or -1), epoch */
	M_SEND,	     /* room, id, text */
	/* edge to client */
	M_RECEIPT,   /* id */
	M_REFUSED,   /* id, flag: final */
	M_JOINED,    /* room, status, head, seq (first), epoch */
	M_MESSAGE,   /* row, room, seq */
	M_ENDED,     /* room */
	M_NO_MEMBER, /* room: SUBSCRIBE refused */
	/* edge to api, and back */
	M_ASK,	  /* status: which ask; id; room, user, seq, epoch; rooms */
	M_ANSWER, /* id; NULL ptr: it failed */
	/* to an edge */
	M_READY,
	/* answers of the broker and the database */
	M_KAFKA, /* ptr: struct req */
	M_PG,	 /* ptr: struct pgcall */
};

struct msg {
	struct msg *next;
	enum msg_kind kind;
	int room, user, status;
	int64_t seq, id, head;
	struct str text;
	int epoch;
	bool flag;
	void *ptr;
};

enum conn_kind { TO_EDGE, TO_PRODUCE, TO_CAST, TO_API, PIPE };

/* A socket or a pipe pair. Side 0 opened it. */
struct conn {
	bool used;
	enum conn_kind kind;
	struct {
		int actor, inc;
		bool open;		  /* this side reads and writes */
		bool paused;		  /* .. but does not read now */
		struct msg *in, **in_end; /* on their way to it */
		int count;
		void *data;
	} side[2];
};

/* ---- the plan ------------------------------------------------------------ */

enum step_kind {
	DO_SEND, /* a: of the sends */
	DO_COPY, /* a: which send the twin sends too */
	DO_KICK, /* a: user, b: room */
	DO_LEAVE,
	DO_INVITE,
	DO_FOREIGN, /* a neighbour's record that is none: a: room */
	DO_JOIN,    /* a: client, b: room: wants it from now on */
	DO_KILL,    /* a: actor */
	DO_STOP,    /* a: actor, b: for ms */
	DO_TERM,    /* a: actor: a graceful stop */
	DO_CUT,	    /* a: of the connections; lines may be lost */
	DO_BROKER,  /* away for b ms */
	DO_PG,	    /* crashes, and is away for b ms */
	DO_PG_CUT,  /* one store's connection: a: which */
	DO_LATE,    /* the next EndTxn is late by b ms */
	DO_REBALANCE,
	DO_MORE,    /* the third pair comes, or goes */
	DO_TIME,    /* b ms pass at once */
	DO_GONE,    /* a: client: for good */
	DO_TAIL,    /* power loss: the logs lose a few records; --from */
	DO_ANEW,    /* the topic is made anew */
	DO_RESTORE, /* PostgreSQL is set back; new epoch, --from */
	DO_CRASH,   /* a: whoever comes to that point next dies there; b: the
		     * next b times */
	DO_HANG,    /* a: a store that says nothing any more */
	DO_REPLAY,  /* a: of the dead letters: into chat-messages again */
	DO_WAIT,    /* until b ms have passed */
	DO_EXPIRE,  /* a: room: its oldest b messages are deleted */
	DO_DENY,    /* the group takes no commits for b ms */
	DO_DELETE,  /* a: user, b: room: his newest message, for himself */
	DO_FALSE,   /* a: room: an event of what is not there */
	STEP_KINDS,
};

struct step {
	enum step_kind kind;
	int gap; /* scheduler's steps after the one before */
	int a, b;
};

/* Where a program may die, just after. */
enum point {
	AT_LETTER,  /* a runner has put a dead letter */
	AT_EMITS,   /* .. an emit */
	AT_COMMIT,  /* .. has asked for a commit */
	AT_CALL,    /* a store has called the database */
	AT_ANSWER,  /* .. has written its answers */
	AT_PRODUCE, /* chat-produce has sent a record */
	AT_END,	    /* .. EndTxn */
	AT_RECEIPT, /* an edge has written a RECEIPT */
	AT_SEND,    /* .. a record to chat-produce */
	POINTS,
};

/* What a SEND is: how its record behaves on its way. */
enum temper {
	PLAIN,
	POISON,	 /* PostgreSQL refuses it: 22.. */
	MISSING, /* .. 23503, `left` times */
	CRASHER, /* ends the filter, `left` times */
	MUTE,	 /* its event is refused by the broker */
	BIG,	 /* itself is refused by the broker, `left` times */
	FOREIGN, /* a record with a wrong key, not from a client */
};

enum send_state { S_NEW, S_INVOKED, S_OK, S_REFUSED, S_DEAD };

struct send {
	int client, room, order; /* order: of this client's in this room */
	int64_t id;		 /* clientMessageId */
	enum temper temper;
	int left, first_left;
	int letter_left; /* so often the broker refuses its letter */
	char content[16];
	enum send_state state;
	bool was_ok;	   /* it had its RECEIPT */
	bool copied;	   /* .. by the twin, too: no order is promised */
	bool log_lost;	   /* its record went with the log's tail */
	bool died;	   /* a runner has said so */
	bool replayed;	   /* what was wrong with it is mended */
	bool after_live;   /* sent behind a first SUBSCRIBE, in one breath .. */
	int64_t live_head; /* .. which began here; its sender must see it */
	bool told;	   /* its sender knows that it was refused for good */
	int invoked;	   /* in this order by its client; 0: not yet */
};

struct plan {
	uint64_t seed; /* of the schedule */
	int parts, rooms, clients, pairs;
	bool idempotent;  /* chat-produce -I */
	bool atomic;	  /* chat-consume -x */
	bool twice;	  /* its filter says each event twice */
	bool odd;	  /* .. and what ours does not; odd.c */
	bool plain;	  /* .. without --control */
	bool echo;	  /* chat-produce says each answer twice, some late */
	bool tight;	  /* an edge keeps few SENDs, then reads none */
	int source;	  /* emits without an ack, until it is choked */
	int window_bytes; /* of a runner */
	bool twin;	  /* the last client is the first one's second device */
	int page;	  /* rows of a page */
	int count;	  /* of step */
	struct step step[STEPS_MAX];
	int sends;
	struct send send[SENDS_MAX];
};

/* ---- the world ----------------------------------------------------------- */

#define PROGRAMS (EDGES + 4 + 2 * RUNNERS)
#define ACTORS (PROGRAMS + CLIENTS)

struct world {
	struct plan plan;
	uint64_t random;
	int64_t now, steps;
	bool mended; /* the plan is over: nothing goes wrong any more */
	int64_t mended_ms, mended_steps;
	int next_step, until_step;
	struct actor actor[ACTORS];
	int actors;
	struct conn conn[CONNS];
	int conns; /* above it none is used */
	bool broker_up, pg_up;
	int64_t broker_back_ms, pg_back_ms;
	int invoked;
	int silence_kills; /* filters killed for their silence */
	int late_ms;	   /* of the next EndTxn */
	int64_t deny_ms;   /* commits fail until then */
	int crash[POINTS]; /* how often still */
	struct actor *victim;
	int64_t wait_ms;	/* the plan waits until then */
	int64_t lost_events_ms; /* events before that may never come */
	unsigned false_rooms;	/* where a false event was: of what is named
				 * meanwhile only the clock knows */
	bool trace;
	char wrong[400]; /* the first violation; "": none */
	char invariant[12];
	int64_t untold;
};

extern struct world w;

/* What each kind of program does; see sched.c. */
struct actor_ops {
	void (*start)(struct actor *actor);
	void (*release)(struct actor *actor); /* killed, or over */
	void (*line)(struct actor *actor, struct conn *conn, struct msg *msg);
	void (*turn)(struct actor *actor);
	void (*back)(struct actor *actor, struct msg *msg); /* may be NULL */
	/* It would take a line of that connection now. NULL: always. */
	bool (*reads)(struct actor *actor, struct conn *conn);
	/* Something waits for it outside: records, a rebalance. NULL: none. */
	bool (*ready)(struct actor *actor);
};
extern const struct actor_ops edge_ops, produce_ops, cast_ops, api_ops,
	outbox_ops, runner_ops, store_ops, client_ops;
extern const struct actor_ops *const actor_ops[ACTOR_KINDS];

/* ---- world.c ------------------------------------------------------------- */

void sim_reset(void);
void *sim_alloc(size_t size); /* zeroed; lives until sim_reset() */
struct str sim_copy(struct str text);
unsigned roll(unsigned n); /* 0 .. n - 1 */
bool chance(unsigned percent);
void trace(const char *fmt, ...) PRINTF(1, 2);
/* A violation; the first counts. */
void wrong(const char *invariant, const char *fmt, ...) PRINTF(2, 3);

struct actor *actor_of(enum actor_kind kind, int index);
int actor_id(const struct actor *actor);
void actor_start(struct actor *actor);
void actor_kill(struct actor *actor);
/* It ends by itself. */
void actor_exit(struct actor *actor, int code, const char *why);
bool actor_runs(int id, int inc); /* that life of it, stopped or not */

struct msg *msg_new(enum msg_kind kind);
struct msg *msg_line(struct str text);
struct conn *conn_open(enum conn_kind kind, struct actor *a, struct actor *b);
int conn_side(const struct conn *conn, const struct actor *actor);
/* From actor to the other side; lost where that is closed. */
void conn_send(struct conn *conn, const struct actor *from, struct msg *msg);
/* actor closes its side: what it wrote arrives, then the end. */
void conn_close(struct conn *conn, const struct actor *actor);
/* A network's cut: of what is on its way some is lost. */
void conn_cut(struct conn *conn);
void back_push(struct actor *actor, struct msg *msg);
/* It has come to that point: it may be where it dies. */
void passes(struct actor *actor, enum point point);
/* Wakes the actor at that time, at the latest. */
void actor_wake(struct actor *actor, int64_t at_ms);

/* ---- plan.c, sched.c ------------------------------------------------------
 */

void plan_make(struct plan *plan, uint64_t seed);
void plan_print(const struct plan *plan);
void step_describe(const struct plan *plan, const struct step *step, char *out,
	size_t size);
/* Runs the plan under its seed; true: nothing wrong. */
bool schedule_run(const struct plan *plan, bool trace);
void schedule_begin(const struct plan *plan); /* begin.c */
void step_act(const struct step *step);	      /* faults.c */
void kill_one(struct actor *actor);
void set_time(int64_t at);
void mend(void);
void odd_event(int room); /* odd.c */

/* ---- check.c --------------------------------------------------------------
 */

/* All that is under way has arrived; why not: in why. */
bool drained(char *why, size_t size);
void check_all(void);

#endif
