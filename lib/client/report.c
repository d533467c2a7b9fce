/* client/report.c - see report.h. */
#include "client/report.h"

#include "json/json.h"

/* Of a run without the warm-up. */
static int64_t
measured_messages(const struct load *load)
{
	int64_t n = load->sent - load->tally.warm;

	return n > 0 ? n : 0;
}

static double
ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static double
measured_seconds(const struct load *load)
{
	int64_t warm_us = load->opts.rate
				  ? load->tally.warm * 1000000 / load->opts.rate
				  : 0;

	return load->run_us > warm_us ? (double)(load->run_us - warm_us) / 1e6
				      : 0;
}

/* ---- JSON --------------------------------------------------------------- */

void
report_put_num(struct buf *out, const char *name, double value)
{
	struct buf text = {0};

	buf_printf(&text, "%.3f", value);
	json_put_raw(out, name, buf_str(&text));
	buf_release(&text);
}

void
report_put_hist(struct buf *out, const char *name, const struct hist *hist)
{
	static const struct {
		const char *name;
		double percent;
	} points[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p999", 99.9}};
	size_t i;

	json_open(out, name, '{');
	json_put_i64(out, "count", hist->count);
	report_put_num(out, "mean", hist_mean(hist) / 1000);
	for (i = 0; i < ARRAY_LEN(points); i++)
		report_put_num(out, points[i].name,
			(double)hist_percentile(hist, points[i].percent) /
				1000);
	report_put_num(out, "max", (double)hist->max / 1000);
	json_close(out, '}');
}

static void
put_cpu(struct buf *out, const char *name, int64_t cpu_us,
	const struct load *load)
{
	json_open(out, name, '{');
	report_put_num(out, "seconds", (double)cpu_us / 1e6);
	report_put_num(out, "cores",
		ratio((double)cpu_us / 1e6, measured_seconds(load)));
	report_put_num(out, "msPerMessage",
		ratio((double)cpu_us / 1000, (double)measured_messages(load)));
	report_put_num(out, "msPer1000Deliveries",
		ratio((double)cpu_us, (double)load->tally.measured));
	json_close(out, '}');
}

static void
put_counts(struct buf *out, const struct load *load)
{
	const struct tally *t = &load->tally;
	int64_t sent = load->sent - load->unsent;

	json_put_i64(out, "rate", load->opts.rate);
	report_put_num(out, "seconds", measured_seconds(load));
	json_put_i64(out, "offered", t->total);
	json_put_i64(out, "sent", sent);
	json_put_i64(out, "unsent", load->unsent);
	json_put_i64(out, "receipts", t->receipts);
	json_put_i64(out, "receiptsMissing",
		load->opts.receipts ? sent - t->receipts : 0);
	json_put_i64(out, "deliveriesExpected", load_expected(load));
	json_put_i64(out, "deliveries", t->deliveries);
	report_put_num(out, "deliveriesPerSecond",
		ratio((double)t->measured, measured_seconds(load)));
	json_put_i64(out, "missing", load_expected(load) - t->deliveries);
	json_put_i64(out, "duplicates", t->duplicates);
	json_put_i64(out, "outOfOrder", t->out_of_order);
	json_put_i64(out, "holes", t->holes);
	json_put_i64(out, "misdelivered", t->misdelivered);
	report_put_hist(out, "endToEndMs", &t->end_to_end);
	report_put_hist(out, "lastMs", &t->last);
	report_put_hist(out, "receiptMs", &t->receipt);
	report_put_hist(out, "lagMs", &t->lag);
}

static void
put_cpus(struct buf *out, const struct load *load)
{
	const struct load_pid *p;
	size_t i;

	json_open(out, "cpu", '{');
	put_cpu(out, "generator", load->own_cpu_us, load);
	for (i = 0; i < load->opts.pid_count; i++) {
		p = &load->opts.pids[i];
		if (p->gone)
			json_put_null(out, p->name);
		else
			put_cpu(out, p->name, p->cpu_us, load);
	}
	json_close(out, '}');
}

static int64_t
grown(int64_t before, int64_t after)
{
	return before < 0 || after < 0 ? 0 : after - before;
}

static void
put_memory(struct buf *out, const struct load *load)
{
	const struct load_pid *p;
	double n = (double)load->ready;
	size_t i;

	json_open(out, "memory", '{');
	report_put_num(out, "machineBytesPerConnection",
		ratio((double)grown(load->kernel_after, load->kernel_before),
			n));
	for (i = 0; i < load->opts.pid_count; i++) {
		p = &load->opts.pids[i];
		if (p->gone) {
			json_put_null(out, p->name);
			continue;
		}
		json_open(out, p->name, '{');
		json_put_i64(out, "pssBefore", p->before.pss_bytes);
		json_put_i64(out, "pssAfter", p->after.pss_bytes);
		json_put_i64(out, "rssBefore", p->before.rss_bytes);
		json_put_i64(out, "rssAfter", p->after.rss_bytes);
		report_put_num(out, "pssPerConnection",
			ratio((double)grown(
				      p->before.pss_bytes, p->after.pss_bytes),
				n));
		report_put_num(out, "rssPerConnection",
			ratio((double)grown(
				      p->before.rss_bytes, p->after.rss_bytes),
				n));
		json_close(out, '}');
	}
	json_close(out, '}');
}

void
report_json(struct buf *out, const struct load *load, const char *name)
{
	bool idle = load->opts.idle_count;

	json_open(out, NULL, '{');
	if (name)
		json_put_c(out, "name", name);
	json_put_c(out, "run", idle ? "idle" : "load");
	json_put_bool(out, "clean", load_clean(load));
	json_put_c(out, "why", load->why.text);
	json_put_i64(out, "rooms", load->opts.rooms);
	json_put_i64(out, "members", load->opts.members);
	json_put_i64(out, "connections", load->ready);
	json_put_i64(out, "lost", load->lost);
	json_put_i64(out, "refused", load->refused);
	json_put_i64(out, "opened", load->opened);
	report_put_num(out, "rampSeconds", (double)load->ramp_us / 1e6);
	report_put_hist(out, "rampMs", &load->ramp);
	if (idle) {
		put_memory(out, load);
	} else {
		put_counts(out, load);
		put_cpus(out, load);
	}
	json_close(out, '}');
	buf_add_char(out, '\n');
}

/* ---- a table for people ------------------------------------------------- */

void
report_row_hist(struct buf *out, const char *name, const struct hist *h)
{
	if (!h->count)
		return;
	buf_printf(out, "%-14s %10.2f %8.2f %8.2f %8.2f %8.2f\n", name,
		(double)hist_percentile(h, 50) / 1000,
		(double)hist_percentile(h, 90) / 1000,
		(double)hist_percentile(h, 99) / 1000,
		(double)hist_percentile(h, 99.9) / 1000, (double)h->max / 1000);
}

static void
row_cpu(struct buf *out, const char *name, int64_t us, const struct load *load)
{
	buf_printf(out, "%-14s %9.1f%% %15.3f %22.2f\n", name,
		100 * ratio((double)us / 1e6, measured_seconds(load)),
		ratio((double)us / 1000, (double)measured_messages(load)),
		ratio((double)us, (double)load->tally.measured));
}

static void
table_load(struct buf *out, const struct load *load)
{
	const struct tally *t = &load->tally;
	const struct load_pid *p;
	size_t i;

	buf_printf(out, "%-14s %10lld of %lld (%lld/s, %.1f s measured)\n",
		"sent", (long long)(load->sent - load->unsent),
		(long long)t->total, (long long)load->opts.rate,
		measured_seconds(load));
	if (load->opts.receipts)
		buf_printf(out, "%-14s %10lld\n", "receipts",
			(long long)t->receipts);
	buf_printf(out, "%-14s %10lld of %lld (%.0f/s)\n", "deliveries",
		(long long)t->deliveries, (long long)load_expected(load),
		ratio((double)t->measured, measured_seconds(load)));
	buf_printf(out,
		"%-14s %10lld duplicates, %lld out of order, %lld holes, "
		"%lld misdelivered, %lld refused\n",
		"faults", (long long)t->duplicates, (long long)t->out_of_order,
		(long long)t->holes, (long long)t->misdelivered,
		(long long)load->refused);
	buf_printf(out, "\n%-14s %10s %8s %8s %8s %8s\n", "ms", "p50", "p90",
		"p99", "p99.9", "max");
	report_row_hist(out, "end to end", &t->end_to_end);
	report_row_hist(out, "last member", &t->last);
	report_row_hist(out, "receipt", &t->receipt);
	report_row_hist(out, "sent late", &t->lag);
	buf_printf(out, "\n%-14s %10s %15s %22s\n", "cpu", "of a core",
		"ms/message", "ms/1000 deliveries");
	row_cpu(out, "generator", load->own_cpu_us, load);
	for (i = 0; i < load->opts.pid_count; i++) {
		p = &load->opts.pids[i];
		if (p->gone)
			buf_printf(out, "%-14s %10s\n", p->name, "gone");
		else
			row_cpu(out, p->name, p->cpu_us, load);
	}
}

static void
table_idle(struct buf *out, const struct load *load)
{
	const struct load_pid *p;
	size_t i;

	buf_printf(out, "%-14s %10s %10s %16s %16s\n", "memory", "PSS MiB",
		"RSS MiB", "PSS/connection", "RSS/connection");
	for (i = 0; i < load->opts.pid_count; i++) {
		p = &load->opts.pids[i];
		buf_printf(out, "%-14s %10.1f %10.1f %16.0f %16.0f\n", p->name,
			(double)p->after.pss_bytes / (1 << 20),
			(double)p->after.rss_bytes / (1 << 20),
			ratio((double)grown(
				      p->before.pss_bytes, p->after.pss_bytes),
				(double)load->ready),
			ratio((double)grown(
				      p->before.rss_bytes, p->after.rss_bytes),
				(double)load->ready));
	}
}

void
report_table(struct buf *out, const struct load *load)
{
	buf_printf(out,
		"%-14s %10lld in %.2f s (%.0f/s), rooms of %lld, %lld lost\n",
		"connections", (long long)load->ready,
		(double)load->ramp_us / 1e6,
		ratio((double)load->opened, (double)load->ramp_us / 1e6),
		(long long)load->opts.members, (long long)load->lost);
	if (load->opts.idle_count)
		table_idle(out, load);
	else
		table_load(out, load);
	buf_add_char(out, '\n');
}

/* ---- faults ------------------------------------------------------------- */

static void
fault(struct buf *out, int64_t count, const char *what)
{
	if (count > 0)
		buf_printf(out, "%s%lld %s", out->len ? ", " : "",
			(long long)count, what);
}

void
report_faults(struct buf *out, const struct load *load)
{
	const struct tally *t = &load->tally;
	int64_t sent = load->sent - load->unsent;

	fault(out, load->target - load->ready, "not subscribed");
	fault(out, load->lost, "connections lost");
	fault(out, load->unsent, "not sent");
	if (load->opts.receipts)
		fault(out, sent - t->receipts, "receipts missing");
	fault(out, load_expected(load) - t->deliveries, "deliveries missing");
	fault(out, t->duplicates, "duplicates");
	fault(out, t->out_of_order, "out of order");
	fault(out, t->holes, "holes in seq");
	fault(out, t->misdelivered, "misdelivered");
	fault(out, load->refused, "refused");
	if (out->len && load->why.text[0])
		buf_printf(out, " (%s)", load->why.text);
}
