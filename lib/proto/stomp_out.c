/* proto/stomp_out.c - see stomp_out.h. */
#include "proto/stomp_out.h"

#include <string.h>

#include "proto/ws_out.h"

#define HEAD "MESSAGE"
#define HEAD_SUBSCRIPTION HEAD "\nsubscription:"

/* ---- any frame --------------------------------------------------------- */

void
stomp_open(struct buf *out, const char *command)
{
	buf_add_c(out, command);
	buf_add_char(out, '\n');
}

/* The letter that stands for c behind a backslash; 0: c stands for itself. */
static char
escape_of(char c, enum stomp_version version)
{
	if (version == STOMP_V10)
		return 0;
	switch (c) {
	case '\n':
		return 'n';
	case ':':
		return 'c';
	case '\\':
		return '\\';
	case '\r':
		return version == STOMP_V12 ? 'r' : 0;
	default:
		return 0;
	}
}

void
stomp_escape(struct buf *out, enum stomp_version version, struct str s)
{
	size_t i;
	char c, letter;

	for (i = 0; i < s.len; i++) {
		c = s.data[i];
		letter = escape_of(c, version);
		if (letter) {
			buf_add_char(out, '\\');
			buf_add_char(out, letter);
		} else {
			buf_add_char(
				out, c == '\n' || c == '\r' || !c ? '?' : c);
		}
	}
}

void
stomp_header(struct buf *out, enum stomp_version version, const char *name,
	struct str value)
{
	if (!value.data)
		return;
	buf_add_c(out, name);
	buf_add_char(out, ':');
	stomp_escape(out, version, value);
	buf_add_char(out, '\n');
}

void
stomp_header_i64(struct buf *out, const char *name, int64_t value)
{
	buf_add_c(out, name);
	buf_add_char(out, ':');
	buf_add_i64(out, value);
	buf_add_char(out, '\n');
}

void
stomp_close(struct buf *out)
{
	buf_add(out, "\n\0", 2);
}

void
stomp_close_body(struct buf *out, struct str body)
{
	stomp_header_i64(out, "content-length", (int64_t)body.len);
	buf_add_char(out, '\n');
	buf_add_str(out, body);
	buf_add_char(out, '\0');
}

/* ---- of servers -------------------------------------------------------- */

static void
add_beats(struct buf *out, int64_t can_ms, int64_t want_ms)
{
	buf_add_c(out, "heart-beat:");
	buf_add_i64(out, can_ms);
	buf_add_char(out, ',');
	buf_add_i64(out, want_ms);
	buf_add_char(out, '\n');
}

void
stomp_connected(struct buf *out, enum stomp_version version, struct str session,
	const struct stomp_beat *beat, int64_t user_id)
{
	stomp_open(out, "CONNECTED");
	stomp_header(
		out, STOMP_V10, "version", str_c(stomp_version_name(version)));
	add_beats(out, beat->send_ms, beat->expect_ms);
	stomp_header(out, STOMP_V10, "session", session);
	stomp_header_i64(out, "user-name", user_id);
	stomp_close(out);
}

void
stomp_receipt(
	struct buf *out, enum stomp_version version, struct str receipt_id)
{
	stomp_open(out, "RECEIPT");
	stomp_header(out, version, "receipt-id", receipt_id);
	stomp_close(out);
}

void
stomp_error(struct buf *out, enum stomp_version version, struct str message,
	struct str receipt_id, struct str body)
{
	stomp_open(out, "ERROR");
	stomp_header(out, version, "message", message);
	stomp_header(out, version, "receipt-id", receipt_id);
	if (body.len)
		stomp_header(out, version, "content-type", STR("text/plain"));
	stomp_close_body(out, body);
}

void
stomp_message_tail(struct buf *out, struct str destination,
	struct str message_id, int64_t seq, struct str json)
{
	buf_add_c(out, "\ndestination:");
	buf_add_str(out, destination);
	buf_add_c(out, "\nmessage-id:");
	buf_add_str(out, message_id);
	buf_add_c(out, "\ncontent-type:application/json\n");
	if (seq >= 0)
		stomp_header_i64(out, "seq", seq);
	stomp_close_body(out, json);
}

static size_t
head_len(struct str subscription)
{
	return subscription.data
		       ? sizeof(HEAD_SUBSCRIPTION) - 1 + subscription.len
		       : sizeof(HEAD) - 1;
}

void
stomp_message_head(struct buf *out, struct str subscription)
{
	if (subscription.data) {
		buf_add_str(out, STR(HEAD_SUBSCRIPTION));
		buf_add_str(out, subscription);
	} else {
		buf_add_str(out, STR(HEAD));
	}
}

void
stomp_message_head_ws(struct buf *out, struct str subscription, size_t tail_len)
{
	unsigned char header[WS_HEADER_MAX];

	buf_add(out, header,
		ws_header(header, WS_TEXT, head_len(subscription) + tail_len));
	stomp_message_head(out, subscription);
}

size_t
stomp_message_size_ws(struct str subscription, size_t tail_len)
{
	size_t payload = head_len(subscription) + tail_len;

	return ws_header_len(payload) + payload;
}

/* ---- of clients -------------------------------------------------------- */

void
stomp_connect_open(struct buf *out, struct str host, const char *accept_version,
	int64_t can_ms, int64_t want_ms, struct str token)
{
	stomp_open(out, "CONNECT");
	stomp_header(out, STOMP_V10, "accept-version", str_c(accept_version));
	stomp_header(out, STOMP_V10, "host", host);
	add_beats(out, can_ms, want_ms);
	if (!token.data)
		return;
	buf_add_c(out, "Authorization:Bearer ");
	stomp_escape(out, STOMP_V10, token);
	buf_add_char(out, '\n');
}

void
stomp_send(struct buf *out, enum stomp_version version, struct str destination,
	struct str receipt, struct str json)
{
	stomp_open(out, "SEND");
	stomp_header(out, version, "destination", destination);
	stomp_header(out, version, "receipt", receipt);
	stomp_header(out, version, "content-type", STR("application/json"));
	stomp_close_body(out, json);
}

void
stomp_subscribe(struct buf *out, enum stomp_version version, struct str id,
	struct str destination, struct str receipt, int64_t from_seq,
	struct str epoch)
{
	stomp_open(out, "SUBSCRIBE");
	stomp_header(out, version, "id", id);
	stomp_header(out, version, "destination", destination);
	stomp_header(out, version, "receipt", receipt);
	if (from_seq >= 0)
		stomp_header_i64(out, "from-seq", from_seq);
	stomp_header(out, version, "epoch", epoch);
	stomp_close(out);
}

void
stomp_unsubscribe(struct buf *out, enum stomp_version version, struct str id,
	struct str receipt)
{
	stomp_open(out, "UNSUBSCRIBE");
	stomp_header(out, version, "id", id);
	stomp_header(out, version, "receipt", receipt);
	stomp_close(out);
}

void
stomp_disconnect(
	struct buf *out, enum stomp_version version, struct str receipt)
{
	stomp_open(out, "DISCONNECT");
	stomp_header(out, version, "receipt", receipt);
	stomp_close(out);
}
