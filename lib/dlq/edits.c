/* dlq/edits.c - see edits.h. */
#include "dlq/edits.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/fd.h"

#define READ_BYTES 65536

/* Its index; -1 with err: too many. */
static ssize_t
find_topic(const struct edits *edits, struct str name)
{
	size_t i;

	for (i = 0; i < edits->topics; i++)
		if (str_eq_c(name, edits->topic[i]))
			return (ssize_t)i;
	return -1;
}

static ssize_t
get_topic(struct edits *edits, struct str name, struct err *err)
{
	ssize_t at = find_topic(edits, name);

	if (at >= 0)
		return at;
	if (edits->topics == EDITS_TOPICS_MAX)
		return err_set(err, "over %d topics", EDITS_TOPICS_MAX);
	edits->topic[edits->topics] = str_dup(name);
	if (!edits->topic[edits->topics])
		return err_set(err, "out of memory");
	return (ssize_t)edits->topics++;
}

static struct edit *
new_edit(struct edits *edits, struct err *err)
{
	struct edit *more;
	size_t cap = edits->cap ? 2 * edits->cap : 64;

	if (edits->count == edits->cap) {
		more = realloc(edits->item, cap * sizeof(*more));
		if (!more) {
			err_set(err, "out of memory");
			return NULL;
		}
		edits->item = more;
		edits->cap = cap;
	}
	return &edits->item[edits->count++];
}

static int
keep(struct edits *edits, const struct record *r, struct err *err)
{
	ssize_t topic = get_topic(edits, r->topic, err);
	struct edit *edit = topic < 0 ? NULL : new_edit(edits, err);

	if (!edit)
		return -1;
	*edit = (struct edit){.topic = (size_t)topic,
		.partition = r->partition,
		.offset = r->offset,
		.timestamp = r->timestamp,
		.line = edits->first_line + 1,
		.key_kept = r->key_left_out,
		.key_null = r->key_null,
		.value_null = r->value_null,
		.value_kept = r->value_left_out,
		.key_at = edits->bytes.len,
		.key_len = r->key.len,
		.value_at = edits->bytes.len + r->key.len,
		.value_len = r->value.len};
	buf_add_str(&edits->bytes, r->key);
	buf_add_str(&edits->bytes, r->value);
	if (buf_bad(&edits->bytes))
		return err_set(err, "out of memory");
	if (edits->bytes.len > EDITS_BYTES_MAX)
		return err_set(err,
			"over %lld bytes of keys and values: give "
			"it in parts",
			(long long)EDITS_BYTES_MAX);
	return 0;
}

static int
add(struct edits *edits, struct err *err)
{
	struct record record;

	if (buf_bad(&edits->text))
		return err_set(err, "out of memory");
	if (record_parse(&record, buf_str(&edits->text), &edits->room, err) < 0)
		return -1;
	if (memchr(record.topic.data, '\0', record.topic.len))
		return err_set(err, "a topic with U+0000 in its name");
	if (record.partition < 0 || record.offset < 0)
		return err_set(err, "it does not say which letter it is: no "
				    "partition, or no offset");
	return keep(edits, &record, err);
}

/* ---- objects out of text -------------------------------------------------
 */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Follows strings and brackets; whether it is JSON at all the parser says. */
static void
follow(struct edits_at *at, char c)
{
	if (at->escaped) {
		at->escaped = false;
	} else if (at->in_string) {
		at->escaped = c == '\\';
		at->in_string = c != '"';
	} else if (c == '"') {
		at->in_string = true;
	} else if (c == '{' || c == '[') {
		at->depth++;
	} else if (c == '}' || c == ']') {
		at->depth--;
	}
}

/* White space between tokens goes. */
static void
compact(struct buf *text)
{
	struct edits_at at = {0};
	size_t i, kept = 0;

	for (i = 0; i < text->len; i++) {
		if (!at.in_string && is_space(text->data[i]))
			continue;
		follow(&at, text->data[i]);
		text->data[kept++] = text->data[i];
	}
	text->len = kept;
}

static int
finish(struct edits *edits, struct err *err)
{
	int rc;

	if (edits->spread)
		compact(&edits->text);
	rc = add(edits, err);
	edits->at = (struct edits_at){0};
	edits->spread = false;
	buf_shrink(&edits->text, RECORD_LINE_MAX);
	return rc;
}

static int
take(struct edits *edits, char c, struct err *err)
{
	struct buf *text = &edits->text;

	if (!text->len) {
		if (is_space(c))
			return 0;
		if (c != '{')
			return err_set(err, "no JSON object begins here");
		edits->first_line = edits->line;
	}
	if (c == '\n' && !edits->at.in_string)
		edits->spread = true;
	buf_add_char(text, c);
	follow(&edits->at, c);
	if (edits->at.depth <= 0)
		return finish(edits, err);
	if (text->len > EDITS_TEXT_MAX)
		return err_set(
			err, "an object of over %d bytes", EDITS_TEXT_MAX);
	return buf_bad(text) ? err_set(err, "out of memory") : 0;
}

int
edits_feed(struct edits *edits, struct str bytes, struct err *err)
{
	size_t i;

	for (i = 0; i < bytes.len; i++) {
		if (take(edits, bytes.data[i], err) < 0)
			return err_prefix(
				err, "line %lld", (long long)edits->line + 1);
		edits->line += bytes.data[i] == '\n';
	}
	return 0;
}

static int
compare(const void *va, const void *vb)
{
	const struct edit *a = va, *b = vb;

	if (a->topic != b->topic)
		return a->topic < b->topic ? -1 : 1;
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return 0;
}

int
edits_end(struct edits *edits, struct err *err)
{
	size_t i;

	if (edits->text.len)
		return err_set(err, "line %lld: its object does not end",
			(long long)edits->first_line + 1);
	if (edits->count)
		qsort(edits->item, edits->count, sizeof(*edits->item), compare);
	for (i = 1; i < edits->count; i++) {
		const struct edit *a = &edits->item[i - 1], *b = a + 1;

		if (compare(a, b) == 0)
			return err_set(err,
				"lines %lld and %lld are one letter: "
				"%s/%d/%lld",
				(long long)(a->line < b->line ? a->line
							      : b->line),
				(long long)(a->line < b->line ? b->line
							      : a->line),
				edits->topic[a->topic], (int)a->partition,
				(long long)a->offset);
	}
	return 0;
}

static int
read_all(struct edits *edits, int fd, struct err *err)
{
	static char bytes[READ_BYTES];
	ssize_t n;

	while ((n = fd_read(fd, bytes, sizeof(bytes))) > 0)
		if (edits_feed(edits, (struct str){bytes, (size_t)n}, err) < 0)
			return -1;
	return n < 0 ? err_sys(err, "cannot read") : edits_end(edits, err);
}

int
edits_load(struct edits *edits, const char *path, struct err *err)
{
	bool is_stdin = !strcmp(path, "-");
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	rc = read_all(edits, fd, err);
	if (!is_stdin)
		close(fd);
	return rc < 0 ? err_prefix(err, "'%s'", path) : 0;
}

int
edits_among(const struct edits *edits, const char *path,
	const struct opt_list *topics, struct err *err)
{
	size_t i, k;

	for (i = 0; i < edits->topics && topics->count; i++) {
		for (k = 0; k < topics->count; k++)
			if (!strcmp(edits->topic[i], topics->item[k]))
				break;
		if (k == topics->count)
			return err_set(err, "'%s': topic '%s' is none of -t",
				path, edits->topic[i]);
	}
	return 0;
}

struct edit *
edits_find(struct edits *edits, struct str topic, int32_t partition,
	int64_t offset)
{
	ssize_t at = find_topic(edits, topic);
	struct edit key = {
		.topic = (size_t)at, .partition = partition, .offset = offset};

	if (at < 0)
		return NULL;
	return bsearch(&key, edits->item, edits->count, sizeof(key), compare);
}

static struct str
view(const struct edits *edits, size_t at, size_t len)
{
	return (struct str){len ? edits->bytes.data + at : "", len};
}

struct letter_edit
edits_get(const struct edits *edits, const struct edit *edit)
{
	return (struct letter_edit){
		.key = view(edits, edit->key_at, edit->key_len),
		.value = view(edits, edit->value_at, edit->value_len),
		.key_kept = edit->key_kept,
		.key_null = edit->key_null,
		.value_null = edit->value_null,
		.value_kept = edit->value_kept};
}

void
edits_release(struct edits *edits)
{
	while (edits->topics)
		free(edits->topic[--edits->topics]);
	free(edits->item);
	buf_release(&edits->bytes);
	buf_release(&edits->text);
	record_room_release(&edits->room);
	*edits = (struct edits){0};
}
