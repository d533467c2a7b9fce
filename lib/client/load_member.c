/*
 * client/load_member.c - one connection of a load run, see load.h: how it
 * opens, what it sends, and the hot path, what it receives.
 */
#include "client/load_inner.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proto/stomp_out.h"

#define MESSAGE_MAX (1 << 20)
#define BEAT_EARLY_MS 1500 /* beats are looked after once a second */

static const struct stomp_limits limits = {.max_frame_bytes = MESSAGE_MAX,
	.max_headers = 64,
	.max_header_bytes = 8192};

static void
fill_values(const struct load_member *member, struct template_values *values)
{
	const struct load *load = member->load;
	const struct load_options *opts = &load->opts;

	memset(values, 0, sizeof(*values));
	values->room = opts->first_room + member->index / opts->members;
	values->user = opts->first_user + member->index;
	values->run = load->run;
	values->pad = (size_t)opts->pad;
	values->token = buf_str(&load->token);
}

/* ---- opening ------------------------------------------------------------ */

static void
on_open(struct conn *conn)
{
	struct load_member *member = conn->data;
	struct load *load = member->load;
	const struct load_options *opts = &load->opts;
	struct template_values values;
	struct err err;
	size_t i;

	buf_reset(&load->token);
	if (opts->tokens &&
		token_next(opts->tokens, opts->first_user + member->index,
			&load->token, &err) < 0) {
		conn_abort(conn, err.text);
		return;
	}
	fill_values(member, &values);
	buf_reset(&load->text);
	stomp_connect_open(&load->text, str_c(opts->url.host), "1.1,1.2",
		opts->beat_ms, opts->beat_ms, (struct str){NULL, 0});
	for (i = 0; i < opts->header_count; i++) {
		buf_reset(&load->body);
		template_put(&opts->headers[i].value, &load->body, &values);
		stomp_header(&load->text, STOMP_V10, opts->headers[i].name,
			buf_str(&load->body));
	}
	stomp_close(&load->text);
	member->state = MEMBER_OPENING;
	conn_send(conn, buf_str(&load->text));
}

static void
ready(struct load_member *member)
{
	member->state = MEMBER_READY;
	load_member_ready(member->load, member);
}

static void
subscribe(struct load_member *member, const char *id, struct str destination,
	struct str receipt)
{
	struct load *load = member->load;

	buf_reset(&load->text);
	stomp_subscribe(&load->text, STOMP_V12, str_c(id), destination, receipt,
		-1, (struct str){NULL, 0});
	conn_send(&member->conn, buf_str(&load->text));
}

static void
on_connected(struct load_member *member, const struct stomp_frame *frame)
{
	struct load *load = member->load;
	const struct load_options *opts = &load->opts;
	struct template_values values;
	struct stomp_beat beat;

	if (stomp_beat_agree(&beat, stomp_frame_get(frame, "heart-beat"),
		    opts->beat_ms, opts->beat_ms) == 0)
		member->send_beat_ms = beat.send_ms;
	fill_values(member, &values);
	if (*opts->errors && !opts->idle_count)
		subscribe(member, "e", str_c(opts->errors),
			(struct str){NULL, 0});
	buf_reset(&load->body);
	template_put(&opts->subscribe, &load->body, &values);
	member->state = MEMBER_SUBSCRIBING;
	subscribe(member, "s", buf_str(&load->body),
		opts->receipts ? STR("s") : (struct str){NULL, 0});
	if (!opts->receipts)
		ready(member);
}

/* ---- what comes --------------------------------------------------------- */

static void
on_receipt(struct load_member *member, const struct stomp_frame *frame)
{
	struct str id = stomp_frame_get(frame, "receipt-id");
	struct load *load = member->load;
	int64_t now = load->hub.read_us, n;

	if (str_eq_c(id, "s")) {
		if (member->state == MEMBER_SUBSCRIBING)
			ready(member);
		return;
	}
	if (!str_i64(id, &n) || n < 0 || n >= load->tally.total)
		return;
	tally_receipt(
		&load->tally, n, now - schedule_due_us(&load->schedule, n));
	load_progress(load, now);
}

/* A MESSAGE without our stamp: of the queue of errors, or not ours. */
static void
on_other(struct load_member *member, const struct stomp_frame *frame)
{
	if (str_eq_c(stomp_frame_get(frame, "subscription"), "e"))
		load_complain(
			member->load, STR("an error object"), frame->body);
}

static void
deliver(struct load_member *member, int64_t n, int64_t sent_us, int64_t seq)
{
	struct load *load = member->load;

	tally_delivery(&load->tally, member->index, n, seq,
		load->hub.read_us - sent_us);
	load_progress(load, load->hub.read_us);
}

static void
take_frame(struct load_member *member, const struct stomp_frame *frame)
{
	struct load *load = member->load;
	struct str mark = {load->mark, load->mark_len};
	int64_t n, sent_us, seq;

	switch (frame->command) {
	case STOMP_CONNECTED:
		if (member->state == MEMBER_OPENING)
			on_connected(member, frame);
		break;
	case STOMP_RECEIPT:
		on_receipt(member, frame);
		break;
	case STOMP_MESSAGE:
		if (!stamp_find(frame->body, mark, &n, &sent_us)) {
			on_other(member, frame);
			break;
		}
		if (!str_i64(stomp_frame_get(frame, "seq"), &seq))
			seq = -1;
		deliver(member, n, sent_us, seq);
		break;
	default:
		load_complain(
			load, STR("ERROR"), stomp_frame_get(frame, "message"));
	}
}

/* The seq header's number, looked for in the headers alone; -1: none. */
static int64_t
peek_seq(struct str text)
{
	const char *end = memmem(text.data, text.len, "\n\n", 2), *at;
	size_t head = end ? (size_t)(end - text.data) + 1 : 0;
	int64_t seq = 0;

	at = head ? memmem(text.data, head, "\nseq:", 5) : NULL;
	if (!at)
		return -1;
	for (at += 5; *at >= '0' && *at <= '9'; at++)
		seq = seq * 10 + (*at - '0');
	return seq;
}

/* The hot path: one whole MESSAGE that carries a stamp is counted by what can
 * be found without parsing it. A server's frame is trusted that far. */
static bool
take_fast(struct load_member *member, struct str text)
{
	struct load *load = member->load;
	struct str mark = {load->mark, load->mark_len};
	int64_t n, sent_us;

	if (text.len < 10 || memcmp(text.data, "MESSAGE\n", 8) ||
		memchr(text.data, 0, text.len) != text.data + text.len - 1 ||
		!stamp_find(text, mark, &n, &sent_us))
		return false;
	deliver(member, n, sent_us, peek_seq(text));
	return true;
}

static void
on_message(struct conn *conn, char *data, size_t len)
{
	struct load_member *member = conn->data;
	struct load *load = member->load;
	enum stomp_in_result got;
	struct err err;

	if (take_fast(member, (struct str){data, len}))
		return;
	stomp_in_init(&load->in, STOMP_FROM_SERVER, &limits);
	stomp_in_feed(&load->in, data, len);
	while ((got = stomp_in_next(&load->in, &load->frame, &err)) ==
		STOMP_IN_FRAME)
		take_frame(member, &load->frame);
	stomp_in_release(&load->in);
	if (got != STOMP_IN_MORE)
		conn_abort(conn, err.text);
}

static void
on_close(struct conn *conn, unsigned code, int status, const char *why)
{
	struct load_member *member = conn->data;

	load_member_gone(member->load, member, why);
	member->state = MEMBER_GONE;
}

static const struct conn_ops ops = {on_open, on_message, on_close};

/* ---- what goes ---------------------------------------------------------- */

/* From 127.0.1.1 on, so many connections each: one source address has 28,000
 * ports, and a server may limit what comes from one. */
static const struct sockaddr *
source_of(const struct load *load, int64_t index, struct sockaddr_in *out)
{
	const struct sockaddr_in *to =
		(const struct sockaddr_in *)(const void *)load->found->ai_addr;
	int64_t k = index / load->opts.per_source;

	if (to->sin_family != AF_INET ||
		ntohl(to->sin_addr.s_addr) >> 24 != 127)
		return NULL;
	memset(out, 0, sizeof(*out));
	out->sin_family = AF_INET;
	out->sin_addr.s_addr = htonl(0x7f000100 + (uint32_t)(k / 250 << 8) +
				     (uint32_t)(k % 250) + 1);
	return (const struct sockaddr *)(const void *)out;
}

void
member_open(struct load_member *member, struct load *load, int64_t index)
{
	const struct load_options *opts = &load->opts;
	struct conn_options conn = {.to = load->found->ai_addr,
		.authority = opts->url.authority,
		.protocols = str_c(opts->protocols),
		.max_bytes = MESSAGE_MAX};
	struct template_values values;
	struct sockaddr_in from;
	struct err ignored;

	member->load = load;
	member->index = index;
	member->state = MEMBER_CONNECTING;
	member->began_us = clock_mono_us();
	member->conn.data = member;
	buf_reset(&load->token);
	if (opts->tokens && template_has(&opts->target, TEMPLATE_TOKEN) &&
		token_next(opts->tokens, opts->first_user + index, &load->token,
			&ignored) < 0)
		buf_reset(&load->token);
	fill_values(member, &values);
	buf_reset(&load->text);
	template_put(&opts->target, &load->text, &values);
	conn.target = buf_str(&load->text);
	conn.from = source_of(load, index, &from);
	conn_open(&member->conn, &load->hub, &ops, &conn);
}

void
member_send(struct load_member *member, int64_t n, int64_t due_us)
{
	struct load *load = member->load;
	const struct load_options *opts = &load->opts;
	struct template_values values;
	struct str receipt = {NULL, 0};
	char number[24];

	fill_values(member, &values);
	values.n = n;
	values.sent_us = due_us;
	if (opts->receipts)
		receipt = (struct str){
			number, (size_t)snprintf(number, sizeof(number), "%lld",
					(long long)n)};
	buf_reset(&load->body);
	template_put(&opts->destination, &load->body, &values);
	buf_reset(&load->token);
	buf_add_str(&load->token, buf_str(&load->body));
	buf_reset(&load->body);
	template_put(&opts->body, &load->body, &values);
	buf_reset(&load->text);
	stomp_send(&load->text, STOMP_V12, buf_str(&load->token), receipt,
		buf_str(&load->body));
	conn_send(&member->conn, buf_str(&load->text));
}

void
member_beat(struct load_member *member, int64_t now_ms)
{
	if (member->state == MEMBER_READY && member->send_beat_ms &&
		now_ms - member->conn.written_ms >=
			member->send_beat_ms - BEAT_EARLY_MS)
		conn_send(&member->conn, STR("\n"));
}
