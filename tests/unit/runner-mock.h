/*
 * runner-mock.h - a runner in a process of its own, against librdkafka's mock
 * of a Kafka. For test-assign.c and test-out.c; whoever includes it is linked
 * to run kafka serve flow wire -lrdkafka -luv.
 */
#ifndef RUNNER_MOCK_H
#define RUNNER_MOCK_H

#include <setjmp.h>
#include <signal.h>
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

#define TRY_US 20000
#define PATIENCE_US 30000000

/* A test's initial state: what is to be run. */
struct plan {
	int brokers;
	int64_t window;	    /* records */
	bool atomic;	    /* -x */
	const char *filter; /* for sh, in a directory of its own */
};

struct world {
	const struct plan *plan;
	char dir[40];
	int brokers;  /* a pipe: where Kafka is */
	pid_t runner; /* 0: it has ended */
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *mock;
};

/* Forked before librdkafka has threads in ours; waits for a Kafka. */
static inline void
run_it(const struct world *w, int brokers)
{
	char at[200] = "", script[500];
	char sh[] = "sh", c[] = "-c", *filter[] = {sh, c, script, NULL};
	struct run_options opts = {.topics = {{"t"}, 1},
		.group = "g",
		.window_records = w->plan->window,
		.window_bytes = 1 << 20,
		.hang_ms = PATIENCE_US / 1000,
		.run_dir = w->dir,
		.atomic = w->plan->atomic,
		.kafka.brokers = at,
		.filter = filter};
	struct err err = {""};
	int code;

	if (read(brokers, at, sizeof(at) - 1) <= 0)
		_exit(1);
	snprintf(
		script, sizeof(script), "cd %s && %s", w->dir, w->plan->filter);
	code = run_runner(&opts, &err);
	_exit(code);
}

static inline int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[200];
	int fds[2];

	log_level(LOG_ERROR + 1);
	w->plan = *state;
	strcpy(w->dir, "/tmp/test-runner-XXXXXX");
	if (!mkdtemp(w->dir) || pipe(fds) < 0)
		return -1;
	w->runner = fork();
	if (!w->runner)
		run_it(w, fds[0]);
	close(fds[0]);
	w->brokers = fds[1];
	snprintf(why, sizeof(why), "%d", w->plan->brokers);
	rd_kafka_conf_set(conf, "test.mock.num.brokers", why, NULL, 0);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	w->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	w->mock = rd_kafka_handle_mock_cluster(w->rk);
	rd_kafka_mock_topic_create(w->mock, "t", 1, 1);
	rd_kafka_mock_topic_create(w->mock, "t-dlt", 1, 1);
	*state = w;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct world *w = *state;
	char command[100];

	if (w->runner) {
		kill(w->runner, SIGKILL);
		waitpid(w->runner, NULL, 0);
	}
	close(w->brokers);
	rd_kafka_destroy(w->rk);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	free(w);
	return system(command);
}

static inline void
put(struct world *w, int records)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(w->rk, "t", NULL);
	char value[] = "\"x\"";

	while (records-- > 0)
		assert_int_equal(rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY,
					 value, 3, NULL, 0, NULL),
			0);
	rd_kafka_topic_destroy(topic);
	assert_int_equal(rd_kafka_flush(w->rk, 10000), 0);
}

/* The runner may begin. */
static inline void
let_go(struct world *w)
{
	const char *at = rd_kafka_mock_cluster_bootstraps(w->mock);

	assert_true(write(w->brokers, at, strlen(at)) > 0);
}

/* How many lines the filter's file `seen` has. */
static inline int
lines_seen(const struct world *w)
{
	char path[60];
	FILE *file;
	int c, lines = 0;

	snprintf(path, sizeof(path), "%s/seen", w->dir);
	file = fopen(path, "r");
	if (!file)
		return 0;
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static inline void
expect_lines(const struct world *w, int lines)
{
	int64_t us;

	for (us = 0; us < PATIENCE_US && lines_seen(w) < lines; us += TRY_US)
		usleep(TRY_US);
	assert_true(lines_seen(w) >= lines);
}

#define TEST(f, plan)                                                          \
	cmocka_unit_test_prestate_setup_teardown(f, set_up, tear_down, plan)

#endif
