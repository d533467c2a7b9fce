/*
 * client/session_out.c - the frames that a session sends, and what waits for
 * its RECEIPT; see session.h.
 */
#include "client/session_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "base/crc.h"
#include "json/json.h"
#include "proto/stomp_out.h"

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

/* ---- history: what has no RECEIPT --------------------------------------- */

static void
note_invoked(struct session *session, const struct sent *sent)
{
	history_invoke(
		&session->worker, sent->room_id, sent->n, sent->id, sent->crc);
}

static void
note_info(struct session *session, const struct sent *sent)
{
	if (!sent->again_ms) /* refused: it is known to be nowhere */
		history_info(&session->worker, sent->id);
}

static void
note_each(struct session *session,
	void (*note)(struct session *session, const struct sent *sent))
{
	struct resend_entry *entry;
	int64_t id;

	for (id = session->out.first; id < session->out.next; id++) {
		entry = resend_find(&session->out, id);
		if (entry && entry->data)
			note(session, entry->data);
	}
}

void
session_note_lost(struct session *session, const char *why)
{
	if (!session->worker.history || session->state < SESSION_UP)
		return;
	history_lost(&session->worker, why);
	note_each(session, note_info);
}

void
session_conclude(struct session *session)
{
	if (!session->worker.history)
		return;
	note_each(session, note_info);
	history_end(&session->worker);
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
session_send(struct session *session, int64_t room_id, int64_t n,
	struct str content, char id[SESSION_UUID_BYTES])
{
	struct resend_entry *entry = NULL;
	struct buf body = {0};
	struct sent *sent;
	char receipt[24];

	if (session_full(session) || !(sent = calloc(1, sizeof(*sent))))
		return -1;
	sent->room_id = room_id;
	make_uuid(sent->id);
	sent->n = n;
	sent->crc = session->worker.history ? crc32_of(content) : 0;
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
	note_invoked(session, sent);
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
		note_invoked(session, sent);
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

void
session_follow(struct session *session, struct session_room *room)
{
	char id[32], receipt[32], destination[64];
	struct str epoch = str_c(room->epoch);

	snprintf(id, sizeof(id), "room-%lld", (long long)room->id);
	snprintf(receipt, sizeof(receipt), "s%lld", (long long)room->id);
	snprintf(destination, sizeof(destination), "/sub/chat/room/%lld",
		(long long)room->id);
	if (!epoch.len)
		epoch.data = NULL;
	room->from_seq = room->last_seq;
	buf_reset(&session->text);
	stomp_subscribe(&session->text, session->version, str_c(id),
		str_c(destination), str_c(receipt), room->last_seq, epoch);
	conn_send(&session->conn, buf_str(&session->text));
}

void
session_follow_again(struct session *session, struct session_room *room)
{
	char id[32];

	room->joined = false;
	snprintf(id, sizeof(id), "room-%lld", (long long)room->id);
	buf_reset(&session->text);
	stomp_unsubscribe(&session->text, session->version, str_c(id),
		(struct str){NULL, 0});
	conn_send(&session->conn, buf_str(&session->text));
	session_follow(session, room);
}

void
session_begin(struct session *session)
{
	size_t i;

	subscribe_queue(session, "errors", "/user/queue/errors");
	subscribe_queue(session, "acks", "/user/queue/acks");
	subscribe_queue(session, "joins", "/user/queue/joins");
	if (session->watch_rooms)
		subscribe_queue(session, "rooms", "/user/queue/rooms");
	history_connected(&session->worker);
	for (i = 0; i < session->room_count; i++)
		if (!session->rooms[i].refused)
			session_follow(session, &session->rooms[i]);
	if (session->worker.history)
		note_each(session, note_invoked);
	resend_again(&session->out, send_again, session);
}
