/* audit/table.c - see table.h. */
#include "audit/table.h"

#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#define FIRST_CAP 1024

static uint64_t seed;

void
table_release(struct table *table)
{
	free(table->slot);
	free(table->hash_of);
	memset(table, 0, sizeof(*table));
}

uint32_t
table_find(const struct table *table, uint64_t hash,
	bool (*same)(const void *ctx, uint32_t index), const void *ctx)
{
	size_t mask = table->cap - 1, at;

	if (!table->cap)
		return TABLE_NONE;
	for (at = hash & mask; table->slot[at]; at = (at + 1) & mask)
		if (table->hash_of[at] == hash &&
			same(ctx, table->slot[at] - 1))
			return table->slot[at] - 1;
	return TABLE_NONE;
}

static void
put(struct table *table, uint64_t hash, uint32_t index)
{
	size_t mask = table->cap - 1, at = hash & mask;

	while (table->slot[at])
		at = (at + 1) & mask;
	table->slot[at] = index + 1;
	table->hash_of[at] = hash;
}

static int
grow(struct table *table)
{
	struct table old = *table;
	size_t i;

	table->cap = old.cap ? old.cap * 2 : FIRST_CAP;
	table->slot = calloc(table->cap, sizeof(*table->slot));
	table->hash_of = calloc(table->cap, sizeof(*table->hash_of));
	if (!table->slot || !table->hash_of) {
		table_release(table);
		*table = old;
		return -1;
	}
	for (i = 0; i < old.cap; i++)
		if (old.slot[i])
			put(table, old.hash_of[i], old.slot[i] - 1);
	table_release(&old);
	return 0;
}

int
table_add(struct table *table, uint64_t hash, uint32_t index)
{
	if (table->count * 4 >= table->cap * 3 && grow(table) < 0)
		return -1;
	put(table, hash, index);
	table->count++;
	return 0;
}

/* ---- hashes ------------------------------------------------------------- */

static uint64_t
mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	return x ^ x >> 32;
}

uint64_t
table_hash(uint64_t a, uint64_t b)
{
	while (!seed)
		arc4random_buf(&seed, sizeof(seed));
	return mix(mix(a ^ seed) + b * 0x9e3779b97f4a7c15);
}

uint64_t
table_hash_str(struct str text)
{
	uint64_t hash = text.len, part;
	size_t i, n;

	for (i = 0; i < text.len; i += n) {
		n = text.len - i < 8 ? text.len - i : 8;
		part = 0;
		memcpy(&part, text.data + i, n);
		hash = table_hash(hash, part);
	}
	return table_hash(hash, 0);
}
