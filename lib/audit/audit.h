/*
 * audit/audit.h - compares what clients did and saw with what Kafka and
 * PostgreSQL hold, and says which invariants hold (chat-audit(1)). Facts go in
 * from any source in any order, but for the lines of one history; then
 * audit_judge(). Pure but for memory: no I/O, no clock.
 *
 *	histories --> op, sub, run, hole    \      by message (room, sender, id)
 *	messages  --> place                  \     by seq     (room, seq)
 *	rows, events, outcomes --> msg, slot  ---- by place   (topic, offset)
 *	letters   --> place                  /
 *
 * Memory: 96 bytes for a message, 40 for its op, 56 for its seq, 40 for each
 * record and row of it, some 20 for finding each: 480 bytes were measured for
 * one that was sent, read twice, stored and published. Deliveries take none.
 * -1 of any function means out of memory, unless it says more.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/names.h"
#include "audit/progress.h"
#include "audit/verdict.h"
#include "base/err.h"
#include "wire/record.h"

enum audit_source {
	AUDIT_MESSAGES,	   /* chat-messages, committed */
	AUDIT_UNCOMMITTED, /* the same with what was aborted */
	AUDIT_EVENTS,
	AUDIT_LETTERS,
	AUDIT_ROWS,
	AUDIT_OUTCOMES,
	AUDIT_ROOMS,
	AUDIT_MEMBERS,
	AUDIT_GROUPS, /* what has been done of topics */
	AUDIT_HISTORIES,
	AUDIT_SOURCES,
};

struct audit_options {
	/* What was sent before is not judged; -1: everything is. */
	int64_t since_ms;
	/* Who ends so long after a message was stored has got it, though his
	 * history is another file; also how far clocks may differ. */
	int64_t slack_ms;
	int64_t only_room; /* -1: all */
	/* A part of a living system: what lies before or behind what was read
	 * is no violation. Else the sources are all there is. */
	bool part;
	struct audit_progress *progress; /* of files; may be NULL */
};

/* ---- what is known ------------------------------------------------------ */

enum {
	MSG_OK = 1,	    /* has a RECEIPT */
	MSG_FINAL = 2,	    /* an error with final:true */
	MSG_OPEN = 4,	    /* an op of unknown outcome */
	MSG_NOWHERE = 8,    /* an op that went nowhere */
	MSG_CRC = 16,	    /* crc is known */
	MSG_REUSED = 32,    /* its id was sent with two contents, or its letter
			     * was mended */
	MSG_TOLD = 64,	    /* final came after a RECEIPT */
	MSG_DENIED = 128,   /* an event refuses it */
	MSG_REPLAYED = 256, /* a record of it is a letter's replay */
	MSG_REPEATED = 512, /* an event tells of a repeat */
};

/* One identity. */
struct audit_msg {
	struct key key;
	int64_t invoke_ms, ok_ms; /* the first; -1: none */
	uint32_t op;		  /* the first; TABLE_NONE: in no history */
	uint32_t ops;
	uint32_t slot;	 /* where it is stored; TABLE_NONE */
	uint32_t record; /* its first committed place; TABLE_NONE */
	uint32_t crc;	 /* that it was sent with, or its record has */
	uint16_t flags;
	/* how often it was seen, 65,535 at most */
	uint16_t records, aborted, rows, events, received, letters, refused,
		dead, reused;
};

/* One SEND of one worker, under one id. */
struct audit_op {
	uint32_t worker, msg;
	uint32_t order; /* of the invoke that its place in the order is from */
	int64_t invoke_ns, ok_ns; /* -1: none */
	uint8_t flags;		  /* MSG_OK, _FINAL, _NOWHERE, _TOLD */
	bool unsure;   /* an earlier SEND of it has an unknown outcome */
	bool waits;    /* the last SEND has no answer */
	bool unplaced; /* it was sent again behind a later one */
};

enum { SLOT_ROW = 1, SLOT_EVENT = 2, SLOT_RECEIVED = 4, SLOT_SYSTEM = 8 };

/* One number of one room, in one life of the store: after a restore (another
 * epoch) a room's numbers may begin again from an earlier one. */
struct audit_slot {
	uint32_t epoch;
	int64_t room_id, seq;
	int64_t message_id; /* -1: not known */
	int64_t ms;	    /* when it was said; -1 */
	uint32_t msg;	    /* TABLE_NONE: a system message, or not known */
	uint32_t crc;	    /* of its content; 0: not known */
	uint32_t label;	    /* its row's; TABLE_NONE */
	uint8_t flags;
};

enum {
	PLACE_LETTER = 1, /* of a record: it has a letter */
	PLACE_KEY = 2,	  /* of a record: its key is another room's */
	PLACE_DEAD = 4,	  /* of an outcome */
	PLACE_REUSED = 8,
	PLACE_DONE = 16, /* of a letter: its row was to be made before */
};

/* A record, or what a letter, a row or an outcome says of one. */
struct audit_place {
	uint32_t part; /* topic and partition */
	uint32_t msg;  /* TABLE_NONE: no message */
	int64_t offset, timestamp;
	uint32_t sum;  /* of key and value; 0: not known */
	uint32_t crc;  /* of the content; 0: not known */
	uint32_t more; /* slot of a label; else PLACE_* */
};

struct audit_places {
	struct audit_place *at;
	size_t count, cap;
};

struct audit_part {
	uint32_t topic;
	int32_t partition;
	int64_t start, end; /* what was read; -1: all there is */
	int64_t done;	    /* the group's offset; -1: not known */
};

struct audit_room {
	int64_t id;
	int64_t last_seq;   /* -1: not known */
	int64_t last_after; /* the same, when the rows had been read */
	int64_t row_from;   /* rows are read from this seq on; -1: all */
	int64_t event_from; /* the lowest seq of any event; -1: none */
	int64_t lowest;	    /* the lowest seq of any source; -1: none */
	int64_t highest;    /* the highest of a row; -1: none */
	bool judged;
	bool pair; /* a 1:1, into which a message brings back */
};

/* A membership that begins or ends with a seq. */
struct audit_change {
	int64_t room_id, user_id, seq, ms;
	bool in;
};

struct audit_member {
	int64_t room_id, user_id, joined_ms; /* -1: not known */
	bool left;
};

struct audit_worker {
	uint32_t name, file;
	int64_t user_id;
	int64_t first_ms, last_ms; /* -1: not known */
	int64_t high_ns;	   /* the highest of its lines; -1 */
	uint32_t high; /* the last order of this connection's SENDs */
	uint32_t run;  /* of its file: how often the name has begun anew */
	bool ended;
	bool replaced; /* by its next run */
};

/* One life of the store, as it is called by the best source that names it. */
struct audit_epoch {
	int source;
	int64_t ms; /* when it was named first; -1: not known */
};

/* A worker's subscriptions to one room, one after the other. */
struct audit_sub {
	uint32_t worker, epoch;
	int64_t room_id;
	int64_t cursor; /* the last seq; -1: not known yet */
	uint32_t run, holes;
	uint32_t gaps; /* how many it has */
	bool joined;
	bool over;    /* kicked, or left */
	int64_t head; /* up to which the server promised all; -1: nothing */
	uint32_t joins;
	uint32_t strays;   /* came while no subscription lived */
	int64_t stray_seq; /* the first of them */
	int64_t received;
};

/* Seqs that came one after the other under one SUBSCRIBE. */
struct audit_run {
	uint32_t sub, epoch;
	int64_t from, to; /* from > to: none came */
	int64_t first_ms, last_ms;
	int64_t head;	   /* that joined named, where one begins there; -1 */
	int64_t joined_ns; /* no lower than that of a line before */
};

/* Seqs that did not come in their place. */
struct audit_hole {
	uint32_t sub, epoch;
	uint32_t next; /* of a hole; of a gap: how many came afterwards */
	int64_t from, to;
	int64_t ms; /* when it was seen; -1 */
};

struct audit {
	struct audit_options opts;
	struct verdicts verdicts;
	bool has[AUDIT_SOURCES];
	bool events_whole; /* of a part: none was deleted since its time */
	/* what was counted besides */
	int64_t lines, deliveries, repeats, event_repeats, copies, stored,
		refused, untold, dead, stored_dead, pending, unknown_absent,
		unknown_present;
	/* private to lib/audit */
	struct names ids, workers_names, topics, epochs;
	uint32_t epoch; /* the store's */
	struct audit_epoch *epoch_of;
	struct audit_msg *msg;
	struct audit_op *op;
	struct audit_slot *slot;
	struct audit_part *part;
	struct audit_room *room;
	struct audit_change *change;
	struct audit_member *member;
	struct audit_worker *worker;
	struct audit_sub *sub;
	struct audit_run *run;
	struct audit_hole *hole, *gap;
	struct audit_places committed, raw, letters, labels, outcomes, replays;
	size_t msgs, ops, slots, parts, rooms, changes, members, workers, subs,
		runs, holes, gaps, epoch_count;
	size_t msg_cap, op_cap, slot_cap, part_cap, room_cap, change_cap,
		member_cap, worker_cap, sub_cap, run_cap, hole_cap, gap_cap,
		epoch_cap;
	struct table msg_table, op_table, slot_table, room_table, sub_table,
		worker_table;
	uint32_t free_hole;
	uint32_t order; /* of the last invoke */
	struct buf text, scratch;
	struct buf words[4]; /* of what is being described */
};

void audit_init(struct audit *audit, const struct audit_options *opts);
void audit_release(struct audit *audit);

/* ---- facts -------------------------------------------------------------- */

/* A source is there, though it may be empty. */
void audit_has(struct audit *audit, enum audit_source source);
/* Any source has named it. */
bool audit_knows_room(const struct audit *audit, int64_t id);

/* A record of chat-messages (both ways of reading), chat-events or a dead
 * letter topic. What is no message is kept as a place. */
int audit_record(struct audit *audit, enum audit_source source,
	const struct record *record) MUST_CHECK;

/* What was read of a partition of chat-messages: [start, end); -1: all. */
int audit_range(struct audit *audit, struct str topic, int32_t partition,
	int64_t start, int64_t end) MUST_CHECK;
/* The storing group's offset there. */
int audit_done(struct audit *audit, struct str topic, int32_t partition,
	int64_t offset) MUST_CHECK;
/* How far a group is (-1: nowhere yet) of what was there at `end`: I9. Of files
 * after the records: it has done all where there is none behind it. */
void audit_lag(struct audit *audit, struct str group, struct str topic,
	int32_t partition, int64_t offset, int64_t end);

/* The store's epoch, as PostgreSQL has it. Without it that of the newest event
 * counts, or of the newest `joined`. Before the rows. */
int audit_epoch(struct audit *audit, struct str epoch) MUST_CHECK;

struct audit_row {
	int64_t id, room_id, seq, sender_id;
	struct str client_id; /* canonical; data NULL: a system message */
	struct str type;
	uint32_t crc;
	bool has_crc;
	struct str targets; /* JSON; may be empty */
	int64_t sent_ms;    /* -1: not known */
	struct str topic;   /* of its record */
	int32_t partition;  /* -1: none */
	int64_t offset, timestamp;
};
int audit_row(struct audit *audit, const struct audit_row *row) MUST_CHECK;

struct audit_outcome {
	struct str outcome; /* refused, dead, reused */
	struct str topic;
	int32_t partition;
	int64_t offset, timestamp;
	int64_t room_id, sender_id; /* -1: not known */
	struct str client_id;	    /* data NULL: not known */
};
int audit_outcome(
	struct audit *audit, const struct audit_outcome *outcome) MUST_CHECK;

/* Before the rows, and of a living system behind them once more. last_seq: -1:
 * not known. type: ONE_TO_ONE, GROUP; may be empty. */
int audit_room(struct audit *audit, int64_t id, int64_t last_seq,
	struct str type) MUST_CHECK;
/* Rows of it are read from this seq on only. */
int audit_rows_from(struct audit *audit, int64_t id, int64_t seq) MUST_CHECK;
int audit_member(struct audit *audit, int64_t room_id, int64_t user_id,
	int64_t joined_ms, bool left) MUST_CHECK;

/* A line of a history; file: its number, and the same for all of its lines.
 * -1 with err: no such line, or out of memory. */
int audit_line(struct audit *audit, uint32_t file, struct str line,
	struct err *err) MUST_CHECK;

/* ---- looking ------------------------------------------------------------ */

/* Rooms that any source but the rows has named, in no order. */
size_t audit_room_count(const struct audit *audit);
int64_t audit_room_at(const struct audit *audit, size_t i);
/* The lowest seq that an event or a history has of it; -1: none. */
int64_t audit_room_lowest(const struct audit *audit, int64_t id);
/* Calls each for messages that were committed, or have a RECEIPT, and of which
 * no row, refusal or letter is known: rows that may lie before what was read.
 */
int audit_missing(struct audit *audit,
	int (*each)(void *arg, int64_t room_id, int64_t sender_id,
		struct str client_id),
	void *arg) MUST_CHECK;

/* Fills the verdicts I1-I7 and I10. */
int audit_judge(struct audit *audit) MUST_CHECK;

/* The counts besides the verdicts, as lines; or as members of an open object.
 */
void audit_counts_table(struct buf *out, const struct audit *audit);
void audit_counts_json(struct buf *out, const struct audit *audit);

#endif
