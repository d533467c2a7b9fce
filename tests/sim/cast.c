/*
 * tests/sim/cast.c - chat-broadcast under its runner: stands for lib/run/feed.c
 * and lib/serve/hub.c. It begins at the end of chat-events, says `ready` to
 * each edge, and gives it every record from there on.
 */
#include "base/rule.h"
#include "kafka.h"
#include "sends.h"

struct cast {
	bool ready;
	int64_t position[PARTS];
	struct buf line;
};

static void
start(struct actor *actor)
{
	actor->self = sim_alloc(sizeof(struct cast));
	actor->due = true;
}

static void
release(struct actor *actor)
{
	struct cast *c = actor->self;

	buf_release(&c->line);
}

static bool *
told(struct conn *conn, const struct actor *actor)
{
	return (bool *)&conn->side[conn_side(conn, actor)].data;
}

static bool
is_peer(const struct conn *conn, const struct actor *actor)
{
	return conn->used && conn->kind == TO_CAST &&
	       conn->side[1].actor == actor_id(actor) &&
	       conn->side[1].inc == actor->inc && conn->side[1].open;
}

static void
greet(struct actor *actor)
{
	struct conn *conn;

	for (conn = w.conn; conn < w.conn + w.conns; conn++) {
		if (!is_peer(conn, actor) || *told(conn, actor))
			continue;
		*told(conn, actor) = true;
		conn_send(conn, actor, msg_new(M_READY));
	}
}

static void
begin(struct cast *c)
{
	int p;

	for (p = 0; p < PARTS; p++)
		c->position[p] = kafka.log[EVENTS][p].end;
	c->ready = true;
}

static void
give(struct actor *actor, const struct krec *rec)
{
	struct cast *c = actor->self;
	struct conn *conn;

	buf_reset(&c->line);
	record_print(&c->line, &rec->record);
	for (conn = w.conn; conn < w.conn + w.conns; conn++)
		if (is_peer(conn, actor) && *told(conn, actor))
			conn_send(conn, actor, msg_line(buf_str(&c->line)));
}

static void
turn(struct actor *actor)
{
	struct cast *c = actor->self;
	struct krec *rec;
	int p;

	if (!w.broker_up)
		return;
	if (!c->ready && RULE(ready_after_positions)) {
		begin(c);
		greet(actor);
		return;
	}
	greet(actor);
	if (!c->ready) {
		/* Without the rule: said, and looked up later. */
		if (chance(5))
			begin(c);
		return;
	}
	for (p = 0; p < w.plan.parts; p++) {
		if (c->position[p] > kafka.log[EVENTS][p].end)
			c->position[p] = 0; /* the log went back */
		rec = kafka_fetch(EVENTS, p, &c->position[p]);
		if (!rec)
			continue;
		c->position[p]++;
		give(actor, rec);
	}
}

static bool
ready(struct actor *actor)
{
	struct cast *c = actor->self;
	struct conn *conn;
	int p;

	if (!w.broker_up)
		return false;
	if (!c->ready)
		return true;
	for (conn = w.conn; conn < w.conn + w.conns; conn++)
		if (is_peer(conn, actor) && !*told(conn, actor))
			return true;
	for (p = 0; p < w.plan.parts; p++)
		if (kafka_fetch(EVENTS, p, &c->position[p]))
			return true;
	return false;
}

static void
line(struct actor *actor, struct conn *conn, struct msg *msg)
{
	if (msg->kind == M_EOF)
		conn_close(conn, actor);
}

const struct actor_ops cast_ops = {.start = start,
	.release = release,
	.line = line,
	.turn = turn,
	.ready = ready};
