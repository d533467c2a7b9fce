/*
 * edge/answer.c - what http.h says of answers.
 */
#include <libwebsockets.h>
#include <string.h>

#include "edge/http.h"
#include "json/json.h"

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

void
http_answer(struct conn *conn, int status, const char *type, const char *extra,
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
	if (buf_bad(head))
		conn_kill(conn, "out of memory");
	else
		conn_queue(conn, buf_str(head), body);
}

void
http_fail(struct conn *conn, int status, const char *extra, const char *code,
	const char *message)
{
	struct buf *json = &conn->edge->json;

	conn->edge->count.requests_failed++;
	buf_reset(json);
	print_error(json, code, message);
	http_answer(conn, status, HTTP_JSON, extra, buf_str(json));
}

void
http_refuse(struct conn *conn, int status, const char *extra, const char *code,
	const char *message)
{
	struct buf head = {0}, body = {0};

	print_error(&body, code, message);
	print_head(&head, status, HTTP_JSON, body.len, extra, true);
	buf_add_str(&head, buf_str(&body));
	if (!buf_bad(&head) && lws_write(conn->wsi, (unsigned char *)head.data,
				       head.len, LWS_WRITE_RAW) < 0)
		conn_kill(conn, "cannot write");
	buf_release(&head);
	buf_release(&body);
}
