/*
 * client/hist.h - a histogram of latencies in bins of bounded relative width,
 * as HdrHistogram has them: each power of two is cut into 64 bins, so that a
 * bin is at most 1/64 (1.6 %) of its values wide. Fixed size, no allocation.
 *
 *	value   0 1 2 .. 127 | 128,129 130,131 .. | 256..259 ..
 *	bin     0 1 2 .. 127 | 128     129     .. | 192      ..
 *
 * Percentiles are never averaged: merge the histograms, then ask. A percentile
 * is the upper end of its bin (never below the true value, at most 1.6 % above
 * it), and never above the largest value, which is kept exactly.
 */
#ifndef CLIENT_HIST_H
#define CLIENT_HIST_H

#include "base/base.h"

#define HIST_SUB 64    /* bins in a power of two */
#define HIST_SHIFTS 30 /* the last power of two: 2^36 us, 19 h */
#define HIST_BINS ((HIST_SHIFTS + 2) * HIST_SUB)

struct hist {
	int64_t count;
	double sum;
	int64_t max; /* exact */
	int64_t bin[HIST_BINS];
};

void hist_reset(struct hist *hist);
/* Values below 0 count as 0; those over the last bin are counted in it. */
void hist_add(struct hist *hist, int64_t value);
void hist_merge(struct hist *into, const struct hist *from);

/* The smallest value that at least percent (0..100) of the values do not
 * exceed; 0 of an empty histogram. */
int64_t hist_percentile(const struct hist *hist, double percent);
double hist_mean(const struct hist *hist);

#endif
