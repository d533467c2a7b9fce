/*
 * edge/limit.c - see limit.h.
 */
#include "edge/limit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char mapped[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};

/* ---- rate --------------------------------------------------------------- */

/* A ring for limit entries; the newest of the old ones are kept. */
static bool
rate_fit(struct rate *rate, uint32_t limit)
{
	uint32_t keep = rate->count < limit ? rate->count : limit;
	int64_t *at;

	if (rate->cap == limit)
		return true;
	at = malloc(limit * sizeof(*at));
	if (!at)
		return false;
	for (uint32_t i = 0; i < keep; i++)
		at[i] = rate->at[(rate->first + rate->count - keep + i) %
				 rate->cap];
	free(rate->at);
	*rate = (struct rate){at, limit, 0, keep};
	return true;
}

bool
rate_take(struct rate *rate, uint32_t limit, int64_t now_ms, int64_t *retry_ms)
{
	*retry_ms = RATE_NO_MEMORY;
	if (!rate_fit(rate, limit))
		return false;
	while (rate->count &&
		rate->at[rate->first] <= now_ms - RATE_WINDOW_MS) {
		rate->first = (rate->first + 1) % rate->cap;
		rate->count--;
	}
	if (rate->count == rate->cap) {
		*retry_ms = rate->at[rate->first] + RATE_WINDOW_MS - now_ms;
		return false;
	}
	rate->at[(rate->first + rate->count++) % rate->cap] = now_ms;
	return true;
}

bool
rate_idle(const struct rate *rate, int64_t now_ms)
{
	uint32_t last;

	if (!rate->count)
		return true;
	last = (rate->first + rate->count - 1) % rate->cap;
	return rate->at[last] <= now_ms - RATE_WINDOW_MS;
}

void
rate_release(struct rate *rate)
{
	free(rate->at);
	*rate = (struct rate){0};
}

/* ---- addresses ---------------------------------------------------------- */

struct address
address_of(const struct sockaddr *sa)
{
	struct address a = {{0}};

	if (sa->sa_family == AF_INET) {
		memcpy(a.bytes, mapped, sizeof(mapped));
		memcpy(a.bytes + 12,
			&((const struct sockaddr_in *)(const void *)sa)
				 ->sin_addr,
			4);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(a.bytes,
			&((const struct sockaddr_in6 *)(const void *)sa)
				 ->sin6_addr,
			16);
		if (memcmp(a.bytes, mapped, sizeof(mapped)) != 0 &&
			!IN6_IS_ADDR_LOOPBACK(
				(const struct in6_addr *)(const void *)a.bytes))
			memset(a.bytes + 8, 0, 8);
	}
	return a;
}

bool
address_parse(struct address *out, const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		*out = address_of((const struct sockaddr *)&v4);
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		*out = address_of((const struct sockaddr *)&v6);
	else
		return false;
	return true;
}

bool
address_eq(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool
address_loopback(const struct address *a)
{
	static const unsigned char one[16] = {[15] = 1};

	if (memcmp(a->bytes, mapped, sizeof(mapped)) == 0)
		return a->bytes[12] == 127;
	return memcmp(a->bytes, one, sizeof(one)) == 0;
}

static int
address_cmp(const struct address_count *a, const struct address_count *b)
{
	return memcmp(
		a->address.bytes, b->address.bytes, sizeof(a->address.bytes));
}

RB_PROTOTYPE(address_tree, address_count, node, )
RB_GENERATE(address_tree, address_count, node, address_cmp)

struct address_count *
address_take(struct address_counts *counts, const struct address *address,
	uint32_t max)
{
	struct address_count key = {.address = *address}, *entry;

	entry = RB_FIND(address_tree, &counts->tree, &key);
	if (!entry) {
		if (!max)
			return NULL;
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return NULL;
		entry->address = *address;
		RB_INSERT(address_tree, &counts->tree, entry);
	} else if (entry->count >= max) {
		return NULL;
	}
	entry->count++;
	return entry;
}

void
address_give(struct address_counts *counts, struct address_count *entry)
{
	if (--entry->count)
		return;
	RB_REMOVE(address_tree, &counts->tree, entry);
	free(entry);
}
