/*
 * tests/sim/api.c - chat-api as an edge asks it (lib/api/follow.c: the
 * snapshots are pg_read.c's), and chat-outbox, which publishes what changes of
 * members left to be said and deletes it once that is acked.
 */
#include "kafka.h"
#include "pg.h"
#include "sends.h"

/* ---- chat-api ------------------------------------------------------------ */

static void
api_start(struct actor *actor)
{
	(void)actor;
}

static void
api_line(struct actor *actor, struct conn *conn, struct msg *msg)
{
	struct msg *reply;
	struct pganswer *answer;

	if (msg->kind == M_EOF) {
		conn_close(conn, actor);
		return;
	}
	reply = msg_new(M_ANSWER);
	reply->id = msg->id;
	conn_send(conn, actor, reply);
	if (!w.pg_up)
		return; /* 503 */
	answer = sim_alloc(sizeof(*answer));
	reply->ptr = answer;
	if (msg->status == ASK_FOLLOW)
		pg_follow(msg->user, msg->room, msg->seq, msg->epoch, answer);
	else if (msg->status == ASK_PAGE)
		pg_page(msg->user, msg->room, msg->seq, answer);
	else
		pg_heads((unsigned)msg->seq, answer);
}

static void
no_turn(struct actor *actor)
{
	(void)actor;
}

const struct actor_ops api_ops = {.start = api_start,
	.release = no_turn,
	.line = api_line,
	.turn = no_turn};

/* ---- chat-outbox --------------------------------------------------------- */

struct outbox {
	bool sent, acked;
	int64_t id; /* of the row */
};

static void
outbox_start(struct actor *actor)
{
	actor->self = sim_alloc(sizeof(struct outbox));
	actor->due = true;
}

static void
outbox_turn(struct actor *actor)
{
	struct outbox *o = actor->self;
	const struct outbox_row *row = &pg.outbox[pg.outbox_first];
	char key[12];
	struct req *req;

	if (!w.pg_up || (o->sent && !o->acked))
		return;
	if (o->acked && pg.outbox_first < pg.outbox_end && row->id == o->id)
		pg.outbox_first++;
	o->sent = o->acked = false;
	if (pg.outbox_first == pg.outbox_end)
		return;
	row = &pg.outbox[pg.outbox_first];
	o->sent = true;
	o->id = row->id;
	req = kafka_req(actor, R_PRODUCE);
	req->topic = EVENTS;
	room_key(row->room, key);
	req->record = (struct record){
		.key = sim_copy(str_c(key)), .value = row->value};
	req->part = part_of_key(req->record.key);
	kafka_send(actor, req);
}

static void
outbox_back(struct actor *actor, struct msg *msg)
{
	struct outbox *o = actor->self;

	(void)msg;
	o->acked = true;
	actor->due = true;
}

static bool
outbox_ready(struct actor *actor)
{
	struct outbox *o = actor->self;

	return w.pg_up &&
	       (o->acked || (!o->sent && pg.outbox_first < pg.outbox_end));
}

const struct actor_ops outbox_ops = {.start = outbox_start,
	.release = no_turn,
	.turn = outbox_turn,
	.back = outbox_back,
	.ready = outbox_ready};
