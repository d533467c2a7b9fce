/*
 * edge/listen.c - see listen.h.
 */
#include "edge/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/conn.h"

#define BACKLOG 4096
#define ACCEPTS 64 /* in one turn: who is connected is served in between */
/* The kernel would grow it to megabytes, and a slow client's queue with it. */
#define SEND_BUFFER 131072

/* words: the rest of the body, of `length` bytes with what is before it. */
#define REFUSAL(length, words)                                                 \
	"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"               \
	"Content-Type: application/json\r\nContent-Length: " length "\r\n"     \
	"Connection: close\r\n\r\n"                                            \
	"{\"success\":false,\"data\":null," words "}"

static const char busy[] = REFUSAL("92", "\"message\":\"too many connections\","
					 "\"code\":\"TOO_MANY_CONNECTIONS\"");
static const char stopping[] =
	REFUSAL("90", "\"message\":\"this server is going away\","
		      "\"code\":\"SHUTTING_DOWN\"");

/* What it has asked, as far as it is there, is read first: closing over unread
 * bytes would reset the connection, and the answer with it. */
static void
refuse(int fd, const char *answer)
{
	char sink[4096];

	while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) ==
		(ssize_t)sizeof(sink))
		continue;
	(void)!send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static bool
trusted(const struct edge *edge, const struct address *address)
{
	for (size_t i = 0; i < edge->trusted_count; i++)
		if (address_eq(&edge->trusted[i], address))
			return true;
	return false;
}

static void
welcome(struct edge *edge, int fd, const struct sockaddr *sa)
{
	struct address address = address_of(sa);
	struct address_count *counted = NULL;
	int one = 1;

	if (edge->conn_count >= (size_t)edge->conf.connections) {
		edge->count.refused_full++;
		refuse(fd, busy);
		return;
	}
	if (!trusted(edge, &address)) {
		counted = address_take(&edge->addresses, &address,
			(uint32_t)edge->conf.per_address);
		if (!counted) {
			edge->count.refused_address++;
			refuse(fd, busy);
			return;
		}
	}
	edge->count.accepted++;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!conn_adopt(edge, fd, &address, counted) && counted)
		address_give(&edge->addresses, counted);
}

/* No descriptor is left: without this the loop would spin on a connection that
 * can be neither taken nor turned away. */
static void
out_of_fds(struct edge *edge)
{
	int fd;

	if (edge->spare_fd < 0)
		return;
	close(edge->spare_fd);
	fd = accept4(edge->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		refuse(fd, busy);
	edge->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	edge->count.refused_full++;
}

static void
on_listener(uv_poll_t *poll, int status, int events)
{
	struct edge *edge = poll->data;
	struct sockaddr_storage sa;
	socklen_t len;
	int fd;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		len = sizeof(sa);
		fd = accept4(edge->listen_fd, (struct sockaddr *)&sa, &len,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
			out_of_fds(edge);
			continue;
		}
		if (fd < 0 && errno == ECONNABORTED)
			continue;
		if (fd < 0)
			return;
		welcome(edge, fd, (const struct sockaddr *)&sa);
	}
}

static int
fill_address(const struct edge_conf *conf, struct sockaddr_storage *sa,
	socklen_t *len, struct err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)sa;

	memset(sa, 0, sizeof(*sa));
	if (inet_pton(AF_INET, conf->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)conf->port);
		*len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, conf->address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)conf->port);
		*len = sizeof(*v6);
	} else {
		return err_set(
			err, "'%s' is no address to listen on", conf->address);
	}
	return 0;
}

static int
open_socket(const struct edge_conf *conf, struct err *err)
{
	struct sockaddr_storage sa;
	int fd, one = 1, zero = 0, bytes = SEND_BUFFER;
	socklen_t len = 0;

	if (fill_address(conf, &sa, &len, err) < 0)
		return -1;
	fd = socket(
		sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "cannot make a socket");
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) <
			0 ||
		bind(fd, (struct sockaddr *)&sa, len) < 0 ||
		listen(fd, BACKLOG) < 0) {
		err_sys(err, "cannot listen on %s port %d", conf->address,
			(int)conf->port);
		close(fd);
		return -1;
	}
	return fd;
}

int
edge_listen(struct edge *edge, struct err *err)
{
	int fd = open_socket(&edge->conf, err);

	if (fd < 0)
		return -1;
	if (uv_poll_init(edge->loop, &edge->listener, fd) < 0) {
		close(fd);
		return err_set(err, "cannot watch the listening socket");
	}
	edge->listen_fd = fd;
	edge->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	edge->listener.data = edge;
	uv_poll_start(&edge->listener, UV_READABLE, on_listener);
	LOG_INFO("edge", "listening", LOG_S("address", edge->conf.address),
		LOG_I("port", edge->conf.port));
	return 0;
}

static void
on_closed(uv_handle_t *handle)
{
	struct edge *edge = handle->data;

	close(edge->listen_fd);
	edge->listen_fd = -1;
}

/* Who stands in the queue would see a reset. */
static void
refuse_waiting(struct edge *edge)
{
	int fd;

	while ((fd = accept4(edge->listen_fd, NULL, NULL,
			SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		refuse(fd, stopping);
}

void
edge_unlisten(struct edge *edge)
{
	if (edge->listen_fd < 0 ||
		uv_is_closing((uv_handle_t *)&edge->listener))
		return;
	refuse_waiting(edge);
	uv_poll_stop(&edge->listener);
	uv_close((uv_handle_t *)&edge->listener, on_closed);
	if (edge->spare_fd >= 0)
		close(edge->spare_fd);
	edge->spare_fd = -1;
}
