/* run/records.c - records from Kafka to the filter's lines; see inner.h. */
#include "base/log.h"
#include "run/group.h"
#include "run/inner.h"
#include "wire/dlt.h"

#define POLL_AT_ONCE 2000 /* then the filter's answers */

bool
records_print(struct run *run, rd_kafka_message_t *m, bool again)
{
	struct buf *out = &run->lines;
	size_t before = out->len;
	struct record record;
	struct err err;

	if (consumer_record(&record, m, &run->room, &err) < 0)
		return false;
	record.again = again;
	record_print(out, &record);
	if (buf_bad(out) || out->len - before <= RECORD_LINE_MAX)
		return true;
	out->len = before;
	if (!dlt_is(record.topic))
		return false;
	/* From a dead letter topic what does not fit comes without its value.
	 */
	record.value_left_out = true;
	record.value_bytes = (int64_t)record.value.len;
	record_print(out, &record);
	return out->len - before <= RECORD_LINE_MAX;
}

/* Each byte takes one at least, and six at most (\u0001). Only what may be too
 * long is printed to see. */
static bool
fits(struct run *run, rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers;
	size_t before = run->lines.len;
	bool ok;

	if (m->len + m->key_len >= RECORD_LINE_MAX &&
		!dlt_is(str_c(rd_kafka_topic_name(m->rkt))))
		return false;
	if (rd_kafka_message_headers(m, &headers) &&
		(m->len + m->key_len) * 6 < RECORD_LINE_MAX - 4096)
		return true;
	ok = records_print(run, m, true); /* it may have to go again */
	if (!buf_bad(&run->lines))
		run->lines.len = before;
	return ok;
}

static struct part *
part_of(struct run *run, rd_kafka_message_t *m)
{
	return runner_part(
		&run->runner, str_c(rd_kafka_topic_name(m->rkt)), m->partition);
}

static void
take_record(struct run *run, rd_kafka_message_t *m, int64_t now)
{
	struct part *part = part_of(run, m);
	struct str key = {m->key, m->key_len};

	if (!part) {
		err_set(&run->why, "out of memory");
		run_end(run, EXIT_TEMP);
	} else if (runner_polled(&run->runner, part, m->offset,
			   m->key ? &key : NULL, m->len + m->key_len, m,
			   !fits(run, m), now)) {
		return;
	} else if (part->state == PART_ASSIGNED) {
		err_set(&run->why, "more records than the window has places");
		run_end(run, EXIT_TEMP);
	}
	rd_kafka_message_destroy(m);
}

static void
take_error(struct run *run, enum consumer_got got)
{
	if (got == CONSUMER_BARRED && !run->barred)
		LOG_WARN("runner", "the group does not take us now",
			LOG_S("group", run->opts->group), LOG_E(&run->why));
	if (got == CONSUMER_BARRED)
		run->barred = true;
	else if (got == CONSUMER_PERM)
		run_end(run, EXIT_PERM);
	else if (got == CONSUMER_FATAL)
		run_end(run, EXIT_TEMP);
	else
		LOG_WARN("runner", "topic not found", LOG_E(&run->why));
}

void
records_poll(struct run *run, int64_t now)
{
	rd_kafka_message_t *m;
	enum consumer_got got;
	int i;

	for (i = 0; runner_may_poll(&run->runner); i++) {
		run->behind = i == POLL_AT_ONCE || (run->runner.stalled && i);
		if (run->behind || run->exit_code >= 0)
			return;
		got = consumer_poll(&run->consumer, 0, &m, &run->why);
		if (got == CONSUMER_NOTHING) {
			group_positions(run);
			return;
		}
		if (got == CONSUMER_RECORD)
			take_record(run, m, now);
		else
			take_error(run, got);
	}
	run->behind = true;
}
