/* dlq/report.c - see report.h. */
#include "dlq/report.h"

#include <stdlib.h>

#include "io/fd.h"
#include "io/stop.h"

#define FLUSH_BYTES 65536
#define REASON_BYTES 200 /* of a class's name */

int
report_flush(struct report *report, struct err *err)
{
	return fd_print(&report->out, RECORD_LINE_VIEW_MAX, err);
}

int
report_finish(struct report *report, int code, bool no, struct err *err)
{
	struct err unwritten;

	if (report_flush(report, &unwritten) < 0 && !code) {
		*err = unwritten;
		return EXIT_TEMP;
	}
	if (code)
		return code;
	err_clear(err);
	return no ? EXIT_NO : EXIT_DONE;
}

static int
flush_full(struct report *report, struct err *err)
{
	if (report->out.len < FLUSH_BYTES && !buf_bad(&report->out))
		return 0;
	return report_flush(report, err) < 0 ? EXIT_TEMP : 0;
}

int
report_letter(struct report *report, const struct letter *letter,
	const char *state, struct err *err)
{
	if (report->json) {
		letter_print_json(
			&report->out, letter, state, RECORD_LINE_VIEW_MAX);
	} else if (report->page) {
		letter_print_page(&report->out, letter, state);
	} else {
		if (!report->titled)
			letter_print_title(&report->out);
		report->titled = true;
		letter_print_row(&report->out, letter, state);
	}
	return flush_full(report, err);
}

/* ---- reasons ----------------------------------------------------------------
 */

static struct reason *
find_reason(struct report *report, struct str name)
{
	struct reason *more;
	size_t i;

	for (i = 0; i < report->reason_count; i++)
		if (str_eq_c(name, report->reason[i].name))
			return &report->reason[i];
	if (i == REPORT_REASONS_MAX)
		name = STR("(others)");
	more = &report->reason[i];
	if (!more->name)
		more->name = str_dup(name);
	if (!more->name)
		return NULL;
	if (i < REPORT_REASONS_MAX)
		report->reason_count++;
	return more;
}

static int
count(struct report *report, const struct letter *letter, bool settled,
	struct err *err)
{
	struct reason *reason = find_reason(
		report, str_utf8_cut(letter->info.error_class, REASON_BYTES));

	if (!reason) {
		err_set(err, "out of memory");
		return EXIT_TEMP;
	}
	reason->letters++;
	reason->open += !settled;
	return 0;
}

int
report_listed(struct report *report, const struct letter *letter,
	const struct marks *marks, struct err *err)
{
	bool settled;

	buf_reset(&report->key);
	letter_mark_key(&report->key, letter);
	settled = marks_has(marks, buf_str(&report->key));
	if (settled && !report->all)
		return 0;
	report->listed++;
	if (report->reasons)
		return count(report, letter, settled, err);
	return report_letter(report, letter, settled ? "settled" : "open", err);
}

int
report_topic(struct report *report, struct source *source,
	const struct source_place *place, const struct choice *choice,
	struct err *err)
{
	rd_kafka_message_t *message;
	struct letter letter;
	enum source_got got = SOURCE_NOTHING;
	int code = source_marks(source, place->dlt, false, err);

	if (!code)
		code = source_begin(source, place, err);
	while (!code && !stop_asked && got != SOURCE_END) {
		got = source_next(source, 100, &letter, &message, &code, err);
		if (got != SOURCE_LETTER)
			continue;
		if (choice_takes(choice, &letter))
			code = report_listed(
				report, &letter, &source->marks, err);
		rd_kafka_message_destroy(message);
	}
	return code;
}

static int
compare(const void *va, const void *vb)
{
	const struct reason *a = va, *b = vb;

	if (a->letters != b->letters)
		return a->letters > b->letters ? -1 : 1;
	return str_cmp(str_c(a->name), str_c(b->name));
}

static void
print_reason(struct report *report, const struct reason *reason)
{
	struct buf *out = &report->out;

	if (report->json) {
		json_open(out, NULL, '{');
		json_put_c(out, "class", reason->name);
		json_put_i64(out, "letters", reason->letters);
		json_put_i64(out, "open", reason->open);
		json_close(out, '}');
		buf_add_char(out, '\n');
		return;
	}
	if (!report->titled)
		buf_printf(out, "%10s %10s %s\n", "LETTERS", "OPEN", "CLASS");
	report->titled = true;
	buf_printf(out, "%10lld %10lld ", (long long)reason->letters,
		(long long)reason->open);
	letter_put_escaped(
		out, *reason->name ? str_c(reason->name) : STR("(none said)"));
	buf_add_char(out, '\n');
}

int
report_end(struct report *report, struct err *err)
{
	size_t i;

	/* What is behind the last one holds all others. */
	if (report->reason[report->reason_count].name)
		report->reason_count++;
	qsort(report->reason, report->reason_count, sizeof(report->reason[0]),
		compare);
	for (i = 0; i < report->reason_count; i++)
		print_reason(report, &report->reason[i]);
	return report_flush(report, err);
}

void
report_sums(struct report *report, const struct replay_sums *sums, bool dry,
	bool drop)
{
	static const char *const names[2][2] = {
		{"replayed", "dropped"}, {"wouldReplay", "wouldDrop"}};
	struct buf *out = &report->out;
	int64_t still_open = dry ? sums->replayed : 0;

	json_open(out, NULL, '{');
	json_put_i64(out, names[dry][drop], sums->replayed);
	json_put_i64(out, "refused", sums->refused);
	json_put_i64(out, "skipped", sums->skipped);
	json_put_i64(out, "settled", sums->settled);
	json_put_i64(out, "open", sums->refused + sums->skipped + still_open);
	if (sums->stopped)
		json_put_bool(out, "stopped", true);
	json_close(out, '}');
	buf_add_char(out, '\n');
}

void
report_tidied(struct report *report, const struct tidy_sums *sums, bool dry)
{
	struct buf *out = &report->out;

	json_open(out, NULL, '{');
	json_put_i64(out, dry ? "wouldTidy" : "tidied", sums->tidied);
	json_put_i64(out, "kept", sums->kept);
	if (sums->stopped)
		json_put_bool(out, "stopped", true);
	json_close(out, '}');
	buf_add_char(out, '\n');
}
