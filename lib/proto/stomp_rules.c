/* proto/stomp_rules.c - see stomp_rules.h. */
#include "proto/stomp_rules.h"

#include <string.h>

const struct stomp_rule stomp_rules[] = {
	[STOMP_CONNECT] = {"CONNECT", STOMP_FROM_CLIENT, false, true},
	[STOMP_STOMP] = {"STOMP", STOMP_FROM_CLIENT, false, true},
	[STOMP_SEND] = {"SEND", STOMP_FROM_CLIENT, true, false},
	[STOMP_SUBSCRIBE] = {"SUBSCRIBE", STOMP_FROM_CLIENT, false, false},
	[STOMP_UNSUBSCRIBE] = {"UNSUBSCRIBE", STOMP_FROM_CLIENT, false, false},
	[STOMP_ACK] = {"ACK", STOMP_FROM_CLIENT, false, false},
	[STOMP_NACK] = {"NACK", STOMP_FROM_CLIENT, false, false},
	[STOMP_BEGIN] = {"BEGIN", STOMP_FROM_CLIENT, false, false},
	[STOMP_COMMIT] = {"COMMIT", STOMP_FROM_CLIENT, false, false},
	[STOMP_ABORT] = {"ABORT", STOMP_FROM_CLIENT, false, false},
	[STOMP_DISCONNECT] = {"DISCONNECT", STOMP_FROM_CLIENT, false, false},
	[STOMP_CONNECTED] = {"CONNECTED", STOMP_FROM_SERVER, false, true},
	[STOMP_MESSAGE] = {"MESSAGE", STOMP_FROM_SERVER, true, false},
	[STOMP_RECEIPT] = {"RECEIPT", STOMP_FROM_SERVER, false, false},
	[STOMP_ERROR] = {"ERROR", STOMP_FROM_SERVER, true, false},
};

int
stomp_rule_find(struct str line)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(stomp_rules); i++)
		if (str_eq_c(line, stomp_rules[i].name))
			return (int)i;
	return -1;
}

const char *
stomp_command_name(enum stomp_command command)
{
	return stomp_rules[command].name;
}

struct str
stomp_frame_get(const struct stomp_frame *frame, const char *name)
{
	size_t i;

	for (i = 0; i < frame->count; i++)
		if (str_eq_c(frame->headers[i].name, name))
			return frame->headers[i].value;
	return (struct str){NULL, 0};
}

bool
stomp_escapes_known(struct str s, enum stomp_version version)
{
	const char *known = version == STOMP_V12 ? "nc\\r" : "nc\\";
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.data[i] != '\\')
			continue;
		i++;
		if (i == s.len || !memchr(known, s.data[i], strlen(known)))
			return false;
	}
	return true;
}

/* In place: what is undone is never longer. */
static struct str
undo_escapes(char *data, size_t len)
{
	char *to = memchr(data, '\\', len), *at = to, *end = data + len;

	if (!to)
		return (struct str){data, len};
	for (; at < end; at++) {
		if (*at != '\\') {
			*to++ = *at;
			continue;
		}
		at++;
		*to++ = *at == 'n'   ? '\n'
			: *at == 'r' ? '\r'
			: *at == 'c' ? ':'
				     : '\\';
	}
	return (struct str){data, (size_t)(to - data)};
}

void
stomp_split(struct stomp_frame *frame, char *data, size_t len, size_t count,
	bool escapes)
{
	char *at = (char *)memchr(data, '\n', len) + 1, *end, *colon;
	struct stomp_header *h = frame->headers;
	size_t value_len;

	for (; h < frame->headers + count; h++, at = end + 1) {
		end = memchr(at, '\n', (size_t)(data + len - at));
		colon = memchr(at, ':', (size_t)(end - at));
		value_len = (size_t)(end - colon) - 1;
		if (colon[value_len] == '\r')
			value_len--;
		h->name = (struct str){at, (size_t)(colon - at)};
		h->value = (struct str){colon + 1, value_len};
		if (!escapes)
			continue;
		h->name = undo_escapes(at, h->name.len);
		h->value = undo_escapes(colon + 1, value_len);
	}
	frame->count = count;
}
