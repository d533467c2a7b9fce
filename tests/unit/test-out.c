/*
 * tests/unit/test-out.c - what a runner sends: it is woken by what becomes of
 * its letters, and does not wait for ever to hand over its offsets (-x).
 * links: run kafka serve flow wire -lrdkafka -luv --wrap-alarm
 */
#include "runner-mock.h"

#include "base/clock.h"

#define RESULT                                                                 \
	"sed -uE 's/.*\"offset\":([0-9]+).*/{\"topic\":\"t\",\"partition\":0," \
	"\"offset\":\\1,\"status\":"
#define DEAD RESULT "\"dead\",\"error\":{\"class\":\"C\",\"message\":\"\"}}/'"
#define DONE RESULT "\"done\"}/'"

/* ---- letters ---------------------------------------------------------------
 */

#define LETTERS 5
#define QUICK_MS 400 /* without a wake-up it is told of them every second */

static struct plan letters = {
	.brokers = 1, .window = 100, .filter = "tee seen | " DEAD};

/* Asks where its group stands, and is no member. */
static rd_kafka_t *
new_reader(struct world *w)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[200];
	rd_kafka_t *reader;

	rd_kafka_conf_set(conf, "group.id", "g", NULL, 0);
	rd_kafka_conf_set(conf, "bootstrap.servers",
		rd_kafka_mock_cluster_bootstraps(w->mock), NULL, 0);
	reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	assert_non_null(reader);
	return reader;
}

static int64_t
committed(rd_kafka_t *reader)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(1);
	int64_t offset = -1;

	rd_kafka_topic_partition_list_add(list, "t", 0);
	if (!rd_kafka_committed(reader, list, PATIENCE_US / 1000))
		offset = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	return offset;
}

/* A record is finished when its letter is there; then the group moves on. */
static int64_t
finish_one(struct world *w, rd_kafka_t *reader, int number)
{
	int64_t began_ms, us;

	put(w, 1);
	expect_lines(w, number);
	began_ms = clock_mono_ms();
	for (us = 0; us < PATIENCE_US && committed(reader) < number;
		us += TRY_US)
		usleep(TRY_US);
	assert_int_equal(committed(reader), number);
	return clock_mono_ms() - began_ms;
}

static void
test_letters_wake(void **state)
{
	struct world *w = *state;
	rd_kafka_t *reader = new_reader(w);
	int i, quick = 0;

	let_go(w);
	for (i = 1; i <= LETTERS; i++)
		quick += finish_one(w, reader, i) < QUICK_MS;
	rd_kafka_destroy(reader);
	if (quick <= LETTERS / 2)
		fail_msg("%d of %d letters were noticed in %d ms", quick,
			LETTERS, QUICK_MS);
}

/* ---- offsets ---------------------------------------------------------------
 */

#define WATCH_S 30 /* of the runner's */
#define SOON_S 2   /* here */

unsigned __real_alarm(unsigned seconds);
unsigned __wrap_alarm(unsigned seconds);

unsigned
__wrap_alarm(unsigned seconds)
{
	return __real_alarm(seconds == WATCH_S ? SOON_S : seconds);
}

static struct plan offsets = {.brokers = 2,
	.window = 100,
	.atomic = true,
	.filter = "tee seen | (while [ ! -e go ]; do sleep 0.05; done; " DONE
		  ")"};

/* The group's coordinator goes when the filter has the record: librdkafka
 * waits for it, whatever time it was given (5456). */
static void
test_stuck_with_offsets(void **state)
{
	struct world *w = *state;
	char path[60];
	int64_t us;
	int status = 0;

	rd_kafka_mock_coordinator_set(w->mock, "group", "g", 2);
	rd_kafka_mock_partition_set_leader(w->mock, "t", 0, 1);
	put(w, 1);
	let_go(w);
	expect_lines(w, 1);
	rd_kafka_mock_broker_set_down(w->mock, 2);
	snprintf(path, sizeof(path), "%s/go", w->dir);
	fclose(fopen(path, "w"));
	for (us = 0; us < PATIENCE_US && w->runner; us += TRY_US) {
		usleep(TRY_US);
		if (waitpid(w->runner, &status, WNOHANG) == w->runner)
			w->runner = 0;
	}
	assert_int_equal(w->runner, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGALRM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_letters_wake, &letters),
		TEST(test_stuck_with_offsets, &offsets),
	};

	return cmocka_run_group_tests_name("out", tests, NULL, NULL);
}
