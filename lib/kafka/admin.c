/* kafka/admin.c - see admin.h. */
#include "kafka/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "kafka/admin_inner.h"

#define GRACE_MS 100 /* the client itself says that it took too long */
#define POLL_MS 50   /* between two looks for leaders */

int
admin_open(
	struct admin *admin, const struct kafka_options *opts, struct err *err)
{
	rd_kafka_conf_t *conf;

	*admin = (struct admin){.kafka = {.logger = "admin"}};
	conf = kafka_conf(opts, &admin->kafka, NULL, 0, err);
	if (!conf)
		return -1;
	admin->rk = kafka_new(RD_KAFKA_PRODUCER, conf, err);
	return admin->rk ? 0 : -1;
}

void
admin_close(struct admin *admin)
{
	if (admin->rk && !atomic_load(&admin->kafka.away))
		rd_kafka_destroy(admin->rk);
	admin->rk = NULL;
}

/* ---- what is there ------------------------------------------------------ */

static struct admin_topic
describe(const struct rd_kafka_metadata_topic *md)
{
	struct admin_topic topic = {.partitions = md->partition_cnt,
		.leaders = md->partition_cnt > 0,
		.min_insync = -1,
		.max_bytes = -1};
	int i;

	if (md->partition_cnt)
		topic.replicas = md->partitions[0].replica_cnt;
	for (i = 0; i < md->partition_cnt; i++)
		if (md->partitions[i].leader < 0)
			topic.leaders = false;
	return topic;
}

int
admin_list(rd_kafka_t *rk,
	void (*each)(
		void *data, const char *name, const struct admin_topic *topic),
	void *data, int timeout_ms, struct err *err)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code =
		rd_kafka_metadata(rk, 1, NULL, &md, timeout_ms);
	int i;

	if (code)
		return err_set(
			err, "cannot list topics: %s", rd_kafka_err2str(code));
	for (i = 0; i < md->topic_cnt; i++) {
		struct admin_topic topic = describe(&md->topics[i]);

		if (!md->topics[i].err)
			each(data, md->topics[i].topic, &topic);
	}
	rd_kafka_metadata_destroy(md);
	return 0;
}

struct wanted {
	const char *name;
	struct admin_topic *out;
	bool found;
};

static void
pick(void *data, const char *name, const struct admin_topic *topic)
{
	struct wanted *wanted = data;

	if (strcmp(name, wanted->name) != 0)
		return;
	*wanted->out = *topic;
	wanted->found = true;
}

/* ---- requests ------------------------------------------------------------ */

rd_kafka_event_t *
admin_await(rd_kafka_queue_t *queue, int timeout_ms, const char *what,
	struct err *err)
{
	rd_kafka_event_t *event =
		rd_kafka_queue_poll(queue, timeout_ms + GRACE_MS);

	if (!event) {
		err_set(err, "cannot %s: no answer in time", what);
		return NULL;
	}
	if (!rd_kafka_event_error(event))
		return event;
	err_set(err, "cannot %s: %s", what, rd_kafka_event_error_string(event));
	rd_kafka_event_destroy(event);
	return NULL;
}

rd_kafka_AdminOptions_t *
admin_options(rd_kafka_t *rk, rd_kafka_admin_op_t op, int timeout_ms)
{
	char why[200];
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, op);

	/* Both fail only for numbers out of range. */
	rd_kafka_AdminOptions_set_request_timeout(
		options, timeout_ms, why, sizeof(why));
	if (op == RD_KAFKA_ADMIN_OP_CREATETOPICS)
		rd_kafka_AdminOptions_set_operation_timeout(
			options, timeout_ms, why, sizeof(why));
	return options;
}

/* DescribeConfigs or AlterConfigs of one topic; each entry of the answer is
 * given to `entry` (may be NULL). */
static int
ask_configs(rd_kafka_t *rk, rd_kafka_ConfigResource_t *resource, bool alter,
	void (*entry)(void *data, const rd_kafka_ConfigEntry_t *entry),
	void *data, int timeout_ms, struct err *err)
{
	const char *what = alter ? "change configs" : "read configs";
	rd_kafka_AdminOptions_t *options = admin_options(rk,
		alter ? RD_KAFKA_ADMIN_OP_ALTERCONFIGS
		      : RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
		timeout_ms);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	const rd_kafka_ConfigResource_t **list;
	const rd_kafka_ConfigEntry_t **entries;
	rd_kafka_event_t *event;
	size_t count = 0, i;
	int rc = -1;

	if (alter)
		rd_kafka_AlterConfigs(rk, &resource, 1, options, queue);
	else
		rd_kafka_DescribeConfigs(rk, &resource, 1, options, queue);
	event = admin_await(queue, timeout_ms, what, err);
	if (!event)
		goto out;
	list = alter ? rd_kafka_AlterConfigs_result_resources(
			       rd_kafka_event_AlterConfigs_result(event),
			       &count)
		     : rd_kafka_DescribeConfigs_result_resources(
			       rd_kafka_event_DescribeConfigs_result(event),
			       &count);
	/* The error is in each result, not in the event. */
	if (count != 1 || rd_kafka_ConfigResource_error(list[0])) {
		err_set(err, "cannot %s of '%s': %s", what,
			rd_kafka_ConfigResource_name(resource),
			count ? rd_kafka_ConfigResource_error_string(list[0])
			      : "an empty answer");
		goto out;
	}
	rc = 0;
	entries = rd_kafka_ConfigResource_configs(list[0], &count);
	for (i = 0; i < count && entry; i++)
		entry(data, entries[i]);
out:
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	return rc;
}

static int
describe_configs(rd_kafka_t *rk, const char *name,
	void (*entry)(void *data, const rd_kafka_ConfigEntry_t *entry),
	void *data, int timeout_ms, struct err *err)
{
	rd_kafka_ConfigResource_t *resource =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
	int rc = ask_configs(rk, resource, false, entry, data, timeout_ms, err);

	rd_kafka_ConfigResource_destroy(resource);
	return rc;
}

static void
pick_numbers(void *data, const rd_kafka_ConfigEntry_t *entry)
{
	struct admin_topic *topic = data;
	const char *name = rd_kafka_ConfigEntry_name(entry);
	const char *value = rd_kafka_ConfigEntry_value(entry);

	if (!value)
		return;
	if (!strcmp(name, "min.insync.replicas"))
		topic->min_insync = strtoll(value, NULL, 10);
	else if (!strcmp(name, "max.message.bytes"))
		topic->max_bytes = strtoll(value, NULL, 10);
}

int
admin_topic(rd_kafka_t *rk, const char *name, bool configs,
	struct admin_topic *out, int timeout_ms, struct err *err)
{
	struct wanted wanted = {.name = name, .out = out};

	/* All topics: asking for one by name would make the client follow it,
	 * and a broker may make it. */
	if (admin_list(rk, pick, &wanted, timeout_ms, err) < 0)
		return -1;
	if (!wanted.found)
		return 0;
	if (configs && describe_configs(rk, name, pick_numbers, out, timeout_ms,
			       err) < 0)
		return -1;
	return 1;
}

/* ---- configs ---------------------------------------------------------------
 */

void
admin_configs_release(struct admin_configs *configs)
{
	while (configs->count) {
		configs->count--;
		free(configs->entry[configs->count].name);
		free(configs->entry[configs->count].value);
	}
}

/* Its index, or count. */
static size_t
find(const struct admin_configs *configs, const char *name)
{
	size_t i;

	for (i = 0; i < configs->count; i++)
		if (!strcmp(configs->entry[i].name, name))
			break;
	return i;
}

const char *
admin_configs_get(const struct admin_configs *configs, const char *name)
{
	size_t at = find(configs, name);

	return at < configs->count ? configs->entry[at].value : NULL;
}

int
admin_configs_set(struct admin_configs *configs, const char *name,
	const char *value, struct err *err)
{
	size_t at = find(configs, name);
	struct admin_config *config = &configs->entry[at];
	char *copy;

	if (at == ADMIN_CONFIGS_MAX)
		return err_set(err, "over %d configs", ADMIN_CONFIGS_MAX);
	copy = strdup(value);
	if (!copy)
		return err_set(err, "out of memory");
	if (at < configs->count) {
		free(config->value);
		config->value = copy;
		return 0;
	}
	config->name = strdup(name);
	config->value = copy;
	if (!config->name) {
		free(copy);
		return err_set(err, "out of memory");
	}
	configs->count++;
	return 0;
}

struct reading {
	struct admin_configs *out;
	struct err *err;
	bool failed;
};

static void
keep_own(void *data, const rd_kafka_ConfigEntry_t *entry)
{
	struct reading *reading = data;
	const char *value = rd_kafka_ConfigEntry_value(entry);

	if (rd_kafka_ConfigEntry_source(entry) !=
			RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG ||
		!value || reading->failed)
		return;
	reading->failed = admin_configs_set(reading->out,
				  rd_kafka_ConfigEntry_name(entry), value,
				  reading->err) < 0;
}

int
admin_configs_read(rd_kafka_t *rk, const char *name, struct admin_configs *out,
	int timeout_ms, struct err *err)
{
	struct reading reading = {.out = out, .err = err};

	*out = (struct admin_configs){0};
	if (describe_configs(rk, name, keep_own, &reading, timeout_ms, err) <
			0 ||
		reading.failed) {
		admin_configs_release(out);
		return -1;
	}
	return 0;
}

int
admin_configs_write(rd_kafka_t *rk, const char *name,
	const struct admin_configs *configs, int timeout_ms, struct err *err)
{
	rd_kafka_ConfigResource_t *resource =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
	size_t i;
	int rc;

	/* Fails only for an empty name. */
	for (i = 0; i < configs->count; i++)
		(void)rd_kafka_ConfigResource_set_config(resource,
			configs->entry[i].name, configs->entry[i].value);
	rc = ask_configs(rk, resource, true, NULL, NULL, timeout_ms, err);
	rd_kafka_ConfigResource_destroy(resource);
	return rc;
}

/* ---- creation --------------------------------------------------------------
 */

static int
send_create(rd_kafka_t *rk, rd_kafka_NewTopic_t *topic, const char *name,
	int timeout_ms, struct err *err)
{
	rd_kafka_AdminOptions_t *options =
		admin_options(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	const rd_kafka_topic_result_t **results;
	rd_kafka_event_t *event;
	size_t count;
	int rc = -1;

	rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
	event = admin_await(queue, timeout_ms, "create topics", err);
	if (event) {
		results = rd_kafka_CreateTopics_result_topics(
			rd_kafka_event_CreateTopics_result(event), &count);
		rc = 0;
		if (count != 1 || rd_kafka_topic_result_error(results[0]))
			rc = err_set(err, "cannot create '%s': %s", name,
				count ? rd_kafka_topic_result_error_string(
						results[0])
				      : "an empty answer");
		rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	return rc;
}

/* A record sent before there are leaders would wait for the next metadata. */
static int
await_leaders(rd_kafka_t *rk, const char *name, int32_t partitions,
	int timeout_ms, struct err *err)
{
	int64_t deadline_ms = clock_mono_ms() + timeout_ms;
	struct admin_topic topic;
	int found;

	for (;;) {
		found = admin_topic(rk, name, false, &topic, timeout_ms, err);
		if (found < 0)
			return -1;
		if (found && topic.leaders && topic.partitions >= partitions)
			return 0;
		if (clock_mono_ms() >= deadline_ms)
			return err_set(err,
				"topic '%s' has no leaders after %d ms", name,
				timeout_ms);
		usleep(POLL_MS * 1000);
	}
}

int
admin_create(rd_kafka_t *rk, const char *name, int32_t partitions,
	int32_t replicas, const struct admin_configs *configs, int timeout_ms,
	struct err *err)
{
	char why[200];
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
		name, partitions, replicas, why, sizeof(why));
	size_t i;
	int rc;

	if (!topic)
		return err_set(err, "topic '%s': %s", name, why);
	for (i = 0; i < configs->count; i++)
		(void)rd_kafka_NewTopic_set_config(
			topic, configs->entry[i].name, configs->entry[i].value);
	rc = send_create(rk, topic, name, timeout_ms, err);
	rd_kafka_NewTopic_destroy(topic);
	if (rc < 0)
		return -1;
	return await_leaders(rk, name, partitions, timeout_ms, err);
}
