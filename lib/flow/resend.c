/* flow/resend.c - see resend.h. */
#include "flow/resend.h"

#include <stdlib.h>
#include <string.h>

#include "base/rule.h"

#define RING_FIRST 64
#define ENTRY_COST sizeof(struct resend_entry)

void
resend_init(struct resend *resend, size_t max_bytes)
{
	*resend =
		(struct resend){.max_bytes = max_bytes, .first = 1, .next = 1};
}

static struct resend_entry *
slot(struct resend *resend, int64_t id)
{
	return &resend->ring[(size_t)id & (resend->cap - 1)];
}

void
resend_release(struct resend *resend)
{
	int64_t id;

	for (id = resend->first; id < resend->next; id++)
		free(slot(resend, id)->line);
	free(resend->ring);
	*resend = (struct resend){0};
}

int64_t
resend_next_id(const struct resend *resend)
{
	return resend->next;
}

/* Twice as many slots; each entry moves to where its id says. */
static int
grow(struct resend *resend)
{
	size_t cap = resend->cap ? resend->cap * 2 : RING_FIRST;
	struct resend_entry *ring = calloc(cap, sizeof(*ring));
	int64_t id;

	if (!ring)
		return -1;
	for (id = resend->first; id < resend->next; id++)
		ring[(size_t)id & (cap - 1)] = *slot(resend, id);
	free(resend->ring);
	resend->ring = ring;
	resend->cap = cap;
	return 0;
}

struct resend_entry *
resend_add(struct resend *resend, struct str line, void *owner, void *data)
{
	struct resend_entry *entry;
	char *copy;

	if ((size_t)(resend->next - resend->first) == resend->cap &&
		grow(resend) < 0)
		return NULL;
	copy = str_dup(line);
	if (!copy)
		return NULL;
	entry = slot(resend, resend->next);
	*entry = (struct resend_entry){.id = resend->next++,
		.owner = owner,
		.data = data,
		.line = copy,
		.len = line.len};
	resend->count++;
	resend->bytes += line.len + ENTRY_COST;
	return entry;
}

struct resend_entry *
resend_find(struct resend *resend, int64_t id)
{
	struct resend_entry *entry;

	if (id < resend->first || id >= resend->next)
		return NULL;
	entry = slot(resend, id);
	return entry->answered && RULE(one_answer_a_record) ? NULL : entry;
}

void
resend_done(struct resend *resend, struct resend_entry *entry)
{
	resend->bytes -= entry->len + ENTRY_COST;
	resend->count--;
	free(entry->line);
	entry->line = NULL;
	entry->answered = true;
	while (resend->first < resend->next &&
		slot(resend, resend->first)->answered)
		resend->first++;
}

void
resend_again(struct resend *resend, void (*send)(void *arg, struct str line),
	void *arg)
{
	struct resend_entry *entry;
	int64_t id;

	for (id = resend->first; RULE(unanswered_go_again) && id < resend->next;
		id++) {
		entry = slot(resend, id);
		if (entry->answered)
			continue;
		send(arg, (struct str){entry->line, entry->len});
		resend->sent_again++;
	}
}

void
resend_orphan(struct resend *resend, void *owner, void (*free_data)(void *data))
{
	struct resend_entry *entry;
	int64_t id;

	for (id = resend->first; id < resend->next; id++) {
		entry = slot(resend, id);
		if (entry->answered ||
			(entry->owner != owner && RULE(only_its_own_leave)))
			continue;
		if (free_data && entry->data)
			free_data(entry->data);
		entry->owner = NULL;
		entry->data = NULL;
		if (!RULE(record_outlives_client))
			resend_done(resend, entry);
	}
}

void
resend_charge(struct resend *resend, ssize_t bytes)
{
	resend->bytes += (size_t)bytes;
}

bool
resend_full(struct resend *resend)
{
	if (resend->bytes > resend->max_bytes)
		resend->was_full = true;
	return resend->was_full;
}

bool
resend_relieved(struct resend *resend)
{
	if (!resend->was_full || resend->bytes > resend->max_bytes / 2)
		return false;
	resend->was_full = false;
	return true;
}
