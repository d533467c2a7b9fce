/* proto/stomp.c - see stomp.h. */
#include "proto/stomp.h"

#include <string.h>

#define BEAT_MAX 0x7fffffff

static const char *const names[] = {"1.0", "1.1", "1.2"};

const char *
stomp_version_name(enum stomp_version version)
{
	return names[version];
}

int
stomp_version_pick(struct str accept_version, unsigned allowed)
{
	struct str rest = accept_version, one;
	unsigned theirs = 0;
	int v;

	if (!accept_version.data)
		return allowed & 1u << STOMP_V10 ? STOMP_V10 : -1;
	do {
		str_cut(rest, ',', &one, &rest);
		for (v = STOMP_V10; v <= STOMP_V12; v++)
			if (str_eq_c(one, names[v]))
				theirs |= 1u << v;
	} while (rest.len);
	for (v = STOMP_V12; v >= STOMP_V10; v--)
		if (theirs & allowed & 1u << v)
			return v;
	return -1;
}

static bool
beat_number(struct str text, int64_t *out)
{
	return str_i64(text, out) && *out >= 0 && *out <= BEAT_MAX;
}

static int64_t
agree(int64_t sender_ms, int64_t hearer_ms)
{
	if (!sender_ms || !hearer_ms)
		return 0;
	return sender_ms > hearer_ms ? sender_ms : hearer_ms;
}

int
stomp_beat_agree(struct stomp_beat *out, struct str header, int64_t can_ms,
	int64_t want_ms)
{
	struct str left, right;
	int64_t theirs_can = 0, theirs_want = 0;

	if (header.data) {
		str_cut(header, ',', &left, &right);
		if (!beat_number(left, &theirs_can) ||
			!beat_number(right, &theirs_want))
			return -1;
	}
	out->send_ms = agree(can_ms, theirs_want);
	out->expect_ms = agree(theirs_can, want_ms);
	return 0;
}
