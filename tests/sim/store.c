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
#include "pg.h"
#include "sends.h"
#include "store/batch.h"
#include "store/outcomes.h"
#include "wire/result.h"

enum { SAY_MS = 5000, RANGES = 16 };

struct range {
	struct store_item **items;
	size_t count;
};

struct store {
	struct store_batch batch;
	struct conn *conn;
	struct buf out;
	bool busy;     /* in finish_batch() */
	bool waiting;  /* .. for the database's answer */
	bool marking;  /* .. to the replayed */
	bool away;     /* .. for the database */
	bool any_open; /* a record of the batch went there */
	int64_t said_ms;
	struct store_item *open[BATCH_MAX];
	struct range range[RANGES]; /* still to be saved; the last is next */
	int ranges;
	struct msg *control; /* a line that waits for the batch's end */
	bool ended;
};

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

static void
write_out(struct actor *actor)
{
	struct store *s = actor->self;
	struct str rest = buf_str(&s->out), one;

	while (str_cut(rest, '\n', &one, &rest))
		conn_send(s->conn, actor, msg_line(one));
	buf_reset(&s->out);
}

static void
say_waiting(struct actor *actor)
{
	struct store *s = actor->self;

	s->said_ms = w.now;
	actor_wake(actor, w.now + SAY_MS);
	if (!RULE(waiting_is_said))
		return;
	waiting_print(&s->out, "postgresql");
	write_out(actor);
}

/* ---- saving -------------------------------------------------------------- */

static void
fill(struct pgarg *arg, const struct store_item *item)
{
	const struct message *message = &item->message;

	*arg = (struct pgarg){.room = (int)message->room_id - 1,
		.user = (int)message->sender_id - 1,
		.part = item->partition,
		.offset = item->offset,
		.timestamp = item->timestamp,
		.replayed = item->replayed};
	(void)str_i64(str_c(message->id.canonical), &arg->cmid);
	memcpy(arg->content, item->content.data,
		item->content.len < 15 ? item->content.len : 15);
}

static void
place(struct pgarg *arg, const struct dlt_place *place)
{
	arg->part = place->partition;
	arg->offset = place->offset;
	arg->timestamp = place->timestamp;
}

static bool
is_replayed(const struct store_item *item)
{
	return item->replay_of.topic.len && item->state != STORE_DEAD &&
	       item->state != STORE_RETRY;
}

/* NULL: the database is away. */
static struct pgcall *
new_call(struct actor *actor, enum pg_call kind)
{
	struct store *s = actor->self;

	if (!w.pg_up) { /* nobody answers there */
		s->away = true;
		say_waiting(actor);
		return NULL;
	}
	s->waiting = true;
	return pg_call(actor, kind);
}

static void
call(struct actor *actor)
{
	struct store *s = actor->self;
	struct range *range = &s->range[s->ranges - 1];
	bool letters = s->batch.letters;
	struct pgcall *call =
		new_call(actor, letters ? CALL_LETTERS : CALL_STORE);
	size_t i;

	if (!call)
		return;
	call->count = (int)range->count;
	for (i = 0; i < range->count; i++) {
		fill(&call->arg[i], range->items[i]);
		if (letters)
			place(&call->arg[i], &range->items[i]->origin);
		else
			call->want |= 1u << call->arg[i].room;
	}
	passes(actor, AT_CALL);
}

/* Who was replayed, and is decided now: true where there is one. */
static bool
mark_replayed(struct actor *actor)
{
	struct store *s = actor->self;
	struct pgcall *call;
	bool any = false;
	size_t i;

	for (i = 0; i < s->batch.count; i++)
		any |= is_replayed(&s->batch.items[i]);
	if (!any || s->batch.letters)
		return false;
	call = new_call(actor, CALL_REPLAYED);
	s->marking = true;
	for (i = 0; call && i < s->batch.count; i++)
		if (is_replayed(&s->batch.items[i]))
			place(&call->arg[call->count++],
				&s->batch.items[i].replay_of);
	return true;
}

static void finish(struct actor *actor);

/* The next range: without what an earlier one has put on hold. */
static void
save(struct actor *actor)
{
	struct store *s = actor->self;

	while (s->ranges) {
		struct range *range = &s->range[s->ranges - 1];
		size_t left = 0, i;

		if (s->away && RULE(outage_is_not_poison))
			return; /* pg_link_ready() */

		for (i = 0; i < range->count; i++)
			if (!RULE(retry_takes_the_room_along) ||
				!store_batch_held(&s->batch, range->items[i]))
				range->items[left++] = range->items[i];
		range->count = left;
		if (left) {
			call(actor);
			return;
		}
		s->ranges--;
	}
	if (s->away && s->marking && RULE(outage_is_not_poison))
		return;
	if (s->any_open && RULE(replay_is_marked) && mark_replayed(actor))
		return;
	finish(actor);
}

/* All answers are written in one piece. */
static void
finish(struct actor *actor)
{
	struct store *s = actor->self;
	size_t i;

	for (i = 0; i < s->batch.count; i++)
		if (s->away && s->batch.items[i].state == STORE_DEAD)
			wrong("I1", "%s: dead, while the database is away",
				actor->name);
	for (i = 0; i < s->batch.count; i++)
		if (store_item_answer(
			    &s->out, &s->batch.items[i], "chat-events") < 0)
			abort();
	write_out(actor);
	passes(actor, AT_ANSWER);
	store_batch_reset(&s->batch);
	s->busy = s->marking = false;
	actor->due = true;
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
		pair_kill(actor->index, SIGSEGV);
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
		say_waiting(actor);
	save(actor);
}

static void
refuse(struct store *s, struct store_item *item, enum pg_verdict verdict)
{
	struct err err;

	err_set(&err, "refused by the database");
	if (verdict == PGV_RECORD)
		store_item_dead(item, "SQLSTATE_22000", &err);
	else if (store_batch_retry(&s->batch, item, "SQLSTATE_23503", &err) < 0)
		abort();
}

static void
settle(const struct range *range, const struct pgcall *call)
{
	char epoch[24];
	size_t i;

	for (i = 0; i < range->count && call->kind == CALL_LETTERS; i++)
		range->items[i]->state = call->arg[i].state;
	if (call->kind == CALL_LETTERS)
		return;
	pg_epoch_print(call->epoch, epoch);
	for (i = 0; i < range->count; i++) {
		const struct pgarg *arg = &call->arg[i];
		struct store_row row = {.state = arg->state,
			.message_id = arg->id,
			.seq = arg->seq,
			.nickname = STR("x"),
			.reason = arg->state == STORE_REUSED
					  ? STR("CLIENT_MESSAGE_ID_REUSED")
					  : str_c(arg->reason),
			.type = STR("TEXT"),
			.content = str_c(arg->row ? arg->row->content : ""),
			.raw = range->items[i]->message.id.raw,
			.sent_at_ms = SIM_WALL_MS,
			.epoch = str_c(epoch)};

		store_item_settle(range->items[i], &row);
	}
}

static void
pg_answer(struct actor *actor, struct msg *msg)
{
	struct store *s = actor->self;
	const struct pgcall *call = msg->ptr;
	struct range *range = &s->range[s->ranges - 1], half;

	s->waiting = false;
	if (call->verdict == PGV_OUTAGE) {
		s->away = true;
		say_waiting(actor);
		return;
	}
	if (s->marking) {
		finish(actor);
		return;
	}
	if (call->verdict == PGV_OK) {
		settle(range, call);
		s->ranges--;
	} else if (range->count == 1) {
		refuse(s, range->items[0], call->verdict);
		s->ranges--;
	} else {
		half = *range;
		range->items += half.count / 2;
		range->count -= half.count / 2;
		if (s->ranges == RANGES)
			abort();
		s->range[s->ranges++] =
			(struct range){half.items, half.count / 2};
	}
	save(actor);
}

/* ---- lines --------------------------------------------------------------- */

static void
take_control(
	struct store *s, struct json_iter *positions, enum control_kind kind)
{
	struct position position;

	while (kind == CONTROL_REVOKED && control_next(positions, &position))
		store_batch_revoked(
			&s->batch, position.topic, position.partition);
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
		write_out(actor);
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
			save(actor);
	}
	if (s->away && s->busy && w.now >= s->said_ms + SAY_MS)
		say_waiting(actor);
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
	.back = pg_answer,
	.reads = reads,
	.ready = ready};
