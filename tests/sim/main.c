/*
 * tests/sim/main.c - random schedules of the whole system; see world.h.
 *
 *	sim --schedules 100000          from a new seed, which it prints
 *	sim --seed 7 --trace            one schedule, line by line
 *	sim --seed 7 --shrink           the same fault, with as little as it
 *takes sim --list-rules sim --without RULE              is it missed? sim
 *--table                     how soon each rule is missed
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/zone.h"
#include "run.h"

static const char usage[] =
	"usage: sim [options]\n"
	"  --seed N        the first schedule's; else a new one each time\n"
	"  --schedules N   how many; default 1000\n"
	"  --seconds N     as many as fit into that time\n"
	"  --workers N     processes; default 2\n"
	"  --trace         print what happens\n"
	"  --shrink        make the first schedule that fails small\n"
	"  --list-rules    what can be switched off\n"
	"  --without RULE  switch it off (again for more)\n"
	"  --table [RULE]..  each off, alone: schedules until it is missed\n"
	"  --bound N       .. at most; default 20000\n"
	"exit status: 0 nothing wrong, 1 a violation, 100 usage\n";

enum {
	SEED,
	SCHEDULES,
	SECONDS,
	WORKERS,
	TRACE,
	SHRINK,
	LIST,
	WITHOUT,
	TABLE,
	BOUND,
	HELP
};

static const struct option options[] = {{"seed", 1, NULL, SEED},
	{"schedules", 1, NULL, SCHEDULES}, {"seconds", 1, NULL, SECONDS},
	{"workers", 1, NULL, WORKERS}, {"trace", 0, NULL, TRACE},
	{"shrink", 0, NULL, SHRINK}, {"list-rules", 0, NULL, LIST},
	{"without", 1, NULL, WITHOUT}, {"table", 0, NULL, TABLE},
	{"bound", 1, NULL, BOUND}, {"help", 0, NULL, HELP}, {NULL, 0, NULL, 0}};

static NORETURN void
bad_usage(void)
{
	fputs(usage, stderr);
	exit(EXIT_PERM);
}

static NORETURN void
no_such_rule(const char *name)
{
	fprintf(stderr, "sim: there is no rule '%s'; see --list-rules\n", name);
	exit(EXIT_PERM);
}

static int64_t
number(const char *text)
{
	int64_t n;

	if (!str_i64(str_c(text), &n) || n < 0)
		bad_usage();
	return n;
}

/* Rules are switched off in a build of its own, which lies beside this one. */
static void
become_rules_build(char **argv)
{
	char path[4096];
	ssize_t len;

	if (rules_can_be_off())
		return;
	len = readlink("/proc/self/exe", path, sizeof(path) - 8);
	if (len > 0) {
		memcpy(path + len, "-rules", sizeof("-rules"));
		execv(path, argv);
	}
	fprintf(stderr,
		"sim: rules cannot be switched off in this build, and "
		"there is no %s\n",
		len > 0 ? path : "sim-rules");
	exit(EXIT_PERM);
}

static void
read_options(int argc, char **argv, struct run_opts *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case SEED:
			o->seed = (uint64_t)number(optarg);
			o->seeded = true;
			break;
		case SCHEDULES:
			o->schedules = number(optarg);
			break;
		case SECONDS:
			o->seconds = number(optarg);
			break;
		case WORKERS:
			o->workers = (int)number(optarg);
			break;
		case TRACE:
			o->trace = true;
			break;
		case SHRINK:
			o->shrink = true;
			break;
		case LIST:
			o->list = true;
			break;
		case WITHOUT:
			become_rules_build(argv);
			if (rule_find(optarg) < 0)
				no_such_rule(optarg);
			rule_set(rule_find(optarg), true);
			break;
		case TABLE:
			become_rules_build(argv);
			o->table = true;
			break;
		case BOUND:
			o->bound = number(optarg);
			break;
		case 'h':
		case HELP:
			fputs(usage, stdout);
			exit(fflush(stdout) ? EXIT_TEMP : EXIT_DONE);
		default:
			bad_usage();
		}
	}
	for (; o->table && optind < argc; optind++) {
		o->only[o->only_count] = rule_find(argv[optind]);
		if (o->only[o->only_count++] < 0)
			no_such_rule(argv[optind]);
	}
	if (optind < argc || o->workers < 1 || o->workers > WORKERS_MAX)
		bad_usage();
}

int
main(int argc, char **argv)
{
	struct run_opts o = {.schedules = -1, .workers = 2, .bound = 20000};
	struct err err;
	bool good = true;

	read_options(argc, argv, &o);
	if (zone_init(&err) < 0)
		return EXIT_PERM;
	if (!o.seeded)
		o.seed = (uint64_t)clock_wall_ms() % 10000000000 * 1000;
	if (o.schedules < 0)
		o.schedules = o.seeded && (o.trace || o.shrink) ? 1 : 1000;
	if (o.list)
		rules_list();
	else if (o.table)
		good = run_table(&o);
	else if (o.trace)
		good = run_traced(&o);
	else
		good = run_many(&o);
	if (fflush(stdout))
		return EXIT_TEMP;
	return good ? EXIT_DONE : EXIT_NO;
}
