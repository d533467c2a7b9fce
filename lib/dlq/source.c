/* dlq/source.c - see source.h. */
#include "dlq/source_inner.h"

#include "base/clock.h"

static int
code_of(enum kafka_verdict verdict)
{
	return verdict == KAFKA_FAILED ? EXIT_TEMP : EXIT_PERM;
}

int
source_open(struct source *source, const struct kafka_options *kafka,
	struct err *err)
{
	const struct consumer_options opts = {.kafka = kafka,
		.uncommitted = source->uncommitted,
		.eof = true,
		.bulk = true};

	if (consumer_open(&source->consumer, &opts, err) < 0)
		return EXIT_PERM;
	range_reset(&source->range, &source->consumer);
	return 0;
}

void
source_close(struct source *source)
{
	consumer_close(&source->consumer);
	range_release(&source->range);
	marks_release(&source->marks);
	resume_release(&source->resume);
	record_room_release(&source->room);
}

static int
start(struct source *source, struct err *err)
{
	source->silent_ms = 0;
	return range_start(&source->range, err) < 0 ? EXIT_TEMP : 0;
}

/* As range_next(), but silence has an end: a code in *code then, or where
 * there is nothing to wait for. */
static enum consumer_got
next(struct source *source, int timeout_ms, rd_kafka_message_t **message,
	int *code, struct err *err)
{
	int64_t since_ms = clock_mono_ms();
	enum consumer_got got =
		range_next(&source->range, timeout_ms, message, err);

	source->silent_ms += clock_mono_ms() - since_ms;
	*code = 0;
	if (got == CONSUMER_RECORD) {
		source->silent_ms = 0;
	} else if (got == CONSUMER_MISSING || got == CONSUMER_PERM) {
		*code = EXIT_PERM;
	} else if (got == CONSUMER_FATAL) {
		*code = EXIT_TEMP;
	} else if (source->silent_ms > source->patience_ms &&
		   !range_ended(&source->range)) {
		*code = EXIT_TEMP;
		err_set(err, "kafka does not answer");
	}
	return got;
}

/* ---- marks -----------------------------------------------------------------
 */

static bool
is_tidied(struct source *source, rd_kafka_message_t *m)
{
	struct letter letter;
	struct str ignored;

	source_letter(&letter, m, &source->room);
	return record_header(&letter.record, DLT_TIDIED, &ignored);
}

/* What else there is; true: it was no mark. */
static bool
take_other(struct source *source, rd_kafka_message_t *m, struct str key)
{
	if (m->payload && !str_eq_c(key, MARK_REOPENED))
		return false;
	if (!m->payload)
		marks_remove(&source->marks, key);
	if (!m->payload && is_tidied(source, m))
		return true;
	source->reopened = !m->payload;
	resume_forget(&source->resume);
	return true;
}

/* dlt: hints are wanted. */
static int
take_mark(struct source *source, rd_kafka_message_t *m, const char *dlt,
	struct err *err)
{
	struct str key = {m->key, m->key_len}, value = {m->payload, m->len};

	if (!m->key || take_other(source, m, key))
		return 0;
	if (marks_add(&source->marks, key, err) >= 0 &&
		(!dlt || resume_mark(&source->resume, dlt, key, value, err) ==
				 0))
		return 0;
	err_prefix(err, "marks");
	return EXIT_PERM;
}

static int
read_marks(struct source *source, const char *dlt, struct err *err)
{
	rd_kafka_message_t *m;
	int code = start(source, err);

	while (!code && !range_ended(&source->range)) {
		if (next(source, 100, &m, &code, err) != CONSUMER_RECORD)
			continue;
		code = take_mark(source, m, dlt, err);
		rd_kafka_message_destroy(m);
	}
	return code;
}

int
source_marks(struct source *source, const char *dlt, bool run, struct err *err)
{
	const struct spec from = {SPEC_START, 0}, to = {SPEC_END, 0};
	struct buf name = {0};
	enum kafka_verdict verdict;
	int code = 0;

	buf_printf(&name, "%s" DLT_SETTLED_SUFFIX, dlt);
	if (buf_bad(&name)) {
		err_set(err, "out of memory");
		return EXIT_TEMP;
	}
	marks_release(&source->marks);
	resume_release(&source->resume);
	source->run = run;
	source->reopened = false;
	range_reset(&source->range, &source->consumer);
	verdict = range_add(&source->range, name.data, &from, &to, err);
	if (verdict == KAFKA_OK)
		code = read_marks(source, run ? dlt : NULL, err);
	else if (verdict != KAFKA_REFUSED || run)
		code = code_of(verdict);
	range_reset(&source->range, &source->consumer);
	buf_release(&name);
	return code;
}

/* ---- letters ---------------------------------------------------------------
 */

static int64_t
count_places(const struct range *range)
{
	int64_t total = 0;
	size_t i;

	for (i = 0; i < range->positions.count; i++) {
		const struct position *p = &range->positions.item[i];

		if (p->end > p->offset)
			total += p->end - p->offset;
	}
	return total;
}

int
source_begin(struct source *source, const struct source_place *place,
	struct err *err)
{
	enum kafka_verdict verdict;
	int code = 0;

	range_reset(&source->range, &source->consumer);
	verdict = range_add(
		&source->range, place->dlt, &place->from, &place->to, err);
	if (verdict != KAFKA_OK)
		return code_of(verdict);
	if (place->partition >= 0 &&
		!range_only(&source->range, place->partition)) {
		err_set(err, "topic '%s' has no partition %d", place->dlt,
			(int)place->partition);
		return EXIT_PERM;
	}
	if (source->run)
		code = source_skip_settled(source, place, err);
	source->total = count_places(&source->range);
	return code ? code : start(source, err);
}

void
source_letter(struct letter *letter, rd_kafka_message_t *message,
	struct record_room *room)
{
	struct err ignored;

	letter->cut =
		consumer_record(&letter->record, message, room, &ignored) < 0;
	dlt_read(&letter->info, &letter->record);
}

enum source_got
source_next(struct source *source, int timeout_ms, struct letter *letter,
	rd_kafka_message_t **message, int *code, struct err *err)
{
	enum consumer_got got;

	if (range_ended(&source->range))
		return SOURCE_END;
	got = next(source, timeout_ms, message, code, err);
	if (got == CONSUMER_RECORD) {
		source_letter(letter, *message, &source->room);
		return SOURCE_LETTER;
	}
	return *code ? SOURCE_FAILED : SOURCE_NOTHING;
}
