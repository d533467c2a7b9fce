/* audit/verdict.c - see verdict.h. */
#include "audit/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"

#define TEXT_MAX 1024

static const struct {
	const char *name, *title, *unit;
} about[INVARIANTS] = {
	[I1_LOSS] = {"I1", "no loss", "messages"},
	[I2_DUPLICATE] = {"I2", "no duplicate", "messages"},
	[I3_PHANTOM] = {"I3", "no phantom", "messages"},
	[I4_ORDER] = {"I4", "order", "messages"},
	[I5_DENSE] = {"I5", "dense seq", "seqs"},
	[I6_AGREEMENT] = {"I6", "readers agree", "records"},
	[I7_ISOLATION] = {"I7", "isolation", "seqs"},
	[I8_ATOMIC] = {"I8", "atomicity", "records"},
	[I9_STALE] = {"I9", "bounded staleness", "partitions"},
	[I10_UNKNOWN] = {"I10", "unknown resolved", "messages"},
};

const char *
verdict_name(enum invariant invariant)
{
	return about[invariant].name;
}

const char *
verdict_title(enum invariant invariant)
{
	return about[invariant].title;
}

const char *
verdict_unit(enum invariant invariant)
{
	return about[invariant].unit;
}

void
verdicts_release(struct verdicts *verdicts)
{
	size_t i, k;

	for (i = 0; i < INVARIANTS; i++)
		for (k = 0; k < verdicts->of[i].texts; k++)
			free(verdicts->of[i].text[k]);
	*verdicts = (struct verdicts){0};
}

void
verdict_against(struct verdicts *verdicts, enum invariant invariant,
	const char *fmt, ...)
{
	struct verdict *v = &verdicts->of[invariant];
	char text[TEXT_MAX];
	va_list args;

	v->violations++;
	if (v->texts == VERDICT_TEXTS)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	v->text[v->texts] = str_dup(str_c(text));
	v->texts += v->text[v->texts] != NULL;
}

int64_t
verdicts_violations(const struct verdicts *verdicts)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < INVARIANTS; i++)
		sum += verdicts->of[i].violations;
	return sum;
}

double
verdict_bound(int64_t checked)
{
	return checked > 3 ? 3.0 / (double)checked : 1;
}

/* ---- out ---------------------------------------------------------------- */

static void
put_row(struct buf *out, enum invariant i, const struct verdict *v)
{
	char bound[32] = "";

	if (v->checked && !v->violations)
		snprintf(bound, sizeof(bound), "< %.1e",
			verdict_bound(v->checked));
	buf_printf(out, "%-4s %-18s %12lld %-10s %10lld  %-9s %s\n",
		about[i].name, about[i].title, (long long)v->checked,
		about[i].unit, (long long)v->violations, bound,
		v->violations ? "VIOLATED"
		: v->checked  ? "holds"
			      : "not checked");
}

void
verdicts_table(struct buf *out, const struct verdicts *verdicts, bool all)
{
	const struct verdict *v;
	size_t i, k;

	buf_printf(out, "%-4s %-18s %12s %-10s %10s  %-9s %s\n", "", "",
		"checked", "", "violations", "bound", "verdict");
	for (i = 0; i < INVARIANTS; i++) {
		v = &verdicts->of[i];
		put_row(out, (enum invariant)i, v);
		for (k = 0; k < v->texts && (all || !k); k++)
			buf_printf(out, "     %s\n", v->text[k]);
	}
}

static void
put_bound(struct buf *out, int64_t checked)
{
	struct buf text = {0};

	buf_printf(&text, "%.3e", verdict_bound(checked));
	json_put_raw(out, "bound", buf_str(&text));
	buf_release(&text);
}

void
verdicts_json(struct buf *out, const struct verdicts *verdicts)
{
	const struct verdict *v;
	size_t i, k;

	json_put_bool(out, "holds", !verdicts_violations(verdicts));
	json_open(out, "invariants", '[');
	for (i = 0; i < INVARIANTS; i++) {
		v = &verdicts->of[i];
		json_open(out, NULL, '{');
		json_put_c(out, "name", about[i].name);
		json_put_c(out, "title", about[i].title);
		json_put_c(out, "verdict",
			v->violations ? "violated"
			: v->checked  ? "holds"
				      : "not checked");
		json_put_i64(out, "checked", v->checked);
		json_put_c(out, "of", about[i].unit);
		json_put_i64(out, "violations", v->violations);
		if (v->checked && !v->violations)
			put_bound(out, v->checked);
		json_open(out, "first", '[');
		for (k = 0; k < v->texts; k++)
			json_put_c(out, NULL, v->text[k]);
		json_close(out, ']');
		json_close(out, '}');
	}
	json_close(out, ']');
}
