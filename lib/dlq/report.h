/*
 * dlq/report.h - letters on stdout: a table, a page each or JSON Lines; or how
 * many there are of each reason. What is printed is written as it grows.
 */
#ifndef DLQ_REPORT_H
#define DLQ_REPORT_H

#include "dlq/letter.h"
#include "dlq/marks.h"
#include "dlq/replay.h"
#include "dlq/tidy.h"

#define REPORT_REASONS_MAX 1000 /* all others are counted as one */

struct report {
	bool json;
	bool all;     /* settled ones too */
	bool page;    /* all of each letter */
	bool reasons; /* counts only */
	int64_t listed;
	struct buf out, key;
	struct reason {
		char *name;
		int64_t letters, open;
	} reason[REPORT_REASONS_MAX + 1];
	size_t reason_count;
	bool titled;
};

/* A letter of a listing. 0, or an exit code. */
int report_listed(struct report *report, const struct letter *letter,
	const struct marks *marks, struct err *err) MUST_CHECK;
/* All of a topic's that choice takes, by source, which is open. 0, or an exit
 * code; asked to stop (io/stop.h) it ends early. */
int report_topic(struct report *report, struct source *source,
	const struct source_place *place, const struct choice *choice,
	struct err *err) MUST_CHECK;
/* A row, or a line, with its state as the caller calls it. */
int report_letter(struct report *report, const struct letter *letter,
	const char *state, struct err *err) MUST_CHECK;
/* The line that sums up a run, which was `dry`, or one of `drop`. */
void report_sums(struct report *report, const struct replay_sums *sums,
	bool dry, bool drop);
/* The same of marks that went. */
void report_tidied(
	struct report *report, const struct tidy_sums *sums, bool dry);
/* Counts, largest first, where they were wanted; and all that is not written
 * yet. -1: stdout cannot be written. */
int report_end(struct report *report, struct err *err) MUST_CHECK;
int report_flush(struct report *report, struct err *err) MUST_CHECK;
/* Writes the rest, and says how the program ends: as code says, or where that
 * is 0 by whether stdout took it, and by `no`. */
int report_finish(
	struct report *report, int code, bool no, struct err *err) MUST_CHECK;

#endif
