/*
 * tests/unit/test-run.c - a runner (lib/run) against librdkafka's mock of a
 * Kafka with two brokers, one of which answers late, as one does that is busy
 * with a record of many megabytes.
 * links: run kafka serve flow wire -lrdkafka -luv
 */
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/log.h"
#include "run/run.h"

enum { PRODUCE = 0 };

#define LATE_MS 3000
#define TIME_TO_COMMIT_US 500000
#define PATIENCE_MS 20000
#define RECORDS 3 /* the first of them dies, each other emits one */

/* In sed, which is everywhere: what dies has "dead" in it. */
#define RESULT "\"topic\":\"in\",\"partition\":0,\"offset\":\\1,\"status\":"
static char script[] =
	"s/.*\"offset\":([0-9]+).*dead.*/{" RESULT
	"\"dead\",\"error\":{\"class\":\"TOLD\",\"message\":\"\"}}/;t;"
	"s/.*\"offset\":([0-9]+).*/{\"emit\":{\"topic\":\"out\","
	"\"value\":[\\1]}}\\n{" RESULT "\"done\"}/";
static char sed[] = "sed", unbuffered[] = "-u", extended[] = "-E";
static char *const filter[] = {sed, unbuffered, extended, script, NULL};

struct world {
	rd_kafka_t *rk;	    /* owns the mock */
	rd_kafka_t *reader; /* of the group, but no member */
	rd_kafka_mock_cluster_t *mock;
	char dir[32];
	/* As the emits had come: */
	int emits;
	int64_t committed;
};

static rd_kafka_t *
client(rd_kafka_type_t type, const char *brokers)
{
	static const char *const settings[][2] = {
		{"group.id", "g"}, {"auto.offset.reset", "earliest"}};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[200];
	size_t i;

	rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why));
	for (i = 0; type == RD_KAFKA_CONSUMER && i < ARRAY_LEN(settings); i++)
		rd_kafka_conf_set(
			conf, settings[i][0], settings[i][1], why, sizeof(why));
	return rd_kafka_new(type, conf, why, sizeof(why));
}

/* Letters are the second broker's, all else is the first's. */
static int
set_up(void **state)
{
	static const char *const topics[] = {"in", "out", "in-dlt"};
	struct world *w = calloc(1, sizeof(*w));
	char why[200];
	size_t i;

	log_level(LOG_ERROR + 1);
	strcpy(w->dir, "/tmp/test-run.XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	w->rk = rd_kafka_new(
		RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	w->mock = rd_kafka_mock_cluster_new(w->rk, 2);
	for (i = 0; i < ARRAY_LEN(topics); i++) {
		rd_kafka_mock_topic_create(w->mock, topics[i], 1, 1);
		rd_kafka_mock_partition_set_leader(
			w->mock, topics[i], 0, i == 2 ? 2 : 1);
	}
	rd_kafka_mock_coordinator_set(w->mock, "group", "g", 1);
	w->reader = client(
		RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(w->mock));
	*state = w;
	return w->reader ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	glob_t locks = {0};
	char path[64];

	rd_kafka_consumer_close(w->reader);
	rd_kafka_destroy(w->reader);
	rd_kafka_mock_cluster_destroy(w->mock);
	rd_kafka_destroy(w->rk);
	snprintf(path, sizeof(path), "%s/*", w->dir);
	if (!glob(path, 0, NULL, &locks))
		unlink(locks.gl_pathv[0]);
	globfree(&locks);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void
put_records(struct world *w)
{
	rd_kafka_t *rk = client(
		RD_KAFKA_PRODUCER, rd_kafka_mock_cluster_bootstraps(w->mock));
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, "in", NULL);
	char value[32];
	int i;

	for (i = 0; i < RECORDS; i++) {
		snprintf(value, sizeof(value), "{\"%s\":%d}", i ? "n" : "dead",
			i);
		rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, value,
			strlen(value), NULL, 0, NULL);
	}
	assert_int_equal(rd_kafka_flush(rk, PATIENCE_MS), 0);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
}

/* Where the group stands; -1: nowhere. */
static int64_t
committed(struct world *w)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(1);
	int64_t offset = -1;

	rd_kafka_topic_partition_list_add(list, "in", 0);
	if (!rd_kafka_committed(w->reader, list, PATIENCE_MS) &&
		list->elems[0].offset >= 0)
		offset = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	return offset;
}

static int64_t
end_of(struct world *w, const char *topic)
{
	int64_t low, high = -1;

	rd_kafka_query_watermark_offsets(
		w->reader, topic, 0, &low, &high, PATIENCE_MS);
	return high;
}

/* Waits for the emits, looks where the group stands, and ends the runner. */
static void *
watch(void *data)
{
	struct world *w = data;
	int i;

	for (i = 0; i < PATIENCE_MS / 20 && w->emits < RECORDS - 1; i++) {
		usleep(20000);
		w->emits = (int)end_of(w, "out");
	}
	usleep(TIME_TO_COMMIT_US);
	w->committed = committed(w);
	kill(getpid(), SIGTERM);
	return NULL;
}

/* A letter that takes long: emits do not wait for it, offsets and TERM do. */
static void
test_late_letter(void **state)
{
	struct world *w = *state;
	struct run_options opts = {
		.kafka.brokers = rd_kafka_mock_cluster_bootstraps(w->mock),
		.topics = {{"in"}, 1},
		.group = "g",
		.window_records = 100,
		.window_bytes = 1 << 20,
		.hang_ms = PATIENCE_MS,
		.run_dir = w->dir,
		.filter = filter};
	pthread_t watcher;
	struct err err = {0};

	put_records(w);
	rd_kafka_mock_broker_push_request_error_rtts(
		w->mock, 2, PRODUCE, 1, RD_KAFKA_RESP_ERR_NO_ERROR, LATE_MS);
	assert_int_equal(pthread_create(&watcher, NULL, watch, w), 0);
	if (run_runner(&opts, &err) != 0)
		fail_msg("%s", err.text);
	pthread_join(watcher, NULL);
	assert_int_equal(w->emits, RECORDS - 1);
	assert_true(w->committed <= 0);
	assert_int_equal(committed(w), RECORDS);
	assert_int_equal(end_of(w, "in-dlt"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_late_letter, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
