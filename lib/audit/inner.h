/*
 * audit/inner.h - what the parts of lib/audit share, and nobody else includes.
 */
#ifndef AUDIT_INNER_H
#define AUDIT_INNER_H

#include "audit/audit.h"

/* Makes room for one more in an array. */
int audit_grow(
	void *array_at, size_t *cap, size_t count, size_t size) MUST_CHECK;
#define AUDIT_GROW(audit, array, count, cap)                                   \
	audit_grow(&(audit)->array, &(audit)->cap, (audit)->count,             \
		sizeof(*(audit)->array))

/* Find, or make anew; TABLE_NONE: out of memory. */
uint32_t audit_msg_of(struct audit *audit, const struct key *key);
uint32_t audit_slot_of(
	struct audit *audit, uint32_t epoch, int64_t room_id, int64_t seq);
uint32_t audit_part_of(
	struct audit *audit, struct str topic, int32_t partition);
uint32_t audit_room_of(struct audit *audit, int64_t id);
/* Find only. */
uint32_t audit_slot_find(const struct audit *audit, uint32_t epoch,
	int64_t room_id, int64_t seq);
/* An epoch's number; the one that counts, where none is named. */
enum audit_epoch_source { EPOCH_JOIN, EPOCH_EVENT, EPOCH_STORE };
uint32_t audit_epoch_of(struct audit *audit, struct str epoch,
	enum audit_epoch_source source, int64_t ms);
uint32_t audit_room_find(const struct audit *audit, int64_t id);

int audit_place_add(struct audit_places *places,
	const struct audit_place *place) MUST_CHECK;
void audit_places_sort(struct audit_places *places);
/* The first of that offset, sorted; TABLE_NONE. */
uint32_t audit_place_find(
	const struct audit_places *places, uint32_t part, int64_t offset);
/* It lies between two others of its partition, of about its time. */
bool audit_place_covered(const struct audit *audit,
	const struct audit_places *places, const struct audit_place *place);
/* The record that a row is from, where it was read; or the only one that a
 * message without a place has; NULL. */
const struct audit_place *audit_record_of(
	const struct audit *audit, const struct audit_slot *slot);
int audit_place_order(const struct audit_place *a, const struct audit_place *b);
/* It waits for the group, which has not come so far. */
bool audit_place_pending(
	const struct audit *audit, const struct audit_place *place);

void audit_count(uint16_t *count); /* up to its bound */
/* How CRC 0 is told from none: 0 means unknown, a real one becomes 1. */
uint32_t audit_crc(struct str content);
int audit_change_add(struct audit *audit, int64_t room_id, int64_t seq,
	int64_t ms, int64_t sender_id, struct str type,
	struct str targets) MUST_CHECK;

/* What one source says of a (room, seq). */
struct audit_sight {
	uint32_t msg; /* TABLE_NONE: a system message */
	bool system;
	int64_t message_id; /* -1: not said */
	uint32_t crc;	    /* 0: not said */
	uint8_t flag;	    /* SLOT_ROW, .. */
	uint32_t worker;    /* who got it; TABLE_NONE: another source, */
	const char *who;    /* "PostgreSQL" */
};
/* Compares it with what others said: I2, I3, I4. */
void audit_sight(
	struct audit *audit, uint32_t slot, const struct audit_sight *sight);

/* ---- histories (ops.c, subs.c) ------------------------------------------ */

int audit_invoke(struct audit *audit, uint32_t worker, int64_t room_id,
	const struct ident *id, uint32_t crc, int64_t ns,
	int64_t ms) MUST_CHECK;
enum audit_answer {
	ANSWER_OK,
	ANSWER_FAIL,
	ANSWER_FINAL,
	ANSWER_INFO,
	ANSWER_REUSED, /* of its second content only: the first one stands */
};
/* room_id: -1: not said. A RECEIPT for what was not invoked is one too many
 * (I3); what else is said of it says nothing. */
void audit_answer(struct audit *audit, uint32_t worker, int64_t room_id,
	const struct ident *id, enum audit_answer answer, int64_t ns,
	int64_t ms);
/* Every history has been read: what has no answer is unknown. */
void audit_ops_settle(struct audit *audit);

struct audit_join {
	int64_t room_id;
	struct str status, epoch;
	int64_t from, head, first; /* -1: not said */
};
int audit_joined(struct audit *audit, uint32_t worker,
	const struct audit_join *join, int64_t ns, int64_t ms) MUST_CHECK;
/* Of a message of the room: its subscription; TABLE_NONE: out of memory. */
uint32_t audit_sub_of(struct audit *audit, uint32_t worker, int64_t room_id);
int audit_received(
	struct audit *audit, uint32_t sub, int64_t seq, int64_t ms) MUST_CHECK;
int audit_sub_over(
	struct audit *audit, uint32_t worker, int64_t room_id) MUST_CHECK;
void audit_lost(struct audit *audit, uint32_t worker);
/* Every history has been read: what did not come is a gap. */
int audit_subs_settle(struct audit *audit) MUST_CHECK;

/* ---- words, in buffers that four calls reuse ---------------------------- */

const char *audit_say_msg(struct audit *audit, uint32_t msg);
const char *audit_say_part(struct audit *audit, uint32_t part, int64_t offset);
const char *audit_say_worker(struct audit *audit, uint32_t worker);
const char *audit_say_slot(struct audit *audit, uint32_t slot);
const char *audit_say_who(struct audit *audit, const struct audit_sight *sight);

/* ---- judges ------------------------------------------------------------- */

void audit_judge_places(struct audit *audit);		  /* I3 I6; first */
void audit_judge_outcomes(struct audit *audit);		  /* I1 I2 I10 */
int audit_judge_phantoms(struct audit *audit) MUST_CHECK; /* I3 */
/* By room and seq; order: all slots, sorted so. */
void audit_judge_events(struct audit *audit); /* I1 I10 */
void audit_judge_delivery(
	struct audit *audit, const uint32_t *order);		   /* I1 I5 */
int audit_judge_order(struct audit *audit) MUST_CHECK;		   /* I4 */
void audit_judge_seqs(struct audit *audit, const uint32_t *order); /* I4 I5 */
int audit_judge_ids(struct audit *audit) MUST_CHECK;		   /* I2 */
void audit_judge_isolation(struct audit *audit);		   /* I7 */

/* An unknown outcome, by all that histories say of it. */
static inline bool
audit_is_open(const struct audit_msg *m)
{
	return (m->flags & MSG_OPEN) && !(m->flags & (MSG_OK | MSG_FINAL));
}
/* Two workers whose clock is one. */
static inline bool
audit_same_run(const struct audit *audit, uint32_t a, uint32_t b)
{
	return audit->worker[a].file == audit->worker[b].file &&
	       audit->worker[a].run == audit->worker[b].run;
}
/* It is stored, or that is all one can tell without rows. */
bool audit_is_stored(const struct audit *audit, const struct audit_msg *m);
/* Its record waits for the group. */
bool audit_is_pending(const struct audit *audit, const struct audit_msg *m);
/* Sent since the beginning of what is judged. */
bool audit_is_due(const struct audit *audit, const struct audit_msg *m);

/* Between what was read of a living system's rows. */
bool audit_row_is_due(const struct audit *audit, int64_t room_id, int64_t seq);
bool audit_event_is_due(
	const struct audit *audit, const struct audit_slot *slot);
/* Said at that time (-1: not known): since the beginning of what is judged. */
bool audit_time_is_due(const struct audit *audit, int64_t ms);

#endif
