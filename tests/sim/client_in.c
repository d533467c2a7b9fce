/* tests/sim/client_in.c - see client.h: what a client receives, which is
 * checked here: I2, I3, I5, I6; and I9, whether it comes in time. */
#include "client.h"

#include <stdio.h>
#include <string.h>

#include "base/rule.h"
#include "flow/follow.h"
#include "pg.h"
#include "sends.h"

enum {
	LATE_MS = 12000, /* I9, when all is well: a clock of 30 s is too late */
};

static bool
over(const struct send *send)
{
	return send->state != S_NEW && send->state != S_INVOKED;
}

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
	if (!w.plan.tight) /* it stood behind SENDs */
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
	if (row && row->told_ms > w.lost_events_ms &&
		!(w.false_rooms >> msg->room & 1))
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
		(msg->status != ROW_DELETED &&
			!str_eq_c(msg->text, send->content)))
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

void
client_line(struct actor *actor, struct conn *conn, struct msg *msg)
{
	struct client *c = actor->self;

	if (conn != c->conn)
		return;
	c->rx_ms = w.now;
	switch (msg->kind) {
	case M_EOF:
		client_lost(actor);
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
		client_not_live(actor->index, msg->room);
		c->sub[msg->room].asked = c->sub[msg->room].joined = false;
	}
}
