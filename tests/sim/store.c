/*
 * tests/sim/store.c - chat-store: stands for cmd/chat-store.c and
 * lib/store/save.c. Records are read, checked and held by store/batch, answers
 * are printed by store/outcomes, as there.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "pair.h"
#include "sends.h"
#include "store.h"
#include "wire/result.h"

static int statuses[RUNNERS];

int
pair_status(int index)
{
	return statuses[index];
}

void
pair_kill(int index, int status)
{
	struct actor *actor = actor_of(STORE, index);

	if (actor->state == DOWN)
		return;
	statuses[index] = status;
	actor_kill(actor);
}

void
store_write(struct actor *actor, int count)
{
	struct store *s = actor->self;
	struct str rest = buf_str(&s->out), one;

	while (count-- && str_cut(rest, '\n', &one, &rest)) {
		conn_send(s->conn, actor, msg_line(one));
		if (w.plan.twice && str_starts(one, "{\"emit\""))
			conn_send(s->conn, actor, msg_line(one));
	}
	buf_reset(&s->out);
}

void
store_say_waiting(struct actor *actor)
{
	struct store *s = actor->self;

	s->said_ms = w.now;
	actor_wake(actor, w.now + SAY_MS);
	if (!RULE(waiting_is_said))
		return;
	waiting_print(&s->out, "postgresql");
	store_write(actor, INT32_MAX);
}

static bool
crashes(struct actor *actor)
{
	struct store *s = actor->self;
	size_t i;

	for (i = 0; i < s->batch.count; i++) {
		int n = send_of_id(batch_cmid(&s->batch.items[i]));

		if (n < 0 || s->batch.letters ||
			w.plan.send[n].temper != CRASHER ||
			w.plan.send[n].replayed || w.plan.send[n].left <= 0)
			continue;
		w.plan.send[n].left--;
		trace("send%d ends %s", n, actor->name);
		odd_line(actor, &s->batch.items[i]);
		store_write(actor, INT32_MAX);
		pair_kill(actor->index, odd_end());
		return true;
	}
	return false;
}

static void
finish_batch(struct actor *actor)
{
	struct store *s = actor->self;
	size_t count = 0, i;

	if (!s->batch.count || crashes(actor))
		return;
	s->busy = true;
	for (i = 0; i < s->batch.count; i++)
		if (s->batch.items[i].state == STORE_OPEN)
			s->open[count++] = &s->batch.items[i];
	s->ranges = 1;
	s->range[0] = (struct range){s->open, count};
	s->any_open = count != 0;
	/* Also where all are dead: while the database is away nothing is. */
	s->away |= !count && !w.pg_up;
	if (s->away)
		store_say_waiting(actor);
	store_save(actor);
}

/* ---- lines --------------------------------------------------------------- */

static void
take_control(
	struct store *s, struct json_iter *positions, enum control_kind kind)
{
	struct position position;

	while (kind == CONTROL_REVOKED && control_next(positions, &position)) {
		law_store_revoked(s, position.partition);
		store_batch_revoked(
			&s->batch, position.topic, position.partition);
	}
}

static void
take_line(struct actor *actor, struct msg *msg)
{
	struct store *s = actor->self;
	enum control_kind kind;
	struct json_iter positions;
	struct err err;

	if (str_starts(msg->text, "{\"hello\":")) {
		s->batch.control = true;
		hello_print(&s->out, "chat-store", RECORD_LINE_MAX);
		store_write(actor, INT32_MAX);
		return;
	}
	if (control_parse(msg->text, &kind, &positions, &err) > 0) {
		if (s->batch.count) {
			s->control = msg; /* behind the batch */
			finish_batch(actor);
			return;
		}
		take_control(s, &positions, kind);
	} else if (store_batch_add(&s->batch, msg->text, &err) < 0) {
		abort();
	} else {
		law_store_read(s, msg->text);
	}
}

static void
line(struct actor *actor, struct conn *conn, struct msg *msg)
{
	struct store *s = actor->self;

	s->conn = conn;
	actor->due = true;
	if (msg->kind == M_EOF)
		s->ended = true;
	else
		take_line(actor, msg);
}

/* Between two lines: the batch is closed here, sooner or later. */
static void
turn(struct actor *actor)
{
	struct store *s = actor->self;
	struct msg *control = s->control;

	if (s->away && w.pg_up) {
		s->away = false;
		if (s->busy && !s->waiting)
			store_save(actor);
	}
	if (s->away && s->busy && w.now >= s->said_ms + SAY_MS)
		store_say_waiting(actor);
	if (s->away)
		actor_wake(actor, s->busy && s->said_ms + SAY_MS > w.now
					  ? s->said_ms + SAY_MS
					  : w.now + 1000);
	if (s->busy)
		return;
	s->control = NULL;
	if (control)
		take_line(actor, control);
	finish_batch(actor);
	if (actor->state == UP && s->ended && !s->busy) {
		statuses[actor->index] = 0;
		actor_exit(actor, EXIT_DONE, "the end of its input");
	}
}

static bool
reads(struct actor *actor, struct conn *conn)
{
	struct store *s = actor->self;

	(void)conn;
	return !s->busy && !s->control && s->batch.count < BATCH_MAX;
}

static bool
ready(struct actor *actor)
{
	struct store *s = actor->self;

	return s->away && w.pg_up;
}

static void
start(struct actor *actor)
{
	struct store *s = sim_alloc(sizeof(*s));
	struct err err;

	actor->self = s;
	statuses[actor->index] = SIGKILL;
	if (store_batch_init(&s->batch, BATCH_MAX, 5000, &err) < 0)
		abort();
	s->batch.letters = actor->index == OUTCOMES;
}

static void
release(struct actor *actor)
{
	struct store *s = actor->self;

	store_batch_release(&s->batch);
	buf_release(&s->out);
	pg_client_gone(actor, true);
}

const struct actor_ops store_ops = {.start = start,
	.release = release,
	.line = line,
	.turn = turn,
	.back = store_answered,
	.reads = reads,
	.ready = ready};
