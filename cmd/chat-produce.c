/*
 * chat-produce - writes records to Kafka and answers each once it is there.
 * Lines come from stdin (run/pipe), or (-l) from many on a Unix socket
 * (run/desk). What is sent when, kafka/publish and flow/group know.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/status.h"
#include "io/fd.h"
#include "io/stop.h"
#include "kafka/intake.h"
#include "kafka/slot.h"
#include "run/desk.h"
#include "run/pipe.h"

#define NAME "chat-produce"
#define START_MS 1000  /* one try to reach Kafka at the start */
#define DRAIN_MS 30000 /* contract.md §2.4, graceful stop */

static struct {
	struct kafka_options kafka;
	const char *topic, *socket, *run_dir, *status;
	int64_t slot, queue, queue_bytes, peers, linger_ms;
	bool idempotent, keep, check;
} opts = {.slot = -1,
	.queue = 10000,
	.queue_bytes = 8 << 20,
	.peers = 64,
	.linger_ms = 10};

static const struct opt table[] = {
	KAFKA_OPTS(&opts.kafka),
	{OPT_STRING, 't', "topic", &opts.topic, "TOPIC",
		"the topic of all records, whatever they say", 0, 0},
	{OPT_STRING, 'l', "listen", &opts.socket, "SOCKET",
		"serve many on a Unix socket; without it: stdin", 0, 0},
	{OPT_FLAG, 'I', "idempotent", &opts.idempotent, NULL,
		"no transactions: faster, and for services without", 0, 0},
	{OPT_FLAG, 'P', "keep-partitions", &opts.keep, NULL,
		"records go to the partitions that they name", 0, 0},
	{OPT_INT, 0, "slot", &opts.slot, "N",
		"which producer of this host it is (-l: 0; else a free one)", 0,
		9999},
	{OPT_STRING, 'd', "run-dir", &opts.run_dir, "DIR",
		"where the slot's lock is ($CHAT_RUN/lock)", 0, 0},
	{OPT_INT, 0, "queue", &opts.queue, "RECORDS",
		"of one peer, before it is read no more (10000)", 1, 1000000},
	{OPT_SIZE, 0, "queue-bytes", &opts.queue_bytes, "SIZE",
		"the same in bytes (8M)", 1, INT64_C(1) << 34},
	{OPT_SECONDS, 0, "linger", &opts.linger_ms, "TIME",
		"a batch waits for more under load, at most (10ms)", 0, 1000},
	{OPT_INT, 0, "peers", &opts.peers, "N", "peers at a time (64)", 1,
		10000},
	{OPT_STRING, 'S', "status", &opts.status, "FILE",
		"write the state to FILE", 0, 0},
	{OPT_FLAG, 'n', "dry-run", &opts.check, NULL,
		"check the configuration and exit", 0, 0},
	{0},
};

static const struct opt_about about = {NAME, "[options]",
	"Writes records (JSON Lines) to Kafka and answers each.", table};

static struct {
	struct publish *publish;
	struct intake intake;
	struct status status;
	struct pipe_run pipe; /* one of the two */
	struct desk desk;
} app;

/* ---- ends and states --------------------------------------------------- */

static int
give_up(enum kafka_verdict verdict, const struct err *err)
{
	LOG_ERROR("produce", "stopped by an error", LOG_E(err));
	return verdict == KAFKA_PERM ? EXIT_PERM : EXIT_TEMP;
}

static void
tell_state(void *data)
{
	if (app.pipe.draining || app.desk.draining)
		status_set(&app.status, STATUS_DRAINING, "");
	else if (publish_away(app.publish))
		status_set(&app.status, STATUS_WAITING, "kafka");
	else
		status_set(&app.status, STATUS_READY, "");
	status_tick(&app.status, clock_mono_ms());
	if (stop_usr1) {
		stop_usr1 = 0;
		status_write(&app.status);
	}
}

/* ---- stdin, or a socket -------------------------------------------------- */

static int
run_stdin(void)
{
	const struct pipe_options popts = {.intake = &app.intake,
		.status = &app.status,
		.drain_ms = DRAIN_MS,
		.on_turn = tell_state};
	struct err err;
	enum kafka_verdict verdict = pipe_run(&app.pipe, &popts, &err);

	if (verdict != KAFKA_OK)
		return give_up(verdict, &err);
	return app.pipe.dead || app.intake.bad ? EXIT_NO : EXIT_DONE;
}

static int
run_socket(void)
{
	const struct desk_options dopts = {.path = opts.socket,
		.name = NAME,
		.max_peers = (size_t)opts.peers,
		.drain_ms = DRAIN_MS,
		.intake = &app.intake,
		.status = &app.status,
		.on_turn = tell_state};
	enum kafka_verdict verdict;
	struct err err;
	int rc = desk_open(&app.desk, &dopts, &err);

	if (rc < 0)
		return give_up(KAFKA_PERM, &err);
	if (rc == 0)
		return EXIT_DONE;
	verdict = desk_run(&app.desk, &err);
	return verdict == KAFKA_OK ? EXIT_DONE : give_up(verdict, &err);
}

/* ---- the start --------------------------------------------------------- */

static void
count_what(void)
{
	const struct publish_counters *c = publish_counters(app.publish);
	static struct status_counter counters[9];

	counters[0] = (struct status_counter){"records", &c->records};
	counters[1] = (struct status_counter){"done", &c->done};
	counters[2] = (struct status_counter){"dead", &c->dead};
	counters[3] = (struct status_counter){"bad", &app.intake.bad};
	counters[4] = (struct status_counter){"queued", &c->queued};
	counters[5] = (struct status_counter){"paused", &c->paused};
	counters[6] = (struct status_counter){"transactions", &c->transactions};
	counters[7] = (struct status_counter){"aborted", &c->aborted};
	counters[8] = (struct status_counter){"peers", &app.desk.peers};
	app.status.counters = counters;
	app.status.count = ARRAY_LEN(counters);
}

static struct publish *
make_publish(const char *id, struct err *err)
{
	struct publish_options popts = {.kafka = &opts.kafka,
		.id = opts.idempotent ? NULL : id,
		.keep = opts.keep,
		.check_copies = true,
		.queue_records = (size_t)opts.queue,
		.queue_bytes = (size_t)opts.queue_bytes,
		.linger_ms = opts.linger_ms,
		.on_answer = opts.socket ? desk_answer : pipe_answer,
		.on_resume = opts.socket ? desk_resume : pipe_resume,
		.data = opts.socket ? (void *)&app.desk : &app.pipe};

	return publish_new(&popts, err);
}

/* Waits until Kafka has taken us in. KAFKA_OK with stop_asked: asked to go. */
static enum kafka_verdict
wait_for_kafka(struct err *err)
{
	enum kafka_verdict verdict;
	bool again;

	do {
		verdict = publish_start(app.publish, START_MS, &again, err);
		if (verdict == KAFKA_OK)
			return verdict;
		LOG_DEBUG("produce", "no kafka yet", LOG_E(err));
		status_set(&app.status, STATUS_WAITING, "kafka");
		status_tick(&app.status, clock_mono_ms());
	} while (again && !stop_asked);
	return again ? KAFKA_OK : verdict;
}

/* Two pipelines by hand run side by side; who is given a slot, or a socket,
 * has one place, and waits for it. */
static bool
any_slot(void)
{
	return opts.slot < 0 && !opts.socket && !opts.idempotent;
}

static int
check_only(const char *id)
{
	struct err err;

	if (fd_printf(&err, "%s: configuration is good; %s%s%s\n", NAME,
		    opts.idempotent ? "no transactions" : "transactional.id ",
		    opts.idempotent ? "" : id,
		    any_slot() ? ", or that of another free slot" : "") == 0)
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", NAME, err.text);
	return EXIT_TEMP;
}

/* The transactional.id; that of a free slot is locked then. */
static void
name_slot(struct buf *id, struct lock *lock)
{
	struct err err;

	if (!any_slot() || opts.check)
		slot_name(id, NAME, NULL, opts.slot < 0 ? 0 : opts.slot);
	else if (slot_take_free(lock, opts.run_dir, NAME, id, &err) < 0)
		opt_usage(&about, &err);
}

static int
run(const char *id, struct lock *lock)
{
	struct err err;
	enum kafka_verdict verdict;
	int rc = 1;

	if (!opts.idempotent && !any_slot())
		rc = slot_take(lock, opts.run_dir, id, &app.status, &err);
	if (rc < 0)
		return give_up(KAFKA_PERM, &err);
	if (rc == 0)
		return EXIT_DONE;
	verdict = wait_for_kafka(&err);
	if (verdict != KAFKA_OK)
		return give_up(verdict, &err);
	if (stop_asked)
		return EXIT_DONE;
	LOG_INFO("produce", "ready",
		LOG_S("mode", opts.idempotent ? "idempotent" : id));
	return opts.socket ? run_socket() : run_stdin();
}

int
main(int argc, char **argv)
{
	struct err err;
	static struct buf id;
	struct lock lock;
	int rc = opt_parse(&about, argc, argv, &err);

	if (rc < 0)
		opt_usage(&about, &err);
	if (rc < argc) {
		err_set(&err, "what is '%s' for? there are no operands",
			argv[rc]);
		opt_usage(&about, &err);
	}
	log_open(NAME);
	stop_init();
	name_slot(&id, &lock);
	app.publish = make_publish(id.data, &err);
	if (!app.publish)
		opt_usage(&about, &err);
	app.intake =
		(struct intake){.publish = app.publish, .topic = opts.topic};
	if (opts.check)
		return check_only(id.data);
	if (status_open(&app.status, opts.status, NAME, NULL, 0, &err) < 0)
		opt_usage(&about, &err);
	count_what();
	rc = run(id.data, &lock);
	status_close(&app.status);
	/* Not publish_free(): without a broker it may hang, and the process
	 * ends anyway. */
	return rc;
}
