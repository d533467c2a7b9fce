/*
 * chat-audit - compares what Kafka and PostgreSQL hold with what clients did
 * and saw, and exits 1 where one record is lost, doubled or out of order
 * (chat-audit(1)). The comparing is audit/audit.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/files.h"
#include "audit/life.h"
#include "audit/live.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/zone.h"
#include "io/fd.h"
#include "pg/pg.h"

static const char *conninfo_arg, *since, *group = "store";
static struct kafka_options kafka;
static struct opt_list atomic_args, messages, uncommitted, events, letters,
	rows, outcomes, rooms, members, groups;
static int64_t settle_ms = 10000, slack_ms = 10000;
static bool as_json, dry_run, alone;

static const struct opt table[] = {
	KAFKA_OPTS(&kafka),
	{OPT_STRING, 'c', "pg", &conninfo_arg, "CONNINFO",
		"the database; default $CHAT_PG", 0, 0},
	{OPT_STRING, 'g', "group", &group, "GROUP", "that stores (store)", 0,
		0},
	{OPT_STRING, 0, "since", &since, "TIME",
		"only what was sent since then", 0, 0},
	{OPT_SECONDS, 0, "settle", &settle_ms, "SECONDS",
		"to wait for the groups (10)", 0, 86400000},
	{OPT_SECONDS, 0, "slack", &slack_ms, "SECONDS",
		"by which clients may end too early (10)", 0, 86400000},
	{OPT_LIST, 0, "atomic", &atomic_args, "SOURCE:TARGET:GROUP",
		"topics of a chat-consume -x", 0, 0},
	{OPT_LIST, 0, "messages", &messages, "FILE",
		"records in place of chat-messages", 0, 0},
	{OPT_LIST, 0, "messages-uncommitted", &uncommitted, "FILE",
		"the same, with what was aborted", 0, 0},
	{OPT_LIST, 0, "events", &events, "FILE", "of chat-events", 0, 0},
	{OPT_LIST, 0, "letters", &letters, "FILE", "of chat-messages-dlt", 0,
		0},
	{OPT_LIST, 0, "rows", &rows, "FILE", "of the table messages", 0, 0},
	{OPT_LIST, 0, "outcomes", &outcomes, "FILE", "of message_outcomes", 0,
		0},
	{OPT_LIST, 0, "rooms", &rooms, "FILE", "of chat_rooms", 0, 0},
	{OPT_LIST, 0, "members", &members, "FILE", "of chat_room_members", 0,
		0},
	{OPT_LIST, 0, "groups", &groups, "FILE", "how far the groups are", 0,
		0},
	{OPT_FLAG, 0, "histories-only", &alone, NULL,
		"compare the histories with each other, nothing else", 0, 0},
	{OPT_FLAG, 'j', "json", &as_json, NULL, "one JSON object", 0, 0},
	{OPT_FLAG, 'n', "dry-run", &dry_run, NULL,
		"read nothing, say what would be", 0, 0},
	{0},
};

static const struct opt_about about = {"chat-audit",
	"[options] [HISTORY .. | room ID | message UUID]",
	"Says whether a message was lost, doubled or out of order.", table};

struct app {
	struct audit audit;
	struct audit_options opts;
	struct audit_live live;
	struct audit_atomic atomic[OPT_LIST_MAX];
	const char *message; /* whose life is told */
	char **histories;
	size_t history_count;
	bool files;
	struct buf out;
};

/* Lists of files, and what each is. */
static const struct {
	const struct opt_list *list;
	enum audit_source source;
} file_lists[] = {
	{&messages, AUDIT_MESSAGES},
	{&uncommitted, AUDIT_UNCOMMITTED},
	{&groups, AUDIT_GROUPS}, /* behind the records, before the letters */
	{&events, AUDIT_EVENTS},
	{&letters, AUDIT_LETTERS},
	{&rows, AUDIT_ROWS},
	{&outcomes, AUDIT_OUTCOMES},
	{&rooms, AUDIT_ROOMS},
	{&members, AUDIT_MEMBERS},
};

/* ---- options ------------------------------------------------------------ */

static int
take_since(struct app *app, struct err *err)
{
	app->live.from = (struct spec){SPEC_START, 0};
	app->opts.since_ms = -1;
	if (!since)
		return 0;
	if (spec_parse(&app->live.from, since, err) < 0 ||
		app->live.from.kind != SPEC_TIME)
		return err_set(err,
			"option '--since': '%s' is no time: "
			"YYYY-MM-DDTHH:MM:SSZ or @SECONDS",
			since);
	app->opts.since_ms = app->live.from.n;
	return 0;
}

/* "room ID", "message UUID", or histories. */
static int
take_operands(struct app *app, int count, char **operand, struct err *err)
{
	app->opts.only_room = -1;
	if (count == 2 && !strcmp(operand[0], "room"))
		return str_i64(str_c(operand[1]), &app->opts.only_room) &&
				       app->opts.only_room > 0
			       ? 0
			       : err_set(err, "'%s' is no room", operand[1]);
	if (count == 2 && !strcmp(operand[0], "message")) {
		app->message = operand[1];
		return 0;
	}
	app->histories = operand;
	app->history_count = (size_t)count;
	return 0;
}

static int
take_sources(struct app *app, struct err *err)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(file_lists); i++)
		app->files |= alone || file_lists[i].list->count > 0;
	for (i = 0; i < atomic_args.count; i++)
		if (audit_atomic_parse(
			    &app->atomic[i], atomic_args.item[i], err) < 0)
			return -1;
	if (app->files && (app->message || atomic_args.count))
		return err_set(err, "files, and what needs a living system");
	if (alone && !app->history_count)
		return err_set(err, "--histories-only, and no history");
	app->live.kafka = &kafka;
	app->live.group = group;
	app->live.settle_ms = settle_ms;
	app->opts.slack_ms = slack_ms;
	app->opts.part = !app->files;
	if (app->files)
		return 0;
	if (!kafka.brokers && !getenv("CHAT_BROKERS"))
		return err_set(err, "no brokers: give -b or set CHAT_BROKERS, "
				    "or give files");
	return pg_conninfo(conninfo_arg, &app->live.conninfo, err);
}

static void
tell_progress(const char *what, const char *unit, int64_t seen, int64_t total)
{
	fprintf(stderr, "%s: %s: %lld", about.name, what, (long long)seen);
	if (total >= 0)
		fprintf(stderr, " of %lld", (long long)total);
	fprintf(stderr, " %s read\n", unit);
}

static struct audit_progress progress = {tell_progress, 0};

/* ---- sources ------------------------------------------------------------ */

static int
read_histories(struct app *app, struct err *err)
{
	size_t i;
	int code = 0;

	for (i = 0; i < app->history_count && !code; i++)
		code = audit_read_history(
			&app->audit, app->histories[i], (uint32_t)i, err);
	return code;
}

static int
read_list(struct app *app, size_t at, struct err *err)
{
	const struct opt_list *list = file_lists[at].list;
	enum audit_source source = file_lists[at].source;
	size_t i;
	int code = 0;

	for (i = 0; i < list->count && !code; i++)
		code = source < AUDIT_ROWS
			       ? audit_read_records(&app->audit, source,
					 list->item[i], err)
			       : audit_read_table(&app->audit, source,
					 list->item[i], err);
	return code;
}

static int
read_sources(struct app *app, struct err *err)
{
	int code = read_histories(app, err);
	size_t i;

	for (i = 0; i < ARRAY_LEN(file_lists) && !code && app->files; i++)
		code = read_list(app, i, err);
	if (!code && !app->files)
		code = audit_read_kafka(&app->audit, &app->live, err);
	if (!code && !app->files)
		code = audit_read_pg(&app->audit, &app->live, err);
	for (i = 0; i < atomic_args.count && !code; i++)
		code = audit_judge_atomic(
			&app->audit, &app->live, &app->atomic[i], err);
	return code;
}

/* ---- out ---------------------------------------------------------------- */

static int
print(struct app *app)
{
	struct err err;

	if (fd_print(&app->out, 0, &err) == 0)
		return 0;
	LOG_ERROR("audit", "cannot write the report", LOG_E(&err));
	return EXIT_TEMP;
}

static int
report(struct app *app)
{
	int code;

	if (as_json) {
		json_open(&app->out, NULL, '{');
		verdicts_json(&app->out, &app->audit.verdicts);
		audit_counts_json(&app->out, &app->audit);
		json_close(&app->out, '}');
		buf_add_char(&app->out, '\n');
	} else {
		verdicts_table(&app->out, &app->audit.verdicts, true);
		buf_add_char(&app->out, '\n');
		audit_counts_table(&app->out, &app->audit);
	}
	code = print(app);
	if (code)
		return code;
	return verdicts_violations(&app->audit.verdicts) ? EXIT_NO : EXIT_DONE;
}

static int
plan(struct app *app)
{
	size_t i;

	for (i = 0; i < app->history_count; i++)
		buf_printf(&app->out, "would read the history %s\n",
			app->histories[i]);
	if (app->files)
		buf_add_c(&app->out, "would read the files that were given\n");
	else
		buf_printf(&app->out,
			"would wait %.1f s at most for group %s, read %s, %s "
			"and %s, and PostgreSQL's tables%s%s\n",
			(double)settle_ms / 1000, group, AUDIT_TOPIC,
			AUDIT_TOPIC_LETTERS, AUDIT_TOPIC_EVENTS,
			since ? " since " : "", since ? since : "");
	return print(app);
}

/* Of a living system without --since all rooms are read. */
static bool
is_nowhere(struct app *app)
{
	return app->opts.only_room >= 0 && !app->files && !since &&
	       !audit_knows_room(&app->audit, app->opts.only_room);
}

static int
audit(struct app *app, struct err *err)
{
	int code;

	audit_init(&app->audit, &app->opts);
	code = read_sources(app, err);
	if (!code && audit_judge(&app->audit) < 0) {
		err_set(err, "out of memory");
		code = EXIT_TEMP;
	}
	if (code)
		LOG_ERROR("audit", "cannot read a source", LOG_E(err));
	else if (is_nowhere(app)) {
		fprintf(stderr, "%s: there is no room %lld\n", about.name,
			(long long)app->opts.only_room);
		code = EXIT_NO;
	} else
		code = report(app);
	audit_release(&app->audit);
	return code;
}

static int
tell_life(struct app *app, struct err *err)
{
	bool right;
	int code = life_tell(
		&app->live, app->message, as_json, &app->out, &right, err);

	if (code) {
		LOG_ERROR("audit", "cannot read a source", LOG_E(err));
		return code;
	}
	code = print(app);
	return code ? code : right ? EXIT_DONE : EXIT_NO;
}

int
main(int argc, char **argv)
{
	static struct app app;
	struct err err;
	int code, first;

	log_open(about.name);
	first = opt_parse(&about, argc, argv, &err);
	if (first < 0 || zone_init(&err) < 0 || take_since(&app, &err) < 0 ||
		take_operands(&app, argc - first, argv + first, &err) < 0 ||
		take_sources(&app, &err) < 0)
		opt_usage(&about, &err);
	if (isatty(2) || log_shows(LOG_DEBUG))
		app.live.progress = app.opts.progress = &progress;
	if (dry_run)
		code = plan(&app);
	else if (app.message)
		code = tell_life(&app, &err);
	else
		code = audit(&app, &err);
	buf_release(&app.out);
	return code;
}
