/* dlq/skip.c - what was settled long ago is not read again; see source.h and
 * resume.h. */
#include <stdlib.h>

#include "base/clock.h"
#include "dlq/source_inner.h"

/* The hints that are worth a look: their letters are among what would be read.
 * Positions are at those letters. -1: out of memory. */
static int
find_hints(const struct source *source, struct positions *hints)
{
	const struct positions *all = &source->range.positions;
	size_t i;

	hints->item = calloc(all->count + 1, sizeof(*hints->item));
	if (!hints->item)
		return -1;
	for (i = 0; i < all->count; i++) {
		const struct position *p = &all->item[i];
		const struct resume_part *hint =
			resume_hint(&source->resume, p->partition);

		if (!hint || hint->offset < p->offset || hint->offset >= p->end)
			continue;
		hints->item[hints->count] = *p;
		hints->item[hints->count++].offset = hint->offset;
	}
	return 0;
}

/* It is that mark's letter, at its place. */
static bool
is_true(struct source *source, const struct resume_part *hint,
	rd_kafka_message_t *m)
{
	struct letter letter;
	struct buf key = {0};
	bool same;

	source_letter(&letter, m, &source->room);
	letter_mark_key(&key, &letter);
	same = m->offset == hint->offset && !buf_bad(&key) &&
	       str_eq(buf_str(&key), buf_str(&hint->key));
	buf_release(&key);
	return same;
}

/* A hint that is true moves its partition's beginning. Each is looked at once:
 * its end becomes -1. */
static void
take_hint(struct source *source, struct position *at, rd_kafka_message_t *m)
{
	struct position *p = positions_get(
		&source->range.positions, at->topic, at->partition);
	const struct resume_part *hint =
		resume_hint(&source->resume, at->partition);

	at->end = -1;
	if (m && is_true(source, hint, m) && hint->below > p->offset)
		p->offset = hint->below < p->end ? hint->below : p->end;
}

static int
look(struct source *source, struct positions *hints, struct err *err)
{
	int64_t deadline_ms = clock_mono_ms() + source->patience_ms;
	rd_kafka_message_t *m;
	size_t left = hints->count;

	if (left && positions_assign(hints, &source->consumer, err) < 0)
		return EXIT_TEMP;
	while (left) {
		enum consumer_got got =
			consumer_poll(&source->consumer, 100, &m, err);
		struct position *at;

		if (got != CONSUMER_RECORD && got != CONSUMER_END) {
			if (clock_mono_ms() < deadline_ms)
				continue;
			err_set(err, "kafka does not answer");
			return EXIT_TEMP;
		}
		at = positions_get(hints, str_c(rd_kafka_topic_name(m->rkt)),
			m->partition);
		if (at && at->end >= 0) {
			take_hint(
				source, at, got == CONSUMER_RECORD ? m : NULL);
			left--;
		}
		rd_kafka_message_destroy(m);
	}
	return 0;
}

/* This run's marks may claim all that it reads where it begins at the log's
 * start, or where all before is settled; else nothing. */
static int
begin(struct source *source, const int64_t *before, bool from_start,
	struct err *err)
{
	const struct positions *all = &source->range.positions;
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct position *p = &all->item[i];
		bool whole = from_start || p->offset > before[i];

		if (resume_begin(&source->resume, p->partition,
			    whole ? INT64_MAX : 0, err) < 0)
			return EXIT_PERM;
	}
	return 0;
}

int
source_skip_settled(struct source *source, const struct source_place *place,
	struct err *err)
{
	struct positions hints = {0};
	const struct positions *all = &source->range.positions;
	int64_t *before = calloc(all->count + 1, sizeof(*before));
	size_t i;
	int code = EXIT_TEMP;

	if (!before ||
		(!place->settled_too && find_hints(source, &hints) < 0)) {
		err_set(err, "out of memory");
		goto out;
	}
	for (i = 0; i < all->count; i++)
		before[i] = all->item[i].offset;
	code = look(source, &hints, err);
	if (!code)
		code = begin(
			source, before, place->from.kind == SPEC_START, err);
out:
	positions_release(&hints);
	free(before);
	return code;
}
