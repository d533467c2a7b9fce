/* audit/happening.c - see happening.h. */
#include "audit/happening.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/inner.h"

void
happenings_release(struct happenings *all)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		free(all->at[i].json);
	free(all->at);
	buf_release(&all->line);
	memset(all, 0, sizeof(*all));
}

struct buf *
happened(struct happenings *all, const char *what)
{
	buf_reset(&all->line);
	json_open(&all->line, NULL, '{');
	json_put_c(&all->line, "what", what);
	return &all->line;
}

void
happened_at(struct happenings *all, int64_t ms)
{
	struct happening *new;

	json_put_i64(&all->line, "atMs", ms);
	json_close(&all->line, '}');
	if (buf_bad(&all->line) || audit_grow(&all->at, &all->cap, all->count,
					   sizeof(*all->at)) < 0) {
		all->no_memory = true;
		return;
	}
	new = &all->at[all->count];
	*new = (struct happening){ms, all->rank + (int64_t)all->count,
		str_dup(buf_str(&all->line))};
	all->no_memory |= !new->json;
	all->count += new->json != NULL;
}

static int
by_time(const void *a, const void *b)
{
	const struct happening *x = a, *y = b;

	if (x->ms != y->ms)
		return x->ms < y->ms ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static void
put_time(struct buf *out, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "%s.%03dZ  ", text, (int)(ms % 1000));
}

/* "what", then what else the object has. */
static void
put_line(struct buf *out, const struct happening *h)
{
	struct json root, key, value;
	struct json_iter it;
	struct err ignored;
	struct str text;

	put_time(out, h->ms);
	if (json_scan(str_c(h->json), &root, NULL, &ignored) < 0)
		return;
	for (it = json_iter(root); json_next(&it, &key, &value);) {
		if (str_eq_c(key.text, "\"atMs\""))
			continue;
		text = value.text;
		if (str_eq_c(key.text, "\"what\"")) {
			buf_printf(out, "%-16.*s", (int)text.len - 2,
				text.data + 1);
			continue;
		}
		if (value.type == JSON_STRING)
			text = (struct str){text.data + 1, text.len - 2};
		buf_printf(out, " %.*s=%.*s", (int)key.text.len - 2,
			key.text.data + 1, STR_ARG(text));
	}
	buf_add_char(out, '\n');
}

void
happenings_sort(struct happenings *all)
{
	qsort(all->at, all->count, sizeof(*all->at), by_time);
}

void
happenings_print(struct buf *out, const struct happenings *all)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		put_line(out, &all->at[i]);
}
