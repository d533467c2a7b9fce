/*
 * pg/pg.h - connections to PostgreSQL with every timeout set, what its errors
 * mean, and waiting out a server that is away. Together with pg/array.h
 * (parameters and results) the only includer of libpq-fe.h.
 *
 * Two ways of use. Who may block (filters, tools): pg_link. Who has a loop
 * (chat-api): pg_start(), then libpq's own PQconnectPoll(), PQsendQueryParams()
 * and PQconsumeInput() on PQsocket(); pg_send() and pg_fault() fit both.
 *
 * Each session: synchronous_commit=on, TimeZone=$CHAT_TZ (default UTC),
 * statement_timeout, lock_timeout and idle_in_transaction_session_timeout, TCP
 * keepalives and tcp_user_timeout. A conninfo may change the TCP ones only.
 * A password comes from a passfile, ~/.pgpass or $CHAT_PG, never from argv:
 * pg_check() says so.
 */
#ifndef PG_PG_H
#define PG_PG_H

#include <libpq-fe.h>

#include "base/base.h"
#include "base/err.h"
#include "pg/array.h"

#define PG_SCHEMA_VERSION 1 /* the newest sql/NNN-*.sql */
#define PG_STATEMENT_MS 15000
#define PG_CONNECT_MS 4000
#define PG_WAITING_EVERY_MS 5000

struct pg_conf {
	const char *conninfo; /* keywords or URI; never NULL */
	const char *app;      /* application_name: the program's */
	int64_t statement_ms; /* 0: PG_STATEMENT_MS */
};

/* What an error means to who asked (architecture, section 4.7). */
enum pg_fault {
	PG_OK,
	PG_OUTAGE, /* everything else, and a lost connection: wait, try again */
	PG_RECORD, /* SQLSTATE 22 and 23: this data can never be stored */
	PG_MISSING, /* 23503: something is not there yet; then as PG_RECORD */
	PG_BROKEN,  /* 42, 3F, XX: a half-applied migration; only a person helps
		     */
};

/* -c's argument or, where that is NULL, $CHAT_PG. -1: neither is there, it is
 * no conninfo, or it has a password and came by argv. */
int pg_conninfo(const char *arg, const char **out, struct err *err) MUST_CHECK;

/* Begins to connect, non-blocking (PQconnectStart); the caller polls, and ends
 * it after PG_CONNECT_MS. NULL with err; else the caller calls PQfinish(). */
PGconn *pg_start(const struct pg_conf *conf, struct err *err) MUST_CHECK;

/* Connects until the deadline. NULL with err. */
PGconn *pg_open(const struct pg_conf *conf, int64_t deadline_ms,
	struct err *err) MUST_CHECK;

/* The meaning of five characters of SQLSTATE; NULL or "": PG_OUTAGE. */
enum pg_fault pg_sqlstate(const char *sqlstate);

/* Of a result (NULL: the connection was lost). err gets the message's first
 * line and the SQLSTATE; sqlstate (char[6], may be NULL) the code. */
enum pg_fault pg_fault(const PGconn *conn, const PGresult *result,
	char *sqlstate, struct err *err);

/* PG_OK: the schema is this program's or newer. PG_BROKEN where it is older or
 * not there; or the fault of asking. */
enum pg_fault pg_check_schema(PGconn *conn, struct err *err) MUST_CHECK;

/* ---- link: one connection of a program that may block ------------------- */

struct pg_link {
	struct pg_conf conf;
	PGconn *conn; /* NULL: not connected */
	/* Prepares a new session (statements); may be NULL. */
	enum pg_fault (*begin)(PGconn *conn, struct err *err);
	/* Called at once and then every 5 s while the server is away or does
	 * not answer, and once with why == NULL when it is back; may be NULL.
	 */
	void (*waiting)(void *arg, const char *why);
	void *arg;
	bool away;
	int64_t said_ms; /* when waiting was last called */
	int failed;	 /* runs without success since the last success */
};

void pg_link_close(struct pg_link *link);

/* Connects where it is not connected: one attempt of at most PG_CONNECT_MS.
 * PG_OK, PG_OUTAGE, or PG_BROKEN (schema, begin). */
enum pg_fault pg_link_try(struct pg_link *link, struct err *err) MUST_CHECK;

/* Connects where it is not connected, trying again every 0.1 to 1 s until it
 * works or stop_asked; pauses as long where it is connected but runs fail. PG_OK; PG_BROKEN (schema, begin); PG_OUTAGE only where
 * it was asked to stop. */
enum pg_fault pg_link_ready(struct pg_link *link, struct err *err) MUST_CHECK;

/* Between statements: notices that the server closed the connection. */
void pg_link_look(struct pg_link *link);

/* Runs one statement (prepared: the name of one) in one round trip; results
 * are binary. PG_OK: *result is the caller's (PQclear); else it is NULL. After
 * PG_OUTAGE the connection is closed and the outcome unknown. An answer that
 * does not come says `waiting` after 5 s; after statement_ms and 5 s more the
 * connection is given up. */
enum pg_fault pg_link_run(struct pg_link *link, const char *statement,
	bool prepared, const struct pg_args *args, PGresult **result,
	char *sqlstate, struct err *err) MUST_CHECK;

#endif
