/* base/opt.c - see opt.h. */
#include "base/opt.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

#define TABLE_MAX 64

static const struct opt common[] = {
	{OPT_FLAG, 'v', "verbose", NULL, NULL, "log debug messages too", 0, 0},
	{OPT_FLAG, 'V', "version", NULL, NULL, "print the version", 0, 0},
	{OPT_FLAG, 'h', "help", NULL, NULL, "print this help", 0, 0},
	{0},
};

static void
help_line(const struct opt *o)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%c%s%s%s%s%s", o->letter ? "-" : "   ",
		o->letter ? o->letter : ' ', o->letter && o->name ? ", " : "",
		o->name ? "--" : "", o->name ? o->name : "", o->arg ? " " : "",
		o->arg ? o->arg : "");
	printf("  %-26s %s\n", left, o->help);
}

static void
help(const struct opt_about *about)
{
	const struct opt *o;

	printf("usage: %s %s\n%s\n\n", about->name, about->operands,
		about->purpose);
	for (o = about->table; o->kind; o++)
		help_line(o);
	for (o = common; o->kind; o++)
		help_line(o);
	printf("\nman %s has the rest.\n", about->name);
}

static void
say_and_exit(const struct opt_about *about, int letter)
{
	if (letter == 'V')
		printf("%s %s\n", about->name, VERSION);
	else
		help(about);
	exit(fflush(stdout) || ferror(stdout) ? EXIT_TEMP : EXIT_DONE);
}

/* An integer with a unit behind it; the units' names and factors run side by
 * side. false where it is none or does not fit. */
static bool
with_unit(const char *arg, const char *const *units, const int64_t *factors,
	int64_t *out)
{
	size_t len = strspn(arg, "0123456789");
	int64_t n;
	int i;

	if (!str_i64((struct str){arg, len}, &n))
		return false;
	for (i = 0; units[i]; i++) {
		if (strcmp(arg + len, units[i]))
			continue;
		return !__builtin_mul_overflow(n, factors[i], out);
	}
	return false;
}

static bool
number(const struct opt *o, const char *arg, int64_t *out)
{
	static const char *const times[] = {"", "s", "ms", "m", "h", "d", NULL};
	static const int64_t ms[] = {1000, 1000, 1, 60000, 3600000, 86400000};
	static const char *const sizes[] = {"", "K", "M", "G", NULL};
	static const int64_t bytes[] = {1, 1024, 1 << 20, 1 << 30};

	if (o->kind == OPT_SECONDS)
		return with_unit(arg, times, ms, out);
	if (o->kind == OPT_SIZE)
		return with_unit(arg, sizes, bytes, out);
	return str_i64(str_c(arg), out);
}

static int
apply_number(const struct opt *o, const char *arg, struct err *err)
{
	int64_t n, max = o->min || o->max ? o->max : INT64_MAX;

	if (!number(o, arg, &n))
		return err_set(err, "'%s' is no %s for option '%s'", arg,
			o->kind == OPT_SECONDS ? "time"
			: o->kind == OPT_SIZE  ? "size"
					       : "number",
			o->name ? o->name : (char[]){o->letter, 0});
	if (n < o->min || n > max)
		return err_set(err, "'%s' for option '%s' is not in %lld..%lld",
			arg, o->name ? o->name : (char[]){o->letter, 0},
			(long long)o->min, (long long)max);
	*(int64_t *)o->target = n;
	return 0;
}

static int
apply(const struct opt *o, const char *arg, struct err *err)
{
	struct opt_list *list;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->target = true;
		return 0;
	case OPT_STRING:
		*(const char **)o->target = arg;
		return 0;
	case OPT_LIST:
		list = o->target;
		if (list->count == OPT_LIST_MAX)
			return err_set(err, "option '%s' given over %d times",
				o->name, OPT_LIST_MAX);
		list->item[list->count++] = arg;
		return 0;
	default:
		return apply_number(o, arg, err);
	}
}

/* getopt's two tables out of ours; a long-only option is 256 + its index. */
static void
build(const struct opt **all, size_t count, struct option *longs, char *shorts)
{
	size_t i;

	*shorts++ = '+';
	*shorts++ = ':';
	for (i = 0; i < count; i++) {
		int has = all[i]->kind == OPT_FLAG ? no_argument
						   : required_argument;

		longs[i] = (struct option){all[i]->name ? all[i]->name : "",
			has, NULL, 256 + (int)i};
		if (!all[i]->letter)
			continue;
		*shorts++ = all[i]->letter;
		if (has == required_argument)
			*shorts++ = ':';
	}
	*shorts = '\0';
}

static const struct opt *
find(const struct opt **all, size_t count, int got)
{
	size_t i;

	if (got >= 256)
		return all[got - 256];
	for (i = 0; i < count; i++)
		if (all[i]->letter == got)
			return all[i];
	return NULL;
}

int
opt_parse(const struct opt_about *about, int argc, char **argv, struct err *err)
{
	const struct opt *all[TABLE_MAX], *o;
	struct option longs[TABLE_MAX + 1] = {0};
	char shorts[2 * TABLE_MAX + 3];
	size_t count = 0;
	int got;

	for (o = about->table; o->kind; o++)
		all[count++] = o;
	for (o = common; o->kind; o++)
		all[count++] = o;
	build(all, count, longs, shorts);
	opterr = 0;
	optind = 0; /* glibc: begin anew, with no cluster half read */
	while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (got == ':')
			return err_set(err, "option '%s' needs an argument",
				argv[optind - 1]);
		if (got == '?')
			return err_set(
				err, "unknown option '%s'", argv[optind - 1]);
		o = find(all, count, got);
		if (o->letter == 'h' || o->letter == 'V')
			say_and_exit(about, o->letter);
		if (o->letter == 'v')
			log_level(LOG_DEBUG);
		else if (apply(o, optarg, err) < 0)
			return -1;
	}
	return optind;
}

int
opt_words(const struct opt_about *about, int argc, char **argv, char **words,
	int max, struct err *err)
{
	int at, count = 0;

	while ((at = opt_parse(about, argc, argv, err)) >= 0 && at < argc) {
		if (count < max)
			words[count] = argv[at];
		count++;
		argc -= at;
		argv += at;
	}
	return at < 0 ? -1 : count;
}

void
opt_usage(const struct opt_about *about, const struct err *err)
{
	fprintf(stderr, "%s: %s\n%s: usage: %s %s; -h helps\n", about->name,
		err->text, about->name, about->name, about->operands);
	exit(EXIT_PERM);
}
