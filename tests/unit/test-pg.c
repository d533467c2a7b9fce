/*
 * links: pg -lpq
 * pg: what errors mean, binary parameters, conninfos. No server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pg/pg.h"

static void
classes_of_errors(void **state)
{
	static const struct {
		const char *sqlstate;
		enum pg_fault fault;
	} cases[] = {
		{"22001", PG_RECORD}, {"22P02", PG_RECORD},
		{"23505", PG_RECORD}, {"23502", PG_RECORD},
		{"23503", PG_MISSING}, {"42P01", PG_BROKEN},
		{"42883", PG_BROKEN}, {"3F000", PG_BROKEN},
		{"XX000", PG_BROKEN}, {"40001", PG_OUTAGE},
		{"40P01", PG_OUTAGE}, {"53100", PG_OUTAGE},
		{"57P01", PG_OUTAGE}, {"57014", PG_OUTAGE},
		{"08006", PG_OUTAGE}, {"28P01", PG_OUTAGE},
		{"3D000", PG_OUTAGE}, {"25006", PG_OUTAGE},
		{"", PG_OUTAGE}, {"2", PG_OUTAGE},
		{NULL, PG_OUTAGE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			pg_sqlstate(cases[i].sqlstate), cases[i].fault);
}

static void
conninfos(void **state)
{
	const char *out;
	struct err err;

	unsetenv("CHAT_PG");
	assert_int_equal(pg_conninfo(NULL, &out, &err), -1);
	assert_int_equal(pg_conninfo("no conninfo", &out, &err), -1);
	assert_int_equal(pg_conninfo("host=a password=b", &out, &err), -1);
	assert_int_equal(pg_conninfo("postgresql://u:p@h/d", &out, &err), -1);
	assert_int_equal(pg_conninfo("host=a passfile=b", &out, &err), 0);
	assert_string_equal(out, "host=a passfile=b");
	setenv("CHAT_PG", "host=a password=b", 1);
	assert_int_equal(pg_conninfo(NULL, &out, &err), 0);
	assert_string_equal(out, "host=a password=b");
}

static void
arrays_as_the_server_reads_them(void **state)
{
	static const char expected[] = "\0\0\0\1\0\0\0\1\0\0\0\31\0\0\0\3"
				       "\0\0\0\1\0\0\0\2hi\377\377\377\377"
				       "\0\0\0";
	struct pg_array array = {0};
	struct pg_args args = {0};

	for (int round = 0; round < 2; round++) {
		pg_array_reset(&array, PG_TEXT);
		pg_array_add_text(&array, STR("hi"));
		pg_array_add_null(&array);
		pg_array_add_text(&array, (struct str){NULL, 0});
		pg_args_reset(&args);
		pg_args_array(&args, &array);
		assert_false(args.bad);
		assert_int_equal(args.count, 1);
		assert_int_equal(args.types[0], 1009);
		assert_int_equal(args.lengths[0], sizeof(expected));
		assert_memory_equal(args.values[0], expected, sizeof(expected));
	}
	pg_array_reset(&array, PG_INT8);
	pg_array_add_i64(&array, -2);
	pg_args_reset(&args);
	pg_args_array(&args, &array);
	assert_int_equal(args.types[0], 1016);
	assert_memory_equal(args.values[0],
		"\0\0\0\1\0\0\0\0\0\0\0\24\0\0\0\1\0\0\0\1"
		"\0\0\0\10\377\377\377\377\377\377\377\376",
		32);
	pg_array_release(&array);
}

static void
types_of_arrays(void **state)
{
	static const int pairs[][2] = {{PG_BOOL, 1000}, {PG_INT4, 1007},
		{PG_TEXT, 1009}, {PG_INT8, 1016}, {PG_TIMESTAMPTZ, 1185},
		{PG_JSON, 0}};
	struct pg_array array = {0};
	struct pg_args args = {0};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		pg_array_reset(&array, pairs[i][0]);
		pg_args_array(&args, &array);
		assert_int_equal(args.types[i], pairs[i][1]);
		assert_int_equal(array.count, 0);
	}
	pg_array_reset(&array, PG_BOOL);
	pg_array_add_bool(&array, true);
	pg_array_add_bool(&array, false);
	assert_memory_equal(array.bytes.data + 20, "\0\0\0\1\1\0\0\0\1\0", 10);
	pg_array_reset(&array, PG_INT4);
	pg_array_add_i32(&array, -2);
	assert_memory_equal(
		array.bytes.data + 20, "\0\0\0\4\377\377\377\376", 8);
	pg_array_reset(&array, PG_TIMESTAMPTZ);
	pg_array_add_ms(&array, 946684799999);
	assert_memory_equal(array.bytes.data + 20,
		"\0\0\0\10\377\377\377\377\377\377\374\30", 12);
	pg_array_release(&array);
	/* One that was never begun. */
	pg_args_reset(&args);
	pg_args_array(&args, &array);
	assert_true(args.bad);
}

/* A row with one field of each kind, as the server would send it. */
static PGresult *
row(void)
{
	static const struct {
		const char *bytes;
		int len;
	} fields[] = {{"\0\0\0\0\0\0\1\2", 8}, {"\377\377\377\376", 4},
		{"\1", 1}, {"\0", 1}, {"a\0b", 3}, {NULL, -1},
		{"\0\0\0\0\0\0\3\350", 8},
		{"\377\377\377\377\377\377\377\377", 8}};
	static char name[] = "x";
	PGresAttDesc names[ARRAY_LEN(fields)] = {{0}};
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		names[i] = (PGresAttDesc){.name = name, .format = 1};
	assert_true(PQsetResultAttrs(result, ARRAY_LEN(fields), names));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		char bytes[8] = {0};

		if (fields[i].bytes)
			memcpy(bytes, fields[i].bytes, (size_t)fields[i].len);
		assert_true(PQsetvalue(result, 0, (int)i,
			fields[i].bytes ? bytes : NULL, fields[i].len));
	}
	return result;
}

static void
fields_of_results(void **state)
{
	PGresult *result = row();

	assert_int_equal(pg_i64(result, 0, 0), 258);
	assert_int_equal(pg_i32(result, 0, 1), -2);
	assert_true(pg_bool(result, 0, 2));
	assert_false(pg_bool(result, 0, 3));
	assert_int_equal(pg_str(result, 0, 4).len, 3);
	assert_memory_equal(pg_str(result, 0, 4).data, "a\0b", 3);
	assert_true(pg_null(result, 0, 5));
	assert_false(pg_null(result, 0, 4));
	/* A null, and what has another length, are nothing. */
	assert_int_equal(pg_i64(result, 0, 5), 0);
	assert_int_equal(pg_i64(result, 0, 1), 0);
	assert_int_equal(pg_i32(result, 0, 0), 0);
	assert_int_equal(pg_str(result, 0, 5).len, 0);
	assert_false(pg_bool(result, 0, 5));
	assert_false(pg_bool(result, 0, 0));
	assert_int_equal(pg_ms(result, 0, 5), 0);
	/* Times round down, on both sides of 2000. */
	assert_int_equal(pg_ms(result, 0, 6), 946684800001);
	assert_int_equal(pg_ms(result, 0, 7), 946684799999);
	PQclear(result);
}

static void
nothing_is_sent_of_bad_parameters(void **state)
{
	struct pg_args args = {.bad = true};
	struct err err = {""};

	assert_int_equal(pg_send(NULL, "select 1", &args, &err), -1);
	assert_string_equal(err.text, "out of memory");
	assert_int_equal(pg_send_prepared(NULL, "x", &args, &err), -1);
	assert_string_equal(err.text, "out of memory");
	assert_int_equal(pg_send(NULL, "select 1", NULL, &err), -1);
	assert_string_not_equal(err.text, "out of memory");
	assert_int_equal(pg_send_prepared(NULL, "x", NULL, &err), -1);
	assert_string_not_equal(err.text, "out of memory");
}

static void
scalars(void **state)
{
	struct pg_args args = {0};

	pg_args_i64(&args, 258);
	pg_args_i32(&args, -2);
	pg_args_bool(&args, true);
	pg_args_text(&args, (struct str){NULL, 0});
	pg_args_null(&args, PG_TEXT);
	pg_args_ms(&args, 946684800001);
	assert_int_equal(args.count, 6);
	assert_memory_equal(args.values[0], "\0\0\0\0\0\0\1\2", 8);
	assert_memory_equal(args.values[1], "\377\377\377\376", 4);
	assert_int_equal(args.lengths[1], 4);
	assert_memory_equal(args.values[2], "\1", 1);
	assert_int_equal(args.lengths[2], 1);
	assert_non_null(args.values[3]); /* empty, not null */
	assert_null(args.values[4]);
	assert_memory_equal(args.values[5], "\0\0\0\0\0\0\3\350", 8);
	while (args.count < PG_ARGS_MAX)
		pg_args_i64(&args, 1);
	assert_false(args.bad);
	pg_args_i64(&args, 1);
	assert_true(args.bad);
}

static void
no_server(void **state)
{
	struct pg_conf conf = {"host=127.0.0.1 port=1 dbname=x", "test", 0};
	struct err err = {""};

	assert_null(pg_open(&conf, INT64_MAX, &err));
	assert_non_null(strstr(err.text, "refused"));
	assert_null(strchr(err.text, '\n'));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_of_errors),
		cmocka_unit_test(conninfos),
		cmocka_unit_test(arrays_as_the_server_reads_them),
		cmocka_unit_test(types_of_arrays),
		cmocka_unit_test(fields_of_results),
		cmocka_unit_test(nothing_is_sent_of_bad_parameters),
		cmocka_unit_test(scalars),
		cmocka_unit_test(no_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
