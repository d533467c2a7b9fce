/*
 * base/zone.h - local time in the zone that $CHAT_TZ names (an IANA name;
 * UTC where it is unset), and back. One zone a process, set once.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/base.h"
#include "base/err.h"

/* Years 1 to 9999, whose text has four digits. */
#define ZONE_MS_MIN (-62135596800000)
#define ZONE_MS_MAX 253402300799999

struct zone_time {
	int year;   /* 1..9999 */
	int month;  /* 1..12 */
	int day;    /* 1..31 */
	int hour;   /* 0..23 */
	int minute; /* 0..59 */
	int second; /* 0..59 */
	int ms;	    /* 0..999 */
};

/* At the start, before threads. -1: no such zone. */
int zone_init(struct err *err) MUST_CHECK;

/* epoch_ms in ZONE_MS_MIN + 1 day .. ZONE_MS_MAX - 1 day. */
void zone_split(struct zone_time *out, int64_t epoch_ms);

/* The instant. Of a time that comes twice when clocks go back, the first; one
 * that is skipped when they go forward is read with the offset from before.
 * -1: there is no such day or time. */
int zone_join(const struct zone_time *time, int64_t *epoch_ms,
	struct err *err) MUST_CHECK;

#endif
