/*
 * tests/unit/test-assign.c - a runner against a Kafka whose coordinator has
 * just moved: its partitions are read all the same.
 * links: run kafka serve flow wire -lrdkafka -luv
 */
#include "runner-mock.h"

#define OFFSET_FETCH 9

static struct plan plan = {
	.brokers = 1, .window = 100, .filter = "exec cat >seen"};

static void
test_nobody_is_asked_twice(void **state)
{
	struct world *w = *state;

	put(w, 1);
	rd_kafka_mock_push_request_errors(w->mock, OFFSET_FETCH, 4,
		RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
		RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
		RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
	let_go(w);
	expect_lines(w, 1);
}

static void
test_asked_again(void **state)
{
	struct world *w = *state;

	put(w, 1);
	rd_kafka_mock_push_request_errors(w->mock, OFFSET_FETCH, 3,
		RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
		RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
		RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
	let_go(w);
	expect_lines(w, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nobody_is_asked_twice, &plan),
		TEST(test_asked_again, &plan),
	};

	return cmocka_run_group_tests_name("assign", tests, NULL, NULL);
}
