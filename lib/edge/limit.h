/*
 * edge/limit.h - two limits that strangers meet: messages a minute of a user
 * (a sliding window) and connections of an address. Pure; told the time.
 */
#ifndef EDGE_LIMIT_H
#define EDGE_LIMIT_H

#include <sys/socket.h>

#include <bsd/sys/tree.h>

#include "base/base.h"

#define RATE_WINDOW_MS 60000
#define RATE_NO_MEMORY (-1)

/* The times of the last `cap` accepted messages, oldest at `first`. All zero
 * is one that has accepted none; nothing is allocated before the first. */
struct rate {
	int64_t *at;
	uint32_t cap, first, count;
};

/* Counts one where fewer than limit (> 0) were accepted within the window.
 * Else false, and *retry_ms says when there will be room again, or
 * RATE_NO_MEMORY. */
bool rate_take(
	struct rate *rate, uint32_t limit, int64_t now_ms, int64_t *retry_ms);
/* None was accepted within the window: it may be forgotten. */
bool rate_idle(const struct rate *rate, int64_t now_ms);
void rate_release(struct rate *rate);

/* An address: IPv4 whole (also one mapped into IPv6), of IPv6 the first 64
 * bits, which one machine has to itself. */
struct address {
	unsigned char bytes[16];
};
struct address address_of(const struct sockaddr *sa);
/* "10.0.0.1" or "2001:db8::1"; false for other text. */
bool address_parse(struct address *out, const char *text);
bool address_eq(const struct address *a, const struct address *b);
bool address_loopback(const struct address *a);

/* How many connections each address has. */
struct address_count {
	struct address address;
	uint32_t count;
	RB_ENTRY(address_count) node;
};
RB_HEAD(address_tree, address_count);
struct address_counts {
	struct address_tree tree;
};

/* One more: its entry, for address_give(); NULL: it has max already, or memory
 * is out. */
struct address_count *address_take(struct address_counts *counts,
	const struct address *address, uint32_t max) MUST_CHECK;
void address_give(struct address_counts *counts, struct address_count *entry);

#endif
