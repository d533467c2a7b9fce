/*
 * proto/stomp_in.h - STOMP frames out of bytes: bytes go in as they come, cut
 * anywhere, many frames in one piece; whole frames come out. Faces strangers.
 *
 *	stomp_in_feed(in, data, len);
 *	while ((r = stomp_in_next(in, &frame, &err)) == STOMP_IN_FRAME)
 *		..;
 *	if (r < 0)
 *		..;  ERROR, close
 *
 * Invariants
 * - Where the bytes are cut changes nothing of what comes out.
 * - A frame that is whole in what was fed is not copied: its views point
 *   there, and escapes are undone in place (feed takes memory it may write).
 *   What is not whole is copied into the parser's own buf, never more than one
 *   frame's limit; that buf is released as soon as it is empty.
 * - Once it has refused, it refuses for ever: the connection is over.
 * - Linear time.
 *
 * What it refuses (S-03 .. S-14 of the security cases): a command that is not
 * one of the sending side's (lower case too), a header line without ':' or
 * with an empty name, NUL or a bare CR in headers, headers that are no UTF-8,
 * an undefined escape (\t; \r in 1.1), content-length that is no plain decimal
 * number, differs from an earlier one, or is not followed by NUL; a body on
 * frames that must have none (EOLs are let pass); what is over a limit.
 * What it accepts: LF and CRLF, any number of EOLs between frames
 * (heart-beats), headers in any order and repeated (the first counts), ':'
 * within values, bodies of any bytes. It checks no header's meaning but
 * content-length's, and no body.
 * Escapes (1.1: \n \c \\, 1.2: \r too, 1.0: none) are undone in every frame
 * but CONNECT, STOMP and CONNECTED.
 */
#ifndef PROTO_STOMP_IN_H
#define PROTO_STOMP_IN_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/stomp.h"

#define STOMP_FRAME_MAX 65536 /* default: command, headers and body, no NUL */
#define STOMP_HEADERS_MAX 64  /* default: a frame */
#define STOMP_HEADERS_CAP 128 /* what max_headers can be raised to */
#define STOMP_HEADER_MAX 8192 /* default: a line, name, ':' and value */

/* Not to be changed while a parser uses them. */
struct stomp_limits {
	uint32_t max_frame_bytes; /* below 2^30 */
	uint32_t max_headers;	  /* at most STOMP_HEADERS_CAP */
	uint32_t max_header_bytes;
};
extern const struct stomp_limits stomp_limits_default;

enum stomp_from { STOMP_FROM_CLIENT, STOMP_FROM_SERVER };

enum stomp_command {
	STOMP_CONNECT, /* from clients */
	STOMP_STOMP,
	STOMP_SEND,
	STOMP_SUBSCRIBE,
	STOMP_UNSUBSCRIBE,
	STOMP_ACK,
	STOMP_NACK,
	STOMP_BEGIN,
	STOMP_COMMIT,
	STOMP_ABORT,
	STOMP_DISCONNECT,
	STOMP_CONNECTED, /* from servers */
	STOMP_MESSAGE,
	STOMP_RECEIPT,
	STOMP_ERROR,
};
const char *stomp_command_name(enum stomp_command command);

struct stomp_header {
	struct str name, value;
};

/* About 4 KiB: one on the stack, used again and again. Its views live until
 * the next call of the parser that filled it. */
struct stomp_frame {
	enum stomp_command command;
	uint32_t bytes; /* as limits count it */
	struct str body;
	size_t count;
	struct stomp_header headers[STOMP_HEADERS_CAP];
};

/* The first header of that name; data NULL where there is none ("" is not
 * none). */
struct str stomp_frame_get(const struct stomp_frame *frame, const char *name);

enum stomp_in_result {
	STOMP_IN_MORE = 0, /* no whole frame is left: feed more */
	STOMP_IN_FRAME = 1,
	STOMP_IN_BAD = -1,     /* against the protocol: ERROR, close 1002 */
	STOMP_IN_TOO_BIG = -2, /* the frame's limit: ERROR, close 1009 */
	STOMP_IN_HEADERS = -3, /* a header limit: ERROR, close 1002 */
	STOMP_IN_NO_MEMORY = -4,
};

/* Idle: 88 bytes, and nothing on the heap. */
struct stomp_in {
	struct buf buf; /* of a frame not yet whole, or what was kept */
	char *at;	/* what was fed and is not yet looked at */
	size_t left;
	const struct stomp_limits *limits;
	uint32_t off;	/* in buf: where the current frame begins */
	uint32_t lent;	/* bytes at buf's end that are before `at` too */
	uint32_t line;	/* in the frame: where the current line begins */
	uint32_t scan;	/* in the frame: all before it has been searched */
	uint32_t done;	/* bytes of the frame given last, with its NUL */
	int32_t length; /* content-length, -1: none yet */
	uint8_t from, version, state, command, headers;
	int8_t refused;
};

/* limits is borrowed; NULL: the defaults. Escapes are 1.2's until
 * stomp_in_version(). */
void stomp_in_init(struct stomp_in *in, enum stomp_from from,
	const struct stomp_limits *limits);
void stomp_in_release(struct stomp_in *in);

/* After CONNECT was answered, before the next stomp_in_next(). */
void stomp_in_version(struct stomp_in *in, enum stomp_version version);

/* Hands in bytes, borrowed and written into until stomp_in_next() has said
 * STOMP_IN_MORE or stomp_in_keep() was called; not before what was fed last is
 * used up in one of these ways. */
void stomp_in_feed(struct stomp_in *in, void *data, size_t len);

/* The next whole frame. err is filled for negative results, with a sentence
 * part that may be told to the other side (it holds none of its bytes). */
enum stomp_in_result stomp_in_next(struct stomp_in *in,
	struct stomp_frame *frame, struct err *err) MUST_CHECK;

/* Copies what stomp_in_next() has not given yet, for a reader that must pause
 * amid several frames: the fed bytes are free again. The frame given last is
 * gone. False when memory is out. */
bool stomp_in_keep(struct stomp_in *in) MUST_CHECK;

/* A frame has begun and is not whole (for a deadline of the caller's). */
bool stomp_in_midway(const struct stomp_in *in);

#endif
