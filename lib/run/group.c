/* run/group.c - see group.h. */
#include "run/group.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/crash.h"

#define ASK_MS 3000
#define COMMITTED_MS 12000 /* a poll may be as late as 60 s */
#define AGAIN_US 100000

void
group_instance(struct buf *out, int64_t slot)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
		buf_add_c(out, "localhost");
	buf_printf(out, "%s-%lld", host, (long long)slot);
}

void
group_sign(rd_kafka_topic_partition_list_t *list)
{
	int i;

	for (i = 0; i < list->cnt; i++) {
		list->elems[i].metadata = strdup(RUN_NAME);
		if (list->elems[i].metadata)
			list->elems[i].metadata_size = strlen(RUN_NAME);
	}
}

/* A stranger who joins the group, or a tool, may set the offset behind what
 * nobody has stored: nothing else would ever tell. */
static void
check_hand(const rd_kafka_topic_partition_t *at)
{
	struct str by = {at->metadata, at->metadata_size};

	if (at->offset >= 0 && !str_starts(by, RUN_NAME))
		LOG_WARN("runner", "somebody else has set the group's offset",
			LOG_S("topic", at->topic),
			LOG_I("partition", at->partition),
			LOG_I("offset", at->offset), LOG_STR("by", by));
}

static struct part *
part_at(struct run *run, const rd_kafka_topic_partition_t *at)
{
	return runner_part(&run->runner, str_c(at->topic), at->partition);
}

/* A committed offset beyond the log's end (a single broker lost its tail)
 * means: from the start. librdkafka does so; here it is said. */
static int64_t
checked_offset(struct run *run, const rd_kafka_topic_partition_t *at)
{
	int64_t low, high;

	if (at->offset < 0)
		return WINDOW_NONE;
	if (rd_kafka_query_watermark_offsets(run->consumer.rk, at->topic,
		    at->partition, &low, &high, ASK_MS) ||
		(at->offset <= high && at->offset >= low))
		return at->offset;
	LOG_WARN("runner", "the committed offset is not in the log any more",
		LOG_S("topic", at->topic), LOG_I("partition", at->partition),
		LOG_I("offset", at->offset), LOG_I("start", low),
		LOG_I("end", high));
	return WINDOW_NONE;
}

static rd_kafka_resp_err_t
ask_committed(struct run *run, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code =
		rd_kafka_committed(run->consumer.rk, list, ASK_MS);
	int i;

	for (i = 0; i < list->cnt && !code; i++)
		code = list->elems[i].err;
	return code;
}

/* The group's offsets, into the list. They go along with the assignment: where
 * librdkafka asks for them itself, and the coordinator has just moved, it does
 * not ask again, and the partition is never read (librdkafka 5586). */
static int
read_committed(struct run *run, rd_kafka_topic_partition_list_t *list)
{
	int64_t deadline_ms = clock_mono_ms() + COMMITTED_MS;
	rd_kafka_resp_err_t code;

	while ((code = ask_committed(run, list))) {
		if (clock_mono_ms() >= deadline_ms)
			return err_set(&run->why,
				"cannot read the group's offsets: %s",
				rd_kafka_err2str(code));
		usleep(AGAIN_US);
	}
	return 0;
}

/* Where the group has none, from the start. */
static int
assign(struct run *run, rd_kafka_topic_partition_list_t *list)
{
	int i;

	for (i = 0; i < list->cnt; i++)
		if (list->elems[i].offset < 0)
			list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
	return consumer_assign(&run->consumer, list, &run->why);
}

static void
on_assign(void *data, rd_kafka_topic_partition_list_t *list)
{
	struct run *run = data;
	rd_kafka_topic_partition_list_t *copy =
		rd_kafka_topic_partition_list_copy(list);
	struct part *part;
	int i;

	run->joined = true;
	run->barred = false;
	if (run->assignment)
		rd_kafka_topic_partition_list_destroy(run->assignment);
	run->assignment = copy;
	if (read_committed(run, copy) < 0) {
		run_end(run, EXIT_TEMP);
		return;
	}
	for (i = 0; i < copy->cnt; i++) {
		part = part_at(run, &copy->elems[i]);
		if (!part) {
			err_set(&run->why, "out of memory");
			run_end(run, EXIT_TEMP);
			return;
		}
		copy->elems[i].opaque = part;
		check_hand(&copy->elems[i]);
		runner_assigned(&run->runner, part,
			checked_offset(run, &copy->elems[i]), clock_mono_ms());
	}
	LOG_INFO("runner", "partitions assigned", LOG_I("count", list->cnt));
	if (assign(run, copy) < 0)
		run_end(run, EXIT_TEMP);
}

static void
on_revoke(void *data, rd_kafka_topic_partition_list_t *list, bool lost)
{
	struct run *run = data;
	struct part *part;
	int i;

	LOG_INFO("runner", lost ? "partitions lost" : "partitions revoked",
		LOG_I("count", list->cnt));
	for (i = 0; i < list->cnt; i++) {
		part = part_at(run, &list->elems[i]);
		if (!part)
			continue; /* it was never ours */
		if (lost)
			runner_lost(&run->runner, part, clock_mono_ms());
		else
			runner_revoked(&run->runner, part, clock_mono_ms());
	}
	if (lost || !list->cnt)
		group_let_go(run);
}

static void
on_commit(void *data, rd_kafka_resp_err_t code)
{
	struct run *run = data;
	bool ok = !code || code == RD_KAFKA_RESP_ERR__NO_OFFSET;

	if (!ok)
		LOG_WARN("runner", "commit failed",
			LOG_S("error", rd_kafka_err2str(code)));
	if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
		err_set(&run->why,
			"another process has our place in the group");
		run_end(run, EXIT_TEMP);
	}
	runner_committed(&run->runner, ok, clock_mono_ms());
}

const struct consumer_ops group_ops = {
	.on_assign = on_assign,
	.on_revoke = on_revoke,
	.on_commit = on_commit,
};

void
group_positions(struct run *run)
{
	rd_kafka_topic_partition_list_t *list = run->assignment;
	int i;

	if (!list || rd_kafka_position(run->consumer.rk, list))
		return;
	for (i = 0; i < list->cnt; i++)
		if (!list->elems[i].err && list->elems[i].offset >= 0)
			runner_position(
				list->elems[i].opaque, list->elems[i].offset);
}

static void
print_offset(struct buf *out, const char *name, int64_t offset)
{
	if (offset < 0)
		buf_printf(out, ",\"%s\":null", name);
	else
		buf_printf(out, ",\"%s\":%lld", name, (long long)offset);
}

/* What is known without asking: the log's end is that of the last fetch. */
static int64_t
print_partition(struct run *run, struct part *part, struct buf *out)
{
	int64_t low = -1, end = -1, lag = -1;
	int64_t from = window_commit(&part->window);

	if (rd_kafka_get_watermark_offsets(
		    run->consumer.rk, part->topic, part->partition, &low, &end))
		end = -1;
	if (end >= 0 && from == WINDOW_NONE)
		from = low;
	if (end >= 0 && from >= 0)
		lag = end > from ? end - from : 0;
	buf_add_c(out, "{\"topic\":");
	buf_add_json(out, str_c(part->topic));
	buf_printf(out, ",\"partition\":%d", part->partition);
	print_offset(out, "position", part->window.next);
	print_offset(out, "committed", part->committed);
	print_offset(out, "end", end);
	print_offset(out, "lag", lag);
	buf_add_c(out, "}");
	return lag > 0 ? lag : 0;
}

void
group_status(void *data, struct buf *out)
{
	struct run *run = data;
	struct part *part;
	int64_t lag = 0;
	const char *comma = "";

	buf_add_c(out, ",\"partitions\":[");
	TAILQ_FOREACH (part, &run->runner.parts, in_parts) {
		if (part->state == PART_NONE)
			continue;
		buf_add_c(out, comma);
		lag += print_partition(run, part, out);
		comma = ",";
	}
	buf_printf(out, "],\"lag\":%lld", (long long)lag);
}

rd_kafka_topic_partition_list_t *
group_offsets(const struct runner_action *action)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)action->count);
	size_t i;

	for (i = 0; i < action->count; i++)
		rd_kafka_topic_partition_list_add(list, action->parts[i]->topic,
			action->parts[i]->partition)
			->offset = action->parts[i]->committing;
	group_sign(list);
	return list;
}

void
group_commit(struct run *run, const struct runner_action *action)
{
	rd_kafka_topic_partition_list_t *list = group_offsets(action);
	int rc;

	crash_point("run:before-offset-commit");
	rc = consumer_commit(&run->consumer, list, &run->why);
	rd_kafka_topic_partition_list_destroy(list);
	if (rc == 0)
		return;
	LOG_WARN("runner", "commit failed", LOG_E(&run->why));
	runner_committed(&run->runner, false, clock_mono_ms());
}

void
group_let_go(struct run *run)
{
	consumer_unassign(&run->consumer);
	if (run->assignment)
		rd_kafka_topic_partition_list_destroy(run->assignment);
	run->assignment = NULL;
}
