/*
 * api/ask.h - asks chat-api one thing after the other and waits for each
 * answer; for tools, which have no loop. No libpq and no libuv behind it.
 */
#ifndef API_ASK_H
#define API_ASK_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "io/line.h"
#include "wire/request.h"

#define ASK_DEADLINE_MS 30000

struct ask {
	int fd;
	struct line in;
	struct buf out;
	int64_t next_id;
};

/* Connects to the socket and exchanges hellos; from: our program's name. */
int ask_open(struct ask *ask, const char *path, const char *from,
	struct err *err) MUST_CHECK;
void ask_close(struct ask *ask);

/* Sends request (its id and deadline are set here) and waits. 0: reply is
 * there, whatever its status; its views live until the next call. -1: none. */
int ask_send(struct ask *ask, struct request *request, struct reply *reply,
	struct err *err) MUST_CHECK;

/* The "message" and "code" of a refusal, as text for a person. */
void ask_refusal(const struct reply *reply, struct err *err);

#endif
