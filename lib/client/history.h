/*
 * client/history.h - the log of what a client did and saw, which chat-audit
 * reads: JSON Lines, append only (chat-history(7) says what each means).
 *
 * One file has many workers, each a user's session. Lines are written at the
 * end of each turn of the loop; one that cannot be written makes the history
 * `broken`, and nothing follows it. Functions that take a worker do nothing
 * where it has no history.
 */
#ifndef CLIENT_HISTORY_H
#define CLIENT_HISTORY_H

#include <uv.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

#define HISTORY_WORKER_MAX 64

struct history {
	bool broken;
	struct err error; /* why */
	/* private */
	int fd;
	const char *path;
	struct buf out;
	uv_prepare_t flush;
};

struct history_worker {
	struct history *history; /* NULL: nothing is written */
	char name[HISTORY_WORKER_MAX];
	int64_t user_id;
	bool ended; /* nothing is written any more */
};

/* Opens the file for appending; path is borrowed. */
int history_open(struct history *history, uv_loop_t *loop, const char *path,
	struct err *err) MUST_CHECK;
/* Writes what is left; run the loop once more afterwards. */
void history_close(struct history *history);

/* A SEND goes out, or waits for a connection; again under the same id too. */
void history_invoke(struct history_worker *worker, int64_t room_id, int64_t n,
	const char *id, uint32_t crc);
/* Its RECEIPT has come; or nobody knows. */
void history_ok(struct history_worker *worker, const char *id);
void history_info(struct history_worker *worker, const char *id);
/* An error about it. id: NULL: what the error object names. */
void history_fail(
	struct history_worker *worker, const char *id, struct json error);

/* A message of a room, as its frame has it; seq -1: it had none. */
void history_recv(struct history_worker *worker, int64_t room_id, int64_t seq,
	struct str json);

struct history_join {
	int64_t room_id;
	struct str status;
	int64_t from;  /* the from-seq that was asked for; -1: none */
	int64_t head;  /* -1: not said */
	int64_t first; /* of what follows a truncated one; -1: not said */
	struct str epoch;
};
void history_joined(
	struct history_worker *worker, const struct history_join *join);
/* The subscription has ended: he was kicked, or has left. */
void history_ended(struct history_worker *worker, int64_t room_id);

void history_connected(struct history_worker *worker);
void history_lost(struct history_worker *worker, const char *why);
/* Nothing more is written of this worker. */
void history_end(struct history_worker *worker);

#endif
