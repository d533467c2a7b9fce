/* links: dlq wire */
/*
 * The text of --in: fed whole and in pieces it says the same, each letter that
 * is in it is found, and what it says can be printed as a line and read again.
 */
#include <assert.h>
#include <string.h>

#include "dlq/edits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
feed(struct edits *edits, struct str text, size_t n)
{
	struct err err;
	size_t at;

	for (at = 0; at < text.len; at += n) {
		struct str part = {
			text.data + at, text.len - at < n ? text.len - at : n};

		if (edits_feed(edits, part, &err) < 0)
			return -1;
	}
	return edits_end(edits, &err);
}

static void
same(struct edits *a, struct edits *b)
{
	size_t i;

	assert(a->count == b->count && a->topics == b->topics);
	for (i = 0; i < a->count; i++) {
		const struct edit *ea = &a->item[i];
		struct str topic = str_c(a->topic[ea->topic]);
		struct edit *eb =
			edits_find(b, topic, ea->partition, ea->offset);
		struct letter_edit la = edits_get(a, ea), lb;

		/* A topic's name with a NUL in it is found by what is before.
		 */
		if (!eb)
			continue;
		lb = edits_get(b, eb);
		assert(str_eq(la.key, lb.key) && str_eq(la.value, lb.value));
		assert(la.key_null == lb.key_null);
		assert(la.value_null == lb.value_null);
		assert(ea->line == eb->line);
	}
}

/* As the line that `list -j` would print for it. */
static void
again(struct edits *edits, size_t i)
{
	static struct edits back;
	const struct edit *edit = &edits->item[i];
	struct letter_edit said = edits_get(edits, edit), got;
	struct record r = {.topic = str_c(edits->topic[edit->topic]),
		.partition = edit->partition,
		.offset = edit->offset,
		.timestamp = edit->timestamp,
		.key = said.key,
		.key_null = said.key_null,
		.value = said.value,
		.value_null = said.value_null};
	struct buf line = {0};

	if (r.topic.len && str_utf8_len(r.topic) >= 0 && !said.value_kept) {
		record_print(&line, &r);
		assert(feed(&back, buf_str(&line), line.len) == 0);
		assert(back.count == 1);
		got = edits_get(&back, &back.item[0]);
		assert(str_eq(got.key, said.key));
		assert(str_eq(got.value, said.value));
		edits_release(&back);
	}
	buf_release(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct edits whole, parts;
	struct str text = {(const char *)data, size};
	int rc = feed(&whole, text, size ? size : 1);
	size_t i;

	assert(rc == feed(&parts, text, 1 + size / 7));
	if (rc == 0) {
		same(&whole, &parts);
		for (i = 0; i < whole.count && i < 4; i++)
			again(&whole, i);
	}
	edits_release(&whole);
	edits_release(&parts);
	return 0;
}
