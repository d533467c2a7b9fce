/* client/hist.c - see hist.h. */
#include "client/hist.h"

#include <string.h>

/* The power of two decides how many low bits a bin ignores. */
static size_t
bin_of(int64_t value)
{
	unsigned shift;
	size_t bin;

	if (value < 2 * HIST_SUB)
		return (size_t)value;
	shift = 63 - 6 - (unsigned)__builtin_clzll((unsigned long long)value);
	bin = (size_t)shift * HIST_SUB + (size_t)(value >> shift);
	return bin < HIST_BINS ? bin : HIST_BINS - 1;
}

/* The largest value that falls into the bin. */
static int64_t
bin_top(size_t bin)
{
	unsigned shift;
	int64_t head;

	if (bin < 2 * HIST_SUB)
		return (int64_t)bin;
	shift = (unsigned)(bin / HIST_SUB) - 1;
	head = (int64_t)(bin % HIST_SUB) + HIST_SUB;
	return ((head + 1) << shift) - 1;
}

void
hist_reset(struct hist *hist)
{
	memset(hist, 0, sizeof(*hist));
}

void
hist_add(struct hist *hist, int64_t value)
{
	if (value < 0)
		value = 0;
	hist->bin[bin_of(value)]++;
	hist->count++;
	hist->sum += (double)value;
	if (value > hist->max)
		hist->max = value;
}

void
hist_merge(struct hist *into, const struct hist *from)
{
	size_t i;

	for (i = 0; i < HIST_BINS; i++)
		into->bin[i] += from->bin[i];
	into->count += from->count;
	into->sum += from->sum;
	if (from->max > into->max)
		into->max = from->max;
}

int64_t
hist_percentile(const struct hist *hist, double percent)
{
	double want = percent / 100 * (double)hist->count;
	int64_t rank = (int64_t)want, seen = 0, top;
	size_t i;

	if (!hist->count)
		return 0;
	if ((double)rank < want || rank < 1)
		rank++;
	if (rank >= hist->count)
		return hist->max;
	for (i = 0; i < HIST_BINS; i++) {
		seen += hist->bin[i];
		if (seen >= rank)
			break;
	}
	top = bin_top(i);
	return top < hist->max ? top : hist->max;
}

double
hist_mean(const struct hist *hist)
{
	return hist->count ? hist->sum / (double)hist->count : 0;
}
