/*
 * tests/sim/produce.c - chat-produce: stands for lib/run/desk.c and
 * lib/kafka/intake.c; what it decides is flow/group's.
 */
#include <stdlib.h>

#include "kafka.h"
#include "sends.h"
#include "wire/result.h"

enum { SOURCE_RECORDS = 6 };

struct client {
	struct conn *conn;
	struct group_source source;
};

struct produce {
	struct pub pub;
	struct record_room room;
	struct buf line;
	struct msg *kept; /* the plan wants it late */
	struct conn *kept_for;
};

static void
set_reading(struct conn *conn, const struct actor *actor, bool paused)
{
	conn->side[conn_side(conn, actor)].paused = paused;
}

static void
say_kept(struct actor *actor)
{
	struct produce *p = actor->self;

	if (p->kept)
		conn_send(p->kept_for, actor, p->kept);
	p->kept = NULL;
}

static void
say(struct actor *actor, struct conn *conn)
{
	struct produce *p = actor->self;

	if (w.plan.echo && !p->kept && chance(30)) {
		p->kept = msg_line(buf_str(&p->line));
		p->kept_for = conn;
		actor->due = true;
		return;
	}
	conn_send(conn, actor, msg_line(buf_str(&p->line)));
	if (w.plan.echo)
		conn_send(conn, actor, msg_line(buf_str(&p->line)));
	say_kept(actor);
}

static void
on_answer(struct actor *actor, const struct pitem *item, bool dead)
{
	struct produce *p = actor->self;
	struct client *client =
		item->group.source ? item->group.source->data : NULL;
	struct answer answer = {.id = item->record.id,
		.status = dead ? RESULT_DEAD : RESULT_DONE,
		.topic = str_c(topic_names[item->topic]),
		.partition = dead ? -1 : item->part,
		.offset = dead ? -1 : item->offset,
		.error_class = dead ? STR("MSG_SIZE_TOO_LARGE") : STR("")};

	if (dead)
		send_died(item->record.value);
	if (!client)
		return;
	buf_reset(&p->line);
	answer_print(&p->line, &answer);
	say(actor, client->conn);
}

static void
on_resume(struct actor *actor, struct group_source *source)
{
	struct client *client = source->data;

	set_reading(client->conn, actor, false);
}

static void
start(struct actor *actor)
{
	struct produce *p = sim_alloc(sizeof(*p));

	actor->self = p;
	pub_init(&p->pub, actor, !w.plan.idempotent, SOURCE_RECORDS);
	p->pub.on_answer = on_answer;
	p->pub.on_resume = on_resume;
}

static void
release(struct actor *actor)
{
	struct produce *p = actor->self;

	record_room_release(&p->room);
	buf_release(&p->line);
}

static struct client *
client_of(struct conn *conn, const struct actor *actor)
{
	struct client *client = conn->side[conn_side(conn, actor)].data;

	if (client)
		return client;
	client = sim_alloc(sizeof(*client));
	client->conn = conn;
	client->source.data = client;
	conn->side[conn_side(conn, actor)].data = client;
	return client;
}

static void
line(struct actor *actor, struct conn *conn, struct msg *msg)
{
	struct produce *p = actor->self;
	struct client *client = client_of(conn, actor);
	struct record record;
	struct err err;

	actor->due = true;
	if (msg->kind == M_EOF) {
		group_forget(&p->pub.group, &client->source);
		if (p->kept_for == conn)
			p->kept = NULL;
		conn_close(conn, actor);
		return;
	}
	if (record_parse(&record, msg->text, &p->room, &err) < 0)
		abort();
	pub_put(&p->pub, &client->source, &record, NULL);
	if (client->source.paused)
		set_reading(conn, actor, true);
}

static void
end(struct actor *actor, const char *why)
{
	struct produce *p = actor->self;

	if (why)
		actor_exit(actor, EXIT_TEMP, why);
	else
		actor_wake(actor, pub_deadline(&p->pub));
}

static void
turn(struct actor *actor)
{
	struct produce *p = actor->self;

	say_kept(actor);
	end(actor, pub_step(&p->pub));
}

static void
back(struct actor *actor, struct msg *msg)
{
	struct produce *p = actor->self;

	actor->due = true;
	end(actor, pub_answer(&p->pub, msg->ptr));
}

static bool
reads(struct actor *actor, struct conn *conn)
{
	struct produce *p = actor->self;

	(void)conn;
	return !pub_blocked(&p->pub);
}

const struct actor_ops produce_ops = {.start = start,
	.release = release,
	.line = line,
	.turn = turn,
	.back = back,
	.reads = reads};
