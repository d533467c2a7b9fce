/*
 * test-oom-edge.c - R-27 for lib/edge: a session from CONNECT over SUBSCRIBE
 * and SEND to its end, without a socket. Where memory fails the connection is
 * cut; what it was told until then is whole, and what it has sent goes on in
 * its order, without a hole. See oom.h.
 *
 * links: edge serve flow wire proto auth -lwebsockets -lcrypto -luv OOM
 */
#include "oom.h"

#include <unistd.h>

#include "auth/jwt.h"
#include "base/log.h"
#include "edge/conn.h"
#include "edge/item.h"
#include "edge/limit.h"
#include "edge/produce.h"
#include "edge/send.h"
#include "edge/session.h"
#include "edge/sub.h"
#include "edge/tell.h"
#include "edge/user.h"

static uv_loop_t loop;
static char secret[] = "/tmp/test-oom-secret.XXXXXX", token[1000];
static const struct edge_conf conf = {.secret = secret,
	.topic = "chat-messages",
	.content_chars = 5000,
	.frame_bytes = 65536,
	.headers = 64,
	.header_bytes = 8192,
	.message_bytes = 262144,
	.out_bytes = 524288,
	.take_ms = 20000,
	.connect_ms = 30000,
	.idle_ms = 600000,
	.subscriptions = 10,
	.per_minute = 60,
	.hold_bytes = 1 << 20,
	.ring_bytes = 1 << 20};

static char frames[4096];
static size_t frames_len;

static void PRINTF(1, 2) frame(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	frames_len += (size_t)vsnprintf(frames + frames_len,
			      sizeof(frames) - frames_len, fmt, ap) +
		      1;
	va_end(ap);
	assert_true(frames_len < sizeof(frames));
}

/* All that the client says, NULs included. */
static void
say_all(void)
{
	int i;

	frame("CONNECT\naccept-version:1.2\nhost:h\nAuthorization:Bearer "
	      "%s\n\n",
		token);
	frame("SUBSCRIBE\nid:e\\c\ndestination:/user/queue/errors\n\n");
	frame("SEND\ndestination:/pub/chat/message\n\n{\"roomId\":0}");
	frame("SUBSCRIBE\nid:j\ndestination:/user/queue/joins\nreceipt:j\n\n");
	frame("SUBSCRIBE\nid:r\ndestination:/sub/chat/room/1\nreceipt:r\n\n");
	for (i = 1; i <= 5; i++)
		frame("SEND\ndestination:/pub/chat/message\nreceipt:m%d\n\n"
		      "{\"roomId\":%d,\"content\":\"no %d\","
		      "\"clientMessageId\":\"%d\"}",
			i, i < 5 ? 1 : 2, i, i);
	frame("SUBSCRIBE\nid:x\ndestination:/sub/chat/room/2\n\n");
	frame("UNSUBSCRIBE\nid:x\nreceipt:u\n\n");
}

/* chat-api's answer to the SUBSCRIBE of room 1, and a message of it. */
static void
answer(struct edge *edge, struct session *session)
{
	struct item_text text = {.room_id = 1,
		.seq = 8,
		.sender = 7,
		.type = STR("TEXT"),
		.json = STR("{\"seq\":8}")};
	struct follow_answer member = {
		.member = true, .head = 7, .epoch = STR("e")};
	struct follow_item *item;
	struct room_sub *room;
	struct sub *sub;

	LIST_FOREACH (sub, &session->subs, link) {
		room = (struct room_sub *)(void *)sub;
		if (sub->kind != SUB_ROOM || room->room_id != 1)
			continue;
		/* It is asked when chat-api is there. */
		follow_answered(&edge->follow, &room->follow, &member);
		item = item_new(edge, &text);
		if (!item)
			conn_kill(session->conn, "no event");
		else
			follow_event(&edge->follow, 1, STR("e"), item);
		if (item)
			follow_item_drop(&edge->follow, item);
		break;
	}
}

/* Counts the frames that wait: each is whole, and has a text. */
static int
frames_waiting(const struct outq *outq)
{
	const unsigned char *at =
		(const unsigned char *)outq->data + outq->head;
	size_t left = outq_bytes(outq), len, head;
	int count = 0;

	while (left) {
		assert_true(left >= 4 && at[0] == 0x81);
		len = at[1] & 127;
		head = len == 126 ? 4 : 2;
		if (len == 126)
			len = (size_t)at[2] << 8 | at[3];
		assert_true(len > 10 && left >= head + len);
		assert_int_equal(at[head + len - 1], '\0');
		assert_int_equal(at[head + len - 2],
			memcmp(at + head, "MESSAGE", 7) ? '\n' : '}');
		at += head + len;
		left -= head + len;
		count++;
	}
	return count;
}

/* In room 1 they go on in their order, without a hole. */
static int
sends_waiting(struct resend *resend)
{
	struct resend_entry *entry;
	int64_t id, last = resend_next_id(resend);
	int count = 0, in_room = 0;
	char want[20];

	for (id = 1; id < last; id++) {
		entry = resend_find(resend, id);
		assert_non_null(entry);
		count++;
		if (strstr(entry->line, "\"roomId\":2"))
			continue;
		snprintf(want, sizeof(want), "\"no %d\"", ++in_room);
		assert_non_null(strstr(entry->line, want));
	}
	return count;
}

static void
forget_sends(struct resend *resend)
{
	struct resend_entry *entry;
	int64_t id, last = resend_next_id(resend);

	for (id = 1; id < last; id++)
		if ((entry = resend_find(resend, id)))
			free(entry->data);
	resend_release(resend);
}

static int
talk(struct edge *edge, struct conn *conn)
{
	char bytes[sizeof(frames)];
	int told;

	conn->session = session_new(conn);
	if (!conn->session)
		return -1;
	memcpy(bytes, frames, frames_len);
	session_feed(conn->session, bytes, frames_len);
	if (!conn->doomed)
		answer(edge, conn->session);
	/* Of who is cut nothing more is written. */
	if (!conn->doomed) {
		told = frames_waiting(&conn->outq);
		/* CONNECTED, receipts j, r and u, the error, the join, 8. */
		assert_int_equal(told, 7);
		assert_int_equal(sends_waiting(&edge->resend), 5);
	}
	session_free(conn->session);
	(void)sends_waiting(&edge->resend);
	return conn->doomed ? -1 : 0;
}

static int
work_session(void *arg)
{
	static struct edge edge;
	struct conn conn = {.edge = &edge, .state = CONN_OPEN};
	struct err err = {""};
	int rc = edge_init(&edge, &conf, &err);

	if (rc < 0)
		return rc;
	edge.loop = &loop;
	wheel_init(&edge.wheel, 0);
	rc = talk(&edge, &conn);
	conns_turn(&edge);
	wheel_cancel(&edge.wheel, &conn.timer);
	outq_release(&conn.outq);
	forget_sends(&edge.resend);
	edge_release(&edge);
	return rc;
}

static int
work_limits(void *arg)
{
	struct address_counts counts = {0};
	struct address address = {{1}};
	struct address_count *entry = address_take(&counts, &address, 2);
	struct rate rate = {0};
	int64_t wait_ms;
	int rc = entry && rate_take(&rate, 5, 1, &wait_ms) ? 0 : -1;

	/* Who cannot be counted is turned away, not let through. */
	if (entry)
		address_give(&counts, entry);
	rate_release(&rate);
	return rc;
}

/* optional: a connection may be turned away */
static const struct oom_case works[] = {
	{"session", work_session, NULL, 31, true},
	{"limits", work_limits, NULL, 2, false},
};

static void
test_each(void **unused)
{
	oom_test(works, ARRAY_LEN(works));
}

static int
set_up(void **unused)
{
	static const char bytes[] = "0123456789abcdef0123456789abcdef";
	struct key key = {0};
	struct buf out = {0};
	struct err err;
	int fd = mkstemp(secret);

	assert_true(fd >= 0);
	assert_int_equal(
		write(fd, bytes, sizeof(bytes) - 1), sizeof(bytes) - 1);
	close(fd);
	assert_int_equal(key_secret(&key, str_c(bytes), &err), 0);
	assert_int_equal(
		jwt_sign(&key, STR("{\"sub\":\"7\",\"exp\":99999999999}"), &out,
			&err),
		0);
	snprintf(token, sizeof(token), "%s", out.data);
	buf_release(&out);
	key_release(&key);
	say_all();
	uv_loop_init(&loop);
	return 0;
}

static int
tear_down(void **unused)
{
	unlink(secret);
	return uv_loop_close(&loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each)};

	if (!freopen("/dev/null", "w", stderr))
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
