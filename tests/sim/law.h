/*
 * tests/sim/law.h - what architecture.md, section 3, says of a runner and its
 * filter, watched at the line between them and at what the runner asks of
 * Kafka: each record from its poll to its end, by a model of its own, which
 * knows nothing of lib/flow. So a rule that is broken is seen at once, though
 * another one might mend it, or a crash that would show it never comes.
 *
 *	law_item.c	a record, from its sending to its end
 *	law_key.c	order within a key: retry, again, the last try
 *	law_part.c	partitions: control lines, answers owed, commits,
 *revokes law_filter.c	the filter's life: silence, deaths, blame
 *
 * All of it is told where lib/run would do it (runner.c, emits.c, consumer.c,
 * xact.c): before the event goes to flow/runner, after an action came from it.
 */
#ifndef SIM_LAW_H
#define SIM_LAW_H

#include "kafka.h"

enum { LAW_ITEMS = 32, LAW_DEBTS = 96, LAW_KEYS = 2 * ROOMS * PARTS };

enum law_state { LAW_WAITS, LAW_SENT, LAW_ANSWERED };

struct law_key {
	int part;
	struct str key;
	bool hold;    /* one was answered `retry`, no `again` was well since */
	bool probing; /* .. the one with `again` is out */
	int64_t due_ms; /* .. it may go then */
};

struct law_item {
	TAILQ_ENTRY(law_item) link;
	const void *item; /* flow/runner's, once known */
	const struct krec *rec;
	struct law_key *key;
	enum law_state state;
	size_t bytes;
	int part;
	int64_t offset, sent_no;
	int tries; /* answered `retry`, where that counts */
	bool last_try;
	bool suspect;
	int alone;	       /* deaths that it caused alone */
	int acks;	       /* emits not acked; -x: not committed */
	bool letter, lettered; /* due; was due once */
	bool said;	       /* .. ACT_LETTER */
	bool over, left;       /* finished; its partition went before */
	bool staged;	       /* -x: in the transaction */
	bool solo;	       /* .. goes alone */
	int refusals;	       /* .. of it, alone */
	int64_t refused_ms;
};

struct law_part {
	bool owned, leaving;
	bool told, stale; /* the filter; and what it was told is not so */
	int64_t next, cut, committed;
	int debts;
};

struct law_debt {
	int part;
	int64_t offset;
};

struct law {
	struct actor *actor;
	bool control, atomic, choked, committing, draining;
	TAILQ_HEAD(, law_item) items; /* as they were polled */
	int count;
	size_t bytes; /* of all */
	int aborts;   /* -x: in a row, and no record was refused */
	struct law_key key[LAW_KEYS];
	int keys;
	struct law_part part[PARTS];
	struct law_debt debt[LAW_DEBTS];
	int debts;
	bool runs, starting;
	bool silent; /* it was, at a tick */
	int64_t start_ms, backoff_ms;
	int64_t said_ms, owed_ms, ticked_ms;
	int64_t revoke_ms, drain_ms;
	bool revoking;
	int64_t sent_no;
	int blamed_part, blamed;
	int64_t blamed_offset;
};

struct run;

void law_init(struct law *law, struct actor *actor, bool control, bool atomic);

/* law_key.c */
struct law_key *law_key_of(struct law *law, int part, struct str key);
void law_send_key(struct law *law, struct law_item *i, bool again);
/* True: it is dead. */
bool law_retry(struct law *law, struct law_item *i);
/* Answered otherwise. */
void law_well(struct law *law, struct law_item *i);
void law_keys_restart(struct law *law);
void law_keys_forget(struct law *law, int part);

/* law_part.c */
void law_assigned(struct law *law, int part, int64_t offset);
void law_revoked(struct law *law, int part);
void law_lost(struct law *law, int part);
void law_polled(
	struct law *law, int part, const struct krec *rec, bool too_long);
void law_position(struct law *law, int part, int64_t offset);
void law_control(struct law *law, int part, bool assigned);
void law_commit(struct law *law, int part, int64_t offset);
void law_committed(struct law *law, bool ok);
void law_let_go(struct law *law);
void law_stop(struct law *law);
/* It ends by itself. */
void law_exit(struct law *law, int code, const char *why);
void law_done(struct law *law, const struct krec *rec);
void law_leave(struct law *law, struct law_item *i);
void law_leave_unsent(struct law *law, int part);
void law_drop(struct law *law, int part);
bool law_pay(struct law *law, int part, int64_t offset);
void law_turned(struct law *law);

/* law_item.c */
struct law_item *law_sent_item(struct law *law, int part, int64_t offset);
struct law_item *law_item_of(
	struct law *law, const void *item, const struct krec *rec);
void law_send(
	struct law *law, const void *item, const struct krec *rec, bool again);
/* Before flow/runner has it: what it has to say to that. */
enum law_says { LAW_NOTHING, LAW_DROPS, LAW_TAKES };
/* -x: what it has to say takes so much room. */
void law_kept(struct law *law, const void *item, size_t bytes);
enum law_says law_result(
	struct law *law, int part, int64_t offset, int status, int emits);
void law_published(
	struct law *law, const void *item, bool letter, bool refused);
void law_letter(struct law *law, const void *item, const struct krec *rec);
void law_staged(struct law *law, const void *item);
void law_refused(struct law *law);
void law_finish(struct law *law, struct law_item *i);
void law_die(struct law *law, struct law_item *i);
const char *law_name(const struct law_item *i);

/* law_filter.c */
void law_started(struct law *law);
void law_up(struct law *law);
void law_said(struct law *law, bool waiting);
void law_choke(struct law *law, bool choked);
void law_tick(struct law *law); /* before flow/runner has it */
void law_ticked(struct law *law, bool killing);
void law_killed(struct law *law);
void law_gone(struct law *law, int status, bool killed);
void law_send_filter(struct law *law, struct law_item *i);

#endif
