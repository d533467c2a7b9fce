/*
 * pg/array.h - binary parameters and results of PostgreSQL: numbers, text, and
 * one-dimensional arrays of them; no printing and parsing of decimals, no
 * quoting. Everything goes as binary (format 1) and must be asked for so.
 *
 *	struct pg_args args = {0};
 *	pg_args_i64(&args, room_id);
 *	pg_args_text(&args, name);
 *	pg_send(conn, "select .. $1, $2", &args)
 */
#ifndef PG_ARRAY_H
#define PG_ARRAY_H

#include <libpq-fe.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define PG_ARGS_MAX 24

/* Types by their numbers in pg_type, fixed for ever. */
enum {
	PG_BOOL = 16,
	PG_INT8 = 20,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_JSON = 114,
	PG_TIMESTAMPTZ = 1184,
};

/* An array that grows by its end. All zero, then pg_array_reset(). */
struct pg_array {
	struct buf bytes;
	int type; /* of its elements */
	int32_t count;
};

void pg_array_reset(struct pg_array *array, int type);
void pg_array_release(struct pg_array *array);
void pg_array_add_null(struct pg_array *array);
void pg_array_add_bool(struct pg_array *array, bool v);
void pg_array_add_i32(struct pg_array *array, int32_t n);
void pg_array_add_i64(struct pg_array *array, int64_t n);
void pg_array_add_text(struct pg_array *array, struct str text);
void pg_array_add_ms(struct pg_array *array, int64_t epoch_ms);

/* Parameters $1, $2, .. in order. Borrows texts and arrays until the statement
 * has been sent; holds numbers itself. All zero is empty. */
struct pg_args {
	int count;
	Oid types[PG_ARGS_MAX];
	const char *values[PG_ARGS_MAX];
	int lengths[PG_ARGS_MAX];
	int formats[PG_ARGS_MAX];
	int64_t numbers[PG_ARGS_MAX];
	bool bad; /* too many, or an array that ran out of memory */
};

void pg_args_reset(struct pg_args *args);
void pg_args_null(struct pg_args *args, int type);
void pg_args_bool(struct pg_args *args, bool v);
void pg_args_i32(struct pg_args *args, int32_t n);
void pg_args_i64(struct pg_args *args, int64_t n);
void pg_args_text(struct pg_args *args, struct str text);
void pg_args_ms(struct pg_args *args, int64_t epoch_ms);
/* Finishes the array's head. */
void pg_args_array(struct pg_args *args, struct pg_array *array);

/* PQsendQueryParams(), results binary; args may be NULL. values, lengths and
 * formats move with the struct: copy no pg_args after filling it. */
int pg_send(PGconn *conn, const char *sql, const struct pg_args *args,
	struct err *err) MUST_CHECK;
/* The same for a prepared statement. */
int pg_send_prepared(PGconn *conn, const char *name, const struct pg_args *args,
	struct err *err) MUST_CHECK;

/* Fields of a binary result; a null is 0, false or empty. Views live as long
 * as the result. An enum or json column reads as text. */
bool pg_null(const PGresult *result, int row, int col);
bool pg_bool(const PGresult *result, int row, int col);
int32_t pg_i32(const PGresult *result, int row, int col);
int64_t pg_i64(const PGresult *result, int row, int col);
struct str pg_str(const PGresult *result, int row, int col);
/* timestamptz, in milliseconds since 1970, rounded down. */
int64_t pg_ms(const PGresult *result, int row, int col);

#endif
