/* tests/sim/client.c - see client.h. */
#include "client.h"

#include <stdio.h>
#include <string.h>

#include "flow/follow.h"
#include "pg.h"
#include "sends.h"

enum {
	SILENCE_MS = 15000,
	DIAL_MS = 200,
	LATE_MS = 12000, /* I9, when all is well: a clock of 30 s is too late */
};

static bool
over(const struct send *send)
{
	return send->state != S_NEW && send->state != S_INVOKED;
}

/* ---- what is sent -------------------------------------------------------- */

static void
dial(struct actor *actor)
{
	struct client *c = actor->self;
	struct actor *edge = actor_of(EDGE, (int)roll(EDGES));
	int r;

	if (edge->state == DOWN) {
		c->dial_ms = w.now + DIAL_MS;
		actor_wake(actor, c->dial_ms);
		return;
	}
	c->conn = conn_open(TO_EDGE, actor, edge);
	c->rx_ms = w.now;
	c->next = 0;
	c->subscribe_first = chance(50);
	for (r = 0; r < ROOMS; r++)
		c->sub[r].asked = c->sub[r].joined = false;
}

/* An invitation is told by other means (/user/queue/rooms). */
static int
room_to_ask(const struct client *c)
{
	int r;

	for (r = 0; r < ROOMS; r++)
		if (c->sub[r].want && !c->sub[r].asked &&
			pg.room[r].member[c->user])
			return r;
	return -1;
}

static void
subscribe(struct actor *actor, int room)
{
	struct client *c = actor->self;
	struct msg *msg = msg_new(M_SUBSCRIBE);

	c->sub[room].asked = true;
	c->sub[room].asked_ms = w.now;
	msg->room = room;
	msg->seq = c->sub[room].cursor;
	msg->epoch = c->plain ? 0 : c->sub[room].epoch;
	conn_send(c->conn, actor, msg);
}

static bool
send_next(struct actor *actor)
{
	struct client *c = actor->self;
	struct client_sub *sub;
	struct send *send;
	struct msg *msg;
	char body[160];

	while (c->next < c->count && over(&w.plan.send[c->queue[c->next]]))
		c->next++;
	if (c->next == c->count)
		return false;
	send = &w.plan.send[c->queue[c->next++]];
	if (send->state == S_NEW) {
		send->state = S_INVOKED;
		send->invoked = ++w.invoked;
		sub = &c->sub[send->room];
		send->after_live =
			sub->asked && !sub->joined && sub->cursor < 0;
		send->live_head = -1;
	}
	snprintf(body, sizeof(body),
		"{\"roomId\":%d,\"senderId\":%d,\"clientMessageId\":%lld,"
		"\"content\":\"%s\",\"type\":\"TEXT\",\"sentAtMs\":%lld}",
		send->room + 1, c->user + 1, (long long)send->id, send->content,
		(long long)SIM_WALL_MS);
	msg = msg_new(M_SEND);
	msg->room = send->room;
	msg->id = send->id;
	msg->text = sim_copy(str_c(body));
	trace("%s sends send%d to room%d", actor->name, send_of_id(send->id),
		send->room);
	conn_send(c->conn, actor, msg);
	return true;
}

static bool
waits(const struct client *c)
{
	int i, r;

	for (i = 0; i < c->next; i++)
		if (!over(&w.plan.send[c->queue[i]]))
			return true;
	for (r = 0; r < ROOMS; r++)
		if (c->sub[r].asked && !c->sub[r].joined)
			return true;
	return false;
}

/* Those in one breath with a SUBSCRIBE that came to nothing. */
static void
not_live(int client, int room)
{
	int i;

	for (i = 0; i < w.plan.sends; i++)
		if (w.plan.send[i].client == client &&
			(room < 0 || w.plan.send[i].room == room) &&
			w.plan.send[i].live_head < 0)
			w.plan.send[i].after_live = false;
}

static void
lost(struct actor *actor)
{
	struct client *c = actor->self;

	conn_close(c->conn, actor);
	c->conn = NULL;
	not_live(actor->index, -1);
	c->dial_ms = w.now + roll(DIAL_MS);
	actor->due = true;
}

static void
turn(struct actor *actor)
{
	struct client *c = actor->self;
	int room;

	if (!c->conn) {
		if (w.now < c->dial_ms) {
			actor_wake(actor, c->dial_ms);
			return;
		}
		dial(actor);
		actor->due = c->conn != NULL;
		return;
	}
	/* Heart-beats miss it. */
	if (w.now >= c->rx_ms + SILENCE_MS && waits(c)) {
		lost(actor);
		return;
	}
	if (waits(c))
		actor_wake(actor, c->rx_ms + SILENCE_MS);
	room = room_to_ask(c);
	if (room >= 0 && (c->subscribe_first || !send_next(actor)))
		subscribe(actor, room);
	else if (room < 0)
		actor->due = send_next(actor);
	actor->due |= room >= 0;
}

static bool
ready(struct actor *actor)
{
	struct client *c = actor->self;

	return c->conn && room_to_ask(c) >= 0;
}

void
client_send(struct actor *actor, int send)
{
	struct client *c = actor->self;

	c->queue[c->count++] = send;
	actor->due = true;
}

void
client_want(struct actor *actor, int room)
{
	struct client *c = actor->self;

	c->sub[room].want = true;
	actor->due = true;
}

/* ---- what comes ---------------------------------------------------------- */

static void
is_late(const struct actor *actor, int64_t since_ms, const char *what)
{
	if (since_ms < w.mended_ms)
		since_ms = w.mended_ms;
	if (w.mended && w.now > since_ms + LATE_MS)
		wrong("I9", "%s: %s is late by %lld ms, and all is well",
			actor->name, what, (long long)(w.now - since_ms));
}

/* What it sent in one breath with its SUBSCRIBE comes after that head. */
static void
live(int client, int room, int64_t head)
{
	int i;

	for (i = 0; i < w.plan.sends; i++)
		if (w.plan.send[i].client == client &&
			w.plan.send[i].room == room &&
			w.plan.send[i].after_live &&
			w.plan.send[i].live_head < 0)
			w.plan.send[i].live_head = head;
}

static void
joined(struct actor *actor, const struct msg *msg)
{
	struct client *c = actor->self;
	struct client_sub *sub = &c->sub[msg->room];

	trace("%s has joined room%d: status %d, head %lld, cursor %lld",
		actor->name, msg->room, msg->status, (long long)msg->head,
		(long long)sub->cursor);
	sub->joined = true;
	sub->joined_ms = w.now;
	is_late(actor, sub->asked_ms, "an answer to SUBSCRIBE");
	if (msg->status == FOLLOW_LIVE)
		live(actor->index, msg->room, msg->head);
	if (msg->status == FOLLOW_RECOVERED && !c->plain &&
		sub->epoch != msg->epoch)
		wrong("I5", "%s: recovered in room%d from another life",
			actor->name, msg->room);
	if (msg->status == FOLLOW_RECOVERED && sub->cursor > msg->head)
		wrong("I5", "%s: recovered in room%d at %lld, behind %lld",
			actor->name, msg->room, (long long)msg->head,
			(long long)sub->cursor);
	if (msg->status == FOLLOW_TRUNCATED)
		sub->cursor = msg->seq - 1;
	else if (msg->status != FOLLOW_RECOVERED)
		sub->cursor = msg->head;
	sub->epoch = msg->epoch;
}

static void
message(struct actor *actor, const struct msg *msg)
{
	struct client *c = actor->self;
	struct client_sub *sub = &c->sub[msg->room];
	const struct row *row = pg_row(msg->room, msg->seq);
	struct send *send = send_by_id(msg->id);

	trace("%s gets room%d seq %lld: send%d", actor->name, msg->room,
		(long long)msg->seq, send_of_id(msg->id));
	if (!sub->joined)
		wrong("I7", "%s: a message of room%d, which it is not in",
			actor->name, msg->room);
	if (msg->seq <= sub->cursor)
		wrong("I2", "%s: room%d seq %lld again", actor->name, msg->room,
			(long long)msg->seq);
	else if (msg->seq != sub->cursor + 1)
		wrong("I5", "%s: room%d seq %lld after %lld", actor->name,
			msg->room, (long long)msg->seq, (long long)sub->cursor);
	sub->cursor = msg->seq;
	if (row && row->told_ms > w.lost_events_ms)
		is_late(actor,
			row->told_ms > sub->joined_ms ? row->told_ms
						      : sub->joined_ms,
			"a message");
	if ((!row || row->cmid != msg->id || row->user != msg->user) &&
		(sub->epoch == pg.epoch ||
			!pg_had_row(msg->room, msg->seq, msg->id, msg->user)))
		wrong("I6", "%s: room%d seq %lld is not what is stored",
			actor->name, msg->room, (long long)msg->seq);
	if (!send)
		return;
	if (send->room != msg->room || client_user(send->client) != msg->user ||
		!str_eq_c(msg->text, send->content))
		wrong("I3", "%s: room%d seq %lld is not what was sent",
			actor->name, msg->room, (long long)msg->seq);
}

static void
answer(struct actor *actor, const struct msg *msg)
{
	struct send *send = send_by_id(msg->id);

	if (!send)
		return;
	trace("%s: send%d is %s", actor->name, send_of_id(msg->id),
		msg->kind == M_RECEIPT ? "received"
		: msg->flag	       ? "refused for good"
				       : "not accepted");
	if (msg->kind == M_RECEIPT) {
		send->was_ok = true;
		if (!over(send))
			send->state = S_OK;
	} else if (msg->flag) {
		send->state = S_REFUSED;
		send->told = true;
	} else if (send->state == S_INVOKED) {
		send->state = S_DEAD;
	}
}

static void
line(struct actor *actor, struct conn *conn, struct msg *msg)
{
	struct client *c = actor->self;

	if (conn != c->conn)
		return;
	c->rx_ms = w.now;
	switch (msg->kind) {
	case M_EOF:
		lost(actor);
		break;
	case M_RECEIPT:
	case M_REFUSED:
		answer(actor, msg);
		break;
	case M_JOINED:
		joined(actor, msg);
		break;
	case M_MESSAGE:
		message(actor, msg);
		break;
	default: /* ENDED, NO_MEMBER */
		trace("%s is out of room%d", actor->name, msg->room);
		not_live(actor->index, msg->room);
		c->sub[msg->room].asked = c->sub[msg->room].joined = false;
	}
}

static void
start(struct actor *actor)
{
	struct client *c = sim_alloc(sizeof(*c));
	int r;

	actor->self = c;
	actor->due = true;
	c->user = client_user(actor->index);
	c->plain = chance(30);
	for (r = 0; r < ROOMS; r++)
		c->sub[r].cursor = -1;
}

static void
release(struct actor *actor)
{
	(void)actor;
}

bool
client_done(const struct actor *actor, char *why, size_t size)
{
	const struct client *c = actor->self;
	const struct client_sub *sub;
	int i, r;

	for (i = 0; i < c->count; i++)
		if (!over(&w.plan.send[c->queue[i]])) {
			snprintf(why, size, "%s: send%d is unanswered",
				actor->name, c->queue[i]);
			return false;
		}
	for (r = 0; r < w.plan.rooms; r++) {
		sub = &c->sub[r];
		if (!sub->want)
			continue;
		if (pg.room[r].member[c->user]
				? !sub->joined ||
					  sub->cursor != pg.room[r].last_seq
				: sub->joined) {
			snprintf(why, size,
				"%s: is at %lld of room%d, %s; "
				"its head is %lld",
				actor->name, (long long)sub->cursor, r,
				sub->joined ? "joined" : "not joined",
				(long long)pg.room[r].last_seq);
			return false;
		}
	}
	return true;
}

const struct actor_ops client_ops = {.start = start,
	.release = release,
	.line = line,
	.turn = turn,
	.ready = ready};
