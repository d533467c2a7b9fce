/* dlq/tidy.c - see tidy.h. */
#include "dlq/tidy.h"

#include <stdlib.h>
#include <string.h>

#include "dlq/turn.h"
#include "io/stop.h"

#define IDLE_MS 100

struct tidy {
	struct source *source;
	struct turn turn;
	char *topic[TIDY_TOPICS_MAX];
	size_t topics;
	struct positions starts; /* of their logs */
	struct tidy_sums *sums;
	bool ended; /* each mark has its word */
};

static void
on_end(void *data, rd_kafka_message_t *letter, const char *why)
{
}

/* ---- where logs start -----------------------------------------------------
 */

/* Names that no topic has are looked up in vain, but for those that a C string
 * would cut. */
static int
add_topic(struct tidy *t, struct str name, struct err *err)
{
	size_t i;

	if (t->topics == TIDY_TOPICS_MAX || memchr(name.data, 0, name.len))
		return 0;
	for (i = 0; i < t->topics; i++)
		if (str_eq_c(name, t->topic[i]))
			return 0;
	t->topic[t->topics] = str_dup(name);
	if (!t->topic[t->topics])
		return err_set(err, "out of memory");
	t->topics++;
	return 0;
}

static int
find_topics(struct tidy *t, struct err *err)
{
	struct dlt_place place;
	struct str key;
	size_t at = 0;

	while (marks_next(&t->source->marks, &at, &key))
		if (dlt_place_parse(&place, key) &&
			add_topic(t, place.topic, err) < 0)
			return EXIT_TEMP;
	return 0;
}

static int
find_starts(struct tidy *t, struct err *err)
{
	const struct spec from = {SPEC_START, 0}, to = {SPEC_NONE, 0};
	struct consumer *consumer = &t->source->consumer;
	size_t i, before;
	int code = find_topics(t, err);

	for (i = 0; i < t->topics && !code && !stop_asked; i++) {
		before = t->starts.count;
		switch (positions_find(
			&t->starts, consumer, t->topic[i], &from, &to, err)) {
		case KAFKA_OK:
			break;
		case KAFKA_FAILED:
			code = EXIT_TEMP;
			break;
		default:
			t->starts.count = before; /* half of it, perhaps */
		}
	}
	return code;
}

/* ---- letters that are there -----------------------------------------------
 */

/* Their marks are taken out of the set: what is left has none. */
static int
spare_letters(struct tidy *t, const char *dlt, struct err *err)
{
	const struct source_place all = {.dlt = dlt,
		.partition = -1,
		.from = {SPEC_START, 0},
		.to = {SPEC_END, 0},
		.settled_too = true};
	struct buf key = {0};
	rd_kafka_message_t *message;
	struct letter letter;
	enum source_got got = SOURCE_NOTHING;
	int code = source_begin(t->source, &all, err);

	while (!code && !stop_asked && got != SOURCE_END) {
		got = source_next(
			t->source, IDLE_MS, &letter, &message, &code, err);
		if (got != SOURCE_LETTER)
			continue;
		buf_reset(&key);
		letter_mark_key(&key, &letter);
		rd_kafka_message_destroy(message);
		if (buf_bad(&key)) {
			err_set(err, "out of memory");
			code = EXIT_TEMP;
		} else if (marks_remove(&t->source->marks, buf_str(&key))) {
			t->sums->kept++;
		}
	}
	buf_release(&key);
	return code;
}

/* ---- marks that go ---------------------------------------------------------
 */

static bool
is_gone(struct tidy *t, struct str key)
{
	struct dlt_place place;
	const struct position *start;

	if (!dlt_place_parse(&place, key))
		return false;
	start = positions_get(&t->starts, place.topic, place.partition);
	return start && place.offset < start->offset;
}

static int
flush(struct tidy *t, struct err *err)
{
	int64_t count = (int64_t)writer_count(t->turn.writer);
	int code = count ? writer_flush(t->turn.writer, err) : 0;

	if (!code)
		t->sums->tidied += count;
	return code;
}

static int
sweep(struct tidy *t, struct err *err)
{
	struct writer *writer = t->turn.writer;
	struct str key;
	size_t at = 0;
	int code = 0;

	while (!code && !stop_asked &&
		marks_next(&t->source->marks, &at, &key)) {
		if (!is_gone(t, key)) {
			t->sums->kept++;
			continue;
		}
		writer_put_bare(writer, key, (struct str){NULL, 0});
		if (writer_full(writer))
			code = flush(t, err);
	}
	t->ended = !marks_next(&t->source->marks, &at, &key);
	return code ? code : flush(t, err);
}

int
tidy_topic(struct source *source, const struct tidy_options *opts,
	const char *dlt, struct tidy_sums *sums, struct err *err)
{
	const struct writer_options writer = {.kafka = opts->kafka,
		.dlt = dlt,
		.idempotent = opts->idempotent,
		.dry = opts->dry,
		.resume = &source->resume,
		.patience_ms = opts->patience_ms,
		.on_end = on_end};
	struct tidy t = {.source = source, .sums = sums};
	int code = turn_take(&t.turn, opts->run_dir, &writer, err);

	if (!code && !stop_asked)
		code = source_marks(source, dlt, true, err);
	/* In this order: what is gone now has all its letters there. */
	if (!code && !stop_asked)
		code = find_starts(&t, err);
	if (!code && !stop_asked)
		code = spare_letters(&t, dlt, err);
	if (!code && !stop_asked)
		code = sweep(&t, err);
	if (!code)
		err_clear(err); /* of topics that were not found */
	sums->stopped |= stop_asked && !t.ended;
	turn_end(&t.turn, code);
	positions_release(&t.starts);
	while (t.topics)
		free(t.topic[--t.topics]);
	return code;
}
