/*
 * edge/http.c - see http.h.
 */
#include "edge/http.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "auth/jwt.h"
#include "base/clock.h"
#include "base/log.h"
#include "edge/metrics.h"
#include "edge/request.h"
#include "edge/upgrade.h"

#define JSON_TYPE "application/json"
#define PREFIX "/api/v1/"

struct http {
	const char *method;
	struct buf path, query, body;
	int64_t user_id;
	size_t body_left;  /* of the declared body */
	struct call *call; /* chat-api works on it */
	bool answered;	   /* the answer is queued */
	bool close;	   /* after it */
};

/* ---- answers ------------------------------------------------------------- */

static const char *
status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {{200, "OK"}, {201, "Created"}, {204, "No Content"},
		{400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"},
		{404, "Not Found"}, {405, "Method Not Allowed"},
		{409, "Conflict"}, {411, "Length Required"},
		{413, "Content Too Large"}, {426, "Upgrade Required"},
		{429, "Too Many Requests"}, {500, "Internal Server Error"},
		{501, "Not Implemented"}, {503, "Service Unavailable"}};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Status";
}

static void
print_head(struct buf *out, int status, const char *type, size_t length,
	const char *extra, bool close)
{
	buf_printf(out,
		"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		"Connection: %s\r\n%s\r\n",
		status, status_text(status), type, length,
		close ? "close" : "keep-alive", extra);
}

static void
print_error(struct buf *out, const char *code, const char *message)
{
	json_open(out, NULL, '{');
	json_put_bool(out, "success", false);
	json_put_null(out, "data");
	json_put_c(out, "message", message);
	json_put_c(out, "code", code);
	json_close(out, '}');
}

/* Queues the answer; http_write() ends the request when it has gone. */
static void
answer(struct conn *conn, int status, const char *type, const char *extra,
	struct str body)
{
	struct http *http = conn->http;
	struct buf *head = &conn->edge->frame;
	bool head_only = strcmp(http->method, "HEAD") == 0;

	if (conn->edge->phase != EDGE_RUNNING)
		http->close = true;
	http->answered = true;
	conn->deadline_ms = (int64_t)uv_now(conn->edge->loop) +
			    2 * conn->edge->conf.take_ms;
	/* lws tells a connection that is not read nothing of writing either. */
	lws_rx_flow_control(conn->wsi, 1);
	buf_reset(head);
	print_head(head, status, type, body.len, extra, http->close);
	if (head_only)
		body.len = 0;
	conn_queue(conn, buf_str(head), body);
}

static void
fail(struct conn *conn, int status, const char *extra, const char *code,
	const char *message)
{
	struct buf *json = &conn->edge->json;

	conn->edge->count.requests_failed++;
	buf_reset(json);
	print_error(json, code, message);
	answer(conn, status, JSON_TYPE, extra, buf_str(json));
}

void
http_refuse(struct conn *conn, int status, const char *extra, const char *code,
	const char *message)
{
	struct buf head = {0}, body = {0};

	print_error(&body, code, message);
	print_head(&head, status, JSON_TYPE, body.len, extra, true);
	buf_add_str(&head, buf_str(&body));
	if (!buf_bad(&head) && lws_write(conn->wsi, (unsigned char *)head.data,
				       head.len, LWS_WRITE_RAW) < 0)
		conn_kill(conn, "cannot write");
	buf_release(&head);
	buf_release(&body);
}

/* ---- REST: passed on to chat-api ------------------------------------------
 */

/* The headers that chat-api asks for; a value with anything but printable
 * ASCII is left out, so that none can end its line. */
static void
print_extra(struct buf *out, int status, struct json headers)
{
	static const char *const names[] = {"Allow", "Retry-After"};
	struct buf scratch = {0};
	struct str value;
	bool retry = false;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		buf_reset(&scratch);
		if (!json_text(json_get(headers, names[i]), &scratch, &value))
			continue;
		for (size_t n = 0; n < value.len; n++)
			if (value.data[n] < ' ' || value.data[n] > '~')
				value.len = 0;
		if (value.len)
			buf_printf(
				out, "%s: %.*s\r\n", names[i], STR_ARG(value));
		retry = retry || (value.len && i == 1);
	}
	if (!retry && (status == 503 || status == 429))
		buf_add_c(out, "Retry-After: 1\r\n");
	buf_release(&scratch);
}

static void
on_reply(void *data, int status, struct json body)
{
	struct conn *conn = data;
	struct buf extra = {0};

	conn->http->call = NULL;
	if (status == 0) {
		fail(conn, 503, "Retry-After: 1\r\n", "SERVICE_UNAVAILABLE",
			"the service does not answer");
		return;
	}
	if (status >= 400)
		conn->edge->count.requests_failed++;
	print_extra(&extra, status, conn->edge->api.headers);
	buf_add_char(&extra, '\0');
	answer(conn, status, JSON_TYPE, buf_bad(&extra) ? "" : extra.data,
		body.type == JSON_NONE ? STR("null") : body.text);
	buf_release(&extra);
}

static void
forward(struct conn *conn)
{
	struct edge *edge = conn->edge;
	struct http *http = conn->http;
	struct request request = {.user = http->user_id,
		.method = str_c(http->method),
		.path = buf_str(&http->path),
		.deadline_ms = edge->conf.request_ms};
	struct err err;

	if (http->query.len)
		request.query =
			(struct json){JSON_OBJECT, buf_str(&http->query)};
	if (http->body.len && (json_scan(buf_str(&http->body), &request.body,
				       NULL, &err) < 0 ||
				      request.body.type != JSON_OBJECT)) {
		fail(conn, 400, "", "INVALID_BODY",
			"the body is no JSON object");
		return;
	}
	http->call = calls_send(&edge->api, &request, on_reply, conn);
	if (!http->call) {
		fail(conn, 503, "Retry-After: 1\r\n", "SERVICE_UNAVAILABLE",
			"the service is away");
		return;
	}
	/* calls_send() watches the time; this is only for the worst case. */
	conn->deadline_ms =
		(int64_t)uv_now(edge->loop) + 2 * edge->conf.request_ms;
	lws_rx_flow_control(conn->wsi, 0);
}

/* The token's user; false: answered 401. */
static bool
authorize(struct conn *conn)
{
	struct edge *edge = conn->edge;
	struct buf header = {0};
	struct claims claims;
	struct err err;
	bool ok;

	ok = request_header(conn->wsi, WSI_TOKEN_HTTP_AUTHORIZATION, &header) &&
	     claims_of_token(&claims, &edge->key, jwt_bearer(buf_str(&header)),
		     &edge->conf.rules, clock_wall_ms(), &err) == CLAIMS_OK;
	buf_release(&header);
	if (ok)
		conn->http->user_id = claims.user_id;
	else
		fail(conn, 401, "WWW-Authenticate: Bearer\r\n", "UNAUTHORIZED",
			"a valid token is needed");
	return ok;
}

/* How many bytes of body come; -1: answered. */
static int64_t
body_bytes(struct conn *conn)
{
	struct http *http = conn->http;
	struct buf text = {0};
	int64_t n = 0;
	bool given =
		request_header(conn->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, &text);

	if (given && (!str_i64(buf_str(&text), &n) || n < 0)) {
		http->close = true;
		fail(conn, 400, "", "BAD_REQUEST", "bad Content-Length");
		n = -1;
	} else if (lws_hdr_total_length(
			   conn->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING)) {
		http->close = true;
		fail(conn, 411, "", "LENGTH_REQUIRED",
			"a body needs a Content-Length");
		n = -1;
	} else if (n > conn->edge->conf.body_bytes) {
		http->close = true;
		fail(conn, 413, "", "BODY_TOO_LARGE",
			"the body is over its limit");
		n = -1;
	}
	/* Without a length lws goes on waiting for a body that never comes. */
	if (!given && strcmp(http->method, "GET") != 0 &&
		strcmp(http->method, "HEAD") != 0)
		http->close = true;
	buf_release(&text);
	return n;
}

static void
rest(struct conn *conn)
{
	struct http *http = conn->http;
	int64_t body = body_bytes(conn);

	if (body < 0 || !authorize(conn))
		return;
	if (request_query(conn->wsi, &http->query) < 0) {
		fail(conn, 400, "", "BAD_REQUEST", "bad query");
		return;
	}
	http->body_left = (size_t)body;
	if (!body)
		forward(conn);
}

/* ---- our own --------------------------------------------------------------
 */

static void
health(struct conn *conn, bool liveness)
{
	const char *why;

	if (liveness || edge_ready(conn->edge, &why))
		answer(conn, 200, JSON_TYPE, "", STR("{\"status\":\"UP\"}"));
	else
		answer(conn, 503, JSON_TYPE, "", STR("{\"status\":\"DOWN\"}"));
}

static bool
may_see_metrics(const struct conn *conn)
{
	const struct edge *edge = conn->edge;

	if (address_loopback(&conn->address))
		return true;
	for (size_t i = 0; i < edge->metrics_count; i++)
		if (address_eq(&edge->metrics[i], &conn->address))
			return true;
	return false;
}

static void
own(struct conn *conn, struct str path)
{
	bool get = strcmp(conn->http->method, "GET") == 0 ||
		   strcmp(conn->http->method, "HEAD") == 0;
	bool liveness = str_eq_c(path, "/actuator/health/liveness");
	bool ready = str_eq_c(path, "/actuator/health") ||
		     str_eq_c(path, "/actuator/health/readiness");
	bool metrics = str_eq_c(path, "/metrics") && may_see_metrics(conn);
	struct buf out = {0};

	if (upgrade_path(path))
		fail(conn, 426, "Upgrade: websocket\r\n", "UPGRADE_REQUIRED",
			"this is a WebSocket");
	else if (!liveness && !ready && !metrics)
		fail(conn, 404, "", "NOT_FOUND", "there is nothing here");
	else if (!get)
		fail(conn, 405, "Allow: GET, HEAD\r\n", "METHOD_NOT_ALLOWED",
			"only GET");
	else if (!metrics)
		health(conn, liveness);
	else {
		metrics_print(conn->edge, &out);
		answer(conn, 200, "text/plain; version=0.0.4; charset=utf-8",
			"", buf_str(&out));
	}
	buf_release(&out);
}

/* ---- lws's callbacks --------------------------------------------------------
 */

int
http_request(struct conn *conn)
{
	struct http *http;
	struct str path = request_path(conn->wsi);
	const char *method = request_method(conn->wsi);

	if (conn->http || !method)
		return -1;
	http = conn->http = calloc(1, sizeof(*http));
	if (!http)
		return -1;
	http->method = method;
	buf_add_str(&http->path, path);
	conn->edge->count.requests++;
	conn->deadline_ms = (int64_t)uv_now(conn->edge->loop) +
			    conn->edge->conf.handshake_ms;
	if (str_starts(path, PREFIX)) {
		rest(conn);
	} else if (body_bytes(conn) >= 0) {
		own(conn, path);
	}
	conn_arm(conn);
	return 0;
}

int
http_body(struct conn *conn, struct str piece)
{
	struct http *http = conn->http;

	if (!http || http->answered)
		return 0;
	if (piece.len > http->body_left)
		return -1;
	http->body_left -= piece.len;
	buf_add_str(&http->body, piece);
	return buf_bad(&http->body) ? -1 : 0;
}

int
http_body_end(struct conn *conn)
{
	if (conn->http && !conn->http->answered && !conn->http->call) {
		forward(conn);
		conn_arm(conn);
	}
	return 0;
}

bool
http_pushes(struct conn *conn)
{
	int unread = 0;

	if (!conn->http || !conn->http->answered)
		return false;
	return ioctl(lws_get_socket_fd(conn->wsi), FIONREAD, &unread) < 0 ||
	       unread > 0;
}

int
http_write(struct conn *conn)
{
	struct http *http = conn->http;
	bool close;

	conn_write(conn);
	if (conn->doomed || !http || !http->answered ||
		outq_bytes(&conn->outq) || conn->in_lws)
		return 0;
	close = http->close;
	http_free(conn);
	if (close)
		return -1;
	conn->deadline_ms = (int64_t)uv_now(conn->edge->loop) +
			    conn->edge->conf.keepalive_ms;
	conn_arm(conn);
	return lws_http_transaction_completed(conn->wsi) ? -1 : 0;
}

void
http_free(struct conn *conn)
{
	struct http *http = conn->http;

	if (!http)
		return;
	if (http->call)
		calls_forget(&conn->edge->api, http->call);
	buf_release(&http->path);
	buf_release(&http->query);
	buf_release(&http->body);
	free(http);
	conn->http = NULL;
}
