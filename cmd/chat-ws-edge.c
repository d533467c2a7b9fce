/*
 * chat-ws-edge - holds the client sockets: turns STOMP and HTTP into lines, and
 * events into STOMP frames (chat-ws-edge(1)).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "base/log.h"
#include "base/opt.h"
#include "edge/edge.h"
#include "io/stop.h"
#include "wire/message.h"

#define K INT64_C(1024)
#define M (K * K)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define OTHER_FILES 200 /* descriptors that are no clients */

struct program {
	struct edge edge;
	uv_loop_t loop;
	uv_signal_t term, intr, hup, usr1;
};

static struct edge_conf conf = {
	.address = "0.0.0.0",
	.port = 8080,
	.topic = "chat-messages",
	.content_chars = MESSAGE_CONTENT_MAX,
	.frame_bytes = STOMP_FRAME_MAX,
	.headers = STOMP_HEADERS_MAX,
	.header_bytes = STOMP_HEADER_MAX,
	.message_bytes = 256 * K,
	.out_bytes = 512 * K,
	.take_ms = 20 * SECOND,
	.handshake_ms = 10 * SECOND,
	.connect_ms = 30 * SECOND,
	.idle_ms = 10 * MINUTE,
	.keepalive_ms = 30 * SECOND,
	.beat_ms = 25 * SECOND,
	.subscriptions = 512,
	.connections = 50000,
	.per_address = 1000,
	.per_minute = 60,
	.hold_bytes = 64 * M,
	.ring_bytes = 64 * M,
	.body_bytes = 64 * K,
	.request_ms = 5 * SECOND,
	.drain_ms = 30 * SECOND,
	.gather_ms = 30,
	.rules = {.leeway_ms = CLAIMS_LEEWAY_MS},
};
static struct opt_list demanded;
static bool check_only;

#define SIZE(name, field, arg, min, max, help)                                 \
	{                                                                      \
		OPT_SIZE, 0, name, &conf.field, arg, help, min, max            \
	}
#define TIME(name, field, min, max, help)                                      \
	{                                                                      \
		OPT_SECONDS, 0, name, &conf.field, "TIME", help, min, max      \
	}
#define COUNT(name, field, min, max, help)                                     \
	{                                                                      \
		OPT_INT, 0, name, &conf.field, "N", help, min, max             \
	}
#define TEXT(letter, name, field, arg, help)                                   \
	{                                                                      \
		OPT_STRING, letter, name, &conf.field, arg, help, 0, 0         \
	}
#define LIST(name, target, arg, help)                                          \
	{                                                                      \
		OPT_LIST, 0, name, &target, arg, help, 0, 0                    \
	}

static const struct opt options[] = {
	COUNT("port", port, 1, 65535, "TCP port to listen on (8080)"),
	TEXT(0, "address", address, "IP", "address to listen on (0.0.0.0)"),
	TEXT(0, "produce", produce, "SOCKET", "chat-produce's socket"),
	TEXT(0, "events", events, "SOCKET", "chat-broadcast's socket"),
	TEXT(0, "api", api, "SOCKET", "chat-api's socket"),
	TEXT('t', "topic", topic, "TOPIC",
		"topic of the messages (chat-messages)"),
	TEXT(0, "jwt-secret", secret, "FILE",
		"secret that tokens are signed with"),
	TEXT(0, "issuer", rules.issuer, "TEXT", "demand this iss of tokens"),
	TEXT(0, "audience", rules.audience, "TEXT",
		"demand this aud of tokens"),
	LIST("claim", demanded, "NAME",
		"demand this claim of tokens; repeatable"),
	LIST("origin", conf.origins, "ORIGIN",
		"allow browsers' pages of this origin; * all; repeatable"),
	{OPT_FLAG, 0, "require-origin", &conf.require_origin, NULL,
		"refuse upgrades without an Origin", 0, 0},
	LIST("metrics-from", conf.metrics_from, "IP",
		"show /metrics to this address, too; repeatable"),
	LIST("trusted-proxy", conf.trusted_proxies, "IP",
		"no limit of connections for this address; repeatable"),
	TEXT(0, "status-dir", status_dir, "DIR",
		"status files of the other programs, for /metrics"),
	COUNT("max-content", content_chars, 1, 100000,
		"characters of a message (5000)"),
	SIZE("max-frame", frame_bytes, "SIZE", 1024, 16 * M,
		"bytes of an inbound STOMP frame (64K)"),
	SIZE("max-message", message_bytes, "SIZE", 1024, 64 * M,
		"bytes of an inbound WebSocket message (256K)"),
	COUNT("max-headers", headers, 8, STOMP_HEADERS_CAP,
		"headers of a STOMP frame (64)"),
	SIZE("max-header", header_bytes, "SIZE", 64, M,
		"bytes of a STOMP header (8K)"),
	SIZE("max-out", out_bytes, "SIZE", 32 * K, 1024 * M,
		"bytes waiting for one connection (512K)"),
	TIME("take-time", take_ms, 100, 3600 * SECOND,
		"for a client to take what waits (20s)"),
	TIME("handshake-time", handshake_ms, 100, 3600 * SECOND,
		"for a request to come (10s)"),
	TIME("connect-time", connect_ms, 100, 3600 * SECOND,
		"for CONNECT to come (30s)"),
	TIME("idle-time", idle_ms, 100, 86400 * SECOND,
		"of silence without heart-beats (10m)"),
	TIME("keep-alive", keepalive_ms, 100, 3600 * SECOND,
		"between two HTTP requests (30s)"),
	TIME("heart-beat", beat_ms, 0, 3600 * SECOND,
		"between heart-beats, each way (25s); 0 none"),
	COUNT("max-subscriptions", subscriptions, 1, 100000,
		"subscriptions of a connection (512)"),
	COUNT("max-connections", connections, 1, 10000000,
		"connections of this process (50000)"),
	COUNT("max-per-address", per_address, 1, 10000000,
		"connections of an address (1000)"),
	COUNT("rate", per_minute, 0, 1000000,
		"messages of a user within a minute (60); 0 no limit"),
	SIZE("max-unanswered", hold_bytes, "SIZE", 64 * K, 4096 * M,
		"bytes of messages without an answer (64M)"),
	SIZE("max-rings", ring_bytes, "SIZE", 64 * K, 4096 * M,
		"bytes of rooms' last messages kept at hand (64M)"),
	SIZE("max-body", body_bytes, "SIZE", K, 16 * M,
		"bytes of an HTTP request's body (64K)"),
	TIME("request-time", request_ms, 100, 600 * SECOND,
		"for chat-api to answer an HTTP request (5s)"),
	TIME("drain-time", drain_ms, 0, 3600 * SECOND,
		"for a graceful stop (30s)"),
	TIME("gather-time", gather_ms, 0, SECOND,
		"a frame waits for others while the loop is busy (30ms)"),
	TEXT('S', "status", status, "FILE", "write state and counters there"),
	{OPT_FLAG, 'n', "dry-run", &check_only, NULL,
		"check the configuration and exit", 0, 0},
	{0},
};

static const struct opt_about about = {"chat-ws-edge", "[options]",
	"Holds the client sockets: STOMP over WebSocket, and HTTP.", options};

/* ---- signals ------------------------------------------------------------ */

static void
on_signal(uv_signal_t *handle, int sig)
{
	struct edge *edge = handle->data;

	switch (sig) {
	case SIGHUP:
		edge_reload(edge);
		break;
	case SIGUSR1:
		edge_report(edge);
		break;
	default:
		edge_drain(edge);
	}
}

static void
watch(struct program *p, uv_signal_t *handle, int sig)
{
	uv_signal_init(&p->loop, handle);
	handle->data = &p->edge;
	uv_signal_start(handle, on_signal, sig);
}

static void
on_ended(struct edge *edge)
{
	uv_stop(edge->loop);
}

static void
close_signals(struct program *p)
{
	uv_close((uv_handle_t *)&p->term, NULL);
	uv_close((uv_handle_t *)&p->intr, NULL);
	uv_close((uv_handle_t *)&p->hup, NULL);
	uv_close((uv_handle_t *)&p->usr1, NULL);
}

/* ---- main --------------------------------------------------------------- */

static void
usage(const char *why)
{
	struct err err;

	err_set(&err, "%s", why);
	opt_usage(&about, &err);
}

static void
configure(int argc, char **argv)
{
	struct err err;
	int first = opt_parse(&about, argc, argv, &err);

	if (first < 0)
		opt_usage(&about, &err);
	if (first < argc)
		usage("there are no operands");
	if (!conf.produce || !conf.events || !conf.api)
		usage("--produce, --events and --api are needed");
	if (!conf.secret)
		usage("--jwt-secret is needed");
	if (demanded.count > CLAIMS_DEMANDED_MAX)
		usage("too many --claim");
	if (conf.frame_bytes >= conf.message_bytes)
		usage("--max-message must be over --max-frame");
	conf.rules.count = demanded.count;
	for (size_t i = 0; i < demanded.count; i++)
		conf.rules.demanded[i] = demanded.item[i];
}

/* As many descriptors as connections are allowed, where the system lets us;
 * fewer connections where it does not. */
static void
raise_files(void)
{
	rlim_t want = (rlim_t)conf.connections + OTHER_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 ||
		getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= want)
		return;
	LOG_WARN("edge", "fewer descriptors than --max-connections",
		LOG_I("descriptors", limit.rlim_cur),
		LOG_I("connections", conf.connections));
	conf.connections = limit.rlim_cur > 2 * OTHER_FILES
				   ? (int64_t)limit.rlim_cur - OTHER_FILES
				   : OTHER_FILES;
}

/* Signals wait until the loop takes them: told to stop at its start, it stops
 * as it does later. */
static int
run(struct program *p, const sigset_t *before)
{
	struct err err;

	if (edge_start(&p->edge, &p->loop, on_ended, &err) < 0) {
		LOG_ERROR("edge", "cannot start", LOG_E(&err));
		return EXIT_PERM;
	}
	watch(p, &p->term, SIGTERM);
	watch(p, &p->intr, SIGINT);
	watch(p, &p->hup, SIGHUP);
	watch(p, &p->usr1, SIGUSR1);
	stop_unblock(before);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	edge_stop(&p->edge);
	close_signals(p);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	edge_release(&p->edge);
	uv_loop_close(&p->loop);
	return EXIT_DONE;
}

int
main(int argc, char **argv)
{
	static struct program program;
	sigset_t before;
	struct err err;

	stop_block(&before);
	log_open("chat-ws-edge");
	signal(SIGPIPE, SIG_IGN);
	configure(argc, argv);
	raise_files();
	if (edge_init(&program.edge, &conf, &err) < 0) {
		fprintf(stderr, "chat-ws-edge: %s\n", err.text);
		return EXIT_PERM;
	}
	if (check_only)
		return EXIT_DONE;
	uv_loop_init(&program.loop);
	/* How busy it is: edge/gather.h. Never fails on a new loop. */
	(void)uv_loop_configure(&program.loop, UV_METRICS_IDLE_TIME);
	return run(&program, &before);
}
