/*
 * chat-store - a filter that stores messages in PostgreSQL, once each, and
 * answers with the events to publish (architecture, section 4). It runs under
 * chat-consume --control; what is there now is the batch, and one batch is one
 * call of chat_store(). With --outcomes it reads dead letters instead, and
 * makes a row of message_outcomes of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/status.h"
#include "base/zone.h"
#include "io/fd.h"
#include "io/line.h"
#include "io/stop.h"
#include "store/outcomes.h"
#include "store/save.h"
#include "wire/hello.h"
#include "wire/result.h"

#define IDLE_MS 1000
#define PIPE_BYTES (1 << 20)

struct store {
	struct pg_link link;
	struct store_save save;
	struct store_batch batch;
	struct line in;
	struct buf out;
	struct status status;
	const char *events_topic;
	int64_t counts[STORE_STATES];
	int64_t batches;
	struct stop_filter stop;
};

static const char *conninfo_arg, *status_path, *events_arg = "chat-events";
static int64_t batch_max = STORE_BATCH_MAX;
static int64_t max_chars = MESSAGE_CONTENT_MAX;
static bool check_only, new_epoch, outcomes;

static const struct opt table[] = {
	{OPT_STRING, 'c', "pg", &conninfo_arg, "CONNINFO",
		"the database; default $CHAT_PG", 0, 0},
	{OPT_STRING, 'S', "status", &status_path, "FILE", "status file", 0, 0},
	{OPT_FLAG, 'n', "dry-run", &check_only, NULL,
		"check the configuration and the schema, and exit", 0, 0},
	{OPT_STRING, 0, "events", &events_arg, "TOPIC",
		"where events go; default chat-events", 0, 0},
	{OPT_INT, 0, "batch", &batch_max, "N",
		"records a transaction at most; default 500", 1,
		STORE_BATCH_MAX},
	{OPT_INT, 0, "max-chars", &max_chars, "N",
		"characters a message at most; default 5000", 1, 1000000},
	{OPT_FLAG, 0, "outcomes", &outcomes, NULL,
		"read dead letters: each becomes a row of message_outcomes", 0,
		0},
	{OPT_FLAG, 0, "new-epoch", &new_epoch, NULL,
		"after a restore: a new store epoch, an empty outbox; exit", 0,
		0},
	{OPT_END, 0, NULL, NULL, NULL, NULL, 0, 0},
};

static const struct opt_about about = {
	"chat-store",
	"[options]",
	"filter: stores messages in PostgreSQL once, answers with the events",
	table,
};

static void
fail(int code, const char *message, const struct err *err)
{
	LOG_ERROR("store", message, LOG_E(err));
	exit(code);
}

static int
failed_code(enum pg_fault fault)
{
	return fault == PG_BROKEN ? EXIT_PERM : EXIT_TEMP;
}

static void
write_out(struct store *store)
{
	struct err err;

	if (fd_print(&store->out, STORE_BATCH_BYTES, &err) < 0)
		fail(EXIT_TEMP, "stopped", &err);
}

static void
say_waiting(struct store *store)
{
	waiting_print(&store->out, "postgresql");
	write_out(store);
}

/* The database is away (why), or back (NULL). Only a filter with records in
 * hand owes its runner a word. */
static void
waiting(void *arg, const char *why)
{
	struct store *store = arg;

	if (!why) {
		status_set(&store->status, STATUS_READY, NULL);
		LOG_INFO("store", "database is back");
		return;
	}
	if (store->status.state != STATUS_WAITING)
		LOG_WARN("store", "waiting for the database",
			LOG_S("error", why));
	status_set(&store->status, STATUS_WAITING, why);
	status_tick(&store->status, clock_mono_ms());
	if (store->batch.count)
		say_waiting(store);
}

/* Stores what is there, and answers it. */
static void
finish_batch(struct store *store)
{
	struct store_batch *batch = &store->batch;
	struct err err;

	if (!batch->count)
		return;
	if (store->link.away)
		say_waiting(store);
	enum pg_fault fault = store_save(&store->save, batch, &err);
	if (fault != PG_OK)
		fail(failed_code(fault), "stopped with records unanswered",
			&err);
	for (size_t i = 0; i < batch->count; i++) {
		store->counts[batch->items[i].state]++;
		if (store_item_answer(&store->out, &batch->items[i],
			    store->events_topic) < 0) {
			err_set(&err, "out of memory");
			fail(EXIT_TEMP, "stopped with records unanswered",
				&err);
		}
	}
	write_out(store);
	store->batches++;
	store_batch_reset(batch);
}

static void
take_control(struct store *store, enum control_kind kind,
	struct json_iter *positions)
{
	struct position position;

	while (kind == CONTROL_REVOKED && control_next(positions, &position))
		store_batch_revoked(
			&store->batch, position.topic, position.partition);
}

/* One line of the runner's: hello, control, or a record. */
static void
take_line(struct store *store, struct str line)
{
	enum control_kind kind;
	struct json_iter positions;
	struct hello hello;
	struct err err;

	if (str_starts(line, "{\"hello\":")) {
		if (hello_parse(&hello, line, &err) < 0)
			fail(EXIT_PERM, "not my kind of runner", &err);
		store->batch.control = true;
		hello_print(&store->out, "chat-store", RECORD_LINE_MAX);
		write_out(store);
		return;
	}
	int control = control_parse(line, &kind, &positions, &err);
	if (control > 0) {
		finish_batch(store);
		take_control(store, kind, &positions);
	} else if (control < 0 ||
		   store_batch_add(&store->batch, line, &err) < 0) {
		fail(EXIT_PERM, "broken line from the runner", &err);
	}
}

/* Waits for a first line, then takes what is there. false: the end. */
static bool
take_batch(struct store *store)
{
	int64_t until = status_tick(&store->status, clock_mono_ms());
	struct err err;
	struct str line;

	if ((!store->link.conn || stop_asked) &&
		until > clock_mono_ms() + IDLE_MS)
		until = clock_mono_ms() + IDLE_MS;
	do {
		switch (line_read(&store->in, &line, until, &err)) {
		case LINE_OK:
			store->stop.line_ms = clock_mono_ms();
			take_line(store, line);
			break;
		case LINE_TIMEOUT:
			return true;
		case LINE_EOF:
			return false;
		case LINE_LONG:
			err_set(&err, "a line of over %zu bytes",
				store->in.max_bytes);
			/* fall through */
		case LINE_ERROR:
			fail(EXIT_PERM, "broken line from the runner", &err);
		}
	} while (!store_batch_full(&store->batch) && line_ready(&store->in));
	return true;
}

static void
run(struct store *store)
{
	enum pg_fault fault;
	struct err err;
	bool more = true;

	while (more && !stop_filter_over(&store->stop, clock_mono_ms())) {
		if (stop_asked)
			status_set(&store->status, STATUS_DRAINING, "");
		if (stop_usr1) {
			stop_usr1 = 0;
			status_write(&store->status);
		}
		pg_link_look(&store->link);
		if (!line_ready(&store->in)) {
			fault = pg_link_try(&store->link, &err);
			if (fault == PG_BROKEN)
				fail(EXIT_PERM, "the database is not usable",
					&err);
			if (fault == PG_OK && !stop_asked)
				status_set(&store->status, STATUS_READY, NULL);
		}
		more = take_batch(store);
		finish_batch(store);
	}
}

/* -n and --new-epoch. */
static int
once(struct store *store)
{
	PGresult *result = NULL;
	struct err err;
	enum pg_fault fault = pg_link_try(&store->link, &err);

	if (fault == PG_OK && new_epoch)
		fault = pg_link_run(&store->link,
			"with emptied as (delete from outbox) "
			"update store_epoch set epoch = gen_random_uuid(), "
			"since = now() returning epoch",
			false, NULL, &result, NULL, &err);
	int code = fault == PG_OK ? EXIT_DONE : failed_code(fault);

	if (result &&
		fd_printf(&err, "%.*s\n", STR_ARG(pg_str(result, 0, 0))) < 0)
		code = EXIT_TEMP;
	if (code != EXIT_DONE)
		fprintf(stderr, "chat-store: %s\n", err.text);
	PQclear(result);
	pg_link_close(&store->link);
	return code;
}

int
main(int argc, char **argv)
{
	static struct store store;
	struct err err;
	const char *conninfo;
	int first = opt_parse(&about, argc, argv, &err);

	if (first >= 0 && first < argc)
		first = err_set(&err, "superfluous operand '%s'", argv[first]);
	if (first < 0 || pg_conninfo(conninfo_arg, &conninfo, &err) < 0 ||
		zone_init(&err) < 0)
		opt_usage(&about, &err);
	log_open("chat-store");
	stop_init();
	store.events_topic = events_arg;
	store.link = (struct pg_link){
		.conf = {.conninfo = conninfo, .app = "chat-store"},
		.begin = store_save_begin,
	};
	if (check_only || new_epoch)
		return once(&store);

	const struct status_counter counters[] = {
		{"stored", &store.counts[STORE_STORED]},
		{"again", &store.counts[STORE_AGAIN]},
		{"duplicates", &store.counts[STORE_DUPLICATE]},
		{"refused", &store.counts[STORE_REFUSED]},
		{"reused", &store.counts[STORE_REUSED]},
		{"dead", &store.counts[STORE_DEAD]},
		{"retried", &store.counts[STORE_RETRY]},
		{"noted", &store.counts[STORE_NOTED]},
		{"known", &store.counts[STORE_KNOWN]},
		{"batches", &store.batches},
	};
	if (status_open(&store.status, status_path, "chat-store", counters,
		    ARRAY_LEN(counters), &err) < 0)
		opt_usage(&about, &err);
	if (store_batch_init(&store.batch, (size_t)batch_max, max_chars, &err) <
			0 ||
		store_save_init(
			&store.save, &store.link, (size_t)batch_max, &err) < 0)
		fail(EXIT_TEMP, "stopped", &err);
	store.batch.letters = outcomes;
	store.link.waiting = waiting;
	store.link.arg = &store;
	/* The usual 64 KiB would cut batches, and answers, into pieces. */
	fd_pipe_grow(STDIN_FILENO, PIPE_BYTES);
	fd_pipe_grow(STDOUT_FILENO, PIPE_BYTES);
	line_init(&store.in, STDIN_FILENO, RECORD_LINE_MAX);
	run(&store);
	status_close(&store.status);
	pg_link_close(&store.link);
	store_save_release(&store.save);
	store_batch_release(&store.batch);
	line_release(&store.in);
	buf_release(&store.out);
	return EXIT_DONE;
}
