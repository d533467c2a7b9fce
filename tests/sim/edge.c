/* tests/sim/edge.c - see edge.h: sessions, SENDs, lines. */
#include "edge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "sends.h"
#include "wire/result.h"

enum {
	DIAL_MS = 100,
	RETRY_MS = 1000,
	HOLD_BYTES = 1 << 20,
	TIGHT_BYTES = 1500
};

/* ---- to the client ------------------------------------------------------- */

static int
queued(const struct session *session)
{
	return session->conn->side[0].count;
}

/* A slow client is cut off. */
void
edge_to_client(struct session *session, struct msg *msg)
{
	if (session->doomed)
		return;
	if (msg->kind == M_MESSAGE && queued(session) >= OUT_MAX) {
		session->doomed = true;
		return;
	}
	conn_send(session->conn, session->edge->actor, msg);
}

static struct session *
session_of(struct edge *edge, const struct conn *conn)
{
	struct session *s;

	for (s = edge->session; s < edge->session + SESSIONS; s++)
		if (s->used && s->conn == conn)
			return s;
	return NULL;
}

static struct session *
session_new(struct edge *edge, struct conn *conn)
{
	struct session *s = edge->session;

	while (s->used)
		if (++s == edge->session + SESSIONS)
			abort();
	*s = (struct session){.no = ++edge->law.sessions,
		.used = true,
		.edge = edge,
		.conn = conn};
	s->user = client_user(w.actor[conn->side[0].actor].index);
	return s;
}

/* ---- towards chat-produce ------------------------------------------------ */

static void
line_out(void *arg, struct str text)
{
	struct edge *edge = arg;

	if (edge->produce)
		conn_send(edge->produce, edge->actor,
			msg_line((struct str){text.data, text.len - 1}));
}

static void
line_again(void *arg, struct str text)
{
	law_edge_again(arg, text);
	line_out(arg, text);
}

static void
produce(struct session *session, const struct held *held)
{
	struct edge *edge = session->edge;
	struct ticket *ticket = sim_alloc(sizeof(*ticket));
	char key[12], id[24];
	struct record record = {.topic = STR("chat-messages"),
		.partition = -1,
		.offset = -1,
		.timestamp = -1,
		.value = held->value};

	*ticket = (struct ticket){held->room, held->id};
	room_key(held->room, key);
	snprintf(id, sizeof(id), "%lld",
		(long long)resend_next_id(&edge->resend));
	record.key = str_c(key);
	record.id = str_c(id);
	buf_reset(&edge->line);
	record_print(&edge->line, &record);
	if (!resend_add(&edge->resend, buf_str(&edge->line), session, ticket))
		abort();
	law_edge_add(edge, resend_next_id(&edge->resend) - 1, session->no);
	edge->full = resend_full(&edge->resend);
	line_out(edge, buf_str(&edge->line));
	passes(edge->actor, AT_SEND);
}

static void
answered(struct edge *edge, struct str line)
{
	struct resend_entry *entry = NULL;
	struct session *session;
	struct ticket *ticket;
	struct answer answer;
	struct err err;
	struct msg *msg;
	int64_t id;

	buf_reset(&edge->line);
	if (answer_parse(&answer, line, &edge->line, &err) < 0)
		abort();
	if (str_i64(answer.id, &id))
		entry = resend_find(&edge->resend, id);
	law_edge_answer(edge, id, entry);
	if (!entry)
		return;
	session = entry->owner;
	ticket = entry->data;
	resend_done(&edge->resend, entry);
	if (resend_relieved(&edge->resend))
		edge->full = false;
	if (!session)
		return;
	msg = msg_new(answer.status == RESULT_DONE ? M_RECEIPT : M_REFUSED);
	msg->id = ticket->id;
	msg->room = ticket->room;
	edge_to_client(session, msg);
	passes(edge->actor, AT_RECEIPT);
}

/* ---- SEND ---------------------------------------------------------------- */

bool
edge_asking(const struct session *session, int room)
{
	const struct sub *sub = &session->sub[room];

	return sub->used && !sub->over && !sub->follow.answered;
}

void
edge_release_held(struct session *session, int room)
{
	struct held *held = session->held;
	int i, count = session->held_count;

	session->held_count = 0;
	for (i = 0; i < count; i++)
		if (room < 0 || held[i].room == room) {
			resend_charge(&session->edge->resend,
				-(ssize_t)held[i].value.len);
			produce(session, &held[i]);
		} else
			held[session->held_count++] = held[i];
}

static void
send_message(struct session *session, const struct msg *msg)
{
	struct held held = {msg->room, msg->id, msg->text};
	struct edge *edge = session->edge;

	edge->law.taken++;
	if (!edge_asking(session, msg->room) ||
		!RULE(send_waits_for_subscribe)) {
		produce(session, &held);
		return;
	}
	if (session->held_count == HELD_MAX)
		abort();
	session->held[session->held_count++] = held;
	resend_charge(&edge->resend, (ssize_t)held.value.len);
	edge->full = resend_full(&edge->resend);
}

static void
subscribe(struct session *session, const struct msg *msg)
{
	struct edge *edge = session->edge;
	struct sub *sub = &session->sub[msg->room];
	char epoch[24] = "";

	if (sub->used)
		edge_sub_free(sub);
	edge->heads_due &= edge->follow.room_count > 0;
	*sub = (struct sub){
		.used = true, .session = session, .room = msg->room};
	if (msg->epoch)
		pg_epoch_print(msg->epoch, epoch);
	law_room_followed(edge, msg->room);
	if (follow_subscribe(&edge->follow, &sub->follow, msg->room + 1,
		    session->user, msg->seq, str_c(epoch)) < 0)
		abort();
}

/* What it had accepted goes on without it. */
static void
session_end(struct session *session)
{
	struct edge *edge = session->edge;
	int r;

	if (RULE(held_goes_on_without_client))
		edge_release_held(session, -1);
	law_edge_left(session);
	resend_orphan(&edge->resend, session, NULL);
	for (r = 0; r < ROOMS; r++)
		if (session->sub[r].used)
			edge_sub_free(&session->sub[r]);
	conn_close(session->conn, edge->actor);
	session->used = false;
}

static void
client_line(struct edge *edge, struct conn *conn, const struct msg *msg)
{
	struct session *session = session_of(edge, conn);

	if (!session)
		session = session_new(edge, conn);
	if (msg->kind == M_EOF)
		session->doomed = true;
	else if (session->doomed)
		return;
	else if (msg->kind == M_SUBSCRIBE)
		subscribe(session, msg);
	else
		send_message(session, msg);
}

/* ---- lines --------------------------------------------------------------- */

static struct conn **
dial_of(struct edge *edge, int i)
{
	return i == 0 ? &edge->produce : i == 1 ? &edge->cast : &edge->api;
}

static void
dial(struct edge *edge, int i)
{
	static const enum actor_kind kinds[] = {PRODUCE, CAST, API};
	static const enum conn_kind lines[] = {TO_PRODUCE, TO_CAST, TO_API};
	struct actor *peer = actor_of(kinds[i], 0);

	if (*dial_of(edge, i))
		return;
	if (w.now < edge->dial_ms[i] || peer->state == DOWN) {
		edge->dial_ms[i] = w.now < edge->dial_ms[i] ? edge->dial_ms[i]
							    : w.now + DIAL_MS;
		actor_wake(edge->actor, edge->dial_ms[i]);
		return;
	}
	*dial_of(edge, i) = conn_open(lines[i], edge->actor, peer);
	if (i == 0) {
		edge->law.next = 0;
		resend_again(&edge->resend, line_again, edge);
		law_edge_sent_again(edge);
	} else if (i == 2)
		follow_retry(&edge->follow);
}

static void
line_down(struct edge *edge, struct conn *conn)
{
	int i;

	for (i = 0; *dial_of(edge, i) != conn; i++)
		;
	*dial_of(edge, i) = NULL;
	edge->dial_ms[i] = w.now + DIAL_MS;
	conn_close(conn, edge->actor);
	if (i == 2)
		edge_asks_end(edge);
}

static void
line(struct actor *actor, struct conn *conn, struct msg *msg)
{
	struct edge *edge = actor->self;

	actor->due = true;
	if (conn->kind == TO_EDGE)
		client_line(edge, conn, msg);
	else if (msg->kind == M_EOF)
		line_down(edge, conn);
	else if (conn->kind == TO_PRODUCE)
		answered(edge, msg->text);
	else if (conn->kind == TO_API)
		edge_answer(edge, msg);
	else if (msg->kind == M_LINE)
		edge_event(edge, msg->text);
	else if (RULE(ready_follows_again)) {
		edge->heads_again |= edge->heads_out;
		follow_line_up(&edge->follow);
	}
}

/* The end of a loop turn: subscriptions that are over, sessions, room for
 * more. */
static void
reap(struct edge *edge)
{
	struct session *s;
	int r;

	for (s = edge->session; s < edge->session + SESSIONS; s++) {
		if (!s->used)
			continue;
		for (r = 0; r < ROOMS; r++)
			if (s->sub[r].used && s->sub[r].over)
				edge_sub_free(&s->sub[r]);
		if (s->doomed)
			session_end(s);
	}
}

static void
trickle(struct edge *edge)
{
	struct session *s;
	int r;

	for (s = edge->session; s < edge->session + SESSIONS; s++)
		for (r = 0; s->used && r < ROOMS; r++)
			if (s->sub[r].used && !s->sub[r].over &&
				queued(s) < OUT_MAX / 2)
				follow_drained(
					&edge->follow, &s->sub[r].follow);
}

static void
turn(struct actor *actor)
{
	struct edge *edge = actor->self;
	int64_t at = RULE(heads_by_clock) ? follow_tick(&edge->follow, w.now)
					  : CLOCK_NEVER;
	int i;

	edge_asks_tick(edge);
	for (i = 0; i < 3; i++)
		dial(edge, i);
	reap(edge);
	trickle(edge);
	reap(edge);
	if (edge->api && w.now >= edge->follow_tick_ms + RETRY_MS) {
		edge->follow_tick_ms = w.now;
		follow_retry(&edge->follow);
		if (edge->heads_due && edge->follow.room_count)
			wrong("LAW", "%s asks for no heads again", actor->name);
	}
	law_edge_rooms(edge);
	actor_wake(actor, at);
	if (!TAILQ_EMPTY(&edge->follow.need) || edge->follow.heads_need)
		actor_wake(actor, edge->follow_tick_ms + RETRY_MS);
}

/* Refusing one SEND and taking the next would swap them. */
static bool
reads(struct actor *actor, struct conn *conn)
{
	struct edge *edge = actor->self;

	return conn->kind != TO_EDGE || !edge->full ||
	       conn->side[1].in->kind == M_EOF;
}

static void
start(struct actor *actor)
{
	struct edge *edge = sim_alloc(sizeof(*edge));

	actor->self = edge;
	actor->due = true;
	edge->actor = actor;
	edge->next_ask = 1;
	follow_init(&edge->follow, &edge_follow_ops, edge, 1 << 20);
	resend_init(&edge->resend, w.plan.tight ? TIGHT_BYTES : HOLD_BYTES);
}

static void
release(struct actor *actor)
{
	struct edge *edge = actor->self;
	struct session *s;
	int r;

	for (s = edge->session; s < edge->session + SESSIONS; s++)
		for (r = 0; s->used && r < ROOMS; r++)
			if (s->sub[r].used)
				edge_sub_free(&s->sub[r]);
	follow_release(&edge->follow);
	if (edge->items)
		wrong("LEAK", "%s: %d messages are left", actor->name,
			edge->items);
	resend_release(&edge->resend);
	record_room_release(&edge->room);
	buf_release(&edge->line);
}

const struct actor_ops edge_ops = {.start = start,
	.release = release,
	.line = line,
	.turn = turn,
	.reads = reads};
