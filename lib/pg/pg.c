#include <bsd/string.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "io/fd.h"
#include "io/stop.h"
#include "pg/pg.h"

#define TRY_FIRST_MS 100
#define TRY_MOST_MS 1000

int
pg_conninfo(const char *arg, const char **out, struct err *err)
{
	char *why = NULL;
	int result = 0;

	*out = arg ? arg : getenv("CHAT_PG");
	if (!*out || !**out)
		return err_set(err, "no database: -c or CHAT_PG is needed");
	PQconninfoOption *options = PQconninfoParse(*out, &why);
	if (!options) {
		result = err_set(err, "bad conninfo: %.*s",
			(int)strcspn(why ? why : "out of memory", "\n"),
			why ? why : "out of memory");
		PQfreemem(why);
		return result;
	}
	for (PQconninfoOption *o = options; arg && o->keyword; o++)
		if (strcmp(o->keyword, "password") == 0 && o->val)
			result = err_set(err,
				"a password on the command line can be read by "
				"all: use passfile=FILE or CHAT_PG");
	PQconninfoFree(options);
	return result;
}

/* What libpq takes: ours that the conninfo may change, then the conninfo, then
 * ours that it may not. */
struct words {
	const char *keys[16];
	const char *values[16];
	int count;
};

static void
word(struct words *words, const char *key, const char *value)
{
	words->keys[words->count] = key;
	words->values[words->count++] = value;
}

PGconn *
pg_start(const struct pg_conf *conf, struct err *err)
{
	struct words words = {0};
	struct buf options = {0};
	const char *zone = getenv("CHAT_TZ");
	int64_t ms = conf->statement_ms ? conf->statement_ms : PG_STATEMENT_MS;
	PGconn *conn = NULL;

	/* Backslash and space are the only special characters of options. */
	buf_printf(&options,
		"-c synchronous_commit=on -c statement_timeout=%lld "
		"-c lock_timeout=%lld "
		"-c idle_in_transaction_session_timeout=10000 -c TimeZone=",
		(long long)ms, (long long)ms);
	for (const char *c = zone && *zone ? zone : "UTC"; *c; c++) {
		if (*c == ' ' || *c == '\\')
			buf_add_char(&options, '\\');
		buf_add_char(&options, *c);
	}
	if (buf_bad(&options)) {
		err_set(err, "out of memory");
		goto out;
	}
	word(&words, "keepalives", "1");
	word(&words, "keepalives_idle", "10");
	word(&words, "keepalives_interval", "5");
	word(&words, "keepalives_count", "3");
	word(&words, "tcp_user_timeout", "10000");
	word(&words, "fallback_application_name", conf->app);
	word(&words, "dbname", conf->conninfo);
	word(&words, "options", options.data);
	word(&words, "client_encoding", "UTF8");
	word(&words, NULL, NULL);
	conn = PQconnectStartParams(words.keys, words.values, 1);
	if (!conn)
		err_set(err, "out of memory");
	else if (PQstatus(conn) == CONNECTION_BAD) {
		pg_fault(conn, NULL, NULL, err);
		PQfinish(conn);
		conn = NULL;
	}
out:
	buf_release(&options);
	return conn;
}

enum pg_fault
pg_sqlstate(const char *sqlstate)
{
	if (!sqlstate || strlen(sqlstate) != 5)
		return PG_OUTAGE;
	if (strcmp(sqlstate, "23503") == 0)
		return PG_MISSING;
	if (strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0)
		return PG_RECORD;
	if (strncmp(sqlstate, "42", 2) == 0 ||
		strncmp(sqlstate, "3F", 2) == 0 ||
		strncmp(sqlstate, "XX", 2) == 0)
		return PG_BROKEN;
	return PG_OUTAGE;
}

enum pg_fault
pg_fault(const PGconn *conn, const PGresult *result, char *sqlstate,
	struct err *err)
{
	const char *state = NULL;
	const char *text = NULL;

	if (result) {
		ExecStatusType status = PQresultStatus(result);
		if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
			return PG_OK;
		state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	}
	if (!text || !*text)
		text = PQerrorMessage(conn);
	if (!text || !*text)
		text = "connection lost";
	if (sqlstate)
		strlcpy(sqlstate, state ? state : "", 6);
	err_set(err, "%.*s%s%s%s", (int)strcspn(text, "\n"), text,
		state ? " (SQLSTATE " : "", state ? state : "",
		state ? ")" : "");
	return pg_sqlstate(state);
}

enum pg_fault
pg_check_schema(PGconn *conn, struct err *err)
{
	PGresult *result = PQexec(
		conn, "select coalesce(max(version), 0) from schema_version");
	char sqlstate[6];
	enum pg_fault fault = pg_fault(conn, result, sqlstate, err);

	if (strcmp(sqlstate, "42P01") == 0) {
		err_set(err, "the database has no schema: run scripts/migrate");
	} else if (fault == PG_OK) {
		long found = strtol(PQgetvalue(result, 0, 0), NULL, 10);
		if (found < PG_SCHEMA_VERSION) {
			err_set(err,
				"the schema is of version %ld, this program "
				"needs %d: run scripts/migrate",
				found, PG_SCHEMA_VERSION);
			fault = PG_BROKEN;
		}
	}
	PQclear(result);
	return fault;
}

/* ---- link ---------------------------------------------------------------- */

/* Says that the server is away: at once, then every 5 s. */
static void
say_away(struct pg_link *link, const char *why)
{
	int64_t now = clock_mono_ms();

	if (link->away && now - link->said_ms < PG_WAITING_EVERY_MS)
		return;
	link->away = true;
	link->said_ms = now;
	if (link->waiting)
		link->waiting(link->arg, why);
}

static void
say_back(struct pg_link *link)
{
	if (!link->away)
		return;
	link->away = false;
	if (link->waiting)
		link->waiting(link->arg, NULL);
}

/* Waits for the connection's socket; where link is known and silence lasts,
 * says so. silent_ms: since when; 0 once the deadline has passed. */
static int
wait_socket(struct pg_link *link, PGconn *conn, short events, int64_t silent_ms,
	int64_t deadline_ms, struct err *err)
{
	int64_t until = deadline_ms;

	if (link) {
		int64_t said = link->away ? link->said_ms : silent_ms;
		if (said + PG_WAITING_EVERY_MS < until)
			until = said + PG_WAITING_EVERY_MS;
	}
	int ready = fd_wait(PQsocket(conn), events, until, err);
	if (ready < 0)
		return -1;
	int64_t now = clock_mono_ms();
	if (!ready && now >= deadline_ms)
		return err_set(err, "no answer from the database server");
	if (!ready && link && now >= until)
		say_away(link, "the database server does not answer");
	return 0;
}

static PGconn *
connect_until(struct pg_link *link, const struct pg_conf *conf,
	int64_t deadline_ms, struct err *err)
{
	int64_t began = clock_mono_ms();
	PGconn *conn = pg_start(conf, err);
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	while (conn && state != PGRES_POLLING_OK) {
		if (state == PGRES_POLLING_FAILED) {
			pg_fault(conn, NULL, NULL, err);
			goto bad;
		}
		short events =
			state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		if (wait_socket(link, conn, events, began, deadline_ms, err) <
			0)
			goto bad;
		state = PQconnectPoll(conn);
	}
	return conn;
bad:
	PQfinish(conn);
	return NULL;
}

PGconn *
pg_open(const struct pg_conf *conf, int64_t deadline_ms, struct err *err)
{
	return connect_until(NULL, conf, deadline_ms, err);
}

void
pg_link_close(struct pg_link *link)
{
	if (link->conn)
		PQfinish(link->conn);
	link->conn = NULL;
}

enum pg_fault
pg_link_try(struct pg_link *link, struct err *err)
{
	if (link->conn)
		return PG_OK;
	PGconn *conn = connect_until(
		link, &link->conf, clock_mono_ms() + PG_CONNECT_MS, err);
	if (!conn) {
		say_away(link, err->text);
		return PG_OUTAGE;
	}
	enum pg_fault fault = pg_check_schema(conn, err);
	if (fault == PG_OK && link->begin)
		fault = link->begin(conn, err);
	if (fault == PG_OK && PQsetnonblocking(conn, 1) < 0)
		fault = PG_OUTAGE;
	if (fault != PG_OK) {
		PQfinish(conn);
		say_away(link, err->text);
		return fault == PG_BROKEN ? PG_BROKEN : PG_OUTAGE;
	}
	link->conn = conn;
	if (!link->failed)
		say_back(link); /* else the next run will tell */
	return PG_OK;
}

enum pg_fault
pg_link_ready(struct pg_link *link, struct err *err)
{
	int64_t pause = TRY_FIRST_MS;
	enum pg_fault fault;

	/* A server that takes connections, but fails whatever is run. */
	if (link->failed > 1)
		poll(NULL, 0,
			link->failed * TRY_FIRST_MS < TRY_MOST_MS
				? link->failed * TRY_FIRST_MS
				: TRY_MOST_MS);
	for (;;) {
		fault = stop_asked && link->failed > 1 ? PG_OUTAGE
						       : pg_link_try(link, err);
		if (fault != PG_OUTAGE)
			return fault;
		if (stop_asked)
			return PG_OUTAGE;
		poll(NULL, 0, (int)pause);
		pause = pause * 2 < TRY_MOST_MS ? pause * 2 : TRY_MOST_MS;
	}
}

void
pg_link_look(struct pg_link *link)
{
	if (!link->conn)
		return;
	if (PQconsumeInput(link->conn) && PQstatus(link->conn) == CONNECTION_OK)
		return;
	pg_link_close(link);
	say_away(link, "the database server closed the connection");
}

/* Sends what libpq still holds, and reads until the answer is whole. */
static int
exchange(struct pg_link *link, int64_t deadline_ms, struct err *err)
{
	int64_t began = clock_mono_ms();
	int left = 1;

	for (;;) {
		if (left && (left = PQflush(link->conn)) < 0)
			break;
		if (!left && !PQisBusy(link->conn))
			return 0;
		if (wait_socket(link, link->conn,
			    left ? POLLIN | POLLOUT : POLLIN, began,
			    deadline_ms, err) < 0)
			return -1;
		if (!PQconsumeInput(link->conn))
			break;
	}
	pg_fault(link->conn, NULL, NULL, err);
	return -1;
}

/* The rows and their "SELECT 1" leave the server before it commits: only the
 * end of the answer, with no error on the way, says that it has. What went
 * wrong before stays the fault. */
static enum pg_fault
answer_ends(struct pg_link *link, enum pg_fault fault, int64_t deadline_ms,
	char *sqlstate, struct err *err)
{
	struct err late;
	PGresult *more;

	for (;;) {
		if (exchange(link, deadline_ms, fault == PG_OK ? err : &late) <
			0)
			return fault == PG_OK ? PG_OUTAGE : fault;
		more = PQgetResult(link->conn);
		if (!more)
			return fault;
		if (fault == PG_OK)
			fault = pg_fault(link->conn, more, sqlstate, err);
		PQclear(more);
	}
}

enum pg_fault
pg_link_run(struct pg_link *link, const char *statement, bool prepared,
	const struct pg_args *args, PGresult **result, char *sqlstate,
	struct err *err)
{
	int64_t ms = link->conf.statement_ms ? link->conf.statement_ms
					     : PG_STATEMENT_MS;
	int64_t deadline_ms = clock_mono_ms() + ms + PG_WAITING_EVERY_MS;
	enum pg_fault fault = PG_OUTAGE;

	*result = NULL;
	if (sqlstate)
		*sqlstate = '\0';
	int sent = prepared ? pg_send_prepared(link->conn, statement, args, err)
			    : pg_send(link->conn, statement, args, err);
	if (sent < 0 || exchange(link, deadline_ms, err) < 0)
		goto lost;
	*result = PQgetResult(link->conn);
	fault = pg_fault(link->conn, *result, sqlstate, err);
	fault = answer_ends(link, fault, deadline_ms, sqlstate, err);
	if (fault == PG_OK) {
		link->failed = 0;
		say_back(link);
		return PG_OK;
	}
	PQclear(*result);
	*result = NULL;
	if (fault != PG_OUTAGE)
		return fault;
lost:
	link->failed++;
	pg_link_close(link);
	say_away(link, err->text);
	return PG_OUTAGE;
}
