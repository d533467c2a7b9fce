/* proto/close.c - see close.h. */
#include "proto/close.h"

#include <stdio.h>
#include <string.h>

#define MARK "retry-after="

static const struct {
	uint16_t code;
	enum close_band band;
	const char *text;
} codes[] = {
	{CLOSE_NORMAL, CLOSE_BAND_NOW, "bye"},
	{CLOSE_PROTOCOL, CLOSE_BAND_STAY, "protocol error"},
	{CLOSE_UTF8, CLOSE_BAND_STAY, "no UTF-8"},
	{CLOSE_NOT_ALLOWED, CLOSE_BAND_STAY, "not allowed"},
	{CLOSE_TOO_BIG, CLOSE_BAND_STAY, "too big"},
	{CLOSE_EVICTED, CLOSE_BAND_STAY, "a newer session took its place"},
	{CLOSE_REVOKED, CLOSE_BAND_STAY, "token revoked"},
	{CLOSE_EXPIRED, CLOSE_BAND_STAY, "token expired"},
	{CLOSE_OVERLOADED, CLOSE_BAND_BACK_OFF, "overloaded"},
	{CLOSE_SLOW, CLOSE_BAND_BACK_OFF, "slow consumer"},
	{CLOSE_IDLE, CLOSE_BAND_BACK_OFF, "idle"},
	{CLOSE_NO_CONNECT, CLOSE_BAND_BACK_OFF, "no CONNECT in time"},
	{CLOSE_TOO_MANY, CLOSE_BAND_BACK_OFF, "too many connections"},
	{CLOSE_GOING_AWAY, CLOSE_BAND_NOW, "going away"},
	{CLOSE_RESTART, CLOSE_BAND_NOW, "restart"},
};

enum close_band
close_band(uint16_t code)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].code == code)
			return codes[i].band;
	return CLOSE_BAND_BACK_OFF;
}

const char *
close_text(uint16_t code)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].code == code)
			return codes[i].text;
	return "";
}

size_t
close_reason(char out[CLOSE_REASON_MAX + 1], uint16_t code, const char *why,
	int64_t retry_after_s)
{
	char tail[48] = "";
	struct str head;
	int tail_len = 0;

	if (retry_after_s >= 0)
		tail_len = snprintf(tail, sizeof(tail), ", " MARK "%lld",
			(long long)retry_after_s);
	head = str_utf8_cut(str_c(why ? why : close_text(code)),
		CLOSE_REASON_MAX - (size_t)tail_len);
	return (size_t)snprintf(
		out, CLOSE_REASON_MAX + 1, "%.*s%s", STR_ARG(head), tail);
}

int64_t
close_retry_after(struct str reason)
{
	const size_t mark = sizeof(MARK) - 1;
	struct str rest = reason;
	int64_t seconds;

	for (; rest.len > mark; rest.data++, rest.len--) {
		if (!str_starts(rest, MARK))
			continue;
		rest.data += mark;
		rest.len -= mark;
		return str_i64(rest, &seconds) && seconds >= 0 ? seconds : -1;
	}
	return -1;
}
