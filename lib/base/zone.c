#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/zone.h"

/* libc takes any text for a zone, and UTC for what it cannot read: look for
 * the file that it would read. */
static bool
zone_exists(const char *zone)
{
	char path[300];
	struct stat st;
	int len = snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);

	return len < (int)sizeof(path) && *zone != '/' && !strstr(zone, "..") &&
	       stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int
zone_init(struct err *err)
{
	const char *zone = getenv("CHAT_TZ");

	if (!zone || !*zone)
		zone = "UTC";
	if (strcmp(zone, "UTC") != 0 && !zone_exists(zone))
		return err_set(err, "CHAT_TZ: no time zone '%s'", zone);
	if (setenv("TZ", zone, 1) < 0)
		return err_set(err, "out of memory");
	tzset();
	return 0;
}

void
zone_split(struct zone_time *out, int64_t epoch_ms)
{
	int64_t ms = epoch_ms % 1000;
	time_t seconds;
	struct tm tm;

	if (ms < 0)
		ms += 1000;
	seconds = (time_t)((epoch_ms - ms) / 1000);
	localtime_r(&seconds, &tm);
	*out = (struct zone_time){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ms};
}

static int
days_in(int year, int month)
{
	static const int days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool
within(int n, int least, int most)
{
	return n >= least && n <= most;
}

/* What mktime() makes of it where summer time is asked for (or not); false
 * where it had to move the clock's hands. */
static bool
ask(const struct zone_time *t, int is_dst, time_t *seconds)
{
	struct tm tm = {
		.tm_year = t->year - 1900,
		.tm_mon = t->month - 1,
		.tm_mday = t->day,
		.tm_hour = t->hour,
		.tm_min = t->minute,
		.tm_sec = t->second,
		.tm_isdst = is_dst,
	};

	*seconds = mktime(&tm);
	return tm.tm_hour == t->hour && tm.tm_min == t->minute &&
	       tm.tm_mday == t->day;
}

int
zone_join(const struct zone_time *time, int64_t *epoch_ms, struct err *err)
{
	time_t summer, winter;

	if (!within(time->year, 1, 9999) || !within(time->month, 1, 12) ||
		!within(time->day, 1, days_in(time->year, time->month)) ||
		!within(time->hour, 0, 23) || !within(time->minute, 0, 59) ||
		!within(time->second, 0, 59) || !within(time->ms, 0, 999))
		return err_set(err, "there is no such day or time");
	/* In autumn both fit, and summer's comes first; in spring neither does,
	 * and winter's offset is the one from before. */
	if (!ask(time, 1, &summer))
		ask(time, 0, &winter);
	else if (!ask(time, 0, &winter) || summer < winter)
		winter = summer;
	*epoch_ms = (int64_t)winter * 1000 + time->ms;
	return 0;
}
