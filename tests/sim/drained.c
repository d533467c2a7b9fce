/* tests/sim/drained.c - see world.h: I9, whether all has arrived; and I7, asked
 * as each message goes out. */
#include <stdio.h>

#include "client.h"
#include "kafka.h"
#include "pair.h"
#include "pg.h"
#include "sends.h"

static bool
is_read(int letters, int p, char *why, size_t size)
{
	enum topic topic = letters ? DLT : MESSAGES;
	int64_t at = kafka.group[letters].committed[p];
	int64_t end = kafka.log[topic][p].end, first = 0;

	if (at == end || !end)
		return true;
	if (at > end && !kafka_fetch(topic, p, &first))
		return true; /* nothing that could say so */
	snprintf(why, size, "%s/%d: %lld of %lld is committed",
		topic_names[topic], p, (long long)at, (long long)end);
	return false;
}

bool
drained(char *why, size_t size)
{
	int i, p;

	for (i = 0; i < w.actors; i++) {
		const struct actor *actor = &w.actor[i];

		if (actor->supervised && actor->state != UP) {
			snprintf(why, size, "%s does not run", actor->name);
			return false;
		}
		if (actor->state == DOWN)
			continue;
		if (actor->kind == CLIENT && !client_done(actor, why, size))
			return false;
		if (actor->kind == RUNNER && run_unfinished(actor)) {
			snprintf(why, size, "%s has unfinished records",
				actor->name);
			return false;
		}
	}
	for (p = 0; p < 2 * w.plan.parts; p++)
		if (!is_read(p % 2, p / 2, why, size))
			return false;
	/* Who died left it open, and readers stop there until it times out. */
	for (i = 0; i < TXIDS; i++)
		if (kafka.txid[i].state != T_EMPTY) {
			snprintf(why, size, "transaction %d is open", i);
			return false;
		}
	if (pg.outbox_first != pg.outbox_end) {
		snprintf(why, size, "the outbox is not empty");
		return false;
	}
	return true;
}

/* I7: a member, or what came before his end. An edge that has not heard yet
 * that the database was set back speaks of another life. */
void
check_allowed(int user, int room, int64_t seq, int epoch)
{
	const struct room *r = &pg.room[room];

	if (epoch != pg.epoch)
		return;
	if (!r->member[user] && seq >= r->ended[user])
		wrong("I7", "user%d, out of room%d at seq %lld, gets %lld",
			user, room, (long long)r->ended[user], (long long)seq);
}
