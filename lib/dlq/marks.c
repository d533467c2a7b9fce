/* dlq/marks.c - see marks.h. Open addressing, linear probing, half full. */
#include "dlq/marks.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 1024

/* FNV-1a. */
static uint64_t
hash_of(struct str key)
{
	uint64_t hash = 14695981039346656037u;
	size_t i;

	for (i = 0; i < key.len; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 1099511628211u;
	return hash;
}

static struct str
key_at(const struct marks *marks, size_t at)
{
	uint16_t len;

	memcpy(&len, marks->text.data + at - 1, sizeof(len));
	return (struct str){marks->text.data + at - 1 + sizeof(len), len};
}

/* Its slot, or the free one where it would go. */
static struct mark_slot *
find(const struct marks *marks, uint64_t hash, struct str key)
{
	size_t i = hash & (marks->slots - 1);
	struct mark_slot *slot;

	for (;; i = (i + 1) & (marks->slots - 1)) {
		slot = &marks->slot[i];
		if (!slot->at || (slot->hash == hash &&
					 str_eq(key_at(marks, slot->at), key)))
			return slot;
	}
}

static int
grow(struct marks *marks, struct err *err)
{
	struct mark_slot *old = marks->slot;
	size_t old_slots = marks->slots, i, to;

	marks->slots = old_slots ? 2 * old_slots : SLOTS_MIN;
	marks->slot = calloc(marks->slots, sizeof(*old));
	if (!marks->slot) {
		marks->slot = old;
		marks->slots = old_slots;
		return err_set(err, "out of memory");
	}
	for (i = 0; i < old_slots; i++) {
		if (!old[i].at)
			continue;
		to = old[i].hash & (marks->slots - 1);
		while (marks->slot[to].at)
			to = (to + 1) & (marks->slots - 1);
		marks->slot[to] = old[i];
	}
	free(old);
	return 0;
}

int
marks_add(struct marks *marks, struct str key, struct err *err)
{
	uint64_t hash = hash_of(key);
	uint16_t len = (uint16_t)key.len;
	struct mark_slot *slot;
	size_t at;

	if (key.len > MARK_KEY_MAX)
		return err_set(err, "a place of over %d bytes", MARK_KEY_MAX);
	if (2 * (marks->count + 1) > marks->slots && grow(marks, err) < 0)
		return -1;
	slot = find(marks, hash, key);
	if (slot->at)
		return 0;
	if (marks->count == marks->max)
		return err_set(err, "over %zu marks", marks->max);
	at = marks->text.len;
	buf_add(&marks->text, &len, sizeof(len));
	buf_add_str(&marks->text, key);
	if (buf_bad(&marks->text))
		return err_set(err, "out of memory");
	*slot = (struct mark_slot){hash, at + 1};
	marks->count++;
	return 1;
}

/* What stands behind a hole would not be found any more: each that has come
 * past it from its own place moves into it, and leaves the next hole. */
static void
free_slot(struct marks *marks, size_t hole)
{
	size_t mask = marks->slots - 1, at;

	for (at = (hole + 1) & mask; marks->slot[at].at; at = (at + 1) & mask) {
		size_t home = marks->slot[at].hash & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		marks->slot[hole] = marks->slot[at];
		hole = at;
	}
	marks->slot[hole] = (struct mark_slot){0};
}

bool
marks_remove(struct marks *marks, struct str key)
{
	struct mark_slot *slot;

	if (!marks->count)
		return false;
	slot = find(marks, hash_of(key), key);
	if (!slot->at)
		return false;
	free_slot(marks, (size_t)(slot - marks->slot));
	marks->count--;
	return true;
}

bool
marks_has(const struct marks *marks, struct str key)
{
	return marks->count && find(marks, hash_of(key), key)->at;
}

bool
marks_next(const struct marks *marks, size_t *at, struct str *key)
{
	while (*at < marks->slots) {
		const struct mark_slot *slot = &marks->slot[(*at)++];

		if (slot->at) {
			*key = key_at(marks, slot->at);
			return true;
		}
	}
	return false;
}

void
marks_release(struct marks *marks)
{
	buf_release(&marks->text);
	free(marks->slot);
	*marks = (struct marks){.max = marks->max};
}
