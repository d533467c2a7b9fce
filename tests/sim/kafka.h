/*
 * tests/sim/kafka.h - a broker: logs with transactions (kafka.c, txn.c), and
 * the coordinator of the two groups that chat-messages and its dead letters are
 * read by (coord.c). A client's requests are served in their order, one a step;
 * those of a dead process may still come. Then the glue that stands for
 * lib/kafka/publish.c.
 *
 * Offsets in a transaction are the group's once its marker is written; until
 * then who gets the partition waits (require_stable).
 */
#ifndef SIM_KAFKA_H
#define SIM_KAFKA_H

#include <bsd/sys/queue.h>

#include "flow/group.h"
#include "world.h"

enum topic { MESSAGES, EVENTS, DLT, TOPICS };
extern const char *const topic_names[TOPICS];
enum topic topic_of(struct str name);

enum krec_state { K_OPEN, K_COMMITTED, K_ABORTED, K_MARKER };

struct krec {
	struct record record; /* with its place and timestamp */
	enum krec_state state;
	int txid;
	/* I8: */
	struct krec *cause; /* what a runner read that says this, with -x */
	bool said;	 /* .. its filter's last answer had something to say */
	int of;		 /* .. that it says, of so many */
	int shown, life; /* how much of that is committed, in that life */
	int commit;	 /* .. by which of all commits */
};

struct log {
	struct krec **rec;
	int64_t end, size;
	int64_t before; /* it ended there once, and the groups do not know:
			 * what takes a place below may never be read */
	int64_t told; /* EVENTS: up to here readers of what is committed see */
};

/* Those of chat-produce, then two for each runner. */
enum { PRODUCERS = 2, TXIDS = PRODUCERS + PRODUCERS * PAIRS };
enum { TXN_TIMEOUT_MS = 10000, END_PATIENCE_MS = 8000 };
enum txn_state { T_EMPTY, T_ONGOING, T_COMMITTING, T_ABORTING };

struct txid {
	enum txn_state state;
	int epoch;
	unsigned parts; /* touched, or whose marker is missing */
	int64_t began_ms;
	int64_t offset[PARTS]; /* of the group; -1: none */
	int64_t order[PARTS];  /* .. appended so to the group's own log */
	int life;	       /* that it began in */
};

enum req_kind { R_INIT, R_PRODUCE, R_OFFSETS, R_END, R_COMMIT };
enum verdict { V_OK, V_REFUSED, V_FENCED, V_FAILED };

struct req {
	struct req *next;
	enum req_kind kind;
	int actor, inc;
	int txid, epoch; /* txid -1: idempotent only */
	enum topic topic;
	int part;
	struct record record;
	void *opaque;
	bool refuse;	       /* PRODUCE: with the whole batch */
	struct krec *cause;    /* PRODUCE, with -x */
	int of;		       /* .. that it says, of so many */
	bool commit;	       /* END */
	int gen;	       /* COMMIT, OFFSETS */
	int64_t offset[PARTS]; /* COMMIT, OFFSETS; -1: none */
	enum verdict verdict;
	int64_t at; /* PRODUCE: its offset */
};

struct kqueue {
	bool used;
	struct req *head, **end;
	int64_t hold_ms; /* not before */
};

enum { QUEUES = 64 };

struct member {
	bool in, joined;
	int inc;
	unsigned parts;
	int64_t beat_ms;
};

struct cgroup {
	struct member member[RUNNERS];
	bool preparing;
	int gen;
	int64_t join_ms; /* preparing: until when the others are awaited */
	int64_t committed[PARTS]; /* -1: nothing */
	int64_t order[PARTS];	  /* when that was appended */
};

struct kafka {
	struct log log[TOPICS][PARTS];
	struct txid txid[TXIDS];
	struct kqueue queue[QUEUES];
	struct cgroup group[2];
	int64_t order; /* of commits */
	bool untold;   /* .. that a log went back: I8 is not promised */
	int commits;   /* of transactions */
	int life;      /* one more each time that a group is set back */
};

extern struct kafka kafka;

/* Headers of its own: they were somebody's. */
void record_keep_headers(struct record *record);
struct req *kafka_req(struct actor *actor, enum req_kind kind);
void kafka_send(struct actor *actor, struct req *req);
bool kafka_can_serve(const struct kqueue *queue);
void kafka_serve(struct kqueue *queue);
/* The process is gone; some of what it sent still comes. */
void kafka_client_gone(struct actor *actor);
void kafka_tick(void);
int64_t kafka_deadline(void);
/* The next committed record at or after *position, which moves to it; NULL:
 * none yet, *position is behind what nobody will see. */
struct krec *kafka_fetch(enum topic topic, int part, int64_t *position);
/* An append from outside (a neighbour's, the outbox's). */
struct krec *kafka_append(
	enum topic topic, int part, const struct record *record);
/* Power loss: some of the newest records are gone. Anew: all are. */
void kafka_lose_tail(void);
/* .. and nobody tells the groups (no --from). */
void kafka_tail_untold(void);
void kafka_forget_requests(void);
void kafka_make_anew(void);
/* --from, of both: when no member lives any more, nor any commit of one. */
void kafka_reset_groups(int64_t offset);
void kafka_reset_group(struct cgroup *group, int64_t offset);
/* Readers of what is committed may have come on. */
void kafka_tell(void);

/* txn.c */
bool txn_can_mark(const struct txid *txid);
void txn_mark(struct txid *txid);
/* Its transaction's markers are awaited before anything else of it. */
bool txn_must_wait(const struct req *req);
/* Of a live transaction that is to be ended first: true. */
bool txn_aborts(const struct req *req);
enum verdict txn_serve(struct req *req);
void txn_add(const struct req *req, struct krec *rec);
void txn_tick(void);
int64_t txn_deadline(void);
void txn_end_all(void);
/* The group's offsets of that partition may still change. */
bool txn_unstable(unsigned parts);

/* coord.c */
struct cgroup *coord_group(int slot);
enum topic coord_topic(int slot);
void coord_join(int slot, int inc);
bool coord_knows(int slot, int inc);
bool coord_must_join(int slot);
bool coord_has_all(int slot);
/* One that was appended earlier takes no later one's place. */
void coord_set(struct cgroup *g, int part, int64_t offset, int64_t order);
enum verdict coord_check(const struct req *req);
enum verdict coord_commit(const struct req *req);
/* Its broker was away: who did not beat could not. */
void coord_beat_all(void);
void coord_rebalance(void);
void coord_tick(void);
int64_t coord_deadline(void);

/* ---- publish.c ----------------------------------------------------------- */

struct pitem {
	struct group_item group; /* first */
	enum topic topic;
	void *opaque;
	struct record record;
	int part;
	int64_t offset;
	/* law_group.c: */
	TAILQ_ENTRY(pitem) link;
	int64_t no, batch, refused_ms;
	bool refused, solo, in, answered;
	int refusals; /* alone */
};

/* What law_group.c knows of a pub. */
struct group_law {
	TAILQ_HEAD(, pitem) items; /* not answered, as they were put */
	int64_t put, batch;
	size_t count, bytes;	    /* of the batch */
	bool closed, solo, refused; /* .. */
	int turn;		    /* the producer of the last, + 1 */
};

enum pub_state { P_STARTING, P_READY, P_FLUSHING, P_ENDING };

struct pub {
	struct actor *actor;
	struct group group;
	struct group_topic topics[TOPICS];
	bool missed[TOPICS]; /* the last look-up said that it is missing */
	struct group_law law;
	bool transactional;
	bool keep; /* records' own partitions count */
	int epoch[PRODUCERS];
	unsigned inited;
	enum pub_state state;
	bool commit, refused, unsure;
	int k, outstanding;
	int64_t end_ms;
	void (*on_answer)(
		struct actor *actor, const struct pitem *item, bool dead);
	void (*on_resume)(struct actor *actor, struct group_source *source);
};

void pub_init(struct pub *pub, struct actor *actor, bool transactional,
	size_t source_records);
void pub_put(struct pub *pub, struct group_source *source,
	const struct record *record, void *opaque);
/* NULL: go on; else why the process ends (111). */
const char *pub_step(struct pub *pub);
const char *pub_answer(struct pub *pub, const struct req *req);
/* Inside of a call of librdkafka: the process does nothing else. */
bool pub_blocked(const struct pub *pub);
int64_t pub_deadline(const struct pub *pub);

/* law_group.c */
void law_put(struct pub *pub, struct pitem *item);
void law_resume(struct pub *pub, const struct group_source *source);
void law_begin(struct pub *pub, int k);
void law_goes(struct pub *pub, struct pitem *item);
void law_delivered(struct pub *pub, struct pitem *item, bool refused);
void law_over(struct pub *pub, bool committed);
void law_answer(struct pub *pub, struct pitem *item, bool dead);

#endif
