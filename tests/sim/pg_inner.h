/* tests/sim/pg_inner.h - what pg.c and pg_read.c share. */
#ifndef SIM_PG_INNER_H
#define SIM_PG_INNER_H

#include "pg.h"

void pg_forget(void);
void pg_remember(const struct row *row);
const char *pg_state_name(enum store_state state);

#endif
