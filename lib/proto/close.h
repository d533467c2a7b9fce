/*
 * proto/close.h - the close codes of a connection, in three bands: do not
 * reconnect before something changes; back off (the reason ends in
 * retry-after=SECONDS); reconnect now (chat-stomp(7)). Pure.
 */
#ifndef PROTO_CLOSE_H
#define PROTO_CLOSE_H

#include "base/base.h"
#include "base/str.h"

enum close_code {
	/* the usual end, after DISCONNECT */
	CLOSE_NORMAL = 1000,
	/* do not reconnect before something changes */
	CLOSE_PROTOCOL = 1002,
	CLOSE_UTF8 = 1007,
	CLOSE_NOT_ALLOWED = 1008,
	CLOSE_TOO_BIG = 1009,
	CLOSE_EVICTED = 4001, /* the user's newer session took its place */
	CLOSE_REVOKED = 4002,
	CLOSE_EXPIRED = 4003, /* renew the token first */
	/* back off */
	CLOSE_OVERLOADED = 1013,
	CLOSE_SLOW = 4201,
	CLOSE_IDLE = 4202,
	CLOSE_NO_CONNECT = 4203,
	CLOSE_TOO_MANY = 4204,
	/* reconnect now (1012: after the server's own spread) */
	CLOSE_GOING_AWAY = 1001,
	CLOSE_RESTART = 1012,
};

enum close_band { CLOSE_BAND_STAY, CLOSE_BAND_BACK_OFF, CLOSE_BAND_NOW };

#define CLOSE_REASON_MAX 123 /* bytes: RFC 6455 §5.5 */

/* What a client does; a code that is not ours (1006, 1011, ..) means back
 * off. */
enum close_band close_band(uint16_t code);

/* Its standing reason ("slow consumer"); "" for foreign codes. */
const char *close_text(uint16_t code);

/* Writes "why, retry-after=S" (why NULL: close_text()); without the last part
 * where retry_after_s < 0; why is cut between characters, retry-after never.
 * Returns the length. */
size_t close_reason(char out[CLOSE_REASON_MAX + 1], uint16_t code,
	const char *why, int64_t retry_after_s);

/* A client reads it back: seconds, or -1 where the reason has none. */
int64_t close_retry_after(struct str reason);

#endif
