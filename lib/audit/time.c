/* audit/time.c - see time.h. */
#include "audit/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX 64

/* "Z", "+00:00", "+0530", "-08", or nothing, which is UTC; in seconds. */
static int64_t
read_zone(const char *text)
{
	int hours = 0, minutes = 0, sign = *text == '-' ? -1 : 1;

	if (*text != '+' && *text != '-')
		return 0;
	if (sscanf(text + 1, "%2d:%2d", &hours, &minutes) < 2)
		(void)sscanf(text + 1, "%2d%2d", &hours, &minutes);
	return sign * (hours * 3600 + minutes * 60);
}

int64_t
audit_time(struct json value)
{
	char text[TEXT_MAX];
	struct tm tm = {0};
	int64_t ms, part = 0, digit = 100;
	const char *rest;

	if (json_i64(value, &ms))
		return ms;
	if (value.type != JSON_STRING || value.text.len - 2 >= sizeof(text))
		return -1;
	snprintf(text, sizeof(text), "%.*s", (int)value.text.len - 2,
		value.text.data + 1);
	if (strlen(text) > 10 && text[10] == ' ')
		text[10] = 'T';
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return -1;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++) {
			part += (*rest - '0') * digit;
			digit /= 10;
		}
	return ((int64_t)timegm(&tm) - read_zone(rest)) * 1000 + part;
}
