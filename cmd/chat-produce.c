/*
 * chat-produce - writes records to Kafka and answers each once it is there.
 * Lines come from stdin, or (-l) from many peers on a Unix socket. What is
 * sent when, lib/kafka/publish knows; here is only who asks and is told.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/status.h"
#include "io/fd.h"
#include "io/line.h"
#include "io/stop.h"
#include "kafka/intake.h"
#include "kafka/slot.h"
#include "run/desk.h"

#define NAME "chat-produce"
#define START_MS 1000  /* one try to reach Kafka at the start */
#define DRAIN_MS 30000 /* contract.md §2.4, graceful stop */
#define LINES_A_TURN 500

static struct {
	struct kafka_options kafka;
	const char *topic, *socket, *run_dir, *status;
	int64_t slot, queue, queue_bytes, peers;
	bool idempotent, keep, check;
} opts = {.queue = 10000, .queue_bytes = 8 << 20, .peers = 64};

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
		"which producer of this host it is (0)", 0, 9999},
	{OPT_STRING, 'd', "run-dir", &opts.run_dir, "DIR",
		"where the slot's lock is ($CHAT_RUN/lock)", 0, 0},
	{OPT_INT, 0, "queue", &opts.queue, "RECORDS",
		"of one peer, before it is read no more (10000)", 1, 1000000},
	{OPT_SIZE, 0, "queue-bytes", &opts.queue_bytes, "SIZE",
		"the same in bytes (8M)", 1, INT64_C(1) << 34},
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
	struct buf out; /* answers to stdin's lines */
	int exit_code;
	bool draining; /* stdin is read no more */
	struct desk desk;
} app;

/* ---- ends and states --------------------------------------------------- */

static int
give_up(enum kafka_verdict verdict, const struct err *err)
{
	LOG_ERROR(NAME, "stopped by an error", LOG_E(err));
	if (verdict == KAFKA_PERM && !opts.idempotent)
		fprintf(stderr,
			"%s: %s; where there are no transactions, "
			"use -I\n",
			NAME, err->text);
	return verdict == KAFKA_PERM ? EXIT_PERM : EXIT_TEMP;
}

static void
tell_state(void *data)
{
	if (app.draining || app.desk.draining)
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

/* One step; false: the end, exit_code says how. */
static bool
step(void)
{
	struct err err;
	enum kafka_verdict verdict =
		publish_step(app.publish, clock_mono_ms(), &err);

	if (verdict == KAFKA_OK)
		return true;
	app.exit_code = give_up(verdict, &err);
	return false;
}

/* ---- stdin -------------------------------------------------------------- */

static struct group_source from_stdin;

static void
answer_stdout(void *data, const struct publish_answer *answer)
{
	intake_answer(&app.out, answer);
	if (answer->dead)
		app.exit_code = EXIT_NO;
}

static void
resume_stdin(void *data, struct group_source *source)
{
}

/* Takes what is there; false: the input has ended. */
static bool
take_lines(struct line *in, struct err *err)
{
	struct str line;
	int i;

	for (i = 0; i < LINES_A_TURN && !from_stdin.paused; i++) {
		switch (line_read(in, &line, 0, err)) {
		case LINE_OK:
			if (!line.len)
				continue;
			if (intake_line(&app.intake, &from_stdin, line,
				    &app.out, err) < 0)
				goto failed;
			break;
		case LINE_LONG:
			intake_too_long(&app.intake, in->max_bytes, &app.out);
			break;
		case LINE_TIMEOUT:
			return true;
		case LINE_EOF:
			return false;
		default:
			goto failed;
		}
	}
	return true;
failed:
	app.exit_code = give_up(KAFKA_FAILED, err);
	return false;
}

static int
flush_stdout(struct err *err)
{
	int rc = 0;

	if (buf_bad(&app.out))
		return err_set(err, "out of memory");
	if (app.out.len)
		rc = fd_write_all(STDOUT_FILENO, "stdout", app.out.data,
			app.out.len, err);
	buf_shrink(&app.out, 1 << 20);
	return rc;
}

static void
wait_for_work(struct line *in, bool reading)
{
	struct pollfd fds[3] = {
		{.fd = reading ? in->fd : -1, .events = POLLIN}};
	int64_t deadline_ms = publish_deadline(app.publish);
	int k;

	if (reading && line_ready(in))
		return; /* it waits in the buffer, where poll does not look */
	for (k = 0; k < 2; k++)
		fds[k + 1] = (struct pollfd){
			.fd = publish_wake_fd(app.publish, (unsigned)k),
			.events = POLLIN};
	if (app.status.next_ms < deadline_ms)
		deadline_ms = app.status.next_ms;
	if (poll(fds, 3, clock_poll_ms(deadline_ms)) < 0 && errno != EINTR)
		LOG_WARN(NAME, "cannot poll");
}

static int
run_stdin(void)
{
	struct line in;
	struct err err;
	bool more = true;
	int64_t drain_ms = CLOCK_NEVER;

	line_init(&in, STDIN_FILENO, RECORD_LINE_VIEW_MAX);
	while (more || !publish_idle(app.publish)) {
		if (stop_asked && !app.draining) {
			app.draining = true;
			more = false;
			drain_ms = clock_mono_ms() + DRAIN_MS;
		}
		if (more)
			more = take_lines(&in, &err);
		if (app.exit_code >= EXIT_PERM || !step())
			break;
		if (flush_stdout(&err) < 0)
			return give_up(KAFKA_FAILED, &err);
		tell_state(NULL);
		if (clock_mono_ms() >= drain_ms)
			return EXIT_TEMP;
		if (!publish_idle(app.publish) || more)
			wait_for_work(&in, more && !from_stdin.paused);
	}
	line_release(&in);
	if (flush_stdout(&err) < 0)
		return give_up(KAFKA_FAILED, &err);
	if (app.exit_code == EXIT_DONE && app.intake.bad)
		return EXIT_NO;
	return app.exit_code;
}

/* ---- the socket -----------------------------------------------------------
 */

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

/* ---- the start -------------------------------------------------------------
 */

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
		.queue_records = (size_t)opts.queue,
		.queue_bytes = (size_t)opts.queue_bytes,
		.on_answer = opts.socket ? desk_answer : answer_stdout,
		.on_resume = opts.socket ? desk_resume : resume_stdin,
		.data = opts.socket ? &app.desk : NULL};

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
		LOG_DEBUG(NAME, "no kafka yet", LOG_E(err));
		status_set(&app.status, STATUS_WAITING, "kafka");
		status_tick(&app.status, clock_mono_ms());
	} while (again && !stop_asked);
	return again ? KAFKA_OK : verdict;
}

static int
check_only(const char *id)
{
	printf("%s: configuration is good; %s%s\n", NAME,
		opts.idempotent ? "no transactions" : "transactional.id ",
		opts.idempotent ? "" : id);
	return fflush(stdout) ? EXIT_TEMP : EXIT_DONE;
}

static int
run(const char *id)
{
	struct lock lock;
	struct err err;
	enum kafka_verdict verdict;
	int rc = 1;

	if (!opts.idempotent)
		rc = slot_take(&lock, opts.run_dir, id, &app.status, &err);
	if (rc < 0)
		return give_up(KAFKA_PERM, &err);
	if (rc == 0)
		return EXIT_DONE;
	verdict = wait_for_kafka(&err);
	if (verdict != KAFKA_OK)
		return give_up(verdict, &err);
	if (stop_asked)
		return EXIT_DONE;
	LOG_INFO(NAME, "ready",
		LOG_S("mode", opts.idempotent ? "idempotent" : id));
	return opts.socket ? run_socket() : run_stdin();
}

int
main(int argc, char **argv)
{
	struct err err;
	struct buf id = {0};
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
	slot_name(&id, NAME, NULL, opts.slot);
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
	rc = run(id.data);
	status_close(&app.status);
	/* Not publish_free(): without a broker it may hang, and the process
	 * ends anyway. */
	return rc;
}
