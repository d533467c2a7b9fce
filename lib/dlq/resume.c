/* dlq/resume.c - see resume.h. */
#include "dlq/resume.h"

#include <stdlib.h>

#include "json/json.h"

void
resume_release(struct resume *resume)
{
	while (resume->count)
		buf_release(&resume->part[--resume->count].key);
	free(resume->part);
	*resume = (struct resume){0};
}

static struct resume_part *
get(struct resume *resume, int64_t partition, struct err *err)
{
	size_t count = (size_t)partition + 1;
	struct resume_part *more;

	if (partition < 0 || partition >= RESUME_PARTITIONS_MAX) {
		err_set(err, "over %d partitions", RESUME_PARTITIONS_MAX);
		return NULL;
	}
	if (count > resume->count) {
		more = realloc(resume->part, count * sizeof(*more));
		if (!more) {
			err_set(err, "out of memory");
			return NULL;
		}
		resume->part = more;
		while (resume->count < count)
			more[resume->count++] = (struct resume_part){0};
	}
	return &resume->part[partition];
}

static const struct resume_part *
find(const struct resume *resume, int32_t partition)
{
	if (partition < 0 || (size_t)partition >= resume->count)
		return NULL;
	return &resume->part[partition];
}

int
resume_mark(struct resume *resume, const char *dlt, struct str key,
	struct str value, struct err *err)
{
	struct json root, letter;
	struct resume_part *part;
	int64_t below, offset, partition;
	struct err ignored;

	if (json_scan(value, &root, NULL, &ignored) < 0)
		return 0;
	letter = json_get(root, "letter");
	if (!json_i64(json_get(root, "below"), &below) || below <= 0 ||
		!json_i64(json_get(letter, "partition"), &partition) ||
		!json_i64(json_get(letter, "offset"), &offset) ||
		partition < 0 || partition >= RESUME_PARTITIONS_MAX ||
		!json_is(json_get(letter, "topic"), dlt))
		return 0;
	part = get(resume, partition, err);
	if (!part)
		return -1;
	if (below < part->below)
		return 0;
	part->below = below;
	part->offset = offset;
	buf_reset(&part->key);
	buf_add_str(&part->key, key);
	return buf_bad(&part->key) ? err_set(err, "out of memory") : 0;
}

void
resume_forget(struct resume *resume)
{
	size_t i;

	for (i = 0; i < resume->count; i++)
		resume->part[i].below = 0;
}

const struct resume_part *
resume_hint(const struct resume *resume, int32_t partition)
{
	const struct resume_part *part = find(resume, partition);

	return part && part->below > 0 ? part : NULL;
}

int
resume_begin(struct resume *resume, int32_t partition, int64_t open_at,
	struct err *err)
{
	struct resume_part *part = get(resume, partition, err);

	if (!part)
		return -1;
	part->open_at = open_at;
	return 0;
}

void
resume_open(struct resume *resume, int32_t partition, int64_t offset)
{
	struct resume_part *part;

	if (partition < 0 || (size_t)partition >= resume->count)
		return;
	part = &resume->part[partition];
	if (offset < part->open_at)
		part->open_at = offset;
}

int64_t
resume_below(const struct resume *resume, int32_t partition, int64_t offset)
{
	const struct resume_part *part = find(resume, partition);

	if (!part)
		return 0;
	return part->open_at < offset ? part->open_at : offset;
}
