/*
 * edge/edge.h - one edge process: what is configured, what there is once, and
 * the loop turn that ties it together. Everything runs in one thread, on one
 * libuv loop which libwebsockets shares.
 *
 *	listen -> conn (lws) -> session (STOMP) -> send    -> produce.sock
 *	              ^             |              sub     -> follow -> api.sock
 *	            outq <- tell <--'            <- fanout <- events.sock
 *	              `-> http -> api.sock
 *
 * The end of each loop turn (turn() in edge.c): sessions that ended are taken
 *apart, queues are written with one send() each, dead connections are freed.
 *Nothing of a connection is freed anywhere else, so no callback can pull the
 *ground from under another.
 */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <uv.h>

#include "auth/claims.h"
#include "auth/key.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/opt.h"
#include "base/status.h"
#include "edge/limit.h"
#include "edge/wheel.h"
#include "flow/follow.h"
#include "flow/resend.h"
#include "proto/stomp_in.h"
#include "serve/call.h"
#include "serve/dial.h"

#define EDGE_PATH "/ws/v1/chat"
#define EDGE_WRITE_MAX 65536 /* bytes of one send() */

struct conn;
struct lws_context;
struct lws_vhost;

/* Times are milliseconds. */
struct edge_conf {
	const char *address; /* to listen on */
	int64_t port;
	const char *produce, *events, *api; /* sockets */
	const char *topic;
	const char *secret;
	struct claims_rules rules;
	struct opt_list origins, metrics_from, trusted_proxies;
	bool any_origin, require_origin;
	const char *status;	/* file */
	const char *status_dir; /* of the other programs; NULL: none */

	int64_t content_chars;			    /* of a message */
	int64_t frame_bytes, headers, header_bytes; /* STOMP in */
	int64_t message_bytes;			    /* a WebSocket message in */
	int64_t out_bytes; /* waiting for one connection */
	int64_t take_ms;   /* to take what waits */
	int64_t handshake_ms, connect_ms, idle_ms, keepalive_ms;
	int64_t beat_ms;       /* heart-beats, each way; 0: none */
	int64_t subscriptions; /* of a connection */
	int64_t connections;   /* of the process */
	int64_t per_address;
	int64_t per_minute; /* messages of a user; 0: no limit */
	int64_t hold_bytes; /* records without an answer */
	int64_t ring_bytes; /* all rooms' last events */
	int64_t body_bytes; /* an HTTP request's */
	int64_t request_ms; /* chat-api's time for one */
	int64_t drain_ms;   /* a graceful stop */
	int64_t gather_ms;  /* that a frame may wait for others; 0: none */
};

/* Counters and gauges, for the status file and /metrics. */
struct edge_count {
	int64_t connections, sessions, subscriptions, users, rooms;
	int64_t accepted, refused_address, refused_full, handshakes_refused;
	int64_t opened, closed, closed_slow, closed_idle, closed_no_connect;
	int64_t closed_expired, closed_protocol, closed_too_big;
	int64_t frames_in, sends, receipts, refusals, refusals_untold;
	int64_t rate_limited, unanswered, unanswered_bytes, sent_again;
	int64_t events, events_broken, deliveries, bytes_out, writes;
	int64_t acks, pages, refollows, ring_hits, dropped_epoch;
	int64_t requests, requests_failed, paused, gather_ms;
};

enum edge_phase { EDGE_RUNNING, EDGE_DRAINING, EDGE_ENDED };

TAILQ_HEAD(conn_queue, conn);
LIST_HEAD(conn_list, conn);
RB_HEAD(user_tree, user);

/* See gather.h. */
struct gather {
	int64_t ms;		   /* now */
	struct conn_queue waiting; /* the longest first */
	uv_timer_t timer;
	uint64_t at_ns, idle_ns; /* at the last tick */
};

struct edge {
	struct edge_conf conf;
	struct key key;
	struct stomp_limits limits;
	struct stomp_limits connect_limits; /* before CONNECT: less */
	enum edge_phase phase;

	uv_loop_t *loop;
	struct lws_context *lws;
	struct lws_vhost *vhost;
	uv_poll_t listener;
	int listen_fd; /* -1: closed */
	int spare_fd;  /* given up to refuse where descriptors are out */
	uv_timer_t clock;
	int64_t clock_ms; /* its last tick; 0: none yet */
	uv_prepare_t before;
	uv_check_t after;
	struct wheel wheel;
	struct gather gather;

	struct conn_list conns;
	struct conn_queue dirty; /* with something to do at the turn's end */
	struct conn_queue dead;
	struct conn_queue paused; /* not read: records without an answer */
	size_t conn_count;
	struct address_counts addresses;
	struct address trusted[OPT_LIST_MAX], metrics[OPT_LIST_MAX];
	size_t trusted_count, metrics_count;
	struct user_tree users;
	int64_t users_swept_ms;

	struct dial produce, events;
	bool events_ready;
	struct calls api;
	struct follow follow;
	int64_t follow_tick_ms;
	struct resend resend;

	struct buf frame, tail, json, line; /* scratch, valid in one function */
	int64_t next_session, next_notice;

	struct edge_count count;
	struct status status;
	int64_t drain_end_ms, drain_next_ms, drain_spread_s;
	size_t drain_batch;
	void (*on_ended)(struct edge *edge); /* drained: stop the loop */
};

/* Checks conf, loads the key. -1: nothing is left behind. */
int edge_init(struct edge *edge, const struct edge_conf *conf,
	struct err *err) MUST_CHECK;
/* Listens and connects; needs a loop that outlives it. */
int edge_start(struct edge *edge, uv_loop_t *loop,
	void (*on_ended)(struct edge *edge), struct err *err) MUST_CHECK;
/* Stops gracefully; on_ended comes. */
void edge_drain(struct edge *edge);
/* Loads the key again; the old one stays where that fails. */
void edge_reload(struct edge *edge);
/* Writes the status file now. */
void edge_report(struct edge *edge);
/* After on_ended, or a failed start: closes handles, which the loop must run
 * once more to end, and frees. */
void edge_stop(struct edge *edge);
void edge_release(struct edge *edge);

/* Whether this edge can serve: all three lines are up, and it is not
 * draining; why says what is missing. */
bool edge_ready(const struct edge *edge, const char **why);
/* State and reason of the status file; after a line came up or went down. */
void edge_state(struct edge *edge);

#endif
