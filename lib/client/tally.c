/* client/tally.c - see tally.h. */
#include "client/tally.h"

#include <stdlib.h>
#include <string.h>

static void *
zeroed(int64_t count, size_t size)
{
	return calloc(count > 0 ? (size_t)count : 1, size);
}

int
tally_init(struct tally *tally, int64_t rooms, int64_t members, int64_t total,
	int64_t warm, struct err *err)
{
	int64_t bits, pairs;

	memset(tally, 0, sizeof(*tally));
	tally->rooms = rooms;
	tally->members = members;
	tally->total = total;
	tally->warm = warm;
	if (__builtin_mul_overflow(total, members, &bits) ||
		__builtin_mul_overflow(rooms * members, members, &pairs) ||
		bits > TALLY_MAX_BITS || pairs > TALLY_MAX_BITS / 32 ||
		total >= UINT32_MAX)
		return err_set(err, "too many messages to keep count of");
	tally->messages = zeroed(total, sizeof(*tally->messages));
	tally->seen = zeroed(bits / 64 + 1, sizeof(*tally->seen));
	tally->answered = zeroed(total / 64 + 1, sizeof(*tally->answered));
	tally->last_n = zeroed(pairs, sizeof(*tally->last_n));
	tally->last_seq = zeroed(rooms * members, sizeof(*tally->last_seq));
	if (!tally->messages || !tally->seen || !tally->answered ||
		!tally->last_n || !tally->last_seq) {
		tally_release(tally);
		return err_set(err, "out of memory");
	}
	return 0;
}

void
tally_release(struct tally *tally)
{
	free(tally->messages);
	free(tally->seen);
	free(tally->answered);
	free(tally->last_n);
	free(tally->last_seq);
	tally->messages = NULL;
	tally->seen = tally->answered = NULL;
	tally->last_n = NULL;
	tally->last_seq = NULL;
}

int64_t
tally_room(const struct tally *tally, int64_t n)
{
	return n % tally->rooms;
}

int64_t
tally_sender(const struct tally *tally, int64_t n)
{
	return tally_room(tally, n) * tally->members +
	       n / tally->rooms % tally->members;
}

/* Sets the bit; says whether it was set. */
static bool
mark(uint64_t *bits, int64_t at)
{
	uint64_t bit = UINT64_C(1) << (at % 64), was = bits[at / 64] & bit;

	bits[at / 64] |= bit;
	return was;
}

void
tally_sent(struct tally *tally, int64_t n, int64_t lag_us)
{
	if (n >= tally->warm)
		hist_add(&tally->lag, lag_us);
}

/* A sender's messages in the order they were sent, and the room's numbers
 * dense: both, because other servers have no seq. */
static void
check_order(struct tally *tally, int64_t subscriber, int64_t n, int64_t seq)
{
	int64_t sender = n / tally->rooms % tally->members;
	uint32_t *last = &tally->last_n[subscriber * tally->members + sender];
	int64_t *last_seq = &tally->last_seq[subscriber];
	bool bad = n < *last;

	if (!bad)
		*last = (uint32_t)n + 1;
	if (seq >= 0) {
		bad |= *last_seq && seq <= *last_seq;
		tally->holes += *last_seq && seq > *last_seq + 1;
		if (seq > *last_seq)
			*last_seq = seq;
	}
	tally->out_of_order += bad;
}

void
tally_delivery(struct tally *tally, int64_t subscriber, int64_t n, int64_t seq,
	int64_t latency_us)
{
	struct tally_message *message;

	if (n >= tally->total ||
		subscriber / tally->members != tally_room(tally, n)) {
		tally->misdelivered++;
		return;
	}
	if (mark(tally->seen,
		    n * tally->members + subscriber % tally->members)) {
		tally->duplicates++;
		return;
	}
	check_order(tally, subscriber, n, seq);
	message = &tally->messages[n];
	tally->deliveries++;
	message->got++;
	if (latency_us > message->last_us)
		message->last_us = latency_us < UINT32_MAX
					   ? (uint32_t)latency_us
					   : UINT32_MAX;
	if (n < tally->warm)
		return;
	tally->measured++;
	hist_add(&tally->end_to_end, latency_us);
	if (message->got == tally->members)
		hist_add(&tally->last, message->last_us);
}

void
tally_receipt(struct tally *tally, int64_t n, int64_t latency_us)
{
	if (n < 0 || n >= tally->total || mark(tally->answered, n))
		return;
	tally->receipts++;
	if (n >= tally->warm)
		hist_add(&tally->receipt, latency_us);
}
