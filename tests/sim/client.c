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
void
client_not_live(int client, int room)
{
	int i;

	for (i = 0; i < w.plan.sends; i++)
		if (w.plan.send[i].client == client &&
			(room < 0 || w.plan.send[i].room == room) &&
			w.plan.send[i].live_head < 0)
			w.plan.send[i].after_live = false;
}

void
client_lost(struct actor *actor)
{
	struct client *c = actor->self;

	conn_close(c->conn, actor);
	c->conn = NULL;
	client_not_live(actor->index, -1);
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
		client_lost(actor);
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
	.line = client_line,
	.turn = turn,
	.ready = ready};
