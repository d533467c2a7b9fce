/* tests/sim/pg_inner.h - what the files of PostgreSQL share. */
#ifndef SIM_PG_INNER_H
#define SIM_PG_INNER_H

#include "pg.h"

void pg_forget(void);
void pg_remember(const struct row *row);
struct row *pg_add_row(int room, int64_t seq);
enum pg_verdict pg_store(struct pgcall *call);
const char *pg_state_name(enum store_state state);

#endif
