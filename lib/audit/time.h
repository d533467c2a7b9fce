/*
 * audit/time.h - instants as JSON has them.
 */
#ifndef AUDIT_TIME_H
#define AUDIT_TIME_H

#include "json/json.h"

/* Milliseconds since the epoch of a number (of them), or of a text as
 * PostgreSQL's JSON has it ("2026-01-11T10:30:00.123+00:00"); -1: neither. */
int64_t audit_time(struct json value);

#endif
