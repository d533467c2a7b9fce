/* tests/sim/words.c - see world.h: the steps of a plan, in words. */
#include <stdio.h>

#include "world.h"

static const char *
actor_word(int i)
{
	static const char *const words[] = {"edge0", "edge1", "produce", "cast",
		"api", "outbox", "run0", "run1", "run2", "letters", "store0",
		"store1", "store2", "outcomes"};

	return words[i];
}

void
step_describe(
	const struct plan *plan, const struct step *s, char *out, size_t size)
{
	static const char *const tempers[] = {"",
		", which the database refuses",
		", which the database cannot take yet",
		", which ends the filter", ", whose event the broker refuses",
		", which the broker refuses", ""};
	static const char *const points[POINTS] = {"puts a letter",
		"puts an emit", "asks for a commit", "calls the database",
		"answers its runner", "produces", "sends EndTxn",
		"writes a RECEIPT", "sends a record on"};
	static const char *const words[STEP_KINDS] = {
		[DO_REPLAY] = "a dead letter is replayed",
		[DO_REBALANCE] = "the group rebalances",
		[DO_MORE] = "the third pair comes, or goes",
		[DO_TAIL] = "power loss: the logs lose their ends; --from",
		[DO_ANEW] = "chat-messages is made anew",
		[DO_RESTORE] = "postgresql is set back; new epoch, --from"};

	switch (s->kind) {
	case DO_SEND:
		snprintf(out, size, "client%d: send%d to room%d%s",
			plan->send[s->a].client, s->a, plan->send[s->a].room,
			tempers[plan->send[s->a].temper]);
		break;
	case DO_COPY:
		snprintf(out, size, "client%d: a copy of send%d",
			plan->clients - 1, s->a);
		break;
	case DO_KICK:
	case DO_LEAVE:
	case DO_INVITE:
		snprintf(out, size, "user%d %s room%d", s->a,
			s->kind == DO_KICK    ? "is kicked from"
			: s->kind == DO_LEAVE ? "leaves"
					      : "is invited to",
			s->b);
		break;
	case DO_FOREIGN:
		snprintf(out, size, "a neighbour writes nonsense to room%d",
			s->a % plan->rooms);
		break;
	case DO_JOIN:
		snprintf(out, size, "client%d wants room%d", s->a, s->b);
		break;
	case DO_KILL:
		snprintf(out, size, "kill %s", actor_word(s->a));
		break;
	case DO_STOP:
		snprintf(
			out, size, "stop %s for %d ms", actor_word(s->a), s->b);
		break;
	case DO_TERM:
		snprintf(out, size, "TERM to %s", actor_word(s->a));
		break;
	case DO_CUT:
		snprintf(out, size, "a connection is cut");
		break;
	case DO_BROKER:
		snprintf(out, size, "the broker is away for %d ms", s->b);
		break;
	case DO_PG:
		snprintf(out, size, "postgresql crashes, back in %d ms", s->b);
		break;
	case DO_PG_CUT:
		snprintf(out, size, "store%d loses its connection",
			s->a % RUNNERS);
		break;
	case DO_LATE:
		snprintf(out, size, "the next EndTxn is late by %d ms", s->b);
		break;
	case DO_TIME:
		snprintf(out, size, "%d ms pass", s->b);
		break;
	case DO_GONE:
		snprintf(out, size, "client%d goes for good", s->a);
		break;
	case DO_CRASH:
		snprintf(out, size, "who %s dies there, %d times", points[s->a],
			s->b);
		break;
	case DO_HANG:
		snprintf(out, size, "store%d hangs", s->a % RUNNERS);
		break;
	case DO_WAIT:
		snprintf(out, size, "nothing, for %d ms", s->b);
		break;
	case DO_DELETE:
		snprintf(out, size, "user%d deletes his newest of room%d", s->a,
			s->b);
		break;
	case DO_FALSE:
		snprintf(out, size, "a false event in room%d", s->a);
		break;
	case DO_DENY:
		snprintf(out, size, "the group takes no commits for %d ms",
			s->b);
		break;
	case DO_EXPIRE:
		snprintf(out, size, "room%d loses its oldest %d messages",
			s->a % plan->rooms, s->b);
		break;
	default:
		snprintf(out, size, "%s", words[s->kind]);
	}
}
