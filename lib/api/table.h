/*
 * api/table.h - columns for people: JSON objects become rows, aligned by their
 * width on a terminal (East Asian characters take two cells). What could move
 * a terminal's cursor or change its state is shown as '?'.
 */
#ifndef API_TABLE_H
#define API_TABLE_H

#include "base/base.h"
#include "base/buf.h"
#include "json/json.h"

#define TABLE_COLUMNS_MAX 10

struct table_column {
	const char *title;
	const char *field; /* of the object; missing and null print "-" */
};

/* Columns keep the widest width so far, so that the parts of a long list line
 * up. columns: borrowed, title NULL at the end. */
struct table {
	const struct table_column *columns;
	size_t width[TABLE_COLUMNS_MAX];
	bool titled;
};

/* Appends the rows of a JSON array, with the titles before the first ones; an
 * object is one row. */
void table_print(struct buf *out, struct table *table, struct json rows);
/* The same as JSON Lines: each row as it stands. */
void table_print_json(struct buf *out, struct json rows);
/* Appends the array with its elements turned round. */
void table_turn_round(struct buf *out, struct json rows);

#endif
