/*
 * tests/sim/edge_room.c - see edge.h: stands for lib/edge/room.c, join.c,
 * fanout.c and item.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "edge.h"
#include "sends.h"
#include "wire/event.h"

enum { ASK_MS = 10000 };

static struct sub *
sub_of(struct follow_sub *follow)
{
	return (struct sub *)(void *)follow; /* its first member */
}

static struct edge *
edge_of(struct follow_sub *follow)
{
	return sub_of(follow)->session->edge;
}

/* ---- messages ------------------------------------------------------------ */

struct sitem *
edge_item(struct edge *edge, int room, int64_t seq)
{
	struct sitem *item = sim_alloc(sizeof(*item));

	item->follow =
		(struct follow_item){.seq = seq, .refs = 1, .bytes = 100};
	item->edge = edge;
	item->room = room;
	item->end = -1;
	edge->items++;
	return item;
}

static void
item_free(struct follow_item *follow)
{
	struct sitem *item = (struct sitem *)(void *)follow;

	item->edge->items--;
}

void
edge_item_end(struct sitem *item, int user)
{
	item->end = user;
	item->follow.ends = &item->end;
	item->follow.ends_count = 1;
}

static struct follow_item *
item_of_row(struct edge *edge, const struct row *row, int user, int64_t step)
{
	struct sitem *item = edge_item(edge, row->room, row->seq);

	item->epoch = edge->law.epoch;
	item->user = row->user;
	item->cmid = row->cmid;
	item->type = row->type;
	memcpy(item->content, row->content, sizeof(item->content));
	if (row->deleted[user] && row->deleted[user] <= step) {
		item->type = ROW_DELETED;
		item->content[0] = '\0';
	}
	if (row->type == ROW_KICK || row->type == ROW_LEAVE)
		edge_item_end(item, row->target);
	return &item->follow;
}

/* ---- what flow/follow wants done ----------------------------------------- */

static struct ask *
ask(struct edge *edge, int what, struct sub *sub, struct msg *msg)
{
	struct ask *a = edge->ask;

	if (!edge->api)
		return NULL;
	while (a->used)
		if (++a == edge->ask + ASKS)
			return NULL;
	*a = (struct ask){.used = true,
		.id = edge->next_ask++,
		.deadline_ms = w.now + ASK_MS,
		.sub = sub,
		.what = what};
	actor_wake(edge->actor, a->deadline_ms);
	msg->id = a->id;
	msg->status = what;
	conn_send(edge->api, edge->actor, msg);
	return a;
}

static bool
ask_sub(struct follow_sub *follow, int what, int64_t seq, const char *epoch)
{
	struct sub *sub = sub_of(follow);
	struct msg *msg = msg_new(M_ASK);

	msg->user = (int)follow->user;
	msg->room = sub->room;
	msg->seq = seq;
	msg->epoch = pg_epoch_parse(str_c(epoch));
	sub->asked_at = ++edge_of(follow)->law.clock;
	sub->ask = ask(edge_of(follow), what, sub, msg);
	return sub->ask != NULL;
}

static bool
ask_follow(struct follow_sub *follow, int64_t from_seq, const char *epoch)
{
	return ask_sub(follow, ASK_FOLLOW, from_seq, epoch);
}

static bool
has_room(struct follow_sub *follow)
{
	return sub_of(follow)->session->conn->side[0].count < OUT_MAX / 2;
}

static bool
ask_page(struct follow_sub *follow, int64_t after)
{
	if (!has_room(follow))
		wrong("LAW", "a page is asked for, and its client's queue is "
			     "half full");
	return ask_sub(follow, ASK_PAGE, after, "");
}

static bool
ask_heads(struct follow *follow, const int64_t *rooms, size_t count)
{
	struct edge *edge = follow->data;
	struct msg *msg = msg_new(M_ASK);
	size_t i;

	edge->law.clock++;
	for (i = 0; i < count; i++) {
		msg->seq |= 1 << (rooms[i] - 1);
		edge->law.room[rooms[i] - 1].heads_at = edge->law.clock;
	}
	edge->heads_out = ask(edge, ASK_HEADS, NULL, msg) != NULL;
	edge->heads_due = !edge->heads_out;
	return edge->heads_out;
}

/* What he had deleted when he was last found a member comes as DELETED. */
static void
check_deleted(const struct sub *sub, const struct sitem *item)
{
	const struct edge *edge = sub->session->edge;
	int64_t seq = item->follow.seq;
	const struct row *row = pg_row(item->room, seq);

	if (row && pg_epoch_parse(str_c(edge->follow.epoch)) == pg.epoch &&
		row->deleted[sub->session->user] &&
		row->deleted[sub->session->user] <= sub->step &&
		seq <= sub->head && item->type != ROW_DELETED)
		wrong("I7", "user%d gets room%d seq %lld, which he had deleted",
			sub->session->user, item->room, (long long)seq);
}

static void
deliver(struct follow_sub *follow, struct follow_item *fitem)
{
	const struct sitem *item = (const struct sitem *)(void *)fitem;
	struct session *session = sub_of(follow)->session;
	struct msg *msg = msg_new(M_MESSAGE), *again;

	check_allowed(session->user, item->room, fitem->seq,
		pg_epoch_parse(str_c(session->edge->follow.epoch)));
	check_deleted(sub_of(follow), item);
	law_edge_deliver(session->edge, sub_of(follow), item);
	msg->room = item->room;
	msg->seq = fitem->seq;
	msg->user = item->user;
	msg->id = item->cmid;
	msg->status = (int)item->type;
	msg->text = sim_copy(str_c(item->content));
	if (!RULE(sim_no_phantom) && chance(5))
		msg->text = STR("never sent");
	edge_to_client(session, msg);
	if (RULE(sim_no_double) || !chance(5))
		return;
	again = msg_new(M_MESSAGE);
	*again = *msg;
	again->next = NULL;
	edge_to_client(session, again);
}

static void
joined(struct follow_sub *follow, const struct follow_answer *answer)
{
	struct sub *sub = sub_of(follow);
	struct msg *msg = msg_new(M_JOINED);

	msg->room = sub->room;
	msg->status = (int)answer->status;
	msg->head = answer->head;
	msg->seq = answer->first;
	msg->epoch = pg_epoch_parse(answer->epoch);
	edge_to_client(sub->session, msg);
	if (!edge_asking(sub->session, sub->room))
		edge_release_held(sub->session, sub->room);
}

/* Its client has no /user/queue/joins: 1012. */
static void
reset(struct follow_sub *follow, const struct follow_answer *answer)
{
	(void)answer;
	if (RULE(living_reset_closes))
		sub_of(follow)->session->doomed = true;
}

static void
refused(struct follow_sub *follow)
{
	struct sub *sub = sub_of(follow);
	struct msg *msg = msg_new(M_NO_MEMBER);

	msg->room = sub->room;
	edge_to_client(sub->session, msg);
	sub->over = true;
	if (RULE(refused_subscribe_frees_sends))
		edge_release_held(sub->session, sub->room);
}

static void
ended(struct follow_sub *follow, struct follow_item *item)
{
	struct sub *sub = sub_of(follow);
	struct msg *msg = msg_new(M_ENDED);

	(void)item;
	msg->room = sub->room;
	edge_to_client(sub->session, msg);
	sub->over = true;
}

const struct follow_ops edge_follow_ops = {
	.ask_follow = ask_follow,
	.ask_page = ask_page,
	.ask_heads = ask_heads,
	.has_room = has_room,
	.deliver = deliver,
	.joined = joined,
	.reset = reset,
	.refused = refused,
	.ended = ended,
	.item_free = item_free,
};

void
edge_sub_free(struct sub *sub)
{
	if (sub->ask)
		sub->ask->sub = NULL;
	follow_unsubscribe(&sub->session->edge->follow, &sub->follow);
	sub->used = false;
}

/* ---- answers ------------------------------------------------------------- */

/* It has something to say to that: a page of another life has not. */
static bool
takes(const struct edge *edge, const struct sub *sub, int what,
	const struct pganswer *from)
{
	if (what == ASK_FOLLOW)
		return sub->follow.state == FOLLOW_ASKING;
	return sub->follow.state == FOLLOW_FOLLOWING &&
	       from->epoch == edge->law.epoch;
}

/* It is over already: an answer to that is nothing. */
static bool
hears(const struct sub *sub, int what)
{
	return sub->follow.room &&
	       (what == ASK_PAGE || sub->follow.state == FOLLOW_ASKING);
}

static void
law_gives(struct edge *edge, struct sub *sub, const struct pganswer *from,
	bool taken)
{
	law_edge_epoch(edge, from->epoch);
	if (!taken || !from->member)
		return;
	sub->step = from->step;
	sub->head = from->head;
	law_room_head(edge, sub->room, from->head, sub->asked_at);
}

static void
give(struct edge *edge, struct sub *sub, int what, const struct pganswer *from)
{
	bool taken = takes(edge, sub, what, from), heard = hears(sub, what);
	struct follow_item *items[ROWS_MAX];
	char epoch[24];
	struct follow_answer answer = {.member = from->member,
		.head = from->head,
		.status = (enum follow_status)from->status,
		.first = from->first,
		.items = items,
		.count = (size_t)from->count,
		.more = from->more};
	int i;

	pg_epoch_print(from->epoch, epoch);
	answer.epoch = str_c(epoch);
	if (heard)
		law_gives(edge, sub, from, taken);
	for (i = 0; i < from->count; i++)
		items[i] = item_of_row(
			edge, from->row[i], sub->session->user, from->step);
	(what == ASK_FOLLOW ? follow_answered : follow_paged)(
		&edge->follow, &sub->follow, &answer);
	law_room_check(edge);
	if (heard)
		law_edge_answered(edge);
	if (taken && !from->member && !from->more && !sub->over)
		wrong("LAW", "%s keeps a stranger", edge->actor->name);
	for (i = 0; i < from->count; i++)
		follow_item_drop(&edge->follow, items[i]);
}

static void
give_heads(struct edge *edge, const struct pganswer *from)
{
	char epoch[24];
	int i;

	pg_epoch_print(from->epoch, epoch);
	law_edge_epoch(edge, from->epoch);
	for (i = 0; i < from->count; i++)
		law_room_head(edge, (int)from->heads[i][0] - 1,
			from->heads[i][1], -1);
	follow_heads(&edge->follow, str_c(epoch),
		(const int64_t(*)[2])from->heads, (size_t)from->count);
	law_room_check(edge);
}

/* A round that was asked for during this one follows it; one that failed is
 * asked for again (edge.c). */
static void
heads_end(struct edge *edge, const struct pganswer *answer)
{
	bool again = edge->heads_again;

	edge->heads_out = edge->heads_again = false;
	if (!answer) {
		edge->heads_due = true;
		follow_heads_failed(&edge->follow);
		return;
	}
	give_heads(edge, answer);
	law_edge_answered(edge);
	if (again && !edge->heads_out && !edge->heads_due &&
		edge->follow.room_count)
		wrong("LAW", "%s was ready again, and asks for no heads",
			edge->actor->name);
}

static void
finish(struct edge *edge, struct ask *a, const struct pganswer *answer)
{
	struct sub *sub = a->sub;

	a->used = false;
	if (a->what == ASK_HEADS) {
		heads_end(edge, answer);
		return;
	}
	if (!sub)
		return;
	sub->ask = NULL;
	if (answer)
		give(edge, sub, a->what, answer);
	else if (RULE(failed_question_is_told))
		follow_failed(&edge->follow, &sub->follow);
}

void
edge_answer(struct edge *edge, const struct msg *msg)
{
	struct ask *a;

	for (a = edge->ask; a < edge->ask + ASKS; a++)
		if (a->used && a->id == msg->id) {
			finish(edge, a, msg->ptr);
			return;
		}
}

void
edge_asks_end(struct edge *edge)
{
	struct ask *a;

	for (a = edge->ask; a < edge->ask + ASKS; a++)
		if (a->used)
			finish(edge, a, NULL);
}

void
edge_asks_tick(struct edge *edge)
{
	struct ask *a;

	for (a = edge->ask; a < edge->ask + ASKS; a++)
		if (a->used && w.now >= a->deadline_ms)
			finish(edge, a, NULL);
}
