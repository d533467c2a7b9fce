/*
 * api/load.h - loads users out of JSON Lines, any number of them, in batches
 * of one request each; for chat-rooms.
 */
#ifndef API_LOAD_H
#define API_LOAD_H

#include "api/ask.h"

enum load_result {
	LOAD_DONE = 0,
	LOAD_BAD_LINE = -1, /* err: "line 17: .."; what came before is loaded */
	LOAD_FAILED = -2,   /* no answer, or refused for now */
};

struct load {
	struct ask *ask; /* NULL: only check the lines */
	int64_t lines;	 /* users read */
	int64_t loaded;	 /* of them stored, as chat-api says */
	int64_t created; /* of these new */
};

/* Reads fd to its end. */
enum load_result load_run(struct load *load, int fd,
	struct err *err) MUST_CHECK;

#endif
