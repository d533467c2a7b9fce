/* kafka/positions.c - see positions.h. */
#include "kafka/positions.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ASK_MS 3000

/* ---- what was said ------------------------------------------------------- */

/* "2026-01-11T10:30:00[.123]Z" */
static bool
parse_time(const char *text, int64_t *ms)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t part = 0, digit = 100;
	int day = tm.tm_mday;

	if (!rest)
		return false;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++) {
			part += (*rest - '0') * digit;
			digit /= 10;
		}
	if (strcmp(rest, "Z") != 0)
		return false;
	*ms = (int64_t)timegm(&tm) * 1000 + part;
	/* February 30 has become March 2. */
	return *ms >= 0 && tm.tm_mday == day;
}

int
spec_parse(struct spec *spec, const char *text, struct err *err)
{
	*spec = (struct spec){SPEC_OFFSET, 0};
	if (!strcmp(text, "start"))
		spec->kind = SPEC_START;
	else if (!strcmp(text, "end"))
		spec->kind = SPEC_END;
	else if (*text == '-' && str_i64(str_c(text + 1), &spec->n) &&
		 spec->n > 0)
		spec->kind = SPEC_LAST;
	else if (*text == '@' && str_i64(str_c(text + 1), &spec->n) &&
		 spec->n >= 0 && spec->n < INT64_MAX / 1000) {
		spec->kind = SPEC_TIME;
		spec->n *= 1000;
	} else if (parse_time(text, &spec->n))
		spec->kind = SPEC_TIME;
	else if (!str_i64(str_c(text), &spec->n) || spec->n < 0)
		return err_set(err,
			"'%s' is no place: start, end, N, -N, "
			"YYYY-MM-DDTHH:MM:SSZ or @SECONDS",
			text);
	return 0;
}

/* ---- as offsets ---------------------------------------------------------- */

static enum kafka_verdict
failed(rd_kafka_resp_err_t code, const char *topic, struct err *err)
{
	err_set(err, "topic '%s': %s", topic, rd_kafka_err2str(code));
	switch (code) {
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		return KAFKA_REFUSED;
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
		return KAFKA_PERM;
	default:
		return KAFKA_FAILED;
	}
}

/* One partition's offset by look-up in a list of one. */
static rd_kafka_resp_err_t
look_up(struct consumer *consumer, const struct spec *spec, const char *topic,
	int32_t partition, int64_t *offset)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *at =
		rd_kafka_topic_partition_list_add(list, topic, partition);
	rd_kafka_resp_err_t code;

	at->offset = spec->n;
	if (spec->kind == SPEC_TIME)
		code = rd_kafka_offsets_for_times(consumer->rk, list, ASK_MS);
	else
		code = rd_kafka_committed(consumer->rk, list, ASK_MS);
	if (!code)
		code = at->err;
	*offset = at->offset;
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

static int64_t
clamp(int64_t offset, int64_t low, int64_t high)
{
	return offset < low ? low : offset > high ? high : offset;
}

static rd_kafka_resp_err_t
find_offset(struct consumer *consumer, const struct spec *spec,
	const char *topic, int32_t partition, int64_t low, int64_t high,
	int64_t *offset)
{
	rd_kafka_resp_err_t code;

	switch (spec->kind) {
	case SPEC_NONE:
		*offset = -1;
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	case SPEC_START:
		*offset = low;
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	case SPEC_END:
		*offset = high;
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	case SPEC_OFFSET:
		*offset = clamp(spec->n, low, high);
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	case SPEC_LAST:
		*offset = clamp(high - spec->n, low, high);
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	default:
		code = look_up(consumer, spec, topic, partition, offset);
		if (*offset < 0)
			*offset = spec->kind == SPEC_TIME ? high : low;
		*offset = clamp(*offset, low, high);
		return code;
	}
}

static rd_kafka_resp_err_t
find_partition(struct consumer *consumer, const struct spec *from,
	const struct spec *to, const char *topic, struct position *out)
{
	int64_t low, high;
	rd_kafka_resp_err_t code;

	code = rd_kafka_query_watermark_offsets(
		consumer->rk, topic, out->partition, &low, &high, ASK_MS);
	if (!code)
		code = find_offset(consumer, from, topic, out->partition, low,
			high, &out->offset);
	if (!code)
		code = find_offset(consumer, to, topic, out->partition, low,
			high, &out->end);
	return code;
}

static rd_kafka_resp_err_t
count_partitions(struct consumer *consumer, const char *topic, int *count)
{
	rd_kafka_topic_t *handle =
		rd_kafka_topic_new(consumer->rk, topic, NULL);
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code;

	if (!handle)
		return rd_kafka_last_error();
	code = rd_kafka_metadata(consumer->rk, 0, handle, &md, ASK_MS);
	if (!code) {
		code = md->topics[0].err;
		*count = md->topics[0].partition_cnt;
		rd_kafka_metadata_destroy(md);
	}
	rd_kafka_topic_destroy(handle);
	return code;
}

static rd_kafka_resp_err_t
add_topic(struct positions *positions, struct consumer *consumer,
	const char *topic, const struct spec *from, const struct spec *to)
{
	struct position *more;
	rd_kafka_resp_err_t code;
	int count = 0, i;

	code = count_partitions(consumer, topic, &count);
	if (code)
		return code;
	more = realloc(positions->item,
		(positions->count + (size_t)count) * sizeof(*more));
	if (!more)
		return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
	positions->item = more;
	for (i = 0; i < count && !code; i++) {
		more = &positions->item[positions->count++];
		*more = (struct position){
			.topic = str_c(topic), .partition = i};
		code = find_partition(consumer, from, to, topic, more);
	}
	return code;
}

enum kafka_verdict
positions_find(struct positions *positions, struct consumer *consumer,
	const char *topic, const struct spec *from, const struct spec *to,
	struct err *err)
{
	rd_kafka_resp_err_t code;

	code = add_topic(positions, consumer, topic, from, to);
	return code ? failed(code, topic, err) : KAFKA_OK;
}

void
positions_release(struct positions *positions)
{
	free(positions->item);
	*positions = (struct positions){0};
}

struct position *
positions_get(struct positions *positions, struct str topic, int32_t partition)
{
	size_t i;

	for (i = 0; i < positions->count; i++)
		if (positions->item[i].partition == partition &&
			str_eq(positions->item[i].topic, topic))
			return &positions->item[i];
	return NULL;
}

int
positions_assign(const struct positions *positions, struct consumer *consumer,
	struct err *err)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)positions->count);
	size_t i;
	int rc;

	for (i = 0; i < positions->count; i++) {
		const struct position *p = &positions->item[i];

		/* Topic names come from C strings: they end in a NUL. */
		rd_kafka_topic_partition_list_add(
			list, p->topic.data, p->partition)
			->offset = p->offset;
	}
	rc = consumer_assign(consumer, list, err);
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}
