/* serve/kept.c - see kept.h. */
#include "serve/kept.h"

#include <stdlib.h>
#include <string.h>

/* name: topic, NUL, key (a topic has no NUL); line behind it. */
struct kept_entry {
	RB_ENTRY(kept_entry) node;
	TAILQ_ENTRY(kept_entry) link;
	int32_t partition;
	struct str name, line;
	size_t bytes;
};

static int
compare(const struct kept_entry *a, const struct kept_entry *b)
{
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return str_cmp(a->name, b->name);
}

RB_GENERATE_INTERNAL(
	kept_tree, kept_entry, node, compare, __attribute__((unused)) static)

void
kept_init(struct kept *kept, size_t max_bytes)
{
	*kept = (struct kept){.max_bytes = max_bytes};
	RB_INIT(&kept->tree);
	TAILQ_INIT(&kept->list);
}

static void
drop(struct kept *kept, struct kept_entry *entry)
{
	RB_REMOVE(kept_tree, &kept->tree, entry);
	TAILQ_REMOVE(&kept->list, entry, link);
	kept->bytes -= entry->bytes;
	kept->count--;
	free(entry);
}

static struct kept_entry *
make(const struct record *record, struct str line)
{
	size_t name = record->topic.len + 1 + record->key.len;
	size_t bytes = sizeof(struct kept_entry) + name + line.len + 1;
	struct kept_entry *entry = malloc(bytes);
	char *at;

	if (!entry)
		return NULL;
	at = (char *)(entry + 1);
	memcpy(at, record->topic.data, record->topic.len);
	at[record->topic.len] = '\0';
	if (record->key.len)
		memcpy(at + record->topic.len + 1, record->key.data,
			record->key.len);
	memcpy(at + name, line.data, line.len);
	at[name + line.len] = '\n';
	*entry = (struct kept_entry){.partition = record->partition,
		.name = {at, name},
		.line = {at + name, line.len + 1},
		.bytes = bytes};
	return entry;
}

int
kept_record(struct kept *kept, const struct record *record, struct str line)
{
	struct kept_entry *entry, *old;

	if (record->key_null)
		return 0;
	entry = make(record, line);
	if (!entry)
		return -1;
	old = RB_FIND(kept_tree, &kept->tree, entry);
	if (old)
		drop(kept, old);
	if (record->value_null) {
		free(entry);
		return 0;
	}
	RB_INSERT(kept_tree, &kept->tree, entry);
	TAILQ_INSERT_TAIL(&kept->list, entry, link);
	kept->bytes += entry->bytes;
	kept->count++;
	while (kept->bytes > kept->max_bytes) {
		drop(kept, TAILQ_FIRST(&kept->list));
		kept->forgotten++;
	}
	return 0;
}

void
kept_print(const struct kept *kept, struct buf *out)
{
	const struct kept_entry *entry;

	TAILQ_FOREACH (entry, &kept->list, link)
		buf_add_str(out, entry->line);
}

void
kept_clear(struct kept *kept)
{
	while (!TAILQ_EMPTY(&kept->list))
		drop(kept, TAILQ_FIRST(&kept->list));
}
