/*
 * chat-consume - reads topics: to stdout for people and pipes, or to a filter
 * whose answers decide what is committed, retried, dead-lettered. Options and
 * exit codes are here; lib/run does it.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/opt.h"
#include "io/fd.h"
#include "io/stop.h"
#include "run/run.h"
#include "serve/child.h"

struct args {
	struct run_options run;
	const char *from, *to, *set, *fuse;
	bool no_answers;
};

/* What does not go together, said before anything is connected. */
static int
check(struct args *args, int operands, struct err *err)
{
	struct run_options *run = &args->run;
	bool filter = operands > 0;

	if (!run->topics.count)
		return err_set(err, "no topic: give -t");
	if (args->from && spec_parse(&run->from, args->from, err) < 0)
		return err_prefix(err, "option '-o'");
	if (args->to && spec_parse(&run->to, args->to, err) < 0)
		return err_prefix(err, "option '-e'");
	if (args->set && spec_parse(&run->set, args->set, err) < 0)
		return err_prefix(err, "option '--from'");
	if (args->set && (!run->group || filter || args->from || args->to))
		return err_set(err,
			"--from sets the offsets of a group: give -g, and "
			"neither -o, -e nor a filter");
	if (run->json && !args->set)
		return err_set(err, "-j is for the table of --from");
	if (filter && args->to)
		return err_set(err, "-e is for looking, not for a filter");
	if (filter && !args->no_answers && !run->group)
		return err_set(err, "a filter needs a group: give -g");
	if (filter && !args->no_answers && args->from)
		return err_set(err,
			"a group has its own place: -o is for looking, and "
			"for --no-answers");
	if (args->fuse && fuse_parse(&run->fuse, args->fuse, err) < 0)
		return err_prefix(err, "option '-f'");
	if (args->fuse && (!filter || args->no_answers))
		return err_set(err, "-f is for a filter that answers");
	if (run->atomic && (!filter || args->no_answers))
		return err_set(err, "-x is for a filter that answers");
	if (run->atomic && run->uncommitted)
		return err_set(err, "-x needs committed records");
	if (args->no_answers && !filter)
		return err_set(err, "--no-answers without a filter");
	if (args->no_answers && run->group)
		return err_set(err, "--no-answers has no group");
	if (run->control && !filter)
		return err_set(err, "--control without a filter");
	return 0;
}

static int
dispatch(const struct args *args, bool filter, struct err *err)
{
	struct kafka kafka = {.logger = "consumer"};
	rd_kafka_conf_t *conf;

	if (args->set)
		return run_from(&args->run, err);
	if (args->run.dry_run) {
		conf = kafka_conf(&args->run.kafka, &kafka, NULL, 0, err);
		if (!conf)
			return EXIT_PERM;
		rd_kafka_conf_destroy(conf);
		if (filter && child_look(args->run.filter[0], err) < 0)
			return EXIT_PERM;
		if (fd_printf(err, "chat-consume: configuration is good\n") < 0)
			return EXIT_TEMP;
		return EXIT_DONE;
	}
	if (!filter)
		return run_view(&args->run, err);
	if (args->no_answers)
		return run_feed(&args->run, err);
	return run_runner(&args->run, err);
}

/* A call into librdkafka that never ends (see run/transact.c): what is under
 * way there is not committed, the next process ends it. */
static void
stuck(int signum)
{
	_exit(EXIT_TEMP);
}

int
main(int argc, char **argv)
{
	struct args args = {.run = {.window_records = 5000,
				    .window_bytes = 64 << 20,
				    .hang_ms = 30000}};
	struct run_options *run = &args.run;
	const struct opt table[] = {KAFKA_OPTS(&run->kafka),
		{OPT_LIST, 't', "topic", &run->topics, "TOPIC",
			"read it; may be repeated", 0, 0},
		{OPT_STRING, 'g', "group", &run->group, "GROUP",
			"the group; when looking, its offsets are only read", 0,
			0},
		{OPT_STRING, 'o', "offset", &args.from, "PLACE",
			"from: start, end, N, -N, a time", 0, 0},
		{OPT_STRING, 'e', "end", &args.to, "PLACE",
			"up to, without it: end, N, -N, a time", 0, 0},
		{OPT_STRING, 0, "from", &args.set, "PLACE",
			"set the group's offsets to that place, and exit", 0,
			0},
		{OPT_FLAG, 'j', "json", &run->json, NULL,
			"--from: JSON Lines, not a table", 0, 0},
		{OPT_INT, 'w', "window", &run->window_records, "RECORDS",
			"unfinished records at most (5000)", 1, 1000000},
		{OPT_SIZE, 0, "window-bytes", &run->window_bytes, "BYTES",
			"bytes of them at most (64M)", 1, INT64_MAX},
		{OPT_SECONDS, 0, "hang", &run->hang_ms, "SECONDS",
			"a filter silent for so long is killed (30)", 1,
			INT64_MAX / 2},
		{OPT_STRING, 'f', "fuse", &args.fuse, "N[/M]",
			"stop where N (of the last M) records are dead", 0, 0},
		{OPT_FLAG, 'x', "transaction", &run->atomic, NULL,
			"emits, letters and offsets in one transaction", 0, 0},
		{OPT_FLAG, 0, "control", &run->control, NULL,
			"the filter speaks hello, and knows 'again'", 0, 0},
		{OPT_FLAG, 0, "no-answers", &args.no_answers, NULL,
			"the filter gets all records and answers none", 0, 0},
		{OPT_FLAG, 0, "uncommitted", &run->uncommitted, NULL,
			"records of open and aborted transactions too", 0, 0},
		{OPT_INT, 0, "slot", &run->slot, "N",
			"which runner of this host it is (0)", 0, 9999},
		{OPT_STRING, 'd', "run-dir", &run->run_dir, "DIR",
			"where the slot's lock is ($CHAT_RUN/lock)", 0, 0},
		{OPT_STRING, 'S', "status", &run->status_path, "FILE",
			"write the state to FILE", 0, 0},
		{OPT_FLAG, 'n', "dry-run", &run->dry_run, NULL,
			"check the configuration and exit; --from: set nothing",
			0, 0},
		{0}};
	const struct opt_about about = {"chat-consume",
		"-t topic [options] [-- filter ...]",
		"Reads Kafka topics: to stdout, or to a filter.", table};
	struct err err = {""};
	int at, code;

	log_open(about.name);
	stop_init();
	signal(SIGALRM, stuck);
	at = opt_parse(&about, argc, argv, &err);
	if (at < 0 || check(&args, argc - at, &err) < 0)
		opt_usage(&about, &err);
	run->filter = argv + at;
	code = dispatch(&args, at < argc, &err);
	if (code == EXIT_DONE)
		return code;
	if (at < argc)
		LOG_ERROR(about.name, "stopped by an error", LOG_E(&err));
	else
		fprintf(stderr, "chat-consume: %s\n", err.text);
	return code;
}
