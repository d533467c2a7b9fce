/*
 * tests/sim/law_group.c - what flow/group.h promises of records on their way to
 * Kafka, watched where they are put, sent and answered (publish.c), by a model
 * of its own: their order, batches, refusals, turns, and when a source stops.
 */
#include "flow/group.h"
#include "kafka.h"
#include "sends.h"

enum { REFUSED_MS = 1000 };

static void
broken(const struct pub *pub, const struct pitem *item, const char *what)
{
	wrong("LAW", "%s: %.*s %s", pub->actor->name,
		STR_ARG(send_label(item->topic, &item->record)), what);
}

void
law_put(struct pub *pub, struct pitem *item)
{
	const struct group_source *source = item->group.source;
	const struct group_limits *limits = &pub->group.limits;

	item->no = ++pub->law.put;
	TAILQ_INSERT_TAIL(&pub->law.items, item, link);
	if ((source->records >= limits->source_records ||
		    source->bytes >= limits->source_bytes) &&
		!source->paused)
		broken(pub, item, "fills its source, and that goes on");
}

void
law_resume(struct pub *pub, const struct group_source *source)
{
	const struct group_limits *limits = &pub->group.limits;

	if (source->paused || source->records > limits->source_records / 2 ||
		source->bytes > limits->source_bytes / 2)
		wrong("LAW", "%s: a source goes on, and is full",
			pub->actor->name);
}

static void
new_batch(struct group_law *law)
{
	law->batch++;
	law->count = law->bytes = 0;
	law->closed = law->solo = law->refused = false;
}

void
law_begin(struct pub *pub, int k)
{
	struct group_law *law = &pub->law;

	if (law->turn == k + 1)
		wrong("LAW", "%s begins twice on one producer",
			pub->actor->name);
	law->turn = k + 1;
	new_batch(law);
}

static void
in_order(const struct pub *pub, const struct pitem *item)
{
	const struct pitem *other;

	TAILQ_FOREACH (other, &pub->law.items, link) {
		if (other == item)
			break;
		if (other->topic == item->topic &&
			other->batch != pub->law.batch)
			broken(pub, item, "goes before an earlier one");
	}
}

void
law_goes(struct pub *pub, struct pitem *item)
{
	struct group_law *law = &pub->law;

	if (!pub->transactional && !pub->outstanding)
		new_batch(law);
	if (law->closed)
		broken(pub, item, "goes out, and its batch is over");
	if (item->refusals && w.now < item->refused_ms + REFUSED_MS)
		broken(pub, item, "goes again too soon");
	if (item->refusals > 1)
		broken(pub, item, "goes again, refused twice");
	in_order(pub, item);
	item->batch = law->batch;
	law->solo |= item->solo;
	law->bytes += item->group.bytes;
	if (++law->count > 1 &&
		(law->solo || law->count > pub->group.limits.batch_records ||
			law->bytes > pub->group.limits.batch_bytes))
		broken(pub, item, "goes with others");
}

void
law_delivered(struct pub *pub, struct pitem *item, bool refused)
{
	pub->law.closed |= !pub->transactional || refused;
	pub->law.refused |= refused;
	item->refused |= refused;
}

/* The batch is over: what is left of it goes again. */
void
law_over(struct pub *pub, bool committed)
{
	struct group_law *law = &pub->law;
	struct pitem *item;

	law->closed = true;
	TAILQ_FOREACH (item, &law->items, link) {
		if (item->batch != law->batch)
			continue;
		item->in |= committed;
		if (item->in || !law->refused)
			continue;
		item->solo = true;
		if (item->refused && law->count == 1) {
			item->refusals++;
			item->refused_ms = w.now;
		}
		item->refused = false;
	}
}

void
law_answer(struct pub *pub, struct pitem *item, bool dead)
{
	if (item->answered)
		broken(pub, item, "is answered twice");
	if (dead ? item->refusals < 2 : !item->in)
		broken(pub, item,
			dead ? "is dead, and was not refused twice"
			     : "is done, and is not in Kafka");
	item->answered = true;
	TAILQ_REMOVE(&pub->law.items, item, link);
}
