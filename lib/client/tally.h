/*
 * client/tally.h - what came of a run's messages: latencies, and what is
 * missing, double, out of order, or in a room where it does not belong. Pure.
 *
 * Message n goes into room n % rooms, sent by member (n / rooms) % members of
 * it; each member of the room is to get it once. Subscriber c is member
 * c % members of room c / members. Messages before `warm` are checked like the
 * others, but have no part in the histograms.
 */
#ifndef CLIENT_TALLY_H
#define CLIENT_TALLY_H

#include "base/base.h"
#include "base/err.h"
#include "client/hist.h"

struct tally {
	int64_t total, warm, rooms, members;
	/* what came */
	int64_t deliveries;   /* of different messages to each subscriber */
	int64_t measured;     /* of them, not of the warm-up */
	int64_t duplicates;   /* a message again to the same subscriber */
	int64_t misdelivered; /* into another room, or of a number never sent */
	int64_t out_of_order; /* of one sender, or by seq */
	int64_t holes;	      /* a seq was left out */
	int64_t receipts;
	struct hist end_to_end; /* of each delivery */
	struct hist last;	/* of each message's last one */
	struct hist receipt;
	struct hist lag; /* sent after it was due */
	/* private */
	struct tally_message *messages;
	uint64_t *seen;	    /* bit n * members + member */
	uint64_t *answered; /* bit n */
	uint32_t *last_n;   /* subscriber * members + sender: n + 1 */
	int64_t *last_seq;  /* subscriber */
};

struct tally_message {
	uint32_t got;
	uint32_t last_us;
};

#define TALLY_MAX_BITS (INT64_C(1) << 33)

/* -1 where that would be over TALLY_MAX_BITS, or out of memory. */
int tally_init(struct tally *tally, int64_t rooms, int64_t members,
	int64_t total, int64_t warm, struct err *err) MUST_CHECK;
void tally_release(struct tally *tally);

int64_t tally_room(const struct tally *tally, int64_t n);
/* The subscriber that sends it. */
int64_t tally_sender(const struct tally *tally, int64_t n);

void tally_sent(struct tally *tally, int64_t n, int64_t lag_us);
/* A message at a subscriber; seq -1: none. */
void tally_delivery(struct tally *tally, int64_t subscriber, int64_t n,
	int64_t seq, int64_t latency_us);
void tally_receipt(struct tally *tally, int64_t n, int64_t latency_us);

#endif
