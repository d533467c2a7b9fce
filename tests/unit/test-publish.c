/*
 * tests/unit/test-publish.c - publish and its transactions against librdkafka's
 * mock of a Kafka, which says what a real one will not say on demand.
 * links: kafka flow wire -lrdkafka
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/clock.h"
#include "base/log.h"
#include "kafka/publish.h"

enum { PRODUCE = 0, INIT_PRODUCER_ID = 22, ADD_PARTITIONS = 24, END_TXN = 26 };

#define RECORDS_MAX 20
#define RETRY_MS 100 /* 1000 in life */

struct world {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *mock;
	struct kafka_options kafka;
	struct publish *publish;
	struct group_source source;
	char told[200]; /* "+1 -2(CLASS)" */
	struct err err;
};

static void
on_answer(void *data, const struct publish_answer *a)
{
	struct world *w = data;
	size_t len = strlen(w->told);

	snprintf(w->told + len, sizeof(w->told) - len, "%s%c%d", len ? " " : "",
		a->dead ? '-' : '+', (int)(intptr_t)a->opaque);
	len = strlen(w->told);
	if (a->dead)
		snprintf(w->told + len, sizeof(w->told) - len, "(%.*s)",
			STR_ARG(a->error_class));
	else
		assert_true(a->offset >= 0 && a->partition >= 0);
}

static void
on_resume(void *data, struct group_source *source)
{
}

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char why[200];

	log_level(LOG_ERROR + 1);
	w->rk = rd_kafka_new(
		RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	w->mock = rd_kafka_mock_cluster_new(w->rk, 1);
	rd_kafka_mock_topic_create(w->mock, "t", 1, 1);
	rd_kafka_mock_topic_create(w->mock, "u", 1, 1);
	w->kafka.brokers = rd_kafka_mock_cluster_bootstraps(w->mock);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	publish_free(w->publish);
	rd_kafka_mock_cluster_destroy(w->mock);
	rd_kafka_destroy(w->rk);
	free(w);
	return 0;
}

static void
open_it(struct world *w, const char *id)
{
	struct publish_options opts = {.kafka = &w->kafka,
		.id = id,
		.queue_records = 100,
		.queue_bytes = 1 << 20,
		.retry_ms = RETRY_MS,
		.on_answer = on_answer,
		.on_resume = on_resume,
		.data = w};

	w->publish = publish_new(&opts, &w->err);
	if (!w->publish)
		fail_msg("%s", w->err.text);
}

static enum kafka_verdict
begin(struct world *w)
{
	bool again;
	int i;

	for (i = 0; i < 10; i++) {
		enum kafka_verdict verdict =
			publish_start(w->publish, 300, &again, &w->err);

		if (verdict == KAFKA_OK || !again)
			return verdict;
	}
	fail_msg("never ready: %s", w->err.text);
	return KAFKA_FAILED;
}

static void
start(struct world *w, const char *id)
{
	open_it(w, id);
	if (begin(w) != KAFKA_OK)
		fail_msg("%s", w->err.text);
}

static void
put_to(struct world *w, const char *topic, int number)
{
	struct record record = {.topic = str_c(topic),
		.partition = -1,
		.offset = -1,
		.timestamp = -1,
		.key_null = true,
		.value = STR("{}")};

	if (publish_put(w->publish, &w->source, &record,
		    (void *)(intptr_t)number, &w->err) < 0)
		fail_msg("%s", w->err.text);
}

static void
put(struct world *w, int from, int to)
{
	for (; from <= to; from++)
		put_to(w, "t", from);
}

/* Steps until all is answered, or it ends. */
static enum kafka_verdict
run(struct world *w)
{
	int64_t deadline_ms = clock_mono_ms() + 20000;
	enum kafka_verdict verdict;

	while (!publish_idle(w->publish)) {
		verdict = publish_step(w->publish, clock_mono_ms(), &w->err);
		if (verdict != KAFKA_OK)
			return verdict;
		if (clock_mono_ms() > deadline_ms)
			fail_msg("not answered: '%s'", w->told);
		usleep(500);
	}
	return KAFKA_OK;
}

static void
expect(struct world *w, const char *told)
{
	enum kafka_verdict verdict = run(w);

	if (verdict != KAFKA_OK)
		fail_msg("ended: %s", w->err.text);
	assert_string_equal(w->told, told);
}

static void
says(const struct world *w, const char *part)
{
	if (!strstr(w->err.text, part))
		fail_msg("'%s' does not say '%s'", w->err.text, part);
}

static void
push(struct world *w, int16_t api, size_t count, rd_kafka_resp_err_t code)
{
	rd_kafka_resp_err_t codes[RECORDS_MAX];
	size_t i;

	for (i = 0; i < count; i++)
		codes[i] = code;
	rd_kafka_mock_push_request_errors_array(w->mock, api, count, codes);
}

/* ---- all is well -----------------------------------------------------------
 */

static void
test_transactional(void **state)
{
	struct world *w = *state;
	const struct publish_counters *c;

	start(w, "id");
	put(w, 1, 3);
	expect(w, "+1 +2 +3");
	put(w, 4, 4);
	expect(w, "+1 +2 +3 +4");
	c = publish_counters(w->publish);
	assert_int_equal(c->transactions, 2);
	assert_int_equal(c->records, 4);
	assert_int_equal(c->done, 4);
	assert_int_equal(c->aborted + c->dead, 0);
	assert_true(publish_deadline(w->publish) == CLOCK_NEVER);
	assert_true(publish_wake_fd(w->publish, 1) >= 0);
	assert_int_equal(publish_wake_fd(w->publish, 2), -1);
}

static void
test_idempotent(void **state)
{
	struct world *w = *state;

	start(w, NULL);
	put(w, 1, 3);
	expect(w, "+1 +2 +3");
	assert_int_equal(publish_counters(w->publish)->transactions, 0);
	assert_int_equal(publish_wake_fd(w->publish, 1), -1);
}

static void
test_source_that_went(void **state)
{
	struct world *w = *state;

	start(w, "id");
	put(w, 1, 2);
	publish_forget(w->publish, &w->source);
	memset(&w->source, 0xff, sizeof(w->source));
	expect(w, "+1 +2");
}

/* ---- refused ---------------------------------------------------------------
 */

static void
test_refused_once_alone(void **state)
{
	struct world *w = *state;

	start(w, "id");
	put(w, 1, 1);
	push(w, PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	expect(w, "+1");
	assert_true(publish_counters(w->publish)->aborted >= 1);
}

static void
test_refused_twice_alone(void **state)
{
	struct world *w = *state;
	int64_t began_ms = clock_mono_ms();

	start(w, "id");
	put(w, 1, 1);
	push(w, PRODUCE, 2, RD_KAFKA_RESP_ERR_INVALID_RECORD);
	expect(w, "-1(INVALID_RECORD)");
	assert_true(clock_mono_ms() - began_ms >= RETRY_MS);
	/* What the refusals spoilt does not show. */
	w->told[0] = '\0';
	put(w, 2, 5);
	expect(w, "+2 +3 +4 +5");
	put(w, 6, 6);
	expect(w, "+2 +3 +4 +5 +6");
}

static void
test_idempotent_refused(void **state)
{
	struct world *w = *state;

	start(w, NULL);
	put(w, 1, 1);
	push(w, PRODUCE, 2, RD_KAFKA_RESP_ERR_INVALID_RECORD);
	expect(w, "-1(INVALID_RECORD)");
	w->told[0] = '\0';
	put(w, 2, 3);
	expect(w, "+2 +3");
}

/* No right to the topic, said when it is added to the transaction. */
static void
test_no_right(void **state)
{
	struct world *w = *state;

	start(w, "id");
	put(w, 1, 1);
	push(w, ADD_PARTITIONS, 2,
		RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	expect(w, "-1(TOPIC_AUTHORIZATION_FAILED)");
	w->told[0] = '\0';
	put(w, 2, 2);
	expect(w, "+2");
}

/* ---- time -------------------------------------------------------------------
 */

static void
test_passing_trouble(void **state)
{
	struct world *w = *state;

	start(w, "id");
	put(w, 1, 2);
	push(w, PRODUCE, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	push(w, END_TXN, 2, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
	push(w, ADD_PARTITIONS, 1, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
	expect(w, "+1 +2");
	assert_int_equal(publish_counters(w->publish)->aborted, 0);
}

static void
test_idempotent_passing_trouble(void **state)
{
	struct world *w = *state;

	start(w, NULL);
	put(w, 1, 2);
	push(w, PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
	expect(w, "+1 +2");
}

static void
outage(struct world *w, int ms)
{
	int64_t up_ms = clock_mono_ms() + ms;

	for (; clock_mono_ms() < up_ms; usleep(10000))
		assert_int_equal(
			publish_step(w->publish, clock_mono_ms(), &w->err),
			KAFKA_OK);
	rd_kafka_mock_broker_set_up(w->mock, 1);
}

/* Time makes nothing dead, and ends nothing that is only idempotent. */
static void
test_idempotent_outage(void **state)
{
	struct world *w = *state;

	start(w, NULL);
	put(w, 1, 1);
	expect(w, "+1");
	rd_kafka_mock_broker_set_down(w->mock, 1);
	put(w, 2, 3);
	outage(w, 2500);
	expect(w, "+1 +2 +3");
}

/* Nobody says whether there is such a topic. */
static void
test_topic_in_an_outage(void **state)
{
	struct world *w = *state;

	start(w, NULL);
	rd_kafka_mock_broker_set_down(w->mock, 1);
	put(w, 1, 2);
	outage(w, 100);
	assert_string_equal(w->told, "");
	expect(w, "+1 +2");
}

/* ---- the end
 * ------------------------------------------------------------------ */

static void
ends(struct world *w, enum kafka_verdict want, const char *part)
{
	assert_int_equal(run(w), want);
	says(w, part);
	assert_string_equal(w->told, "");
}

static void
test_fenced_at_commit(void **state)
{
	struct world *w = *state;

	start(w, "id");
	put(w, 1, 1);
	push(w, END_TXN, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
	ends(w, KAFKA_FAILED, "FENCED");
}

static void
test_fenced_at_produce(void **state)
{
	struct world *w = *state;

	start(w, "id");
	put(w, 1, 1);
	push(w, PRODUCE, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
	push(w, ADD_PARTITIONS, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
	ends(w, KAFKA_FAILED, "FENCED");
}

/* After EndTxn nobody knows: no abort, no second try, no answer. */
static void
test_unknown_after_end(void **state)
{
	struct world *w = *state;

	start(w, "id");
	put(w, 1, 1);
	push(w, END_TXN, 1, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE);
	ends(w, KAFKA_FAILED, "INVALID_TXN_STATE");
}

/* An error that an abort would clear, but of EndTxn itself. */
static void
test_refused_at_end(void **state)
{
	struct world *w = *state;

	start(w, "id");
	put(w, 1, 1);
	push(w, END_TXN, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	ends(w, KAFKA_FAILED, "cannot commit");
	assert_int_equal(publish_counters(w->publish)->aborted, 0);
}

/* Timed out: what is on its way may still land, in the next transaction too. So
 * there is none: no abort, no second try, no answer. */
static void
test_timed_out(void **state)
{
	struct world *w = *state;

	w->kafka.properties = (struct opt_list){{"message.timeout.ms=1500"}, 1};
	start(w, "id");
	put(w, 1, 1);
	expect(w, "+1");
	w->told[0] = '\0';
	rd_kafka_mock_broker_set_rtt(w->mock, 1, 4000);
	put(w, 2, 2);
	ends(w, KAFKA_FAILED, "a record had no answer (_MSG_TIMED_OUT)");
	assert_int_equal(publish_counters(w->publish)->aborted, 0);
}

static void
test_no_transactions(void **state)
{
	struct world *w = *state;

	rd_kafka_mock_set_apiversion(w->mock, INIT_PRODUCER_ID, -1, -1);
	open_it(w, "id");
	assert_int_equal(begin(w), KAFKA_PERM);
	says(w, "use -I");
}

static void
test_no_right_to_the_id(void **state)
{
	struct world *w = *state;

	push(w, INIT_PRODUCER_ID, 5,
		RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	open_it(w, "id");
	assert_int_equal(begin(w), KAFKA_PERM);
	says(w, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED");
}

/* Said at the start or with the first record, whatever is sooner. */
static void
test_idempotent_no_right(void **state)
{
	struct world *w = *state;
	enum kafka_verdict verdict;

	push(w, INIT_PRODUCER_ID, 5,
		RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
	open_it(w, NULL);
	verdict = begin(w);
	put(w, 1, 1);
	if (verdict == KAFKA_OK)
		verdict = run(w);
	assert_int_equal(verdict, KAFKA_PERM);
	says(w, "CLUSTER_AUTHORIZATION_FAILED");
	assert_string_equal(w->told, "");
}

static void
test_nobody_there(void **state)
{
	struct world *w = *state;
	bool again;

	rd_kafka_mock_broker_set_down(w->mock, 1);
	open_it(w, "id");
	assert_int_equal(
		publish_start(w->publish, 300, &again, &w->err), KAFKA_FAILED);
	assert_true(again);
	rd_kafka_mock_broker_set_up(w->mock, 1);
	assert_int_equal(begin(w), KAFKA_OK);
	put(w, 1, 1);
	expect(w, "+1");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_transactional),
		TEST(test_idempotent),
		TEST(test_source_that_went),
		TEST(test_refused_once_alone),
		TEST(test_refused_twice_alone),
		TEST(test_idempotent_refused),
		TEST(test_no_right),
		TEST(test_passing_trouble),
		TEST(test_idempotent_passing_trouble),
		TEST(test_idempotent_outage),
		TEST(test_topic_in_an_outage),
		TEST(test_fenced_at_commit),
		TEST(test_fenced_at_produce),
		TEST(test_unknown_after_end),
		TEST(test_refused_at_end),
		TEST(test_timed_out),
		TEST(test_no_transactions),
		TEST(test_no_right_to_the_id),
		TEST(test_idempotent_no_right),
		TEST(test_nobody_there),
	};

	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
