/* links: */
/*
 * Any bytes: json_scan() refuses them, or every reader walks them to the end,
 * what is read out is UTF-8, and a second scan of the root finds the same.
 */
#include <assert.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk(struct json value, struct buf *scratch, int depth)
{
	struct json_iter it = json_iter(value);
	struct json key, member;
	struct str text;
	int64_t n;
	bool b;

	assert(depth <= JSON_DEPTH_MAX);
	(void)json_i64(value, &n);
	(void)json_bool(value, &b);
	(void)json_is(value, "roomId");
	buf_reset(scratch);
	if (json_text(value, scratch, &text))
		assert(str_utf8_len(text) >= 0);
	while (json_next(&it, &key, &member)) {
		assert((key.type == JSON_STRING) == it.object);
		if (it.object)
			walk(key, scratch, depth + 1);
		walk(member, scratch, depth + 1);
	}
	(void)json_get(value, "a");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str doc = {(const char *)data, size};
	struct json root, again;
	struct buf scratch = {0};
	unsigned quirks, quirks_again;

	if (json_scan(doc, &root, &quirks, NULL) < 0)
		return 0;
	walk(root, &scratch, 0);
	if (json_scan(root.text, &again, &quirks_again, NULL) < 0)
		assert(!"the root is no document");
	assert(again.type == root.type && str_eq(again.text, root.text));
	assert((quirks_again | JSON_NEWLINE) == (quirks | JSON_NEWLINE));
	buf_release(&scratch);
	return 0;
}
