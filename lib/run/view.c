/* run/view.c - see run.h: records to stdout, for people and for pipes. */
#include "base/clock.h"
#include "base/status.h"
#include "io/fd.h"
#include "io/stop.h"
#include "kafka/range.h"
#include "run/run.h"

#define FLUSH_BYTES 65536
#define WAIT_MS 200

struct view {
	struct consumer consumer;
	struct range range;
	struct record_room room;
	struct buf out;
	int64_t records;
};

static int
flush(struct view *view, struct err *err)
{
	return fd_print(&view->out, RECORD_LINE_VIEW_MAX, err);
}

/* An exit code, or -1: go on. */
static int
print(struct view *view, rd_kafka_message_t *m, struct err *err)
{
	struct record record;
	size_t before = view->out.len;

	if (consumer_record(&record, m, &view->room, err) < 0)
		goto stuck;
	record_print(&view->out, &record);
	if (view->out.len - before > RECORD_LINE_VIEW_MAX) {
		err_set(err, "its line would have %zu bytes, the limit is %d",
			view->out.len - before, RECORD_LINE_VIEW_MAX);
		view->out.len = before;
		goto stuck;
	}
	view->records++;
	if (view->out.len < FLUSH_BYTES || flush(view, err) == 0)
		return -1;
	return EXIT_TEMP;
stuck:
	err_prefix(err, "topic '%s' partition %d offset %lld",
		rd_kafka_topic_name(m->rkt), (int)m->partition,
		(long long)m->offset);
	return EXIT_PERM;
}

static int
step(struct view *view, struct err *err)
{
	rd_kafka_message_t *m;
	int code = -1;

	switch (range_next(
		&view->range, view->out.len ? 0 : WAIT_MS, &m, err)) {
	case CONSUMER_RECORD:
		code = print(view, m, err);
		rd_kafka_message_destroy(m);
		return code;
	case CONSUMER_MISSING:
	case CONSUMER_PERM:
		return EXIT_PERM;
	case CONSUMER_FATAL:
		return EXIT_TEMP;
	default:
		return flush(view, err) < 0 ? EXIT_TEMP : -1;
	}
}

static int
loop(struct view *view, const struct run_options *opts, struct status *status,
	struct err *err)
{
	struct err ignored;
	int code = -1;

	while (code < 0 && !stop_asked &&
		(!range_ended(&view->range) || opts->to.kind == SPEC_NONE)) {
		code = step(view, err);
		status_tick(status, clock_mono_ms());
	}
	if (code >= 0) {
		/* What was read before stands; the first error is the one. */
		if (code == EXIT_PERM && flush(view, &ignored) < 0)
			return EXIT_TEMP;
		return code;
	}
	return flush(view, err) < 0 ? EXIT_TEMP : EXIT_DONE;
}

static int
open_view(struct view *view, const struct run_options *opts, struct err *err)
{
	struct consumer_options consumer = {.kafka = &opts->kafka,
		.group = opts->group,
		.uncommitted = opts->uncommitted,
		.eof = true,
		.bulk = true};
	struct spec from = opts->from;
	enum kafka_verdict verdict;
	size_t i;

	if (from.kind == SPEC_NONE)
		from.kind = opts->group ? SPEC_GROUP : SPEC_START;
	if (consumer_open(&view->consumer, &consumer, err) < 0)
		return EXIT_PERM;
	range_reset(&view->range, &view->consumer);
	for (i = 0; i < opts->topics.count; i++) {
		verdict = range_add(&view->range, opts->topics.item[i], &from,
			&opts->to, err);
		if (verdict == KAFKA_FAILED)
			return EXIT_TEMP;
		if (verdict != KAFKA_OK)
			return EXIT_PERM;
	}
	if (range_start(&view->range, err) < 0)
		return EXIT_TEMP;
	return -1;
}

int
run_view(const struct run_options *opts, struct err *err)
{
	struct view view = {0};
	const struct status_counter counters[] = {{"records", &view.records}};
	struct status status;
	int code;

	if (status_open(&status, opts->status_path, "chat-consume", counters,
		    ARRAY_LEN(counters), err) < 0)
		return EXIT_PERM;
	code = open_view(&view, opts, err);
	if (code < 0) {
		status_set(&status, STATUS_READY, "");
		code = loop(&view, opts, &status, err);
	}
	consumer_close(&view.consumer);
	range_release(&view.range);
	record_room_release(&view.room);
	buf_release(&view.out);
	status_close(&status);
	return code;
}
