/* client/drill_report.c - the figures of a drill as text, see drill.h. */
#include "client/drill.h"
#include "client/report.h"
#include "json/json.h"

static void
put_counts(struct buf *out, const struct drill *drill)
{
	const struct tally *t = &drill->tally;

	json_put_i64(out, "rate", drill->opts.load->rate);
	report_put_num(out, "seconds", (double)drill->run_us / 1e6);
	json_put_i64(out, "offered", t->total);
	json_put_i64(out, "sent", drill->sent);
	json_put_i64(out, "unsent", drill->unsent);
	json_put_i64(out, "resent", drill->resent);
	json_put_i64(out, "receipts", t->receipts);
	json_put_i64(out, "unanswered", drill->unanswered);
	json_put_i64(out, "deliveriesExpected", drill_expected(drill));
	json_put_i64(out, "deliveries", t->deliveries);
	json_put_i64(out, "missing", drill_expected(drill) - t->deliveries);
	json_put_i64(out, "duplicates", t->duplicates);
	json_put_i64(out, "wireDuplicates", drill->wire_duplicates);
	json_put_i64(out, "outOfOrder", t->out_of_order);
	json_put_i64(out, "misdelivered", t->misdelivered);
}

void
drill_json(struct buf *out, const struct drill *drill, const char *name)
{
	json_open(out, NULL, '{');
	if (name)
		json_put_c(out, "name", name);
	json_put_c(out, "run", "drill");
	json_put_bool(out, "clean", drill_clean(drill));
	json_put_c(out, "why", drill->why.text);
	json_put_i64(out, "rooms", drill->opts.load->rooms);
	json_put_i64(out, "members", drill->opts.load->members);
	json_put_i64(out, "connections", drill->ready);
	json_put_i64(out, "connects", drill->connects);
	json_put_i64(out, "lost", drill->lost);
	json_put_i64(out, "givenUp", drill->given_up);
	json_put_i64(out, "refused", drill->refused);
	put_counts(out, drill);
	report_put_hist(out, "endToEndMs", &drill->tally.end_to_end);
	report_put_hist(out, "lastMs", &drill->tally.last);
	report_put_hist(out, "receiptMs", &drill->tally.receipt);
	report_put_hist(out, "lagMs", &drill->tally.lag);
	json_close(out, '}');
	buf_add_char(out, '\n');
}

void
drill_table(struct buf *out, const struct drill *drill)
{
	const struct tally *t = &drill->tally;

	buf_printf(out,
		"%-14s %10lld of %lld, opened %lld times, lost %lld times\n",
		"clients", (long long)drill->ready, (long long)drill->count,
		(long long)drill->connects, (long long)drill->lost);
	buf_printf(out,
		"%-14s %10lld of %lld (%lld/s), %lld again, %lld not sent\n",
		"sent", (long long)drill->sent, (long long)t->total,
		(long long)drill->opts.load->rate, (long long)drill->resent,
		(long long)drill->unsent);
	buf_printf(out, "%-14s %10lld, %lld unanswered, %lld refused\n",
		"receipts", (long long)t->receipts,
		(long long)drill->unanswered, (long long)drill->refused);
	buf_printf(out, "%-14s %10lld of %lld\n", "deliveries",
		(long long)t->deliveries, (long long)drill_expected(drill));
	buf_printf(out,
		"%-14s %10lld duplicates (%lld more on the wire), "
		"%lld out of order, %lld misdelivered\n",
		"faults", (long long)t->duplicates,
		(long long)drill->wire_duplicates, (long long)t->out_of_order,
		(long long)t->misdelivered);
	buf_printf(out, "\n%-14s %10s %8s %8s %8s %8s\n", "ms", "p50", "p90",
		"p99", "p99.9", "max");
	report_row_hist(out, "end to end", &t->end_to_end);
	report_row_hist(out, "last member", &t->last);
	report_row_hist(out, "receipt", &t->receipt);
	report_row_hist(out, "sent late", &t->lag);
}
