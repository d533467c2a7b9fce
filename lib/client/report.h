/*
 * client/report.h - the figures of a load run as text: a table for people, or
 * one JSON object on a line (chat-bench(1) names the fields).
 */
#ifndef CLIENT_REPORT_H
#define CLIENT_REPORT_H

#include "base/buf.h"
#include "client/load.h"

/* Appends them: of the step of an idle run that was just measured, or of a run
 * with messages that is over. name: the run's, may be NULL. */
void report_table(struct buf *out, const struct load *load);
void report_json(struct buf *out, const struct load *load, const char *name);

/* Why the run is not clean, as one sentence part; empty where it is. */
void report_faults(struct buf *out, const struct load *load);

/* What other reports are made of, too: a number with three digits behind the
 * point; a histogram's count, mean and percentiles in ms; the same as a row. */
void report_put_num(struct buf *out, const char *name, double value);
void report_put_hist(
	struct buf *out, const char *name, const struct hist *hist);
void report_row_hist(struct buf *out, const char *name, const struct hist *h);

#endif
