/*
 * audit/table.h - finds an index by what stands there: a hash table over an
 * array that the owner keeps. Holds indexes only (4 bytes, at most 3/4 full),
 * hashes are seeded anew in each process. Nothing is ever taken out.
 *
 *	index = table_find(&t, hash, same, ctx);
 *	if (index == TABLE_NONE) -> append to the array, table_add()
 */
#ifndef AUDIT_TABLE_H
#define AUDIT_TABLE_H

#include "base/base.h"
#include "base/str.h"

#define TABLE_NONE UINT32_MAX

struct table {
	uint32_t *slot;	   /* index + 1; 0: free */
	uint64_t *hash_of; /* of slot: spares most calls of same() */
	size_t cap, count;
};

void table_release(struct table *table);

/* TABLE_NONE: not there. same: the entry of that index is the one. */
uint32_t table_find(const struct table *table, uint64_t hash,
	bool (*same)(const void *ctx, uint32_t index), const void *ctx);
/* -1: out of memory. */
int table_add(struct table *table, uint64_t hash, uint32_t index) MUST_CHECK;

/* Mixes numbers and bytes into a hash. */
uint64_t table_hash(uint64_t a, uint64_t b);
uint64_t table_hash_str(struct str text);

#endif
