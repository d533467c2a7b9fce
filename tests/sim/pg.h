/*
 * tests/sim/pg.h - PostgreSQL: what sql/functions-store.sql and
 * functions-rooms.sql do, and the snapshots of lib/api/follow.c.
 *
 * A call locks its rooms, one a step, in the order of their ids, waits where
 * another holds one, then looks, decides and commits in one step. Its client
 * may be gone by then. Answers travel; a crash forgets what has not committed.
 */
#ifndef SIM_PG_H
#define SIM_PG_H

#include "store/batch.h"
#include "world.h"

enum {
	CALLS = 24,
	BATCH_MAX = 8,
	OUTCOMES_MAX = 256,
	OUTBOX_MAX = 256,
	LETTERS_MAX = 160
};

enum row_type { ROW_TEXT, ROW_INVITE, ROW_KICK, ROW_LEAVE, ROW_DELETED };

struct row {
	int64_t id, seq, cmid; /* cmid 0: a system message */
	int room, user, target;
	enum row_type type;
	char content[16];
	int part;
	int64_t offset, timestamp;
	int64_t told_ms;	/* its event is in chat-events; 0: not yet */
	int64_t deleted[USERS]; /* for himself, in that step; 0: not */
};

struct outcome {
	enum store_state state; /* REFUSED, REUSED */
	int room, user;
	int64_t cmid;
};

/* .. and those of dead letters. */
struct letter_row {
	int part;
	int64_t offset, timestamp; /* of the original */
	int64_t cmid;
	bool unread; /* LETTER_UNREAD */
	bool replayed;
};

struct room {
	int64_t last_seq;
	int rows;
	struct row *row[ROWS_MAX];
	bool member[USERS];
	int64_t expired;      /* seqs up to it are gone */
	int64_t ended[USERS]; /* seq of the kick or leave that ended it */
	int lock;	      /* a call's index + 1; 0: free */
};

struct outbox_row {
	int64_t id;
	int room;
	struct str value;
};

struct pg {
	int epoch;
	int64_t next_id;
	struct room room[ROOMS];
	struct outcome outcome[OUTCOMES_MAX];
	int outcomes;
	struct letter_row letter[LETTERS_MAX];
	int letters;
	struct outbox_row outbox[OUTBOX_MAX];
	int outbox_first, outbox_end;
};

extern struct pg pg;

/* One record of a batch, and what became of it. Of a letter: the place of its
 * original. */
struct pgarg {
	int room, user, part;
	int64_t cmid, offset, timestamp;
	bool replayed;
	char content[16];
	/* the answer */
	enum store_state state;
	int64_t id, seq;
	const char *reason;
	const struct row *row; /* again: as it is stored */
};

enum pg_call {
	CALL_STORE,
	CALL_LETTERS,
	CALL_REPLAYED,
	CALL_KICK,
	CALL_LEAVE,
	CALL_INVITE,
};
enum pg_verdict { PGV_OK, PGV_RECORD, PGV_MISSING, PGV_OUTAGE };

struct pgcall {
	bool used, orphan; /* orphan: nobody hears its answer */
	enum pg_call kind;
	int actor, inc;
	struct pgarg arg[BATCH_MAX];
	int count;
	int user, room;	     /* of a membership's */
	unsigned want, have; /* rooms locked */
	int snapshot[ROOMS]; /* rows that it sees; only without the lock */
	int epoch;
	enum pg_verdict verdict;
};

void pg_init(void);
/* What a statement sees now; the answer comes as M_PG. */
struct pgcall *pg_call(struct actor *actor, enum pg_call kind);
bool pg_can_step(const struct pgcall *call);
void pg_step(struct pgcall *call);
struct pgcall *pg_calls(void);
void pg_crash(void);
/* The client's connection is gone, or it is itself. */
void pg_client_gone(const struct actor *actor, bool dead);
void pg_expire(int room, int count);
void pg_delete(int user, int room);
void pg_snapshot(void); /* for pg_restore() */
void pg_restore(void);
void pg_epoch_print(int epoch, char out[24]);
int pg_epoch_parse(struct str text);

const struct row *pg_row(int room, int64_t seq);
void pg_row_told(int room, int64_t seq);
/* .. of an earlier life, too. */
bool pg_had_row(int room, int64_t seq, int64_t cmid, int user);

/* pg_letters.c */
void pg_dead(struct pgarg *a);
void pg_replayed(const struct pgarg *a);
struct letter_row *pg_letter(int part, int64_t offset, int64_t timestamp);

/* What an edge asks chat-api, and the answer: a follow (from -1: live), or a
 * page. */
enum { ASK_FOLLOW, ASK_PAGE, ASK_HEADS };

struct pganswer {
	bool member, more;
	int64_t head, first;
	int epoch, status; /* enum follow_status */
	int count;
	const struct row *row[ROWS_MAX];
	int64_t step;		 /* of the snapshot */
	int64_t heads[ROOMS][2]; /* heads: count of them */
};
void pg_follow(
	int user, int room, int64_t from, int epoch, struct pganswer *out);
void pg_page(int user, int room, int64_t after, struct pganswer *out);
void pg_heads(unsigned rooms, struct pganswer *out);

#endif
