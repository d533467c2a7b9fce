/*
 * edge/upgrade.c - see upgrade.h.
 */
#include "edge/upgrade.h"

#include <libwebsockets.h>

#include "auth/jwt.h"
#include "base/log.h"
#include "edge/http.h"
#include "edge/lws.h"
#include "edge/request.h"
#include "edge/session.h"
#include "io/b64.h"

/* Bytes of a Sec-WebSocket-Protocol, and of a name in it, that lws reads. */
#define OFFERS_MAX 126
#define OFFER_MAX 62

struct refusal {
	int status;
	const char *extra, *code, *message;
};

#define BAD(why)                                                               \
	{                                                                      \
		400, "", "BAD_REQUEST", (why)                                  \
	}

bool
upgrade_path(struct str path)
{
	return str_eq_c(path, EDGE_PATH) ||
	       str_eq_c(path, EDGE_PATH "/websocket");
}

bool
upgrade_origin(const struct edge_conf *conf, struct str origin)
{
	if (conf->any_origin)
		return true;
	for (size_t i = 0; i < conf->origins.count; i++)
		if (str_eq_c(origin, conf->origins.item[i]))
			return true;
	return false;
}

/* The header's value, in edge->json, until the next call. */
static struct str
header(struct conn *conn, enum lws_token_indexes token)
{
	struct buf *buf = &conn->edge->json;

	buf_reset(buf);
	if (!request_header(conn->wsi, token, buf))
		return (struct str){NULL, 0};
	return buf_str(buf);
}

static struct str
trim(struct str s)
{
	while (s.len && (*s.data == ' ' || *s.data == '\t')) {
		s.data++;
		s.len--;
	}
	while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool
list_has(struct str list, const char *word)
{
	struct str item;

	while (list.len) {
		str_cut(list, ',', &item, &list);
		if (str_case_eq_c(trim(item), word))
			return true;
	}
	return false;
}

/* RFC 6455 §4.1: 16 bytes in base64. A repeated header is joined by a comma
 * and fails here. */
static bool
key_ok(struct str key)
{
	struct buf raw = {0};
	bool ok = b64_decode(key, &raw) == 0 && raw.len == 16;

	buf_release(&raw);
	return ok;
}

/* ---- what is wrong with its form; status 0: nothing --------------------- */

static struct refusal
check_form(struct conn *conn)
{
	struct lws *wsi = conn->wsi;
	const char *method = request_method(wsi);

	if (!upgrade_path(request_path(wsi)))
		return (struct refusal){
			404, "", "NOT_FOUND", "there is nothing here"};
	if (!method || str_eq_c(str_c(method), "GET") == false)
		return (struct refusal){405, "Allow: GET\r\n",
			"METHOD_NOT_ALLOWED", "an upgrade is a GET"};
	if (!str_case_eq_c(header(conn, WSI_TOKEN_UPGRADE), "websocket") ||
		!list_has(header(conn, WSI_TOKEN_CONNECTION), "upgrade"))
		return (struct refusal)BAD("only websocket upgrades");
	if (!str_eq_c(header(conn, WSI_TOKEN_VERSION), "13"))
		return (struct refusal){426,
			"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
			"UPGRADE_REQUIRED", "only WebSocket version 13"};
	if (!key_ok(header(conn, WSI_TOKEN_KEY)))
		return (struct refusal)BAD("bad Sec-WebSocket-Key");
	if (!header(conn, WSI_TOKEN_HOST).len)
		return (struct refusal)BAD("no Host");
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) ||
		lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
		return (struct refusal)BAD("an upgrade has no body");
	if (conn->edge->phase != EDGE_RUNNING)
		return (struct refusal){503, "Retry-After: 5\r\n",
			"SHUTTING_DOWN", "this server is going away"};
	return (struct refusal){0};
}

static struct refusal
check_origin(struct conn *conn)
{
	const struct edge_conf *conf = &conn->edge->conf;
	struct str origin = header(conn, WSI_TOKEN_ORIGIN);

	/* There is one, but no memory for it. */
	if (!origin.data && lws_hdr_total_length(conn->wsi, WSI_TOKEN_ORIGIN))
		return (struct refusal){503, "Retry-After: 5\r\n",
			"SERVICE_UNAVAILABLE", "out of memory"};
	if (origin.data ? upgrade_origin(conf, origin) : !conf->require_origin)
		return (struct refusal){0};
	return (struct refusal){
		403, "", "ORIGIN_NOT_ALLOWED", "this origin is not allowed"};
}

/* ---- who it is ---------------------------------------------------------- */

/* Every token that the request brings must be valid, and all of one user. */
static int
check_tokens(struct conn *conn, struct err *err)
{
	static const char *const names[] = {"token", "access_token"};
	struct buf token = {0};
	const char *code;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(names) && rc == 0; i++) {
		buf_reset(&token);
		if (request_arg(conn->wsi, names[i], &token))
			rc = session_token(
				conn->session, buf_str(&token), &code, err);
	}
	buf_reset(&token);
	if (rc == 0 &&
		request_header(conn->wsi, WSI_TOKEN_HTTP_AUTHORIZATION, &token))
		rc = session_token(
			conn->session, jwt_bearer(buf_str(&token)), &code, err);
	buf_release(&token);
	return rc;
}

/* ---- the subprotocol ---------------------------------------------------- */

static const struct {
	const char *name;
	enum stomp_version version;
} subprotocols[] = {{"v12.stomp", STOMP_V12}, {"v11.stomp", STOMP_V11},
	{"v10.stomp", STOMP_V10}};

/* The highest version that the client offers settles STOMP's. Where it offers
 * only what we do not know none is answered, and CONNECT settles it. False: no
 * list of names. */
static bool
choose_subprotocol(struct conn *conn)
{
	struct str list = header(conn, WSI_TOKEN_PROTOCOL), item, first = {0};
	size_t best = ARRAY_LEN(subprotocols);

	if (!list.len)
		return true;
	if (list.len > OFFERS_MAX)
		return false;
	while (list.len) {
		str_cut(list, ',', &item, &list);
		item = trim(item);
		if (!item.len || item.len > OFFER_MAX)
			return false;
		if (!first.data)
			first = item;
		for (size_t i = 0; i < best; i++)
			if (str_eq_c(item, subprotocols[i].name))
				best = i;
	}
	if (best < ARRAY_LEN(subprotocols))
		conn->session->versions = 1u << subprotocols[best].version;
	edge_lws_subprotocol(first,
		best < ARRAY_LEN(subprotocols) ? subprotocols[best].name : "");
	return true;
}

/* ---- all of it ---------------------------------------------------------- */

static int
refuse(struct conn *conn, const struct refusal *r)
{
	conn->edge->count.handshakes_refused++;
	LOG_INFO("edge", "handshake refused", LOG_I("status", r->status),
		LOG_S("code", r->code), LOG_S("reason", r->message));
	http_refuse(conn, r->status, r->extra, r->code, r->message);
	if (!conn->why)
		conn->why = r->code;
	return -1;
}

int
upgrade_check(struct conn *conn)
{
	struct refusal r;
	struct err err;

	/* lws has answered a foreign upgrade already, and dropped its head. */
	if (!lws_hdr_total_length(conn->wsi, WSI_TOKEN_UPGRADE) ||
		conn->session || conn->http)
		return -1;
	r = check_form(conn);
	if (!r.status)
		r = check_origin(conn);
	if (r.status)
		return refuse(conn, &r);
	conn->session = session_new(conn);
	if (!conn->session)
		return -1;
	if (check_tokens(conn, &err) < 0) {
		if (conn->doomed)
			return -1;
		r = (struct refusal){401, "WWW-Authenticate: Bearer\r\n",
			"UNAUTHORIZED", err.text};
		return refuse(conn, &r);
	}
	if (!choose_subprotocol(conn)) {
		r = (struct refusal)BAD("bad Sec-WebSocket-Protocol");
		return refuse(conn, &r);
	}
	return 0;
}
