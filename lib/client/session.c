/*
 * client/session.c - see session.h. Here is the life of the connection, and
 * its end; session_out.c sends, session_in.c reads what comes.
 */
#include "client/session.h"

#include <stdio.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "base/clock.h"
#include "client/session_inner.h"
#include "json/json.h"
#include "proto/stomp_out.h"

#define TICK_MS 250
#define DIAL_MS 10000 /* to resolve, connect, upgrade and be CONNECTED */
#define LEAVE_MS 2000
#define BACKOFF_MAX_MS 2000
#define SILENCE_MIN_MS 5000
#define OUT_BYTES (64 << 20)

static void dial(struct session *session);

static void
end(struct session *session, int exit_code, const char *why)
{
	if (session->state == SESSION_ENDED)
		return;
	session_conclude(session);
	session->state = SESSION_ENDED;
	uv_timer_stop(&session->timer);
	session->ops->on_end(session, exit_code, why);
}

/* ---- what a lost connection means (contract: three bands of codes) ------- */

enum verdict { RETRY, RETRY_AT_ONCE, FOR_A_PERSON };

static enum verdict
judge(const struct session *session, unsigned code, int status)
{
	switch (code) {
	case 4003: /* token expired: a new one is made at the next connection */
		return session->renewable ? RETRY_AT_ONCE : FOR_A_PERSON;
	case 4001: /* evicted */
	case 4002: /* revoked */
	case 1002:
	case 1007:
	case 1008:
	case 1009:
		return FOR_A_PERSON;
	case 1001:
	case 1012:
		return RETRY_AT_ONCE;
	}
	if (status >= 400 && status < 500 && status != 408 && status != 429)
		return FOR_A_PERSON;
	/* ERROR without a close code of its own: refused in words only. */
	return !code && session->error.text[0] ? FOR_A_PERSON : RETRY;
}

/* The reason's "retry-after=SECONDS" in ms, or -1. */
static int64_t
retry_after_ms(const char *why)
{
	const char *at = strstr(why, "retry-after=");
	int64_t seconds;
	struct str s;

	if (!at)
		return -1;
	s = str_c(at + 12);
	s.len = strspn(s.data, "0123456789");
	return str_i64(s, &seconds) && seconds < 3600 ? seconds * 1000 : -1;
}

/* Doubling, and spread over its upper half: many clients lose one server at
 * the same instant. */
static int64_t
next_backoff(struct session *session)
{
	int64_t ms = session->backoff_ms;

	session->backoff_ms = ms * 2 < BACKOFF_MAX_MS ? ms * 2 : BACKOFF_MAX_MS;
	return ms / 2 + (int64_t)arc4random_uniform((uint32_t)(ms / 2) + 1);
}

static void
on_close(struct conn *conn, unsigned code, int status, const char *why)
{
	struct session *session = conn->data;
	enum verdict verdict = judge(session, code, status);
	bool left = session->finished || session->state == SESSION_LEAVING;
	int64_t after = retry_after_ms(why);
	size_t i;

	if (session->error.text[0])
		why = session->error.text;
	stomp_in_release(&session->in);
	session_note_lost(session, why);
	for (i = 0; i < session->room_count; i++)
		session->rooms[i].joined = false;
	if (session->state == SESSION_ENDED)
		return;
	session->state = SESSION_DOWN;
	if (left) {
		end(session, EXIT_DONE, "left");
		return;
	}
	session->ops->on_state(session, false, why);
	if (verdict == FOR_A_PERSON) {
		end(session, EXIT_PERM, why);
		return;
	}
	if (after < 0)
		after = next_backoff(session);
	session->retry_ms = clock_mono_ms() + after;
	uv_timer_start(&session->timer, session->timer.timer_cb,
		(uint64_t)(after < TICK_MS ? after : TICK_MS), TICK_MS);
}

/* ---- dialling ----------------------------------------------------------- */

static void
on_open(struct conn *conn)
{
	struct session *session = conn->data;
	struct buf token = {0};
	struct err err;

	if (session->ops->token(session, &token, &err) < 0) {
		end(session, EXIT_PERM, err.text);
		conn_abort(conn, "no token");
		buf_release(&token);
		return;
	}
	stomp_in_init(&session->in, STOMP_FROM_SERVER, &session_limits);
	session->state = SESSION_OPENING;
	buf_reset(&session->text);
	stomp_connect_open(&session->text, str_c(session->url.host),
		"1.0,1.1,1.2", SESSION_BEAT_MS, SESSION_BEAT_MS,
		buf_str(&token));
	stomp_close(&session->text);
	conn_send(conn, buf_str(&session->text));
	explicit_bzero(session->text.data, session->text.len);
	explicit_bzero(token.data, token.len);
	buf_release(&token);
}

static void
on_message(struct conn *conn, char *data, size_t len)
{
	struct session *session = conn->data;

	session->heard_ms = clock_mono_ms();
	session_take(session, data, len);
}

static const struct conn_ops ops = {on_open, on_message, on_close};

/* One address after the other, then a new look-up. */
static void
dial_next(struct session *session)
{
	struct conn_options opts = {.authority = session->url.authority,
		.target = session->url.target,
		.protocols = STR("v12.stomp, v11.stomp, v10.stomp"),
		.max_bytes = session_limits.max_frame_bytes};

	opts.to = session->next->ai_addr;
	session->next = session->next->ai_next;
	conn_open(&session->conn, &session->hub, &ops, &opts);
}

static void
on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct session *session = req->data;

	if (session->state != SESSION_DIALING) {
		uv_freeaddrinfo(found);
		return;
	}
	if (status < 0) {
		session->state = SESSION_DOWN;
		session->ops->on_state(session, false, uv_strerror(status));
		session->retry_ms = clock_mono_ms() + next_backoff(session);
		return;
	}
	session->found = session->next = found;
	dial_next(session);
}

static void
dial(struct session *session)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	int rc;

	session->state = SESSION_DIALING;
	session->began_ms = session->heard_ms = clock_mono_ms();
	err_clear(&session->error);
	if (session->next) {
		dial_next(session);
		return;
	}
	uv_freeaddrinfo(session->found);
	session->found = NULL;
	rc = uv_getaddrinfo(session->loop, &session->lookup, on_found,
		session->url.host, session->url.port, &hints);
	if (rc < 0)
		on_found(&session->lookup, rc, NULL);
}

/* ---- the clock ---------------------------------------------------------- */

static void
beat(struct session *session, int64_t now)
{
	int64_t silence = session->beat.expect_ms * 12 / 5;

	if (silence && silence < SILENCE_MIN_MS)
		silence = SILENCE_MIN_MS;
	if (silence && now - session->heard_ms > silence)
		conn_abort(&session->conn, "the server is silent");
	else if (session->beat.send_ms &&
		 now - session->conn.written_ms >=
			 session->beat.send_ms - 2 * TICK_MS)
		conn_send(&session->conn, STR("\n"));
}

static void
on_tick(uv_timer_t *timer)
{
	struct session *session = timer->data;
	int64_t now = clock_mono_ms();

	switch (session->state) {
	case SESSION_DOWN:
		if (now >= session->retry_ms)
			dial(session);
		break;
	case SESSION_DIALING:
	case SESSION_OPENING:
		if (now - session->began_ms > DIAL_MS)
			conn_abort(&session->conn, "no answer in time");
		break;
	case SESSION_UP:
		beat(session, now);
		session_send_due(session, now);
		break;
	case SESSION_LEAVING:
		if (now >= session->leave_ms)
			conn_abort(&session->conn, "no answer in time");
		break;
	case SESSION_ENDED:
		break;
	}
}

int
session_start(struct session *session, uv_loop_t *loop,
	const struct session_options *opts, struct err *err)
{
	size_t i;

	memset(session, 0, sizeof(*session));
	if (url_parse(&session->url, str_c(opts->url), err) < 0)
		return -1;
	if (session->url.tls)
		return err_set(err, "'%s': only ws:// is spoken", opts->url);
	if (conn_hub_init(&session->hub, loop, err) < 0)
		return -1;
	session->ops = opts->ops;
	session->data = opts->data;
	session->loop = loop;
	session->renewable = opts->renewable;
	session->watch_rooms = opts->watch_rooms;
	session->worker.history = opts->history;
	session->worker.user_id = opts->user_id;
	snprintf(session->worker.name, sizeof(session->worker.name), "%s",
		opts->worker ? opts->worker : "");
	session->conn.data = session->lookup.data = session;
	session->backoff_ms = SESSION_BACKOFF_MIN_MS;
	for (i = 0; i < opts->room_count; i++)
		session->rooms[i] = (struct session_room){
			.id = opts->rooms[i], .last_seq = opts->from_seq};
	session->room_count = opts->room_count;
	resend_init(&session->out, OUT_BYTES);
	uv_timer_init(loop, &session->timer);
	session->timer.data = session;
	uv_timer_start(&session->timer, on_tick, TICK_MS, TICK_MS);
	dial(session);
	return 0;
}

/* ---- sending ------------------------------------------------------------ */

void
session_leave(struct session *session)
{
	session_conclude(session);
	session->finished = true;
	if (session->state == SESSION_ENDED ||
		session->state == SESSION_LEAVING)
		return;
	if (session->state != SESSION_UP) {
		if (session->conn.state == CONN_IDLE)
			end(session, EXIT_DONE, "left");
		else
			conn_abort(&session->conn, "left");
		return;
	}
	session->state = SESSION_LEAVING;
	session->leave_ms = clock_mono_ms() + LEAVE_MS;
	buf_reset(&session->text);
	stomp_disconnect(&session->text, session->version, STR("bye"));
	conn_send(&session->conn, buf_str(&session->text));
}

void
session_release(struct session *session)
{
	uv_close((uv_handle_t *)&session->timer, NULL);
	conn_hub_close(&session->hub);
	conn_release(&session->conn);
	uv_freeaddrinfo(session->found);
	session_forget(session);
	resend_release(&session->out);
	buf_release(&session->text);
}
