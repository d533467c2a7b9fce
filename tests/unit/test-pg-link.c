/*
 * links: pg -lpq
 * pg_link_run, against a server that is a script: what its answer's end means.
 */
#include <bsd/string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pg/pg.h"

/* Messages of PostgreSQL's protocol (3.0), with their lengths. */
#define BYTES(s) s, sizeof(s) - 1
#define HELLO "R\0\0\0\10\0\0\0\0Z\0\0\0\5I"
#define BOUND                                                                  \
	"1\0\0\0\4"                                                            \
	"2\0\0\0\4"
#define ROW                                                                    \
	"T\0\0\0\32\0\1n\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\1"       \
	"D\0\0\0\16\0\1\0\0\0\4\0\0\0\7"
#define SELECTED "C\0\0\0\15SELECT 1\0"
#define FULL "E\0\0\0\31SERROR\0C53100\0Mfull\0\0"
#define DOUBLE "E\0\0\0\32SERROR\0C23505\0Mtwice\0\0"
#define READY "Z\0\0\0\5I"

struct server {
	char dir[32], path[64];
	int listener;
	pid_t pid;
};

static void
read_to_sync(int fd)
{
	unsigned char head[5], body[4096];

	do {
		if (recv(fd, head, 5, MSG_WAITALL) != 5)
			_exit(1);
		size_t len = (size_t)head[3] << 8 | head[4];
		if (len > 4 && recv(fd, body, len - 4, MSG_WAITALL) < 0)
			_exit(1);
	} while (head[0] != 'S');
}

/* One connection; then it says the answer, and is gone. */
static void
serve(int listener, const char *answer, size_t len)
{
	unsigned char start[4096];
	int fd = accept(listener, NULL, NULL);

	if (fd < 0 || recv(fd, start, sizeof(start), 0) < 8 ||
		write(fd, BYTES(HELLO)) < 0)
		_exit(1);
	read_to_sync(fd);
	if (write(fd, answer, len) < 0)
		_exit(1);
	_exit(0);
}

static void
server_start(struct server *server, const char *answer, size_t len)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	strlcpy(server->dir, "/tmp/pg-link.XXXXXX", sizeof(server->dir));
	assert_non_null(mkdtemp(server->dir));
	snprintf(server->path, sizeof(server->path), "%s/.s.PGSQL.1",
		server->dir);
	strlcpy(at.sun_path, server->path, sizeof(at.sun_path));
	server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(
		bind(server->listener,
			(const struct sockaddr *)(const void *)&at, sizeof(at)),
		0);
	assert_int_equal(listen(server->listener, 1), 0);
	server->pid = fork();
	if (server->pid == 0)
		serve(server->listener, answer, len);
	close(server->listener);
}

/* What a statement is said to have done, of which the server says this. */
static enum pg_fault
run(const char *answer, size_t len, char *sqlstate)
{
	struct server server;
	char conninfo[96];
	struct pg_link link = {.conf = {conninfo, "test", 0}};
	struct pg_args args = {0};
	PGresult *result = NULL;
	struct err err = {""};
	enum pg_fault fault;

	server_start(&server, answer, len);
	snprintf(conninfo, sizeof(conninfo),
		"host=%s port=1 dbname=x user=x gssencmode=disable",
		server.dir);
	link.conn = pg_open(&link.conf, clock_mono_ms() + 5000, &err);
	assert_non_null(link.conn);
	assert_int_equal(PQsetnonblocking(link.conn, 1), 0);
	fault = pg_link_run(
		&link, "select 7", false, &args, &result, sqlstate, &err);
	assert_int_equal(result != NULL, fault == PG_OK);
	if (result)
		assert_int_equal(PQntuples(result), 1);
	assert_int_equal(link.conn != NULL, fault != PG_OUTAGE);
	PQclear(result);
	pg_link_close(&link);
	assert_int_equal(waitpid(server.pid, NULL, 0), server.pid);
	unlink(server.path);
	rmdir(server.dir);
	return fault;
}

static void
an_answer_with_its_end_is_done(void **state)
{
	char sqlstate[6];

	assert_int_equal(run(BYTES(BOUND ROW SELECTED READY), sqlstate), PG_OK);
}

/* The server said "SELECT 1", and could not commit: its disk was full. */
static void
an_error_after_the_rows_counts(void **state)
{
	char sqlstate[6];

	assert_int_equal(
		run(BYTES(BOUND ROW SELECTED FULL READY), sqlstate), PG_OUTAGE);
	assert_string_equal(sqlstate, "53100");
	assert_int_equal(
		run(BYTES(BOUND ROW SELECTED FULL), sqlstate), PG_OUTAGE);
	assert_int_equal(run(BYTES(BOUND ROW SELECTED DOUBLE READY), sqlstate),
		PG_RECORD);
	assert_string_equal(sqlstate, "23505");
}

static void
an_end_that_never_comes_is_unknown(void **state)
{
	char sqlstate[6];

	assert_int_equal(run(BYTES(BOUND ROW SELECTED), sqlstate), PG_OUTAGE);
	assert_int_equal(run(BYTES(BOUND ROW), sqlstate), PG_OUTAGE);
	assert_int_equal(run(BYTES(BOUND), sqlstate), PG_OUTAGE);
}

static void
the_first_error_stays(void **state)
{
	char sqlstate[6];

	assert_int_equal(run(BYTES(BOUND DOUBLE READY), sqlstate), PG_RECORD);
	assert_string_equal(sqlstate, "23505");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_with_its_end_is_done),
		cmocka_unit_test(an_error_after_the_rows_counts),
		cmocka_unit_test(an_end_that_never_comes_is_unknown),
		cmocka_unit_test(the_first_error_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
