/*
 * store/save.h - puts a batch into the database (store/calls.h), one round
 * trip a batch; waits while the database is away; halves a batch that the
 * database refuses down to the record that is at fault (architecture, section
 * 4.7). A batch with replayed records takes another round trip: their letters
 * are marked as replayed before anybody is answered.
 */
#ifndef STORE_SAVE_H
#define STORE_SAVE_H

#include "base/base.h"
#include "base/err.h"
#include "pg/pg.h"
#include "store/batch.h"
#include "store/calls.h"

struct store_save {
	struct pg_link *link; /* its `begin` is store_save_begin */
	struct pg_array arrays[CALL_ARRAYS_MAX];
	struct store_item **open; /* those of a call; a place for each */
};

int store_save_init(struct store_save *save, struct pg_link *link, size_t max,
	struct err *err) MUST_CHECK;
void store_save_release(struct store_save *save);

/* For pg_link.begin: prepares the statements. */
enum pg_fault store_save_begin(PGconn *conn, struct err *err);

/* Deals with every item that is OPEN, with the database there even if there is
 * none: nothing dies during an outage. PG_OK: none is OPEN any more. PG_BROKEN:
 * only a person helps. PG_OUTAGE: it was asked to stop while the database was
 * away, or memory ran out; some may be stored, none may be answered. */
enum pg_fault store_save(struct store_save *save, struct store_batch *batch,
	struct err *err) MUST_CHECK;

#endif
