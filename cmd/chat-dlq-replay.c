/*
 * chat-dlq-replay - lists, edits and replays dead letters, once each, safe
 * under cron. Verbs, options and what people see are here; lib/dlq does it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/opt.h"
#include "dlq/replay.h"
#include "dlq/report.h"
#include "dlq/scope.h"
#include "dlq/tidy.h"
#include "io/stop.h"

#define NAME "chat-dlq-replay"
#define DLT "chat-messages-dlt"
#define TOLD_MAX 20 /* refused letters that are named, without -v */

static struct {
	struct kafka_options kafka;
	struct opt_list topics;
	struct choice choice;
	struct scope scope;
	const char *in, *run_dir;
	int64_t max, max_replays, max_marks, rate, patience_ms;
	bool all, reasons, json, dry, idempotent;
} opts = {.scope = {.partition = -1},
	.max = INT64_MAX,
	.max_replays = 3,
	.max_marks = 5000000,
	.patience_ms = 30000};

static const struct opt table[] = {
	KAFKA_OPTS(&opts.kafka),
	{OPT_LIST, 't', "topic", &opts.topics, "TOPIC",
		"a dead letter topic (" DLT "); may be repeated", 0, 0},
	SCOPE_OPTS(&opts.scope, &opts.choice),
	{OPT_FLAG, 'a', "all", &opts.all, NULL, "list: settled letters too", 0,
		0},
	{OPT_FLAG, 0, "reasons", &opts.reasons, NULL,
		"list: count the letters of each reason", 0, 0},
	{OPT_FLAG, 'j', "json", &opts.json, NULL, "print JSON Lines", 0, 0},
	{OPT_STRING, 0, "in", &opts.in, "FILE",
		"run: the letters of list -j, edited ('-': stdin)", 0, 0},
	{OPT_INT, 0, "max", &opts.max, "N", "run: replay at most N letters", 0,
		INT64_MAX},
	{OPT_INT, 0, "rate", &opts.rate, "N", "run: N letters a second at most",
		1, 1000000},
	{OPT_INT, 0, "max-replays", &opts.max_replays, "N",
		"run: refuse what was replayed N times (3)", 0, PLAN_UNBOUND},
	{OPT_INT, 0, "max-marks", &opts.max_marks, "N",
		"marks of settled letters in memory at most (5000000)", 1,
		INT64_C(1) << 32},
	{OPT_FLAG, 'n', "dry-run", &opts.dry, NULL,
		"change nothing; print what would be replayed", 0, 0},
	{OPT_FLAG, 'I', "idempotent", &opts.idempotent, NULL,
		"no transactions: record, then mark", 0, 0},
	{OPT_STRING, 'd', "run-dir", &opts.run_dir, "DIR",
		"where the lock is ($CHAT_RUN/lock)", 0, 0},
	{OPT_SECONDS, 'T', "timeout", &opts.patience_ms, "SECONDS",
		"how long Kafka may be silent (30)", 100, 3600000},
	{0},
};

static const struct opt_about about = {NAME,
	"[options] list | show PLACE | run [PLACE] | drop [PLACE] | tidy",
	"Lists, edits and replays dead letters, once each.", table};

static struct app {
	struct source source;
	struct edits edits;
	struct report report;
	struct source_place place; /* of each topic */
	char *named;		   /* the topic of a PLACE */
	struct replay_sums sums;
	struct tidy_sums tidied;
	int64_t told;
	bool progress, drop;
} app;

/* ---- what people see -------------------------------------------------------
 */

static void
tell(void *data, const struct letter *letter, const char *why)
{
	const struct record *r = letter ? &letter->record : NULL;
	struct err ignored; /* the summary's writing will fail, too */

	if (!why) {
		(void)!report_letter(&app.report, letter,
			app.drop ? "drop" : "replay", &ignored);
		return;
	}
	if (app.told++ >= TOLD_MAX && !app.progress)
		return;
	if (r)
		fprintf(stderr, "%s: %.*s/%d/%lld refused: %s\n", NAME,
			STR_ARG(r->topic), (int)r->partition,
			(long long)r->offset, why);
	else
		fprintf(stderr, "%s: refused: %s\n", NAME, why);
}

static void
tell_progress(void *data, int64_t seen, int64_t total)
{
	if (app.progress)
		fprintf(stderr, "%s: %s: %lld of %lld looked at\n", NAME,
			app.place.dlt, (long long)seen, (long long)total);
}

/* Quiet where nothing was done and nothing is wrong. */
static void
sum_up(void)
{
	const struct replay_sums *s = &app.sums;

	if (app.told > TOLD_MAX && !app.progress)
		fprintf(stderr, "%s: %lld refused; -v names all\n", NAME,
			(long long)app.told);
	if (s->replayed || s->refused || s->stopped || app.progress)
		report_sums(&app.report, s, opts.dry, app.drop);
}

/* ---- verbs -----------------------------------------------------------------
 */

static int
list_topic(struct err *err)
{
	return report_topic(
		&app.report, &app.source, &app.place, &opts.choice, err);
}

static int
run_topic(struct err *err)
{
	const struct replay_options ropts = {.kafka = &opts.kafka,
		.run_dir = opts.run_dir,
		.choice = &opts.choice,
		.edits = opts.in ? &app.edits : NULL,
		.idempotent = opts.idempotent,
		.drop = app.drop,
		.dry = opts.dry,
		.max = opts.max,
		.max_replays = opts.max_replays,
		.rate = opts.rate,
		.patience_ms = opts.patience_ms,
		.on_letter = tell,
		.on_progress = tell_progress};

	return replay_topic(&app.source, &ropts, &app.place, &app.sums, err);
}

static int
each_topic(int (*verb)(struct err *err), struct err *err)
{
	size_t i, count = opts.in ? app.edits.topics : opts.topics.count;
	int code = 0;

	for (i = 0; i < count && !code && !stop_asked; i++) {
		app.place.dlt =
			opts.in ? app.edits.topic[i] : opts.topics.item[i];
		code = verb(err);
	}
	if (stop_asked && i < count)
		app.sums.stopped = true;
	return code;
}

static int
list(struct err *err)
{
	int code = each_topic(list_topic, err);

	if (!code && report_end(&app.report, err) < 0)
		return EXIT_TEMP;
	return code;
}

static int
show(struct err *err)
{
	int code = list(err);

	if (code || app.report.listed)
		return code;
	err_set(err, "there is no such letter, or not any more");
	return EXIT_NO;
}

static int
run(struct err *err)
{
	int code = each_topic(run_topic, err);

	sum_up();
	return report_finish(
		&app.report, code, app.sums.refused || app.sums.stopped, err);
}

static int
tidy_one(struct err *err)
{
	const struct tidy_options topts = {.kafka = &opts.kafka,
		.run_dir = opts.run_dir,
		.idempotent = opts.idempotent,
		.dry = opts.dry,
		.patience_ms = opts.patience_ms};

	return tidy_topic(&app.source, &topts, app.place.dlt, &app.tidied, err);
}

static int
tidy(struct err *err)
{
	int code = each_topic(tidy_one, err);

	app.tidied.stopped |= app.sums.stopped;
	if (app.tidied.tidied || app.tidied.stopped || app.progress)
		report_tidied(&app.report, &app.tidied, opts.dry);
	return report_finish(&app.report, code, app.tidied.stopped, err);
}

static const struct verb {
	const char *name;
	int (*run)(struct err *err);
	bool place, must; /* it may, it has to name one */
	bool changes, drops, tidies;
} verbs[] = {
	{"list", list, false, false, false, false, false},
	{"show", show, true, true, false, false, false},
	{"run", run, true, false, true, false, false},
	{"drop", run, true, false, true, true, false},
	{"tidy", tidy, false, false, true, false, true},
};

/* ---- the start -------------------------------------------------------------
 */

/* What does not go together, said before anything is connected. */
static int
check(const struct verb *verb, int count, char **words, struct err *err)
{
	if (count > 1 + verb->place)
		return err_set(
			err, "what is '%s' for?", words[1 + verb->place]);
	if (verb->must && count < 2)
		return err_set(
			err, "%s what? TOPIC/PARTITION/OFFSET", verb->name);
	if (verb->changes && (opts.all || opts.reasons))
		return err_set(err, "--all and --reasons are for list");
	if (!verb->changes && (opts.in || opts.dry || opts.idempotent ||
				      opts.rate || opts.max != INT64_MAX))
		return err_set(err, "--in, -n, -I, --rate and --max are for "
				    "run and drop");
	if (scope_parse(&opts.scope, &opts.choice, &app.place, err) < 0)
		return -1;
	if (verb->tidies && (opts.in || opts.rate || opts.max != INT64_MAX ||
				    scope_is_narrow(&opts.scope) ||
				    choice_is_narrow(&opts.choice)))
		return err_set(err, "tidy looks at all letters of a topic");
	if (count < 2)
		return 0;
	if (opts.topics.count || opts.in || scope_is_narrow(&opts.scope))
		return err_set(err, "a letter's place, and -t, -o, -e, "
				    "--partition or --in do not go together");
	if (scope_letter(words[1], &app.named, &app.place, err) < 0)
		return -1;
	opts.topics.item[opts.topics.count++] = app.named;
	return 0;
}

static const struct verb *
find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

static int
start(const struct verb *verb, struct err *err)
{
	int code;

	/* All of it, before anything is done. */
	if (opts.in && (edits_load(&app.edits, opts.in, err) < 0 ||
			       edits_among(&app.edits, opts.in, &opts.topics,
				       err) < 0))
		return EXIT_PERM;
	if (opts.in && !app.edits.topics)
		return EXIT_DONE;
	if (!opts.topics.count)
		opts.topics.item[opts.topics.count++] = DLT;
	app.drop = verb->drops;
	app.report = (struct report){.json = opts.json,
		.all = opts.all || verb->must,
		.page = verb->must,
		.reasons = opts.reasons};
	app.source.patience_ms = opts.patience_ms;
	app.source.uncommitted = verb->tidies;
	app.source.marks.max = (size_t)opts.max_marks;
	code = source_open(&app.source, &opts.kafka, err);
	if (!code)
		code = verb->run(err);
	source_close(&app.source);
	return code;
}

int
main(int argc, char **argv)
{
	char *words[3];
	const struct verb *verb;
	struct err err = {""};
	int code, count = opt_words(&about, argc, argv, words, 3, &err);

	verb = count > 0 ? find_verb(words[0]) : NULL;
	if (count >= 0 && !verb)
		err_set(&err, "say 'list', 'show PLACE', 'run', 'drop' "
			      "or 'tidy'");
	if (!verb || check(verb, count, words, &err) < 0)
		opt_usage(&about, &err);
	log_open(NAME);
	stop_init();
	app.progress = isatty(2) || log_shows(LOG_DEBUG);
	code = start(verb, &err);
	if (err.text[0] && code != EXIT_DONE)
		fprintf(stderr, "%s: %s\n", NAME, err.text);
	return code;
}
