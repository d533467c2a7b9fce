/*
 * client/session_in.c - the frames that a session gets: receipts and refusals
 * of what it sent, and the messages of its rooms; see session.h.
 */
#include "client/session_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"

const struct stomp_limits session_limits = {.max_frame_bytes = 1 << 20,
	.max_headers = 64,
	.max_header_bytes = 8192};

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
	session_begin(session);
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
	struct str status, int64_t from, int64_t head, int64_t first)
{
	struct history_join join = {
		room->id, status, from, head, first, str_c(room->epoch)};
	struct buf note = {0};

	history_joined(&session->worker, &join);

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
	int64_t first = header_i64(frame, "first");

	if (!room)
		return;
	room->joined = true;
	if (!status.len)
		return;
	apply_join(room, status, head, first, stomp_frame_get(frame, "epoch"));
	note_joined(session, room, status, room->from_seq, head, first);
}

static void
on_answered(struct session *session, int64_t id)
{
	struct resend_entry *entry = resend_find(&session->out, id);
	struct sent *sent = entry ? entry->data : NULL;

	if (!sent)
		return;
	session->unacked++;
	history_ok(&session->worker, sent->id);
	session->ops->on_receipt(session, sent->room_id, sent->id, sent->n);
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

	history_recv(&session->worker, room->id, seq, frame->body);
	if (!room->joined && room->epoch[0])
		return; /* what was on its way before a new SUBSCRIBE */
	if (seq >= 0 && last >= 0 && seq <= last) {
		session->dropped++;
		return;
	}
	if (seq >= 0 && last >= 0 && seq > last + 1) {
		session_follow_again(session, room);
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
	history_fail(&session->worker, sent->id, root);
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
		history_fail(&session->worker, NULL, root);
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
		note_joined(session, room, status, -1, room->last_seq, -1);
	}
	buf_release(&a);
	buf_release(&b);
}

/* Room list changes: only those of our own membership matter here. */
static void
on_room_change(struct session *session, struct json root)
{
	struct session_room *room =
		find_room(session, json_number(root, "roomId"));
	struct json event = json_get(root, "event");

	if (!room)
		return;
	if (json_is(event, "KICKED") || json_is(event, "LEFT")) {
		if (!room->refused)
			history_ended(&session->worker, room->id);
		room->joined = false;
		room->refused = true;
	} else if (json_is(event, "INVITED") && room->refused) {
		room->refused = false;
		session_follow(session, room);
	}
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
	} else if (str_eq_c(subscription, "rooms")) {
		on_room_change(session, root);
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
