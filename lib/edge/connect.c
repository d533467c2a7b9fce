/*
 * edge/connect.c - what session.h says of tokens and CONNECT: who a session is,
 * which version of STOMP it speaks, and how often both sides give a sign of
 * life.
 */
#include "auth/jwt.h"
#include "base/clock.h"
#include "base/log.h"
#include "edge/session.h"
#include "edge/tell.h"
#include "edge/user.h"
#include "proto/stomp_out.h"

/* ---- tokens ------------------------------------------------------------- */

int
session_token(struct session *session, struct str token, const char **code,
	struct err *err)
{
	const struct edge *edge = session->edge;
	struct claims claims;

	switch (claims_of_token(&claims, &edge->key, token, &edge->conf.rules,
		clock_wall_ms(), err)) {
	case CLAIMS_OK:
		break;
	case CLAIMS_EXPIRED:
		*code = "TOKEN_EXPIRED";
		return -1;
	case CLAIMS_NO_MEMORY:
		/* Cut before it is told that it is no good. */
		conn_kill(session->conn, "out of memory");
		/* fall through */
	case CLAIMS_INVALID:
		*code = "UNAUTHORIZED";
		return -1;
	}
	if (session->user_id && session->user_id != claims.user_id) {
		*code = "IDENTITY_MISMATCH";
		return err_set(err, "the tokens are of different users");
	}
	session->user_id = claims.user_id;
	session->expires_ms = claims.expires_ms + edge->conf.rules.leeway_ms;
	return 0;
}

static struct str
authorization(const struct stomp_frame *frame)
{
	struct str value = stomp_frame_get(frame, "Authorization");

	return value.data ? value : stomp_frame_get(frame, "authorization");
}

/* CONNECT's token, or the handshake's; false: refused. */
static bool
authenticate(struct session *session, const struct stomp_frame *frame)
{
	struct str header = authorization(frame), none = {NULL, 0};
	const char *code = "UNAUTHORIZED";
	enum close_code close = CLOSE_NOT_ALLOWED;
	struct err err;

	if (header.data ? session_token(
				  session, jwt_bearer(header), &code, &err)
			: -!session->user_id) {
		if (!header.data)
			err_set(&err, "a token is needed");
		if (str_eq_c(str_c(code), "TOKEN_EXPIRED"))
			close = CLOSE_EXPIRED;
		session_fail(session, code, err.text, none, close);
		return false;
	}
	if (clock_wall_ms() < session->expires_ms)
		return true;
	session_fail(session, "TOKEN_EXPIRED", "the token has expired", none,
		CLOSE_EXPIRED);
	return false;
}

/* ---- CONNECT ------------------------------------------------------------ */

static void
refuse_version(struct session *session)
{
	struct buf *frame = &session->edge->frame;

	buf_reset(frame);
	stomp_open(frame, "ERROR");
	stomp_header(frame, STOMP_V10, "message", STR("UNSUPPORTED_VERSION"));
	stomp_header(frame, STOMP_V10, "version", STR("1.0,1.1,1.2"));
	stomp_header(frame, STOMP_V10, "content-type", STR("text/plain"));
	stomp_close_body(frame, STR("supported versions are 1.0, 1.1 and 1.2"));
	if (!buf_bad(frame))
		conn_text(session->conn, buf_str(frame));
	conn_close(session->conn, CLOSE_PROTOCOL, "unsupported version", -1);
}

/* Its version and heart-beats; false: refused. */
static bool
negotiate(struct session *session, const struct stomp_frame *frame)
{
	int64_t beat_ms = session->edge->conf.beat_ms;
	int version = stomp_version_pick(
		stomp_frame_get(frame, "accept-version"), session->versions);

	if (version < 0) {
		refuse_version(session);
		return false;
	}
	session->version = (enum stomp_version)version;
	stomp_in_version(&session->in, session->version);
	if (stomp_beat_agree(&session->beat,
		    stomp_frame_get(frame, "heart-beat"), beat_ms,
		    beat_ms) < 0) {
		session_fail(session, "BAD_FRAME", "bad heart-beat header",
			(struct str){NULL, 0}, CLOSE_PROTOCOL);
		return false;
	}
	return true;
}

void
session_connect(struct session *session, const struct stomp_frame *frame)
{
	struct edge *edge = session->edge;
	struct conn *conn = session->conn;
	char id[32];

	if (!negotiate(session, frame) || !authenticate(session, frame))
		return;
	session->user = user_get(edge, session->user_id);
	if (!session->user) {
		conn_kill(conn, "out of memory");
		return;
	}
	LIST_INSERT_HEAD(&session->user->sessions, session, link);
	session->state = SESSION_LIVE;
	session->in.limits = &edge->limits;
	conn->deadline_ms = CLOCK_NEVER;
	edge->count.sessions++;
	edge->count.opened++;
	snprintf(id, sizeof(id), "s-%lld", (long long)session->id);
	buf_reset(&edge->frame);
	stomp_connected(&edge->frame, session->version, str_c(id),
		&session->beat, session->user_id);
	if (buf_bad(&edge->frame))
		conn_kill(conn, "out of memory");
	else
		conn_text(conn, buf_str(&edge->frame));
	tell_receipt(session, stomp_frame_get(frame, "receipt"));
	conn_arm(conn);
	LOG_INFO("session", "session opened", LOG_I("session", session->id),
		LOG_I("userId", session->user_id),
		LOG_S("version", stomp_version_name(session->version)));
}
