/*
 * edge/rest.c - see rest.h.
 */
#include "edge/rest.h"

#include <libwebsockets.h>
#include <string.h>

#include "auth/jwt.h"
#include "base/clock.h"
#include "edge/http.h"
#include "edge/request.h"

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
	if (!conn->wsi || conn->doomed)
		return;
	if (status == 0) {
		http_fail(conn, 503, "Retry-After: 1\r\n",
			"SERVICE_UNAVAILABLE", "the service does not answer");
		return;
	}
	if (status >= 400)
		conn->edge->count.requests_failed++;
	print_extra(&extra, status, conn->edge->api.headers);
	buf_add_char(&extra, '\0');
	http_answer(conn, status, HTTP_JSON, buf_bad(&extra) ? "" : extra.data,
		body.type == JSON_NONE ? STR("null") : body.text);
	buf_release(&extra);
}

void
rest_forward(struct conn *conn)
{
	struct edge *edge = conn->edge;
	struct http *http = conn->http;
	struct request request = {.user = http->user_id,
		.method = str_c(http->method),
		.path = buf_str(&http->path),
		.deadline_ms = edge->conf.request_ms};
	unsigned quirks;
	struct err err;

	if (http->query.len)
		request.query =
			(struct json){JSON_OBJECT, buf_str(&http->query)};
	/* So deep that the line around it would be no line. */
	if (http->body.len && (json_scan(buf_str(&http->body), &request.body,
				       &quirks, &err) < 0 ||
				      request.body.type != JSON_OBJECT ||
				      quirks & JSON_DEEP)) {
		http_fail(conn, 400, "", "INVALID_BODY",
			"the body is no JSON object");
		return;
	}
	http->call = calls_send(&edge->api, &request, on_reply, conn);
	if (!http->call) {
		http_fail(conn, 503, "Retry-After: 1\r\n",
			"SERVICE_UNAVAILABLE", "the service is away");
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
	enum claims_result result = CLAIMS_INVALID;
	struct buf header = {0};
	struct claims claims;
	struct err err;

	if (request_header(conn->wsi, WSI_TOKEN_HTTP_AUTHORIZATION, &header))
		result = claims_of_token(&claims, &edge->key,
			jwt_bearer(buf_str(&header)), &edge->conf.rules,
			clock_wall_ms(), &err);
	else if (buf_bad(&header))
		result = CLAIMS_NO_MEMORY;
	buf_release(&header);
	if (result == CLAIMS_OK)
		conn->http->user_id = claims.user_id;
	else if (result == CLAIMS_NO_MEMORY)
		http_fail(conn, 503, "Retry-After: 1\r\n",
			"SERVICE_UNAVAILABLE", "out of memory");
	else
		http_fail(conn, 401, "WWW-Authenticate: Bearer\r\n",
			"UNAUTHORIZED", "a valid token is needed");
	return result == CLAIMS_OK;
}

int64_t
rest_body_bytes(struct conn *conn)
{
	struct http *http = conn->http;
	struct buf text = {0};
	int64_t n = 0;
	bool given =
		request_header(conn->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, &text);

	if (given && (!str_i64(buf_str(&text), &n) || n < 0)) {
		http->close = true;
		http_fail(conn, 400, "", "BAD_REQUEST", "bad Content-Length");
		n = -1;
	} else if (lws_hdr_total_length(
			   conn->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING)) {
		http->close = true;
		http_fail(conn, 411, "", "LENGTH_REQUIRED",
			"a body needs a Content-Length");
		n = -1;
	} else if (n > conn->edge->conf.body_bytes) {
		http->close = true;
		http_fail(conn, 413, "", "BODY_TOO_LARGE",
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

/* Its sender waits for a word before it sends the body (RFC 9110 §10.1.1); from
 * HTTP/1.0, and any other expectation, means nothing. */
static bool
expects_continue(struct conn *conn)
{
	struct buf expect = {0}, version = {0};
	bool yes = request_header(conn->wsi, WSI_TOKEN_HTTP_EXPECT, &expect) &&
		   request_header(conn->wsi, WSI_TOKEN_HTTP, &version) &&
		   str_case_eq_c(buf_str(&expect), "100-continue") &&
		   !str_eq_c(buf_str(&version), "HTTP/1.0");

	buf_release(&expect);
	buf_release(&version);
	return yes;
}

void
rest_request(struct conn *conn)
{
	struct http *http = conn->http;
	bool waits = expects_continue(conn), close;
	int64_t body = rest_body_bytes(conn);

	/* After a refusal the body may come, or the next request. */
	close = http->close;
	http->close |= waits;
	if (body < 0 || !authorize(conn))
		return;
	if (request_query(conn->wsi, &http->query) < 0) {
		http_fail(conn, 400, "", "BAD_REQUEST", "bad query");
		return;
	}
	http->close = close;
	http->body_left = (size_t)body;
	if (!body)
		rest_forward(conn);
	else if (waits)
		conn_queue(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR(""));
}
