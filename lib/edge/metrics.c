/*
 * edge/metrics.c - see metrics.h.
 */
#include "edge/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "io/fd.h"
#include "json/json.h"

#define FILES_MAX 256
#define FILE_MAX_BYTES 65536

/* One table: its name in the status file, its name for Prometheus, what it is
 * for people. */
static const struct metric {
	const char *name, *metric;
	bool gauge;
	size_t at;
	const char *help;
} metrics[] = {
#define G(f, m, h)                                                             \
	{                                                                      \
#f, "chat_edge_" m, true, offsetof(struct edge_count, f), h    \
	}
#define C(f, n, m, h)                                                          \
	{                                                                      \
		n, "chat_edge_" m "_total", false,                             \
			offsetof(struct edge_count, f), h                      \
	}
	G(connections, "connections", "open TCP connections"),
	G(sessions, "sessions", "STOMP sessions"),
	G(subscriptions, "subscriptions", "subscriptions"),
	G(users, "users", "users known to this edge"),
	G(rooms, "rooms", "rooms followed"),
	G(unanswered, "unanswered", "records without chat-produce's answer"),
	{"unansweredBytes", "chat_edge_unanswered_bytes", true,
		offsetof(struct edge_count, unanswered_bytes),
		"bytes of records without an answer"},
	G(paused, "paused", "connections not read for back pressure"),
	{"gatherMs", "chat_edge_gather_milliseconds", true,
		offsetof(struct edge_count, gather_ms),
		"that a frame waits for others, the loop being busy"},
	C(accepted, "accepted", "accepted", "connections accepted"),
	C(refused_address, "refusedAddress", "refused_address",
		"connections over the limit of their address"),
	C(refused_full, "refusedFull", "refused_full",
		"connections over the limit of this process"),
	C(handshakes_refused, "handshakesRefused", "handshakes_refused",
		"upgrades refused"),
	C(opened, "opened", "opened", "sessions opened"),
	C(closed, "closed", "closed", "sessions closed"),
	C(closed_slow, "closedSlow", "closed_slow", "slow consumers closed"),
	C(closed_idle, "closedIdle", "closed_idle", "closed for silence"),
	C(closed_no_connect, "closedNoConnect", "closed_no_connect",
		"closed without CONNECT in time"),
	C(closed_expired, "closedExpired", "closed_expired",
		"closed with an expired token"),
	C(closed_protocol, "closedProtocol", "closed_protocol",
		"closed for an error of protocol"),
	C(closed_too_big, "closedTooBig", "closed_too_big",
		"closed for a frame over its limit"),
	C(frames_in, "framesIn", "frames_in", "STOMP frames received"),
	C(sends, "sends", "sends", "messages accepted"),
	C(receipts, "receipts", "receipts", "RECEIPTs sent"),
	C(refusals, "refusals", "refusals", "SENDs and SUBSCRIBEs refused"),
	C(refusals_untold, "refusalsUntold", "refusals_untold",
		"refusals without a subscription to tell"),
	C(rate_limited, "rateLimited", "rate_limited",
		"messages over a user's rate"),
	C(sent_again, "sentAgain", "sent_again",
		"records sent to chat-produce once more"),
	C(events, "events", "events", "events read"),
	C(events_broken, "eventsBroken", "events_broken", "events unreadable"),
	C(deliveries, "deliveries", "deliveries", "messages to subscribers"),
	C(bytes_out, "bytesOut", "bytes_out", "bytes written"),
	C(writes, "writes", "writes", "writes to sockets"),
	C(acks, "acks", "acks", "acks sent"),
	C(pages, "pages", "pages", "pages asked of chat-api"),
	C(refollows, "refollows", "refollows",
		"times all rooms were followed "
		"again"),
	C(ring_hits, "ringHits", "ring_hits", "messages out of a room's ring"),
	C(dropped_epoch, "droppedEpoch", "dropped_epoch",
		"events of another life of the store"),
	C(requests, "requests", "requests", "HTTP requests"),
	C(requests_failed, "requestsFailed", "requests_failed",
		"HTTP requests answered with an error"),
#undef G
#undef C
};

static int64_t *
value_of(struct edge *edge, const struct metric *metric)
{
	return (int64_t *)(void *)((char *)&edge->count + metric->at);
}

const struct status_counter *
metrics_counters(struct edge *edge, size_t *count)
{
	static struct status_counter counters[ARRAY_LEN(metrics)];

	for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
		counters[i] = (struct status_counter){
			metrics[i].name, value_of(edge, &metrics[i])};
	*count = ARRAY_LEN(metrics);
	return counters;
}

void
metrics_gather(struct edge *edge)
{
	struct edge_count *count = &edge->count;

	count->unanswered = (int64_t)edge->resend.count;
	count->unanswered_bytes = (int64_t)edge->resend.bytes;
	count->sent_again = edge->resend.sent_again;
	count->pages = edge->follow.pages;
	count->refollows = edge->follow.refollows;
	count->ring_hits = edge->follow.ring_hits;
	count->dropped_epoch = edge->follow.dropped_epoch;
	count->rooms = (int64_t)edge->follow.room_count;
}

/* ---- other programs ----------------------------------------------------- */

/* A label's value: what a status file says is not trusted to be a name. */
static void
label(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "%s=\"", name);
	for (size_t i = 0; i < value.len && i < 100; i++)
		if ((unsigned char)value.data[i] >= ' ' &&
			!strchr("\"\\\x7f", value.data[i]))
			buf_add_char(out, value.data[i]);
	buf_add_char(out, '"');
}

/* Several processes of one program tell themselves apart by their files. */
static void
print_program(struct buf *out, struct str file, struct json root)
{
	struct json_iter it = json_iter(root);
	struct json key, value, name = json_get(root, "name");
	struct buf scratch = {0};
	struct str program, counter;
	int64_t n;

	if (!json_text(name, &scratch, &program))
		return;
	buf_add_c(out, "chat_program_ready{");
	label(out, "program", program);
	buf_add_char(out, ',');
	label(out, "file", file);
	buf_printf(out, "} %d\n", json_is(json_get(root, "state"), "ready"));
	while (json_next(&it, &key, &value)) {
		if (!json_i64(value, &n) || key.text.len < 2)
			continue;
		counter = (struct str){key.text.data + 1, key.text.len - 2};
		buf_add_c(out, "chat_program_status{");
		label(out, "program", program);
		buf_add_char(out, ',');
		label(out, "file", file);
		buf_add_char(out, ',');
		label(out, "name", counter);
		buf_printf(out, "} %lld\n", (long long)n);
	}
	buf_release(&scratch);
}

static void
print_file(struct edge *edge, const char *name, struct buf *out)
{
	char path[4096];
	struct buf file = {0};
	struct json root;
	struct err err;
	int64_t pid;

	snprintf(path, sizeof(path), "%s/%s", edge->conf.status_dir, name);
	if (fd_read_file(path, FILE_MAX_BYTES, &file, &err) == 0 &&
		json_scan(buf_str(&file), &root, NULL, &err) == 0 &&
		json_i64(json_get(root, "pid"), &pid))
		print_program(out,
			(struct str){name, strlen(name) - strlen(".json")},
			root);
	buf_release(&file);
}

static void
print_programs(struct edge *edge, struct buf *out)
{
	DIR *dir =
		edge->conf.status_dir ? opendir(edge->conf.status_dir) : NULL;
	struct dirent *entry;
	int files = 0;

	if (!dir)
		return;
	buf_add_c(out, "# HELP chat_program_ready its status file says ready\n"
		       "# TYPE chat_program_ready gauge\n"
		       "# HELP chat_program_status numbers of its status file\n"
		       "# TYPE chat_program_status untyped\n");
	while ((entry = readdir(dir)) && files < FILES_MAX)
		if (str_ends(str_c(entry->d_name), ".json")) {
			files++;
			print_file(edge, entry->d_name, out);
		}
	closedir(dir);
}

void
metrics_print(struct edge *edge, struct buf *out)
{
	const char *why;

	metrics_gather(edge);
	buf_printf(out,
		"# HELP chat_edge_ready this edge serves\n"
		"# TYPE chat_edge_ready gauge\nchat_edge_ready %d\n",
		edge_ready(edge, &why));
	for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n",
			metrics[i].metric, metrics[i].help, metrics[i].metric,
			metrics[i].gauge ? "gauge" : "counter",
			metrics[i].metric,
			(long long)*value_of(edge, &metrics[i]));
	print_programs(edge, out);
}
