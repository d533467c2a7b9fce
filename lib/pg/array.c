#include <endian.h>
#include <string.h>

#include "pg/array.h"

/* From 1970 to 2000, where PostgreSQL's times begin. */
#define PG_EPOCH_MS 946684800000

static void
add_be32(struct buf *buf, int32_t n)
{
	uint32_t be = htobe32((uint32_t)n);
	buf_add(buf, &be, sizeof(be));
}

static int64_t
get_be64(const char *data)
{
	uint64_t be;
	memcpy(&be, data, sizeof(be));
	return (int64_t)be64toh(be);
}

static int32_t
get_be32(const char *data)
{
	uint32_t be;
	memcpy(&be, data, sizeof(be));
	return (int32_t)be32toh(be);
}

/* ---- arrays: the server's array_recv() reads
 *
 *	dimensions | has nulls | element type | length | lower bound |
 *	then for each element: its length (-1: null) and bytes
 *
 * each four bytes, big-endian. The head is there from the start; the length
 * is put in when the array becomes a parameter. */

enum { HEAD_BYTES = 20, HEAD_NULLS = 4, HEAD_LENGTH = 12 };

void
pg_array_reset(struct pg_array *array, int type)
{
	array->type = type;
	array->count = 0;
	buf_reset(&array->bytes);
	add_be32(&array->bytes, 1);
	add_be32(&array->bytes, 0);
	add_be32(&array->bytes, type);
	add_be32(&array->bytes, 0);
	add_be32(&array->bytes, 1);
}

void
pg_array_release(struct pg_array *array)
{
	buf_release(&array->bytes);
	array->count = 0;
}

static void
add_element(struct pg_array *array, const void *data, size_t len)
{
	add_be32(&array->bytes, (int32_t)len);
	buf_add(&array->bytes, data, len);
	array->count++;
}

void
pg_array_add_null(struct pg_array *array)
{
	add_be32(&array->bytes, -1);
	array->count++;
	if (!buf_bad(&array->bytes))
		array->bytes.data[HEAD_NULLS + 3] = 1;
}

void
pg_array_add_bool(struct pg_array *array, bool v)
{
	add_element(array, v ? "\1" : "\0", 1);
}

void
pg_array_add_i32(struct pg_array *array, int32_t n)
{
	uint32_t be = htobe32((uint32_t)n);
	add_element(array, &be, sizeof(be));
}

void
pg_array_add_i64(struct pg_array *array, int64_t n)
{
	uint64_t be = htobe64((uint64_t)n);
	add_element(array, &be, sizeof(be));
}

void
pg_array_add_text(struct pg_array *array, struct str text)
{
	add_element(array, text.data, text.len);
}

void
pg_array_add_ms(struct pg_array *array, int64_t epoch_ms)
{
	pg_array_add_i64(array, (epoch_ms - PG_EPOCH_MS) * 1000);
}

/* ---- parameters ---------------------------------------------------------- */

void
pg_args_reset(struct pg_args *args)
{
	args->count = 0;
	args->bad = false;
}

static void
add_arg(struct pg_args *args, int type, const void *value, size_t len)
{
	if (args->count == PG_ARGS_MAX) {
		args->bad = true;
		return;
	}
	args->types[args->count] = (Oid)type;
	args->values[args->count] = value;
	args->lengths[args->count] = (int)len;
	args->formats[args->count++] = 1;
}

/* Big-endian numbers live in the struct: eight bytes, of which len count. */
static void
add_number(struct pg_args *args, int type, int64_t n, size_t len)
{
	uint64_t be = htobe64((uint64_t)n);

	if (args->count < PG_ARGS_MAX)
		memcpy(&args->numbers[args->count], &be, sizeof(be));
	add_arg(args, type,
		(char *)&args->numbers[args->count % PG_ARGS_MAX] + 8 - len,
		len);
}

void
pg_args_null(struct pg_args *args, int type)
{
	add_arg(args, type, NULL, 0);
}

void
pg_args_bool(struct pg_args *args, bool v)
{
	add_number(args, PG_BOOL, v, 1);
}

void
pg_args_i32(struct pg_args *args, int32_t n)
{
	add_number(args, PG_INT4, n, 4);
}

void
pg_args_i64(struct pg_args *args, int64_t n)
{
	add_number(args, PG_INT8, n, 8);
}

void
pg_args_text(struct pg_args *args, struct str text)
{
	add_arg(args, PG_TEXT, text.data ? text.data : "", text.len);
}

void
pg_args_ms(struct pg_args *args, int64_t epoch_ms)
{
	add_number(args, PG_TIMESTAMPTZ, (epoch_ms - PG_EPOCH_MS) * 1000, 8);
}

/* The types of arrays, by those of their elements. */
static int
array_type(int type)
{
	switch (type) {
	case PG_BOOL:
		return 1000;
	case PG_INT4:
		return 1007;
	case PG_TEXT:
		return 1009;
	case PG_INT8:
		return 1016;
	case PG_TIMESTAMPTZ:
		return 1185;
	}
	return 0; /* the server guesses from the statement */
}

void
pg_args_array(struct pg_args *args, struct pg_array *array)
{
	uint32_t be = htobe32((uint32_t)array->count);

	if (buf_bad(&array->bytes) || array->bytes.len < HEAD_BYTES) {
		args->bad = true;
		return;
	}
	memcpy(array->bytes.data + HEAD_LENGTH, &be, sizeof(be));
	add_arg(args, array_type(array->type), array->bytes.data,
		array->bytes.len);
}

static int
sent(PGconn *conn, int ok, struct err *err)
{
	if (ok)
		return 0;
	const char *why = PQerrorMessage(conn);
	return err_set(err, "%.*s", (int)strcspn(why, "\n"), why);
}

int
pg_send(PGconn *conn, const char *sql, const struct pg_args *args,
	struct err *err)
{
	static const struct pg_args none;

	if (!args)
		args = &none;
	if (args->bad)
		return err_set(err, "out of memory");
	return sent(conn,
		PQsendQueryParams(conn, sql, args->count, args->types,
			args->values, args->lengths, args->formats, 1),
		err);
}

int
pg_send_prepared(PGconn *conn, const char *name, const struct pg_args *args,
	struct err *err)
{
	static const struct pg_args none;

	if (!args)
		args = &none;
	if (args->bad)
		return err_set(err, "out of memory");
	return sent(conn,
		PQsendQueryPrepared(conn, name, args->count, args->values,
			args->lengths, args->formats, 1),
		err);
}

/* ---- results ------------------------------------------------------------- */

bool
pg_null(const PGresult *result, int row, int col)
{
	return PQgetisnull(result, row, col);
}

bool
pg_bool(const PGresult *result, int row, int col)
{
	return PQgetlength(result, row, col) == 1 &&
	       *PQgetvalue(result, row, col);
}

int32_t
pg_i32(const PGresult *result, int row, int col)
{
	return PQgetlength(result, row, col) == 4
		       ? get_be32(PQgetvalue(result, row, col))
		       : 0;
}

int64_t
pg_i64(const PGresult *result, int row, int col)
{
	return PQgetlength(result, row, col) == 8
		       ? get_be64(PQgetvalue(result, row, col))
		       : 0;
}

struct str
pg_str(const PGresult *result, int row, int col)
{
	return (struct str){PQgetvalue(result, row, col),
		(size_t)PQgetlength(result, row, col)};
}

int64_t
pg_ms(const PGresult *result, int row, int col)
{
	int64_t us = pg_i64(result, row, col);

	if (pg_null(result, row, col))
		return 0;
	return (us >= 0 ? us / 1000 : -((999 - us) / 1000)) + PG_EPOCH_MS;
}
