/*
 * tests/unit/test-xact.c - records and offsets in one transaction, against
 * librdkafka's mock of a Kafka, which says what a real one will not say on
 * demand. It keeps no offsets: system/atomic.t looks at those.
 * links: kafka flow wire -lrdkafka
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/log.h"
#include "kafka/xact.h"

enum { PRODUCE = 0, END_TXN = 26, TXN_OFFSET_COMMIT = 28 };

struct world {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *mock;
	struct kafka_options kafka;
	struct xact xact;
	struct consumer consumer;
	struct err err;
	struct world *last;
};

static struct world *worlds; /* that have been */

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct consumer_options consumer = {
		.kafka = &w->kafka, .group = "g"};
	const struct xact_options xact = {.kafka = &w->kafka, .id = "x"};
	bool again = true;
	char why[200];
	int i;

	log_level(LOG_ERROR + 1);
	w->rk = rd_kafka_new(
		RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	w->mock = rd_kafka_mock_cluster_new(w->rk, 1);
	rd_kafka_mock_topic_create(w->mock, "t", 1, 1);
	rd_kafka_mock_topic_create(w->mock, "in", 1, 1);
	w->kafka.brokers = rd_kafka_mock_cluster_bootstraps(w->mock);
	assert_int_equal(xact_open(&w->xact, &xact, &w->err), 0);
	assert_int_equal(consumer_open(&w->consumer, &consumer, &w->err), 0);
	for (i = 0; i < 10 && again; i++)
		if (rota_start(&w->xact.rota, 300, &again, &w->err) == KAFKA_OK)
			break;
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	xact_close(&w->xact);
	consumer_close(&w->consumer);
	rd_kafka_mock_cluster_destroy(w->mock);
	rd_kafka_destroy(w->rk);
	/* Not freed: a consumer's client lives to the end of the process, and
	 * logs into its owner (consumer_close()). */
	w->last = worlds;
	worlds = w;
	return 0;
}

static void
put_to(struct world *w, const char *topic, int number)
{
	const struct record record = {.topic = str_c(topic),
		.partition = -1,
		.offset = -1,
		.timestamp = -1,
		.key_null = true,
		.value = STR("{}")};

	assert_int_equal(
		xact_put(&w->xact, &record, (void *)(intptr_t)number, &w->err),
		KAFKA_OK);
}

static enum kafka_verdict
commit(struct world *w, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(1);
	enum kafka_verdict verdict;

	rd_kafka_topic_partition_list_add(list, "in", 0)->offset = offset;
	verdict = xact_commit(&w->xact, &w->consumer, list, &w->err);
	rd_kafka_topic_partition_list_destroy(list);
	return verdict;
}

#define REFUSED_FOR(w, number, class)                                          \
	do {                                                                   \
		assert_true((w)->xact.refusal.refused);                        \
		assert_int_equal((intptr_t)(w)->xact.refusal.opaque, number);  \
		assert_string_equal((w)->xact.refusal.error_class, class);     \
	} while (0)

static void
test_takes_turns(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 1; i <= 4; i++) {
		put_to(w, "t", i);
		put_to(w, "t", i);
		assert_int_equal(commit(w, i), KAFKA_OK);
		assert_int_equal(w->xact.k, i % 2);
	}
	assert_int_equal(commit(w, 9), KAFKA_OK); /* offsets alone */
}

static void
test_a_refused_record(void **state)
{
	struct world *w = *state;

	rd_kafka_mock_push_request_errors(
		w->mock, PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	put_to(w, "t", 1);
	assert_int_equal(commit(w, 1), KAFKA_REFUSED);
	REFUSED_FOR(w, 1, "MSG_SIZE_TOO_LARGE");
	put_to(w, "t", 2);
	assert_int_equal(commit(w, 2), KAFKA_OK);
}

static void
test_no_such_topic(void **state)
{
	struct world *w = *state;

	rd_kafka_mock_topic_set_error(
		w->mock, "nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	put_to(w, "t", 1);
	put_to(w, "nowhere", 2);
	put_to(w, "t", 3);
	assert_int_equal(commit(w, 1), KAFKA_REFUSED);
	REFUSED_FOR(w, 2, "UNKNOWN_TOPIC");
	put_to(w, "t", 1);
	assert_int_equal(commit(w, 1), KAFKA_OK);
	assert_false(w->xact.refusal.refused);
}

/* A zombie: the group goes on without it. */
static void
test_the_group_says_no(void **state)
{
	static const rd_kafka_resp_err_t codes[] = {
		RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
		RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID};
	struct world *w = *state;
	size_t i;

	put_to(w, "t", 1);
	assert_int_equal(commit(w, 1), KAFKA_OK);
	for (i = 0; i < ARRAY_LEN(codes); i++) {
		rd_kafka_mock_push_request_errors(
			w->mock, TXN_OFFSET_COMMIT, 1, codes[i]);
		put_to(w, "t", 2);
		assert_int_equal(commit(w, 2), KAFKA_REFUSED);
		assert_false(w->xact.refusal.refused);
	}
}

static void
test_another_has_its_place(void **state)
{
	struct world *w = *state;

	rd_kafka_mock_push_request_errors(w->mock, TXN_OFFSET_COMMIT, 1,
		RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
	put_to(w, "t", 1);
	assert_int_equal(commit(w, 1), KAFKA_FAILED);
	assert_non_null(strstr(w->err.text, "FENCED_INSTANCE_ID"));
}

static void
test_fenced_producer(void **state)
{
	struct world *w = *state;

	rd_kafka_mock_push_request_errors(
		w->mock, END_TXN, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
	put_to(w, "t", 1);
	assert_int_equal(commit(w, 1), KAFKA_FAILED);
	assert_int_not_equal(rota_poll(&w->xact.rota, &w->err), KAFKA_OK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_takes_turns),
		TEST(test_a_refused_record),
		TEST(test_no_such_topic),
		TEST(test_the_group_says_no),
		TEST(test_another_has_its_place),
		TEST(test_fenced_producer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
