/*
 * dlq/turn.h - whose turn it is at a dead letter topic and its marks: one
 * process at a time, by a lock on this host, and by the transactions' id
 * wherever it is (writer.h).
 */
#ifndef DLQ_TURN_H
#define DLQ_TURN_H

#include "dlq/writer.h"
#include "io/lock.h"

struct turn {
	struct lock lock;
	struct writer *writer;
};

/* Takes it over: nothing of a predecessor is under way any more, and only then
 * the marks are whole. Where opts are `dry` it keeps nobody out, and the marks
 * may grow meanwhile: it only finds what would be in the way. run_dir NULL:
 * $CHAT_RUN/lock. 0, or an exit code with err. */
int turn_take(struct turn *turn, const char *run_dir,
	const struct writer_options *opts, struct err *err) MUST_CHECK;
/* code: how the turn ended. */
void turn_end(struct turn *turn, int code);

#endif
