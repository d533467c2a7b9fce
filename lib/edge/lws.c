/*
 * edge/lws.c - see lws.h.
 */
#include "edge/lws.h"

#include <libwebsockets.h>
#include <string.h>

#include "edge/conn.h"
#include "edge/http.h"
#include "edge/upgrade.h"

#define HEADERS_MAX 16384 /* bytes of a request's head */
#define RX_BYTES 1024	  /* of a connection's receive buffer */

/*
 * lws takes the client's first subprotocol that it knows, and refuses an
 * upgrade that offers only others. STOMP clients offer all kinds, in any order;
 * the contract says: the best that both know, or none. So there is one protocol
 * whose name is a variable: while lws looks for the client's offer it has the
 * offer's first name, and while lws writes its answer it has the name that we
 * chose (an empty one is not answered). Both happen within one call, in one
 * thread.
 */
static char any_name[64];
static const char *chosen_name = "";

void
edge_lws_subprotocol(struct str offered, const char *chosen)
{
	size_t len = offered.len < sizeof(any_name) ? offered.len
						    : sizeof(any_name) - 1;

	memcpy(any_name, offered.data, len);
	any_name[len] = '\0';
	chosen_name = chosen;
}

static int
ws_event(struct lws *wsi, struct conn *conn, enum lws_callback_reasons reason,
	void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		snprintf(any_name, sizeof(any_name), "%s", chosen_name);
		return 0;
	case LWS_CALLBACK_ESTABLISHED:
		conn_opened(conn);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		conn_receive(conn, in, len);
		return 0;
	case LWS_CALLBACK_RECEIVE_PONG:
		conn->rx_ms = (int64_t)uv_now(conn->edge->loop);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		conn_write(conn);
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (conn->state == CONN_CLOSING)
			return -1;
		conn_left(conn);
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, NULL, in, len);
	}
}

static int
http_event(struct lws *wsi, struct conn *conn, enum lws_callback_reasons reason,
	void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return upgrade_check(conn);
	case LWS_CALLBACK_HTTP:
		return http_request(conn);
	case LWS_CALLBACK_HTTP_BODY:
		return http_body(conn, (struct str){in, len});
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return http_body_end(conn);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return http_write(conn);
	default:
		return ws_event(wsi, conn, reason, in, len);
	}
}

/* in of CONFIRM_UPGRADE may point at freed memory (CVE-2025-11677): nothing
 * here looks at it. */
static int
on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
	size_t len)
{
	struct conn *conn;

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_RAW_ADOPT:
	case LWS_CALLBACK_RAW_RX:
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		/* Raw connections (CONNECT) are not served. */
		return reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED
			       ? 0
			       : -1;
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_WSI_DESTROY:
		conn = lws_get_opaque_user_data(wsi);
		lws_set_opaque_user_data(wsi, NULL);
		if (conn)
			conn_gone(conn);
		return 0;
	default:
		break;
	}
	conn = wsi ? lws_get_opaque_user_data(wsi) : NULL;
	if (!conn)
		return 0;
	return http_event(wsi, conn, reason, in, len);
}

#define PROTOCOL(n)                                                            \
	{                                                                      \
		(n), on_lws, 0, RX_BYTES, 0, NULL, EDGE_WRITE_MAX              \
	}

/* The first is what connections have before they upgrade, and those without an
 * offer have for good. */
static const struct lws_protocols protocols[] = {
	PROTOCOL(""), PROTOCOL(any_name), {NULL, NULL, 0, 0, 0, NULL, 0}};

int
edge_lws_open(struct edge *edge, struct err *err)
{
	struct lws_context_creation_info info = {0};
	static const lws_retry_bo_t never = {0};
	void *loops[1] = {edge->loop};

	lws_set_log_level(0, NULL); /* its words hold what strangers sent */
	info.options = LWS_SERVER_OPTION_LIBUV |
		       LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		       LWS_SERVER_OPTION_VALIDATE_UTF8;
	info.foreign_loops = loops;
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.gid = (gid_t)-1;
	info.uid = (uid_t)-1;
	info.pt_serv_buf_size = 16384;
	info.max_http_header_data = HEADERS_MAX;
	/* As many heads at once as connections: who sends his slowly keeps
	 * nobody else waiting. They exist only while a head is read. */
	info.max_http_header_pool = 65535;
	info.timeout_secs = (unsigned)(edge->conf.handshake_ms / 1000) + 1;
	info.keepalive_timeout = (int)(edge->conf.keepalive_ms / 1000) + 1;
	info.retry_and_idle_policy = &never;
	info.protocols = protocols;
	info.alpn = "http/1.1";
	edge->lws = lws_create_context(&info);
	if (!edge->lws)
		return err_set(err, "cannot set up libwebsockets (is its libuv "
				    "plugin installed?)");
	info.vhost_name = "edge";
	edge->vhost = lws_create_vhost(edge->lws, &info);
	if (!edge->vhost)
		return err_set(err, "cannot set up libwebsockets");
	return 0;
}

void
edge_lws_close(struct edge *edge)
{
	if (edge->lws)
		lws_context_destroy(edge->lws);
	edge->lws = NULL;
	edge->vhost = NULL;
}

struct lws *
edge_lws_adopt(struct edge *edge, int fd, struct conn *conn)
{
	lws_adopt_desc_t desc = {
		.vh = edge->vhost, .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP};
	struct lws *wsi;

	desc.fd.sockfd = fd;
	wsi = lws_adopt_descriptor_vhost_via_info(&desc);
	/* Not before: where it fails lws calls back for what is no wsi. */
	if (wsi)
		lws_set_opaque_user_data(wsi, conn);
	return wsi;
}
