/*
 * wire/shown.h - a stored message as subscribers and the history show it
 * (contract, section 2.2), and its local time. One place, for the store's
 * events and chat-api's pages, which must give the very same object. Pure but
 * for the zone of the process (base/zone.h).
 *
 * {"messageId":812,"seq":57,"roomId":1,"senderId":7,"senderNickname":"Kim",
 *  "clientMessageId":"..","content":"hi","type":"TEXT",
 *  "sentAt":"2026-01-11T10:30:00.123","sentAtMs":1768127400123}
 */
#ifndef WIRE_SHOWN_H
#define WIRE_SHOWN_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

struct shown {
	int64_t message_id;
	int64_t seq;
	int64_t room_id;
	int64_t sender_id;
	struct str nickname;
	struct str client_id;	  /* canonical; empty: null (system messages) */
	struct str client_id_raw; /* JSON token; empty: canonical in quotes */
	struct str content;	  /* text, or with content_raw a JSON string */
	bool content_raw;
	struct str type;    /* "TEXT" */
	struct str targets; /* JSON array; empty: none */
	int64_t sent_at_ms;
};

/* Appends the object, without a newline. */
void shown_print(struct buf *out, const struct shown *shown);

/* {"messageId":..,"seq":..,"roomId":..,"type":"DELETED"} */
void shown_print_deleted(
	struct buf *out, int64_t message_id, int64_t seq, int64_t room_id);

/* Local time with milliseconds, "2026-01-11T10:30:00.123". ms as
 * zone_split() takes it. */
void shown_time(struct buf *out, int64_t ms);

/* Reads it back: a JSON string "2026-01-11T10:30[:00[.1-9 digits]]", or
 * Spring's array [y,mo,d,h,mi[,s[,nanos]]]. A time that a change of clocks
 * skips is read with the offset before it; of one that comes twice, the first
 * is taken. -1 with err for anything else. */
int shown_time_parse(
	struct json value, int64_t *ms, struct err *err) MUST_CHECK;

#endif
