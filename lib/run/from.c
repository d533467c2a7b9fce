/* run/from.c - see run.h: a group's offsets set to a place (--from). */
#include <stdio.h>
#include <unistd.h>

#include "io/fd.h"
#include "kafka/consumer.h"
#include "kafka/offsets.h"
#include "run/group.h"
#include "run/run.h"

#define ASK_MS 5000

struct move {
	const struct run_options *opts;
	struct consumer consumer;
	struct positions to; /* offset: the place; end: the log's */
	rd_kafka_topic_partition_list_t *was, *list;
};

/* The places, and what is committed now. */
static enum kafka_verdict
look(struct move *move, struct err *err)
{
	const struct spec end = {SPEC_END, 0};
	const struct run_options *opts = move->opts;
	enum kafka_verdict verdict = KAFKA_OK;
	rd_kafka_resp_err_t code;
	size_t i;

	for (i = 0; i < opts->topics.count && verdict == KAFKA_OK; i++)
		verdict = positions_find(&move->to, &move->consumer,
			opts->topics.item[i], &opts->set, &end, err);
	if (verdict != KAFKA_OK)
		return verdict;
	move->list = rd_kafka_topic_partition_list_new((int)move->to.count);
	for (i = 0; i < move->to.count; i++) {
		const struct position *p = &move->to.item[i];

		/* Topic names come from C strings: they end in a NUL. */
		rd_kafka_topic_partition_list_add(
			move->list, p->topic.data, p->partition)
			->offset = p->offset;
	}
	move->was = rd_kafka_topic_partition_list_copy(move->list);
	code = rd_kafka_committed(move->consumer.rk, move->was, ASK_MS);
	if (!code)
		return KAFKA_OK;
	err_set(err, "cannot read the offsets of '%s': %s", opts->group,
		rd_kafka_err2str(code));
	return kafka_client_verdict(code);
}

static void
print_json(struct buf *out, const struct position *p, int64_t was)
{
	buf_add_c(out, "{\"topic\":");
	buf_add_json(out, p->topic);
	buf_printf(out, ",\"partition\":%d,\"was\":", p->partition);
	if (was < 0)
		buf_add_c(out, "null");
	else
		buf_printf(out, "%lld", (long long)was);
	buf_printf(out, ",\"offset\":%lld,\"end\":%lld}\n",
		(long long)p->offset, (long long)p->end);
}

static void
print_row(struct buf *out, const struct position *p, int64_t was)
{
	char text[24] = "-";

	if (was >= 0)
		snprintf(text, sizeof(text), "%lld", (long long)was);
	buf_printf(out, "%-40.*s %9d %12s %12lld %12lld\n", STR_ARG(p->topic),
		p->partition, text, (long long)p->offset, (long long)p->end);
}

static int
print(const struct move *move, struct err *err)
{
	struct buf out = {0};
	size_t i;
	int rc;

	if (!move->opts->json)
		buf_printf(&out, "%-40s %9s %12s %12s %12s\n", "TOPIC",
			"PARTITION", "WAS", "OFFSET", "END");
	for (i = 0; i < move->to.count; i++)
		(move->opts->json ? print_json : print_row)(
			&out, &move->to.item[i], move->was->elems[i].offset);
	rc = fd_print(&out, 0, err);
	buf_release(&out);
	return rc;
}

/* -1: nobody is in the group. */
static int
check_members(struct move *move, struct err *err)
{
	const char *group = move->opts->group;
	struct buf names = {0};
	int count =
		offsets_members(move->consumer.rk, group, &names, ASK_MS, err);
	int code = count < 0 ? EXIT_TEMP : count ? EXIT_NO : -1;

	if (count > 0)
		err_set(err,
			"group '%s' is at work, nothing was set: stop %.*s, "
			"and wait for the end of the session (10 s)",
			group, STR_ARG(buf_str(&names)));
	buf_release(&names);
	return code;
}

static int
do_it(struct move *move, struct err *err)
{
	enum kafka_verdict verdict = look(move, err);
	int code, rc;

	if (verdict != KAFKA_OK)
		return verdict == KAFKA_FAILED ? EXIT_TEMP : EXIT_PERM;
	code = check_members(move, err);
	if (code >= 0)
		return code;
	if (!move->opts->dry_run) {
		group_sign(move->list);
		rc = offsets_set(move->consumer.rk, move->opts->group,
			move->list, ASK_MS, err);
		if (rc < 0)
			return EXIT_TEMP;
		if (rc == 0) { /* one has come meanwhile */
			code = check_members(move, err);
			return code < 0 ? EXIT_TEMP : code;
		}
	}
	return print(move, err) < 0 ? EXIT_TEMP : EXIT_DONE;
}

int
run_from(const struct run_options *opts, struct err *err)
{
	const struct consumer_options consumer = {
		.kafka = &opts->kafka, .group = opts->group};
	struct move move = {.opts = opts};
	int code = EXIT_PERM;

	if (consumer_open(&move.consumer, &consumer, err) == 0)
		code = do_it(&move, err);
	if (move.list)
		rd_kafka_topic_partition_list_destroy(move.list);
	if (move.was)
		rd_kafka_topic_partition_list_destroy(move.was);
	consumer_close(&move.consumer);
	positions_release(&move.to);
	return code;
}
