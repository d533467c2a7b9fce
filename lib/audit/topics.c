/* audit/topics.c - the topics of a living system, see live.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/inner.h"
#include "audit/live.h"
#include "base/clock.h"
#include "base/log.h"
#include "kafka/range.h"

#define WAIT_MS 200
#define SILENCE_MS 30000 /* a broker that says nothing is away */
#define LOOK_MS 100	 /* at the group's offsets */
#define TELL_EVERY 1000	 /* records; by the clock then */

static int
verdict_code(enum kafka_verdict verdict)
{
	return verdict == KAFKA_OK	 ? 0
	       : verdict == KAFKA_FAILED ? EXIT_TEMP
					 : EXIT_PERM;
}

/* ---- one topic ---------------------------------------------------------- */

struct reader {
	struct audit_reading *reading;
	struct consumer consumer;
	struct range range;
	struct record_room room;
	int64_t records, total;
};

/* Up to the ends that another reader has. */
static void
cut(struct reader *reader)
{
	struct positions *all = &reader->range.positions;
	const struct positions *ends = reader->reading->ends;
	const struct position *end;
	size_t i;

	for (i = 0; ends && i < all->count; i++) {
		end = positions_get((struct positions *)(uintptr_t)ends,
			all->item[i].topic, all->item[i].partition);
		if (end && end->end < all->item[i].end)
			all->item[i].end = end->end;
		if (all->item[i].offset > all->item[i].end)
			all->item[i].offset = all->item[i].end;
	}
}

/* What was read: positions change while they are. */
static int
keep_found(struct reader *reader, struct err *err)
{
	const struct positions *all = &reader->range.positions;
	struct positions *found = reader->reading->found;

	if (!found || !all->count)
		return 0;
	found->item = calloc(all->count, sizeof(*found->item));
	if (!found->item)
		return err_set(err, "out of memory");
	memcpy(found->item, all->item, all->count * sizeof(*found->item));
	found->count = all->count;
	return 0;
}

static int
begin(struct reader *reader, struct err *err)
{
	struct audit_reading *reading = reader->reading;
	struct spec end = {SPEC_END, 0};
	enum kafka_verdict verdict;
	size_t i;

	range_reset(&reader->range, &reader->consumer);
	verdict = range_add(&reader->range, reading->topic,
		&reading->live->from, reading->to ? reading->to : &end, err);
	reading->missing = verdict == KAFKA_REFUSED;
	if (verdict != KAFKA_OK)
		return reading->missing ? 0 : verdict_code(verdict);
	cut(reader);
	for (i = 0; i < reader->range.positions.count; i++)
		reader->total += reader->range.positions.item[i].end -
				 reader->range.positions.item[i].offset;
	if (keep_found(reader, err) < 0)
		return EXIT_TEMP;
	return range_start(&reader->range, err) < 0 ? EXIT_TEMP : 0;
}

static int
hand_on(struct reader *reader, rd_kafka_message_t *message, struct err *err)
{
	struct record record;

	if (consumer_record(&record, message, &reader->room, err) < 0)
		err_clear(err); /* it has the first headers */
	if (!(++reader->records % TELL_EVERY))
		audit_progress(reader->reading->live->progress,
			reader->reading->topic, "records", reader->records,
			reader->total);
	if (reader->reading->each(reader->reading->arg, &record) < 0) {
		err_set(err, "out of memory");
		return EXIT_TEMP;
	}
	return 0;
}

static int
read_all(struct reader *reader, struct err *err)
{
	int64_t until = clock_mono_ms() + SILENCE_MS;
	rd_kafka_message_t *message;
	int code = 0;

	while (!code && !range_ended(&reader->range)) {
		switch (range_next(&reader->range, WAIT_MS, &message, err)) {
		case CONSUMER_RECORD:
			code = hand_on(reader, message, err);
			rd_kafka_message_destroy(message);
			until = clock_mono_ms() + SILENCE_MS;
			break;
		case CONSUMER_MISSING:
		case CONSUMER_PERM:
			return EXIT_PERM;
		case CONSUMER_FATAL:
			return EXIT_TEMP;
		default:
			if (clock_mono_ms() < until)
				break;
			err_set(err, "no answer for %d s", SILENCE_MS / 1000);
			return EXIT_TEMP;
		}
	}
	return code;
}

int
audit_read_topic(struct audit_reading *reading, struct err *err)
{
	struct consumer_options opts = {.kafka = reading->live->kafka,
		.uncommitted = reading->uncommitted,
		.eof = true};
	static struct reader reader; /* its room is large */
	struct err why;
	int code;

	memset(&reader, 0, sizeof(reader));
	reader.reading = reading;
	if (consumer_open(&reader.consumer, &opts, err) < 0)
		return EXIT_PERM;
	code = begin(&reader, err);
	if (!code && !reading->missing)
		code = read_all(&reader, err);
	if (code) {
		why = *err;
		err_set(err, "cannot read topic '%s': %s", reading->topic,
			why.text);
	}
	LOG_DEBUG("audit", "read", LOG_S("topic", reading->topic),
		LOG_I("records", reader.records));
	range_release(&reader.range);
	record_room_release(&reader.room);
	consumer_close(&reader.consumer);
	return code;
}

/* ---- ends, and the group that has to reach them ------------------------- */

static int
find_ends(const struct audit_live *live, const char *topic,
	struct positions *ends, struct err *err)
{
	struct consumer_options opts = {.kafka = live->kafka, .eof = true};
	struct spec end = {SPEC_END, 0};
	struct consumer consumer = {0};
	enum kafka_verdict verdict;

	if (consumer_open(&consumer, &opts, err) < 0)
		return EXIT_PERM;
	verdict =
		positions_find(ends, &consumer, topic, &live->from, &end, err);
	consumer_close(&consumer);
	return verdict_code(verdict);
}

/* The group's offsets; -1: it has none there. */
static int
ask_done(struct consumer *consumer, struct positions *done, struct err *err)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)done->count);
	rd_kafka_resp_err_t code;
	size_t i;

	for (i = 0; i < done->count; i++)
		rd_kafka_topic_partition_list_add(list,
			done->item[i].topic.data, done->item[i].partition);
	code = rd_kafka_committed(consumer->rk, list, SILENCE_MS / 10);
	for (i = 0; i < done->count && !code; i++)
		done->item[i].offset =
			list->elems[i].offset < 0 ? -1 : list->elems[i].offset;
	rd_kafka_topic_partition_list_destroy(list);
	return code ? err_set(err, "cannot ask for the group's offsets: %s",
			      rd_kafka_err2str(code))
		    : 0;
}

static bool
is_behind(const struct position *p)
{
	return p->end > 0 && p->offset < p->end;
}

static bool
all_done(const struct positions *done)
{
	size_t i;

	for (i = 0; i < done->count; i++)
		if (is_behind(&done->item[i]))
			return false;
	return true;
}

static void
sleep_ms(int64_t ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

static void
judge_lag(struct audit *audit, const char *group, const struct positions *done)
{
	const struct position *p;
	size_t i;

	for (i = 0; i < done->count; i++) {
		p = &done->item[i];
		audit_lag(audit, str_c(group), p->topic, p->partition,
			p->offset, p->end);
	}
}

static int
note_done(struct audit *audit, const struct positions *done, struct err *err)
{
	const struct position *p;
	size_t i;

	for (i = 0; i < done->count; i++) {
		p = &done->item[i];
		if (audit_done(audit, p->topic, p->partition,
			    p->offset < 0 ? 0 : p->offset) < 0) {
			err_set(err, "out of memory");
			return EXIT_TEMP;
		}
	}
	return 0;
}

/* Waits until the group has done all before the ends; they then hold its
 * offsets. optional: it need not be there. */
static int
settle(struct audit *audit, const struct audit_live *live, const char *group,
	struct positions *ends, bool optional, struct err *err)
{
	struct consumer_options opts = {.kafka = live->kafka, .group = group};
	int64_t until = clock_mono_ms() + live->settle_ms;
	struct consumer consumer = {0};
	bool there = false;
	int code = 0;
	size_t i;

	if (consumer_open(&consumer, &opts, err) < 0)
		return EXIT_PERM;
	for (;;) {
		if (ask_done(&consumer, ends, err) < 0) {
			code = EXIT_TEMP;
			break;
		}
		for (i = 0; i < ends->count; i++)
			there |= ends->item[i].offset >= 0;
		if (all_done(ends) || clock_mono_ms() >= until ||
			(optional && !there))
			break;
		sleep_ms(LOOK_MS);
	}
	consumer_close(&consumer);
	if (!code && (there || !optional)) {
		judge_lag(audit, group, ends);
		code = note_done(audit, ends, err);
	}
	return code;
}

/* ---- all of it ---------------------------------------------------------- */

struct sink {
	struct audit *audit;
	enum audit_source source;
};

static int
take(void *arg, const struct record *record)
{
	struct sink *sink = arg;

	return audit_record(sink->audit, sink->source, record);
}

static int
read_source(struct audit *audit, const struct audit_live *live,
	enum audit_source source, const char *topic,
	const struct positions *ends, struct err *err)
{
	struct sink sink = {audit, source};
	struct audit_reading reading = {.live = live,
		.topic = topic,
		.uncommitted = source == AUDIT_UNCOMMITTED,
		.ends = ends,
		.each = take,
		.arg = &sink};
	int code = audit_read_topic(&reading, err);

	if (!code && !reading.missing)
		audit_has(audit, source);
	return code;
}

/* Of a part of chat-events: nothing of it has been deleted, for no partition's
 * part begins where the topic does, or the topic begins with its first. */
static int
note_events(struct audit *audit, const struct audit_live *live, struct err *err)
{
	struct audit_live all = *live;
	struct positions part = {0}, whole = {0};
	const struct position *p, *first;
	size_t i;
	int code;

	if (live->from.kind != SPEC_TIME)
		return 0;
	all.from = (struct spec){SPEC_START, 0};
	code = find_ends(live, AUDIT_TOPIC_EVENTS, &part, err);
	if (!code)
		code = find_ends(&all, AUDIT_TOPIC_EVENTS, &whole, err);
	audit->events_whole = !code;
	for (i = 0; i < whole.count && !code; i++) {
		first = &whole.item[i];
		p = positions_get(&part, first->topic, first->partition);
		audit->events_whole &=
			p && (first->offset == 0 || p->offset > first->offset);
	}
	positions_release(&part);
	positions_release(&whole);
	return code;
}

static int
note_ranges(struct audit *audit, const struct positions *ends, struct err *err)
{
	const struct position *p;
	size_t i;

	for (i = 0; i < ends->count; i++) {
		p = &ends->item[i];
		if (audit_range(audit, p->topic, p->partition, p->offset,
			    p->end) < 0) {
			err_set(err, "out of memory");
			return EXIT_TEMP;
		}
	}
	return 0;
}

int
audit_read_kafka(
	struct audit *audit, const struct audit_live *live, struct err *err)
{
	struct positions ends = {0}, done = {0}, letters = {0};
	struct err ignored;
	int code;

	code = find_ends(live, AUDIT_TOPIC, &ends, err);
	if (!code)
		code = find_ends(live, AUDIT_TOPIC, &done, err);
	if (!code)
		code = settle(audit, live, live->group, &done, false, err);
	if (!code)
		code = note_ranges(audit, &ends, err);
	if (!code && !find_ends(live, AUDIT_TOPIC_LETTERS, &letters, &ignored))
		code = settle(
			audit, live, AUDIT_GROUP_OUTCOMES, &letters, true, err);
	if (!code)
		code = read_source(
			audit, live, AUDIT_MESSAGES, AUDIT_TOPIC, &ends, err);
	if (!code)
		code = read_source(audit, live, AUDIT_UNCOMMITTED, AUDIT_TOPIC,
			&ends, err);
	if (!code)
		code = read_source(audit, live, AUDIT_LETTERS,
			AUDIT_TOPIC_LETTERS, NULL, err);
	if (!code)
		code = read_source(audit, live, AUDIT_EVENTS,
			AUDIT_TOPIC_EVENTS, NULL, err);
	if (!code && audit->has[AUDIT_EVENTS])
		code = note_events(audit, live, err);
	positions_release(&ends);
	positions_release(&done);
	positions_release(&letters);
	return code;
}
