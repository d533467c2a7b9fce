/* api/table.c - see table.h. */
#include "api/table.h"

#include <string.h>

static bool
is_wide(int32_t c)
{
	return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
	       (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	       (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) ||
	       (c >= 0x20000 && c <= 0x3fffd);
}

/* C0, C1, and the marks that turn the direction of writing. */
static bool
is_harmful(int32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x200e ||
	       c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

/* Appends the text made harmless; returns its cells. out may be NULL. */
static size_t
put_text(struct buf *out, struct str text)
{
	size_t cells = 0, at = 0, from;
	int32_t c;

	while (at < text.len) {
		from = at;
		c = str_utf8_next(text, &at);
		if (c < 0)
			at++;
		if (out && is_harmful(c))
			buf_add_char(out, '?');
		else if (out)
			buf_add(out, text.data + from, at - from);
		cells += is_wide(c) ? 2 : 1;
	}
	return cells;
}

/* A field as text; scratch holds what had escapes. */
static struct str
cell(struct json row, const char *field, struct buf *scratch)
{
	struct json value = json_get(row, field);
	struct str text;

	buf_reset(scratch);
	if (value.type == JSON_NONE || value.type == JSON_NULL)
		return STR("-");
	if (json_text(value, scratch, &text))
		return text;
	return value.text;
}

/* Walks rows, and an object as the only one. */
static bool
next_row(struct json_iter *it, struct json rows, struct json *row)
{
	struct json key;

	if (rows.type != JSON_OBJECT)
		return json_next(it, &key, row);
	*row = rows;
	if (!it->rest.data)
		return false;
	it->rest.data = NULL;
	return true;
}

static void
measure(struct table *table, struct json rows, struct buf *scratch)
{
	struct json_iter it = json_iter(rows);
	struct json row;
	size_t i, cells;

	while (next_row(&it, rows, &row)) {
		for (i = 0; table->columns[i].title; i++) {
			cells = put_text(NULL,
				cell(row, table->columns[i].field, scratch));
			if (cells > table->width[i])
				table->width[i] = cells;
		}
	}
}

static void
put_cell(struct buf *out, const struct table *table, size_t i, struct str text)
{
	size_t cells = put_text(out, text);

	if (!table->columns[i + 1].title) {
		buf_add_char(out, '\n');
		return;
	}
	for (; cells < table->width[i] + 2; cells++)
		buf_add_char(out, ' ');
}

static void
put_titles(struct buf *out, struct table *table)
{
	size_t i;

	table->titled = true;
	for (i = 0; table->columns[i].title; i++)
		put_cell(out, table, i, str_c(table->columns[i].title));
}

void
table_print(struct buf *out, struct table *table, struct json rows)
{
	struct json_iter it = json_iter(rows);
	struct buf scratch = {0};
	struct json row;
	size_t i, title;

	for (i = 0; table->columns[i].title; i++) {
		title = put_text(NULL, str_c(table->columns[i].title));
		if (title > table->width[i])
			table->width[i] = title;
	}
	measure(table, rows, &scratch);
	if (!table->titled)
		put_titles(out, table);
	while (next_row(&it, rows, &row))
		for (i = 0; table->columns[i].title; i++)
			put_cell(out, table, i,
				cell(row, table->columns[i].field, &scratch));
	buf_release(&scratch);
}

void
table_print_json(struct buf *out, struct json rows)
{
	struct json_iter it = json_iter(rows);
	struct json row;

	while (next_row(&it, rows, &row)) {
		buf_add_str(out, row.text);
		buf_add_char(out, '\n');
	}
}

/* From the end of a new buf to its start: one walk. */
void
table_turn_round(struct buf *out, struct json rows)
{
	struct json_iter it = json_iter(rows);
	size_t left = rows.text.len;
	struct json key, row;
	char *to;

	to = buf_room(out, left);
	if (!to)
		return;
	memset(to, ' ', left);
	to[--left] = ']';
	while (json_next(&it, &key, &row)) {
		left -= row.text.len;
		memcpy(to + left, row.text.data, row.text.len);
		if (it.rest.len)
			to[--left] = ',';
	}
	to[0] = '[';
	buf_advance(out, rows.text.len);
}
