/*
 * tests/sim/law_edge.c - what architecture.md, sections 4.8 and 5, says of an
 * edge, watched at its lines by a model of its own: what has no answer goes
 * again, all of it, in order; an event of another life than chat-api's last
 * answer is never applied, and one of a life that was never heard of makes it
 * ask.
 */
#include "base/rule.h"
#include "edge.h"
#include "sends.h"

/* ---- towards chat-produce ------------------------------------------------ */

void
law_edge_add(struct edge *edge, int64_t id, int session)
{
	struct edge_law *law = &edge->law;

	law->given++;
	if (law->count == UNANSWERED_MAX) {
		wrong("LAW", "%s: nothing is answered", edge->actor->name);
		return;
	}
	law->sent[law->count].id = id;
	law->sent[law->count++].session = session;
}

/* NULL: that connection is gone. */
static const struct session *
session_of(const struct edge *edge, int no)
{
	const struct session *s;

	for (s = edge->session; s < edge->session + SESSIONS; s++)
		if (s->used && s->no == no)
			return s;
	return NULL;
}

void
law_edge_answer(struct edge *edge, int64_t id, const struct resend_entry *entry)
{
	struct edge_law *law = &edge->law;
	int i = 0;

	while (i < law->count && law->sent[i].id != id)
		i++;
	if (!entry != (i == law->count))
		wrong("LAW", "%s: an answer is %s", edge->actor->name,
			entry ? "taken, and nobody awaits it" : "not taken");
	if (i == law->count)
		return;
	if (entry && entry->owner != session_of(edge, law->sent[i].session))
		wrong("LAW", "%s: an answer goes to another, or to nobody",
			edge->actor->name);
	law->count--;
	for (; i < law->count; i++)
		law->sent[i] = law->sent[i + 1];
}

void
law_edge_again(struct edge *edge, struct str line)
{
	struct edge_law *law = &edge->law;

	if (law->next == law->count ||
		number_in(line, "\"id\":") != law->sent[law->next++].id)
		wrong("LAW", "%s sends again what is not next",
			edge->actor->name);
}

void
law_edge_sent_again(struct edge *edge)
{
	if (edge->law.next != edge->law.count)
		wrong("LAW", "%s sends %d of %d records again",
			edge->actor->name, edge->law.next, edge->law.count);
}

/* What it took of that client goes on without it. */
void
law_edge_left(const struct session *session)
{
	const struct edge *edge = session->edge;
	const struct session *s;
	int held = session->held_count;

	for (s = edge->session; s < edge->session + SESSIONS; s++)
		if (s->used && s != session)
			held += s->held_count;
	if (session->held_count || edge->law.taken != edge->law.given + held)
		wrong("LAW", "%s forgets what a client sent before it went",
			edge->actor->name);
}

/* ---- lives of the database ----------------------------------------------- */

static bool
asks(const struct edge *edge)
{
	return edge->heads_out || edge->heads_due || !edge->follow.room_count;
}

/* Before an event goes to flow/follow, and after. */
void
law_edge_event(struct edge *edge, int epoch, bool after)
{
	struct edge_law *law = &edge->law;
	bool ours = epoch == law->epoch;

	law->foreign = !after && !ours;
	if (!after || ours)
		return;
	law->early |= !law->epoch;
	if (law->lives >> epoch & 1)
		return;
	law->lives |= 1u << epoch;
	if (!asks(edge))
		wrong("LAW", "%s hears of another life, and does not ask",
			edge->actor->name);
	edge->heads_again |= edge->heads_out && edge->follow.heads_again;
}

/* An answer comes. */
void
law_edge_epoch(struct edge *edge, int epoch)
{
	struct edge_law *law = &edge->law;

	law->first = !law->epoch;
	if (!law->first && law->epoch != epoch)
		law_room_forget(edge);
	law->epoch = epoch;
	law->lives |= 1u << epoch;
}

/* .. and was taken. */
void
law_edge_answered(struct edge *edge)
{
	struct edge_law *law = &edge->law;

	if (pg_epoch_parse(str_c(edge->follow.epoch)) != law->epoch)
		wrong("LAW", "%s has an answer of life %d, and lives in %s",
			edge->actor->name, law->epoch, edge->follow.epoch);
	if (law->first && law->early && !asks(edge))
		wrong("LAW",
			"%s had events before its first answer, and does "
			"not ask",
			edge->actor->name);
}

void
law_edge_deliver(
	struct edge *edge, const struct sub *sub, const struct sitem *item)
{
	if (edge->law.foreign || item->epoch != edge->law.epoch)
		wrong("LAW",
			"%s gives room%d seq %lld, which is of another life",
			edge->actor->name, item->room,
			(long long)item->follow.seq);
	if (item->told && item->follow.seq <= sub->head)
		wrong("LAW",
			"%s gives an event of room%d, seq %lld, below %lld",
			edge->actor->name, item->room,
			(long long)item->follow.seq, (long long)sub->head);
	if (sub->follow.state != FOLLOW_FOLLOWING)
		wrong("LAW", "%s gives room%d seq %lld before it may",
			edge->actor->name, item->room,
			(long long)item->follow.seq);
}

/* None is kept that nobody follows. */
void
law_edge_rooms(const struct edge *edge)
{
	const struct session *s;
	size_t count = 0;
	unsigned rooms = 0;
	int r;

	for (s = edge->session; s < edge->session + SESSIONS; s++)
		for (r = 0; s->used && r < ROOMS; r++)
			if (s->sub[r].used && s->sub[r].follow.room)
				rooms |= 1u << r;
	for (r = 0; r < ROOMS; r++)
		count += rooms >> r & 1;
	if (edge->follow.room_count != count)
		wrong("LEAK", "%s keeps %d rooms, and follows %d",
			edge->actor->name, (int)edge->follow.room_count,
			(int)count);
}
