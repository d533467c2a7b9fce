/* client/load_opts.c - a program's lists as options of a load run, see load.h.
 */
#include "client/load.h"

#include <stdio.h>

int
load_take_headers(
	struct load_options *opts, struct opt_list *headers, struct err *err)
{
	static char copy[LOAD_HEADERS_MAX][512];
	struct str text, key, value;
	size_t i;

	if (!headers->count)
		headers->item[headers->count++] =
			"Authorization:Bearer {token}";
	if (headers->count > LOAD_HEADERS_MAX)
		return err_set(err, "over %d headers", LOAD_HEADERS_MAX);
	for (i = 0; i < headers->count; i++) {
		text = str_c(headers->item[i]);
		if (!str_cut(text, ':', &key, &value) || !key.len ||
			key.len >= sizeof(copy[i]))
			return err_set(
				err, "'%s' is no NAME:VALUE", headers->item[i]);
		snprintf(copy[i], sizeof(copy[i]), "%.*s", STR_ARG(key));
		opts->headers[i].name = copy[i];
		if (template_parse(&opts->headers[i].value, value, err) < 0)
			return -1;
	}
	opts->header_count = headers->count;
	return 0;
}

int
load_take_pids(
	struct load_options *opts, const struct opt_list *pids, struct err *err)
{
	struct load_pid *p;
	struct str key, value;
	int64_t pid, us;
	size_t i;

	for (i = 0; i < pids->count; i++) {
		p = &opts->pids[i];
		if (!str_cut(str_c(pids->item[i]), '=', &key, &value) ||
			!str_i64(value, &pid) || pid < 1 || !key.len ||
			key.len >= sizeof(p->name))
			return err_set(
				err, "'%s' is no NAME=PID", pids->item[i]);
		snprintf(p->name, sizeof(p->name), "%.*s", STR_ARG(key));
		p->pid = (pid_t)pid;
		if (usage_cpu(p->pid, &us, err) < 0)
			return -1;
	}
	opts->pid_count = pids->count;
	return 0;
}

int
load_take_steps(
	struct load_options *opts, const struct opt_list *idle, struct err *err)
{
	int64_t n, last = 0;
	size_t i;

	if (idle->count > LOAD_STEPS_MAX)
		return err_set(err, "over %d steps", LOAD_STEPS_MAX);
	for (i = 0; i < idle->count; i++) {
		if (!str_i64(str_c(idle->item[i]), &n) || n <= last)
			return err_set(err, "--idle takes rising numbers");
		opts->idle[i] = last = n;
	}
	opts->idle_count = idle->count;
	if (opts->rooms * opts->members > LOAD_CONNECTIONS_MAX ||
		last > opts->rooms * opts->members)
		return err_set(err, "%lld rooms of %lld: too few, or too many",
			(long long)opts->rooms, (long long)opts->members);
	return 0;
}

bool
load_wants_token(const struct load_options *opts)
{
	size_t i;

	for (i = 0; i < opts->header_count; i++)
		if (template_has(&opts->headers[i].value, TEMPLATE_TOKEN))
			return true;
	return template_has(&opts->target, TEMPLATE_TOKEN);
}

void
load_plan(struct buf *out, const struct load_options *opts, const char *url)
{
	int64_t n = opts->idle_count ? opts->idle[opts->idle_count - 1]
				     : opts->rooms * opts->members;

	buf_printf(
		out, "would open %lld connections to %s\n", (long long)n, url);
	if (!opts->idle_count)
		buf_printf(out,
			"would send %lld messages a second for %.1f s: "
			"%lld deliveries a second\n",
			(long long)opts->rate,
			(double)(opts->warm_ms + opts->time_ms) / 1000,
			(long long)(opts->rate * opts->members));
}
