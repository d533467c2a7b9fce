/*
 * tests/unit/test-assign.c - a runner against librdkafka's mock of a Kafka
 * whose coordinator has just moved: its partitions are read all the same.
 * links: run kafka serve flow wire -lrdkafka -luv
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/log.h"
#include "run/run.h"

#define OFFSET_FETCH 9
#define TRIES 300 /* of 0.1 s */

struct world {
	char dir[40], seen[60]; /* what the filter got */
	int brokers;		/* a pipe: where Kafka is */
	pid_t runner;
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *mock;
};

/* In a process of its own, forked before librdkafka has threads in ours. */
static void
run_it(const struct world *w, int brokers)
{
	char at[200] = "", script[100];
	char sh[] = "sh", c[] = "-c", *filter[] = {sh, c, script, NULL};
	struct run_options opts = {.topics = {{"t"}, 1},
		.group = "g",
		.window_records = 100,
		.window_bytes = 1 << 20,
		.hang_ms = 30000,
		.run_dir = w->dir,
		.kafka.brokers = at,
		.filter = filter};
	struct err err = {""};
	int code;

	if (read(brokers, at, sizeof(at) - 1) <= 0)
		_exit(1);
	snprintf(script, sizeof(script), "exec cat >%s", w->seen);
	code = run_runner(&opts, &err);
	_exit(code);
}

static void
put_one(struct world *w)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(w->rk, "t", NULL);
	char value[] = "\"x\"";

	assert_int_equal(rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, value,
				 3, NULL, 0, NULL),
		0);
	rd_kafka_topic_destroy(topic);
	assert_int_equal(rd_kafka_flush(w->rk, 10000), 0);
}

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[200];
	int fds[2];

	log_level(LOG_ERROR + 1);
	strcpy(w->dir, "/tmp/test-assign-XXXXXX");
	if (!mkdtemp(w->dir) || pipe(fds) < 0)
		return -1;
	snprintf(w->seen, sizeof(w->seen), "%s/seen", w->dir);
	w->runner = fork();
	if (!w->runner)
		run_it(w, fds[0]);
	close(fds[0]);
	w->brokers = fds[1];
	rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", NULL, 0);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	w->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	w->mock = rd_kafka_handle_mock_cluster(w->rk);
	rd_kafka_mock_topic_create(w->mock, "t", 1, 1);
	put_one(w);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	char command[100];

	kill(w->runner, SIGKILL);
	waitpid(w->runner, NULL, 0);
	close(w->brokers);
	rd_kafka_destroy(w->rk);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	free(w);
	return system(command);
}

/* The runner is let go, and its filter gets the record. */
static void
expect_it(struct world *w)
{
	const char *at = rd_kafka_mock_cluster_bootstraps(w->mock);
	struct stat st = {0};
	int i;

	assert_true(write(w->brokers, at, strlen(at)) > 0);
	for (i = 0; i < TRIES && !st.st_size; i++) {
		usleep(100000);
		(void)stat(w->seen, &st);
	}
	assert_true(st.st_size > 0);
}

static void
test_nobody_is_asked_twice(void **state)
{
	struct world *w = *state;

	rd_kafka_mock_push_request_errors(w->mock, OFFSET_FETCH, 4,
		RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
		RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
		RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
	expect_it(w);
}

static void
test_asked_again(void **state)
{
	struct world *w = *state;

	rd_kafka_mock_push_request_errors(w->mock, OFFSET_FETCH, 3,
		RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
		RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
		RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
	expect_it(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nobody_is_asked_twice),
		TEST(test_asked_again),
	};

	return cmocka_run_group_tests_name("assign", tests, NULL, NULL);
}
