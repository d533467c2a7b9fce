/*
 * edge/http.c - see http.h.
 */
#include "edge/http.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "edge/metrics.h"
#include "edge/request.h"
#include "edge/rest.h"
#include "edge/upgrade.h"

#define PREFIX "/api/v1/"

/* ---- our own ------------------------------------------------------------ */

static void
health(struct conn *conn, bool liveness)
{
	const char *why;

	if (liveness || edge_ready(conn->edge, &why))
		http_answer(
			conn, 200, HTTP_JSON, "", STR("{\"status\":\"UP\"}"));
	else
		http_answer(
			conn, 503, HTTP_JSON, "", STR("{\"status\":\"DOWN\"}"));
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
		http_fail(conn, 426, "Upgrade: websocket\r\n",
			"UPGRADE_REQUIRED", "this is a WebSocket");
	else if (!liveness && !ready && !metrics)
		http_fail(conn, 404, "", "NOT_FOUND", "there is nothing here");
	else if (!get)
		http_fail(conn, 405, "Allow: GET, HEAD\r\n",
			"METHOD_NOT_ALLOWED", "only GET");
	else if (!metrics)
		health(conn, liveness);
	else {
		metrics_print(conn->edge, &out);
		http_answer(conn, 200,
			"text/plain; version=0.0.4; charset=utf-8", "",
			buf_str(&out));
	}
	buf_release(&out);
}

/* ---- lws's callbacks ---------------------------------------------------- */

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
	if (buf_bad(&http->path))
		return -1;
	conn->edge->count.requests++;
	conn->deadline_ms = (int64_t)uv_now(conn->edge->loop) +
			    conn->edge->conf.handshake_ms;
	if (str_starts(path, PREFIX)) {
		rest_request(conn);
	} else if (rest_body_bytes(conn) >= 0) {
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
		rest_forward(conn);
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
