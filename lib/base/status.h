/*
 * base/status.h - the status file (-S FILE): what a program says of its state,
 * renamed into place, so that a reader never sees half of one.
 *
 *	{"name":"chat-store","pid":7,"version":"0.1.0","state":"ready",
 *	 "why":"","since":1768127400123,"at":1768127405123,"done":41}
 *
 * since: when the state began; at: when this was written. Written at every
 * change of state or reason, by status_tick() every 5 s, and on demand.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#define STATUS_EVERY_MS 5000

enum status_state {
	STATUS_STARTING,
	STATUS_READY,
	STATUS_WAITING, /* for what `why` names */
	STATUS_DRAINING,
};

struct status_counter {
	const char *name;      /* camelCase, as in the metrics */
	const int64_t *value;  /* borrowed, read at each write */
};

struct status {
	const char *path; /* NULL: nothing is written */
	const char *name;
	const struct status_counter *counters; /* borrowed */
	size_t count;
	enum status_state state;
	char why[200];
	bool lost;	     /* it could not be written the last time */
	int64_t since_ms;    /* wall */
	int64_t next_ms;     /* mono; when the next tick writes */
	/* Appends more fields, each with a comma in front: what is not worth
	 * counting all the time. Set after status_open(); NULL: none. */
	void (*more)(void *data, struct buf *out);
	void *data;
};

/* Writes the first file, "starting". path may be NULL. Fails where the file
 * can never be written: a wrong -S is found at the start. A full disk is
 * logged, and tried again: a program without its status file beats none. */
int status_open(struct status *status, const char *path, const char *name,
	const struct status_counter *counters, size_t count,
	struct err *err) MUST_CHECK;

/* Changes state and reason (why may be NULL or ""); writes only where one of
 * them differs. A file that can no longer be written is logged, once, and
 * tried again. */
void status_set(struct status *status, enum status_state state,
	const char *why);

/* Writes where 5 s have passed; returns when it wants to be called next. */
int64_t status_tick(struct status *status, int64_t now_mono_ms);

/* Writes now (SIGUSR1). */
void status_write(struct status *status);

/* Removes the file: the program is gone. */
void status_close(struct status *status);

#endif
