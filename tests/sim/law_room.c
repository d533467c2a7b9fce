/*
 * tests/sim/law_room.c - see law_edge.c: the highest seq that any event or
 * answer has named, by room. A lower head lowers it where it was asked for
 * later.
 */
#include "edge.h"

static void
name(struct edge *edge, int room, int64_t seq)
{
	struct edge_law *law = &edge->law;

	if (seq <= law->room[room].named)
		return;
	law->room[room].named = seq;
	law->room[room].named_at = ++law->clock;
}

void
law_room_event(struct edge *edge, int room, int64_t seq, int epoch)
{
	if (epoch == edge->law.epoch)
		name(edge, room, seq);
}

/* Another life: what was named was of the old one. */
void
law_room_forget(struct edge *edge)
{
	struct edge_law *law = &edge->law;
	int r;

	law->clock++;
	for (r = 0; r < ROOMS; r++) {
		law->room[r].named = 0;
		law->room[r].named_at = law->clock;
	}
}

void
law_room_head(struct edge *edge, int room, int64_t head, int64_t asked_at)
{
	struct edge_law *law = &edge->law;

	if (asked_at < 0)
		asked_at = law->room[room].heads_at;
	if (head >= law->room[room].named)
		name(edge, room, head);
	else if (asked_at >= law->room[room].named_at)
		law->room[room].named = head;
}

static const struct follow_room *
followed(const struct edge *edge, int room)
{
	const struct session *s;

	for (s = edge->session; s < edge->session + SESSIONS; s++)
		if (s->used && s->sub[room].used && s->sub[room].follow.room)
			return s->sub[room].follow.room;
	return NULL;
}

/* What was named before somebody followed it is forgotten. */
void
law_room_followed(struct edge *edge, int room)
{
	if (!followed(edge, room))
		edge->law.room[room].named = edge->law.room[room].heads_at = 0;
}

void
law_room_check(struct edge *edge)
{
	const struct follow_room *real;
	int r;

	for (r = 0; r < ROOMS; r++) {
		real = followed(edge, r);
		if (real && real->named != edge->law.room[r].named)
			wrong("LAW", "%s: room%d is named up to %lld, not %lld",
				edge->actor->name, r, (long long)real->named,
				(long long)edge->law.room[r].named);
	}
}
