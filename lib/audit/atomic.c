/*
 * audit/atomic.c - I8 for a filter of chat-consume -x that answers each record
 * with one emit or `dead`; see live.h. Its emits say where they are from: by a
 * header chat-source, "topic/partition/offset", or by a member "source" of the
 * value, the same text or {"topic","partition","offset"}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/inner.h"
#include "audit/live.h"
#include "wire/dlt.h"

#define SOURCE_HEADER "chat-source"

int
audit_atomic_parse(
	struct audit_atomic *atomic, const char *text, struct err *err)
{
	struct str rest = str_c(text), source, target;

	if (!str_cut(rest, ':', &source, &rest) ||
		!str_cut(rest, ':', &target, &rest) || !source.len ||
		!target.len || !rest.len ||
		source.len >= sizeof(atomic->source) ||
		target.len >= sizeof(atomic->target) ||
		rest.len >= sizeof(atomic->group))
		return err_set(err, "'%s' is no SOURCE:TARGET:GROUP", text);
	snprintf(atomic->source, sizeof(atomic->source), "%.*s",
		STR_ARG(source));
	snprintf(atomic->target, sizeof(atomic->target), "%.*s",
		STR_ARG(target));
	snprintf(atomic->group, sizeof(atomic->group), "%.*s", STR_ARG(rest));
	return 0;
}

struct work {
	struct audit *audit;
	const struct audit_atomic *atomic;
	struct audit_places source;  /* its records */
	struct audit_places answers; /* emits and letters, by their source */
	struct positions done; /* offset: the group's; end: the source's */
	int64_t nameless;
};

static int
add(struct work *work, struct audit_places *places, int32_t partition,
	int64_t offset)
{
	struct audit_place place = {
		.part = audit_part_of(
			work->audit, str_c(work->atomic->source), partition),
		.msg = TABLE_NONE,
		.offset = offset};

	return place.part == TABLE_NONE ? -1 : audit_place_add(places, &place);
}

static int
take_source(void *arg, const struct record *record)
{
	struct work *work = arg;

	return add(work, &work->source, record->partition, record->offset);
}

static int
take_letter(void *arg, const struct record *record)
{
	struct work *work = arg;
	struct dlt_info info;

	dlt_read(&info, record);
	if (!info.named || !str_eq_c(info.origin.topic, work->atomic->source))
		return 0;
	return add(work, &work->answers, info.origin.partition,
		info.origin.offset);
}

/* "topic/partition/offset", perhaps with a timestamp behind. */
static bool
read_place(struct str text, struct dlt_place *place)
{
	struct buf whole = {0};
	bool ok = dlt_place_parse(place, text);

	if (!ok) {
		buf_add_str(&whole, text);
		buf_add_c(&whole, "/0");
		ok = dlt_place_parse(place, buf_str(&whole));
		place->topic.data = text.data; /* the same text, which stays */
	}
	buf_release(&whole);
	return ok;
}

static bool
source_of(const struct record *record, struct dlt_place *place,
	struct buf *scratch)
{
	struct json root, source, topic;
	struct err ignored;
	struct str text;
	int64_t partition;

	if (record_header(record, SOURCE_HEADER, &text))
		return read_place(text, place);
	if (json_scan(record->value, &root, NULL, &ignored) < 0)
		return false;
	source = json_get(root, "source");
	buf_reset(scratch);
	if (json_text(source, scratch, &text))
		return read_place(text, place);
	topic = json_get(source, "topic");
	if (!json_text(topic, scratch, &place->topic) ||
		!json_i64(json_get(source, "partition"), &partition) ||
		!json_i64(json_get(source, "offset"), &place->offset))
		return false;
	place->partition = (int32_t)partition;
	return true;
}

static int
take_emit(void *arg, const struct record *record)
{
	struct work *work = arg;
	struct buf scratch = {0};
	struct dlt_place place;
	bool named = source_of(record, &place, &scratch);
	bool ours = named && str_eq_c(place.topic, work->atomic->source);

	buf_release(&scratch);
	work->nameless += !named;
	return ours ? add(work, &work->answers, place.partition, place.offset)
		    : 0;
}

static int64_t
done_of(struct work *work, uint32_t part)
{
	const struct audit_part *p = &work->audit->part[part];
	const struct position *at = positions_get(
		&work->done, str_c(work->atomic->source), p->partition);

	return at ? at->offset : 0;
}

static size_t
count_answers(const struct work *work, const struct audit_place *p)
{
	uint32_t at = audit_place_find(&work->answers, p->part, p->offset);
	size_t n = 0;

	for (; at < work->answers.count &&
		work->answers.at[at].part == p->part &&
		work->answers.at[at].offset == p->offset;
		at++)
		n++;
	return n;
}

static void
judge(struct work *work)
{
	struct verdicts *verdicts = &work->audit->verdicts;
	const struct audit_place *p;
	size_t i, answers, due;

	audit_places_sort(&work->source);
	audit_places_sort(&work->answers);
	for (i = 0; i < work->source.count; i++) {
		p = &work->source.at[i];
		answers = count_answers(work, p);
		due = p->offset < done_of(work, p->part);
		verdicts->of[I8_ATOMIC].checked++;
		if (answers == due)
			continue;
		verdict_against(verdicts, I8_ATOMIC,
			"record %s is %s group %s's offset, and has %zu emits "
			"or letters",
			audit_say_part(work->audit, p->part, p->offset),
			due ? "before" : "not before", work->atomic->group,
			answers);
	}
	if (work->nameless)
		verdict_against(verdicts, I8_ATOMIC,
			"%lld records of %s do not say where they are from",
			(long long)work->nameless, work->atomic->target);
}

/* The group's offsets, where it has any; else 0: it has done nothing. */
static int
find_done(struct work *work, const struct audit_live *live, struct err *err)
{
	struct consumer_options opts = {
		.kafka = live->kafka, .group = work->atomic->group};
	struct spec from = {SPEC_GROUP, 0}, none = {SPEC_NONE, 0};
	struct consumer consumer = {0};
	enum kafka_verdict verdict;

	if (consumer_open(&consumer, &opts, err) < 0)
		return EXIT_PERM;
	verdict = positions_find(&work->done, &consumer, work->atomic->source,
		&from, &none, err);
	consumer_close(&consumer);
	return verdict == KAFKA_OK	 ? 0
	       : verdict == KAFKA_FAILED ? EXIT_TEMP
					 : EXIT_PERM;
}

static int
read_one(struct work *work, const struct audit_live *live, const char *topic,
	bool optional, int (*each)(void *arg, const struct record *record),
	struct err *err)
{
	struct audit_reading reading = {
		.live = live, .topic = topic, .each = each, .arg = work};
	int code = audit_read_topic(&reading, err);

	if (!code && reading.missing && !optional)
		return EXIT_PERM; /* err says which */
	return code;
}

/* The group's offset is asked for first, so that what it has done by then is in
 * the target already; a runner that goes on meanwhile would look like one that
 * emits too much, so it must be stopped, or have nothing to do. */
int
audit_judge_atomic(struct audit *audit, const struct audit_live *live,
	const struct audit_atomic *atomic, struct err *err)
{
	struct work work = {.audit = audit, .atomic = atomic};
	struct buf letters = {0};
	int code = find_done(&work, live, err);

	dlt_topic(&letters, str_c(atomic->source));
	if (buf_bad(&letters)) {
		err_set(err, "out of memory");
		code = EXIT_TEMP;
	}
	if (!code)
		code = read_one(
			&work, live, atomic->source, false, take_source, err);
	if (!code)
		code = read_one(
			&work, live, atomic->target, false, take_emit, err);
	if (!code)
		code = read_one(
			&work, live, letters.data, true, take_letter, err);
	if (!code)
		judge(&work);
	buf_release(&letters);
	positions_release(&work.done);
	free(work.source.at);
	free(work.answers.at);
	return code;
}
