/* kafka/range.c - see range.h. */
#include "kafka/range.h"

#define REACHED -2 /* as a position's end: it has come */

void
range_reset(struct range *range, struct consumer *consumer)
{
	if (range->positions.count)
		consumer_unassign(consumer);
	range_release(range);
	range->consumer = consumer;
}

void
range_release(struct range *range)
{
	positions_release(&range->positions);
	*range = (struct range){0};
}

enum kafka_verdict
range_add(struct range *range, const char *topic, const struct spec *from,
	const struct spec *to, struct err *err)
{
	return positions_find(
		&range->positions, range->consumer, topic, from, to, err);
}

bool
range_only(struct range *range, int32_t partition)
{
	struct positions *all = &range->positions;
	size_t i, kept = 0;

	for (i = 0; i < all->count; i++)
		if (all->item[i].partition == partition)
			all->item[kept++] = all->item[i];
	all->count = kept;
	return kept > 0;
}

static void
reached(struct range *range, struct position *p, int64_t offset)
{
	if (p->end < 0 || offset < p->end)
		return;
	p->end = REACHED;
	range->open--;
	/* What is behind its end would only be dropped. */
	consumer_pause(range->consumer, p->topic.data, p->partition, true);
}

int
range_start(struct range *range, struct err *err)
{
	struct positions *all = &range->positions;
	size_t i;

	if (positions_assign(all, range->consumer, err) < 0)
		return -1;
	range->open = all->count;
	for (i = 0; i < all->count; i++)
		reached(range, &all->item[i], all->item[i].offset);
	return 0;
}

static struct position *
place(struct range *range, const rd_kafka_message_t *m)
{
	struct str topic = str_c(rd_kafka_topic_name(m->rkt));
	struct position *p = range->last;

	if (!p || p->partition != m->partition || !str_eq(p->topic, topic))
		p = positions_get(&range->positions, topic, m->partition);
	range->last = p;
	return p;
}

/* A record or an end has come; true: the record belongs to the range. */
static bool
take(struct range *range, const rd_kafka_message_t *m, bool record)
{
	struct position *p = place(range, m);

	if (!p)
		return false; /* still from what was read before */
	reached(range, p, m->offset);
	if (!record || p->end == REACHED)
		return false;
	reached(range, p, m->offset + 1);
	return true;
}

enum consumer_got
range_next(struct range *range, int timeout_ms, rd_kafka_message_t **message,
	struct err *err)
{
	enum consumer_got got;

	for (;;) {
		got = consumer_poll(range->consumer, timeout_ms, message, err);
		if (got != CONSUMER_RECORD && got != CONSUMER_END)
			return got;
		if (take(range, *message, got == CONSUMER_RECORD))
			return CONSUMER_RECORD;
		rd_kafka_message_destroy(*message);
		if (range_ended(range))
			return CONSUMER_NOTHING;
	}
}
