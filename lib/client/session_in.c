/*
 * client/session_in.c - the frames that a session gets: receipts and refusals
 * of what it sent, and the messages of its rooms; see session.h.
 */
#include "client/session_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "base/clock.h"
#include "json/json.h"
#include "proto/stomp_out.h"

const struct stomp_limits session_limits = {.max_frame_bytes = 1 << 20,
	.max_headers = 64,
	.max_header_bytes = 8192};

/* What hangs on an unanswered message. */
struct sent {
	int64_t room_id;
	int64_t again_ms; /* refused until then; 0: not refused */
	char id[SESSION_UUID_BYTES];
};

/* ---- out ---------------------------------------------------------------- */

/* RFC 9562 §5.4: 122 random bits. */
static void
make_uuid(char out[SESSION_UUID_BYTES])
{
	unsigned char b[16];
	size_t i, at = 0;

	arc4random_buf(b, sizeof(b));
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	for (i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		at += (size_t)snprintf(out + at, 3, "%02x", b[i]);
	}
}

static void
put_message(struct buf *out, const struct sent *sent, struct str content)
{
	json_open(out, NULL, '{');
	json_put_i64(out, "roomId", sent->room_id);
	json_put_str(out, "content", content);
	json_put_c(out, "type", "TEXT");
	json_put_c(out, "clientMessageId", sent->id);
	json_close(out, '}');
}

bool
session_full(const struct session *session)
{
	return session->out.count >= SESSION_WINDOW;
}

size_t
session_unanswered(const struct session *session)
{
	return session->out.count;
}

bool
session_settled(const struct session *session)
{
	size_t i;

	for (i = 0; i < session->room_count; i++)
		if (!session->rooms[i].joined && !session->rooms[i].refused)
			return false;
	return true;
}

int
session_send(struct session *session, int64_t room_id, struct str content,
	char id[SESSION_UUID_BYTES])
{
	struct resend_entry *entry = NULL;
	struct buf body = {0};
	struct sent *sent;
	char receipt[24];

	if (session_full(session) || !(sent = calloc(1, sizeof(*sent))))
		return -1;
	sent->room_id = room_id;
	make_uuid(sent->id);
	snprintf(receipt, sizeof(receipt), "m%lld",
		(long long)resend_next_id(&session->out));
	put_message(&body, sent, content);
	buf_reset(&session->text);
	/* No header holds what a version would escape: the bytes serve again
	 * on a connection of another version. */
	stomp_send(&session->text, STOMP_V12, STR("/pub/chat/message"),
		str_c(receipt), buf_str(&body));
	if (!buf_bad(&body) && !buf_bad(&session->text))
		entry = resend_add(
			&session->out, buf_str(&session->text), session, sent);
	buf_release(&body);
	if (!entry) {
		free(sent);
		return -1;
	}
	memcpy(id, sent->id, sizeof(sent->id));
	if (session->state == SESSION_UP)
		conn_send(&session->conn, buf_str(&session->text));
	return 0;
}

void
session_send_due(struct session *session, int64_t now_ms)
{
	struct resend_entry *entry;
	struct sent *sent;
	int64_t id;

	for (id = session->out.first; id < session->out.next; id++) {
		entry = resend_find(&session->out, id);
		sent = entry ? entry->data : NULL;
		if (!sent || !sent->again_ms || sent->again_ms > now_ms)
			continue;
		sent->again_ms = 0;
		session->resent++;
		conn_send(
			&session->conn, (struct str){entry->line, entry->len});
	}
}

void
session_forget(struct session *session)
{
	resend_orphan(&session->out, session, free);
}

static void
send_again(void *arg, struct str line)
{
	struct session *session = arg;

	session->resent++;
	conn_send(&session->conn, line);
}

static void
subscribe_queue(struct session *session, const char *id, const char *queue)
{
	buf_reset(&session->text);
	stomp_subscribe(&session->text, session->version, str_c(id),
		str_c(queue), (struct str){NULL, 0}, -1, (struct str){NULL, 0});
	conn_send(&session->conn, buf_str(&session->text));
}

static void
subscribe_room(struct session *session, struct session_room *room)
{
	char id[32], receipt[32], destination[64];
	struct str epoch = str_c(room->epoch);

	snprintf(id, sizeof(id), "room-%lld", (long long)room->id);
	snprintf(receipt, sizeof(receipt), "s%lld", (long long)room->id);
	snprintf(destination, sizeof(destination), "/sub/chat/room/%lld",
		(long long)room->id);
	if (!epoch.len)
		epoch.data = NULL;
	buf_reset(&session->text);
	stomp_subscribe(&session->text, session->version, str_c(id),
		str_c(destination), str_c(receipt), room->last_seq, epoch);
	conn_send(&session->conn, buf_str(&session->text));
}

/* A message is missing: the room from there on, once more. */
static void
resubscribe(struct session *session, struct session_room *room)
{
	char id[32];

	room->joined = false;
	snprintf(id, sizeof(id), "room-%lld", (long long)room->id);
	buf_reset(&session->text);
	stomp_unsubscribe(&session->text, session->version, str_c(id),
		(struct str){NULL, 0});
	conn_send(&session->conn, buf_str(&session->text));
	subscribe_room(session, room);
}

/* ---- in ----------------------------------------------------------------- */

static struct session_room *
find_room(struct session *session, int64_t id)
{
	size_t i;

	for (i = 0; i < session->room_count; i++)
		if (session->rooms[i].id == id)
			return &session->rooms[i];
	return NULL;
}

static int64_t
header_i64(const struct stomp_frame *frame, const char *name)
{
	int64_t n;

	return str_i64(stomp_frame_get(frame, name), &n) && n >= 0 ? n : -1;
}

static void
on_connected(struct session *session, const struct stomp_frame *frame)
{
	struct str version = stomp_frame_get(frame, "version");
	int picked = stomp_version_pick(version, STOMP_ANY_VERSION);
	size_t i;

	if (picked < 0 || stomp_beat_agree(&session->beat,
				  stomp_frame_get(frame, "heart-beat"),
				  SESSION_BEAT_MS, SESSION_BEAT_MS) < 0) {
		conn_close(&session->conn, 1002, "odd CONNECTED");
		return;
	}
	session->version = (enum stomp_version)picked;
	stomp_in_version(&session->in, session->version);
	session->state = SESSION_UP;
	session->connects++;
	session->backoff_ms = SESSION_BACKOFF_MIN_MS;
	subscribe_queue(session, "errors", "/user/queue/errors");
	subscribe_queue(session, "acks", "/user/queue/acks");
	subscribe_queue(session, "joins", "/user/queue/joins");
	for (i = 0; i < session->room_count; i++)
		if (!session->rooms[i].refused)
			subscribe_room(session, &session->rooms[i]);
	resend_again(&session->out, send_again, session);
	session->ops->on_state(session, true, "");
}

/* How a room begins or goes on, from a RECEIPT or from /user/queue/joins. */
static void
apply_join(struct session_room *room, struct str status, int64_t head,
	int64_t first, struct str epoch)
{
	if (str_eq_c(status, "live") || str_eq_c(status, "reset"))
		room->last_seq = head;
	else if (str_eq_c(status, "truncated") && first > 0)
		room->last_seq = first - 1;
	if (epoch.len < sizeof(room->epoch))
		snprintf(room->epoch, sizeof(room->epoch), "%.*s",
			STR_ARG(epoch));
}

static void
note_joined(struct session *session, const struct session_room *room,
	struct str status, int64_t head)
{
	struct buf note = {0};

	json_open(&note, NULL, '{');
	json_put_i64(&note, "roomId", room->id);
	json_put_str(&note, "status", status);
	json_put_i64(&note, "head", head);
	json_put_c(&note, "epoch", room->epoch);
	json_close(&note, '}');
	if (!buf_bad(&note))
		session->ops->on_note(session, SESSION_JOINED, buf_str(&note));
	buf_release(&note);
}

static void
on_subscribed(struct session *session, int64_t room_id,
	const struct stomp_frame *frame)
{
	struct session_room *room = find_room(session, room_id);
	struct str status = stomp_frame_get(frame, "status");
	int64_t head = header_i64(frame, "head");

	if (!room)
		return;
	room->joined = true;
	if (!status.len)
		return;
	apply_join(room, status, head, header_i64(frame, "first"),
		stomp_frame_get(frame, "epoch"));
	note_joined(session, room, status, head);
}

static void
on_answered(struct session *session, int64_t id)
{
	struct resend_entry *entry = resend_find(&session->out, id);
	struct sent *sent = entry ? entry->data : NULL;

	if (!sent)
		return;
	session->unacked++;
	session->ops->on_receipt(session, sent->room_id, sent->id);
	entry->data = NULL;
	resend_done(&session->out, entry);
	free(sent);
}

static void
on_receipt(struct session *session, const struct stomp_frame *frame)
{
	struct str id = stomp_frame_get(frame, "receipt-id");
	int64_t n;

	if (str_eq_c(id, "bye")) {
		conn_close(&session->conn, 1000, "bye");
		return;
	}
	if (id.len < 2 || !str_i64((struct str){id.data + 1, id.len - 1}, &n))
		return;
	if (id.data[0] == 's')
		on_subscribed(session, n, frame);
	else if (id.data[0] == 'm')
		on_answered(session, n);
}

/* ---- messages ----------------------------------------------------------- */

static void
on_room_message(struct session *session, struct session_room *room,
	const struct stomp_frame *frame)
{
	int64_t seq = header_i64(frame, "seq"), last = room->last_seq;

	if (!room->joined && room->epoch[0])
		return; /* what was on its way before a new SUBSCRIBE */
	if (seq >= 0 && last >= 0 && seq <= last) {
		session->dropped++;
		return;
	}
	if (seq >= 0 && last >= 0 && seq > last + 1) {
		resubscribe(session, room);
		return;
	}
	if (seq >= 0)
		room->last_seq = seq;
	session->ops->on_message(session, room->id, seq, frame->body);
}

static int64_t
json_number(struct json root, const char *name)
{
	int64_t n;

	return json_i64(json_get(root, name), &n) ? n : -1;
}

/* "m17" and "room-5" name what was refused. */
static bool
number_behind(
	struct json root, const char *name, const char *prefix, int64_t *out)
{
	struct buf scratch = {0};
	struct str text = {NULL, 0};
	size_t skip = strlen(prefix);
	bool ok = json_text(json_get(root, name), &scratch, &text) &&
		  str_starts(text, prefix) &&
		  str_i64((struct str){text.data + skip, text.len - skip}, out);

	buf_release(&scratch);
	return ok;
}

static void
tell_refused(struct session *session, struct json root)
{
	struct buf a = {0}, b = {0};
	struct str code = STR("REFUSED"), message = STR("");

	(void)json_text(json_get(root, "code"), &a, &code);
	(void)json_text(json_get(root, "message"), &b, &message);
	session->ops->on_refused(session, code, message);
	buf_release(&a);
	buf_release(&b);
}

/* An error about a SEND that has no RECEIPT: for a while, or for good. */
static void
refuse_sent(struct session *session, struct json root, int64_t id)
{
	struct resend_entry *entry = resend_find(&session->out, id);
	struct sent *sent = entry ? entry->data : NULL;
	int64_t after = json_number(root, "retryAfter");

	if (!sent)
		return;
	if (after >= 0) {
		sent->again_ms = clock_mono_ms() + after * 1000 + 1;
		return;
	}
	entry->data = NULL;
	resend_done(&session->out, entry);
	free(sent);
	tell_refused(session, root);
}

static void
on_error_object(struct session *session, struct json root)
{
	struct session_room *room;
	int64_t id;

	if (number_behind(root, "receiptId", "m", &id)) {
		refuse_sent(session, root, id);
	} else if (number_behind(root, "subscriptionId", "room-", &id)) {
		room = find_room(session, id);
		if (room)
			room->refused = true;
		tell_refused(session, root);
	} else if (json_get(root, "subscriptionId").type == JSON_NONE) {
		if (session->unacked)
			session->unacked--;
		tell_refused(session, root);
	}
}

/* A living subscription starts anew under another epoch; what the RECEIPT of a
 * SUBSCRIBE has said already is no news. */
static void
on_join_object(struct session *session, struct json root)
{
	struct session_room *room =
		find_room(session, json_number(root, "roomId"));
	struct buf a = {0}, b = {0};
	struct str status, epoch;

	if (room && room->joined &&
		json_is(json_get(root, "status"), "reset") &&
		json_text(json_get(root, "status"), &a, &status) &&
		json_text(json_get(root, "epoch"), &b, &epoch) &&
		!str_eq_c(epoch, room->epoch)) {
		apply_join(room, status, json_number(root, "head"), -1, epoch);
		note_joined(session, room, status, room->last_seq);
	}
	buf_release(&a);
	buf_release(&b);
}

static void
on_queue_message(
	struct session *session, struct str subscription, struct str body)
{
	struct json root;
	struct err err;

	if (json_scan(body, &root, NULL, &err) < 0)
		return;
	if (str_eq_c(subscription, "errors")) {
		session->ops->on_note(session, SESSION_ERROR, body);
		on_error_object(session, root);
	} else if (str_eq_c(subscription, "acks")) {
		if (session->unacked)
			session->unacked--;
		session->ops->on_note(session, SESSION_ACK, body);
	} else if (str_eq_c(subscription, "joins")) {
		on_join_object(session, root);
	}
}

static void
on_message_frame(struct session *session, const struct stomp_frame *frame)
{
	struct str subscription = stomp_frame_get(frame, "subscription");
	struct session_room *room = NULL;
	int64_t id;

	if (str_starts(subscription, "room-") &&
		str_i64((struct str){subscription.data + 5,
				subscription.len - 5},
			&id))
		room = find_room(session, id);
	if (room)
		on_room_message(session, room, frame);
	else
		on_queue_message(session, subscription, frame->body);
}

static void
take_frame(struct session *session, const struct stomp_frame *frame)
{
	struct str message;

	if (frame->command == STOMP_ERROR) {
		message = stomp_frame_get(frame, "message");
		err_set(&session->error, "%.*s", STR_ARG(message));
	} else if (session->state == SESSION_OPENING) {
		if (frame->command == STOMP_CONNECTED)
			on_connected(session, frame);
	} else if (frame->command == STOMP_RECEIPT) {
		on_receipt(session, frame);
	} else if (frame->command == STOMP_MESSAGE) {
		on_message_frame(session, frame);
	}
}

void
session_take(struct session *session, char *data, size_t len)
{
	enum stomp_in_result got;
	struct err err;

	stomp_in_feed(&session->in, data, len);
	while ((got = stomp_in_next(&session->in, &session->frame, &err)) ==
		STOMP_IN_FRAME) {
		take_frame(session, &session->frame);
		if (session->conn.state != CONN_OPEN)
			return;
	}
	if (got != STOMP_IN_MORE)
		conn_close(&session->conn, 1002, err.text);
}
