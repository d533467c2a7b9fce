/*
 * tests/sim/sends.h - what the parts of the world know of the plan's SENDs, by
 * the records that carry them.
 */
#ifndef SIM_SENDS_H
#define SIM_SENDS_H

#include "kafka.h"

#define SIM_WALL_MS INT64_C(1768127400000)
#define SEND_ID 1000 /* clientMessageId of the first */

/* Which SEND a value belongs to; -1: none. */
int send_of(struct str value);
int send_of_id(int64_t id);
/* The broker takes no such record. */
bool send_is_refused(enum topic topic, struct str value);
void send_was_refused(enum topic topic, struct str value);
/* Its record is gone with the log's tail. */
void send_lost(enum topic topic, struct str value);
/* An event is in chat-events. */
void event_told(struct str value);
int64_t number_in(struct str text, const char *field);
/* A runner has said that it is dead. */
void send_died(struct str value);
/* For the trace: "send 3", "event 3". Valid until the next call. */
struct str send_label(enum topic topic, const struct record *record);
int part_of_key(struct str key);
void room_key(int room, char out[12]);
struct send *send_by_id(int64_t id);
/* The clientMessageId of what a store has read; 0: none. */
struct store_item;
int64_t batch_cmid(const struct store_item *item);
int client_user(int client);
/* I7: a message may go to that user now, from an edge of that epoch. */
void check_allowed(int user, int room, int64_t seq, int epoch);

#endif
