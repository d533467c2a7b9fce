/*
 * tests/sim/client.h - a careful client: it sends again, first and in order,
 * what had no RECEIPT, follows its rooms by from-seq and epoch, and takes only
 * the seq that comes next for what it is.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "world.h"

struct client_sub {
	bool want;
	bool asked; /* on this connection, not ended since */
	bool joined;
	int64_t cursor; /* -1: never joined */
	int epoch;
	int64_t asked_ms, joined_ms;
};

struct client {
	int user;
	bool plain; /* it sends no epoch */
	struct conn *conn;
	int queue[2 * SENDS_MAX]; /* of the plan's sends, in order */
	int count, next;	  /* next: to be sent on this connection */
	struct client_sub sub[ROOMS];
	bool subscribe_first;
	int64_t rx_ms, dial_ms;
	int raw_repeats;
};

void client_send(struct actor *actor, int send);
void client_want(struct actor *actor, int room);
/* client_in.c; what it takes there closes the connection, or makes SENDs lose
 * the live subscription they were promised (room -1: all). */
void client_line(struct actor *actor, struct conn *conn, struct msg *msg);
void client_lost(struct actor *actor);
void client_not_live(int client, int room);
/* Nothing of it is unanswered; it is where its rooms are. */
bool client_done(const struct actor *actor, char *why, size_t size);

#endif
