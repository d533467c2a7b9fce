/* kafka/offsets.c - see offsets.h. */
#include "kafka/offsets.h"

#include "kafka/admin_inner.h"

static void
name_member(struct buf *names, const rd_kafka_MemberDescription_t *member)
{
	const char *id = rd_kafka_MemberDescription_group_instance_id(member);

	if (!id)
		id = rd_kafka_MemberDescription_consumer_id(member);
	buf_printf(names, "%s%s at %s", names->len ? ", " : "", id,
		rd_kafka_MemberDescription_host(member));
}

static int
name_all(rd_kafka_event_t *event, const char *group, struct buf *names,
	struct err *err)
{
	const rd_kafka_ConsumerGroupDescription_t **groups;
	const rd_kafka_error_t *error;
	size_t count, i;

	groups = rd_kafka_DescribeConsumerGroups_result_groups(
		rd_kafka_event_DescribeConsumerGroups_result(event), &count);
	error = count == 1 ? rd_kafka_ConsumerGroupDescription_error(groups[0])
			   : NULL;
	if (count != 1 || error)
		return err_set(err, "cannot look at group '%s': %s", group,
			error ? rd_kafka_error_string(error)
			      : "an empty answer");
	count = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
	for (i = 0; i < count; i++)
		name_member(names,
			rd_kafka_ConsumerGroupDescription_member(groups[0], i));
	return (int)count;
}

int
offsets_members(rd_kafka_t *rk, const char *group, struct buf *names,
	int timeout_ms, struct err *err)
{
	rd_kafka_AdminOptions_t *options = admin_options(
		rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout_ms);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_event_t *event;
	int rc = -1;

	rd_kafka_DescribeConsumerGroups(rk, &group, 1, options, queue);
	event = admin_await(queue, timeout_ms, "look at the group", err);
	if (event) {
		rc = name_all(event, group, names, err);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	return rc;
}

/* Each partition has its own word. */
static rd_kafka_resp_err_t
first_error(const rd_kafka_topic_partition_list_t *list)
{
	int i;

	for (i = 0; i < list->cnt; i++)
		if (list->elems[i].err)
			return list->elems[i].err;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
what_came(rd_kafka_event_t *event)
{
	const rd_kafka_group_result_t **groups;
	const rd_kafka_error_t *error;
	size_t count;

	groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
		rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);
	if (count != 1)
		return RD_KAFKA_RESP_ERR__BAD_MSG;
	error = rd_kafka_group_result_error(groups[0]);
	if (error)
		return rd_kafka_error_code(error);
	return first_error(rd_kafka_group_result_partitions(groups[0]));
}

int
offsets_set(rd_kafka_t *rk, const char *group,
	const rd_kafka_topic_partition_list_t *list, int timeout_ms,
	struct err *err)
{
	rd_kafka_AdminOptions_t *options = admin_options(
		rk, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, timeout_ms);
	rd_kafka_AlterConsumerGroupOffsets_t *alter =
		rd_kafka_AlterConsumerGroupOffsets_new(group, list);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_resp_err_t code;
	rd_kafka_event_t *event;
	int rc = -1;

	rd_kafka_AlterConsumerGroupOffsets(rk, &alter, 1, options, queue);
	event = admin_await(queue, timeout_ms, "set offsets", err);
	if (event) {
		code = what_came(event);
		/* A commit of nobody's is refused where somebody is. */
		rc = code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ? 0 : 1;
		if (code && rc)
			rc = err_set(err, "cannot set offsets of '%s': %s",
				group, rd_kafka_err2str(code));
		rd_kafka_event_destroy(event);
	}
	rd_kafka_AlterConsumerGroupOffsets_destroy(alter);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	return rc;
}
