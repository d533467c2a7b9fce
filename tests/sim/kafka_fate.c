/* tests/sim/kafka_fate.c - see kafka.h: logs that lose records, groups that are
 * set back. */
#include "kafka.h"
#include "sends.h"

static void
cut_log(enum topic topic, int part, int64_t end)
{
	struct log *log = &kafka.log[topic][part];
	int64_t i;

	for (i = end; i < log->end; i++)
		if (log->rec[i]->state == K_COMMITTED)
			send_lost(topic, log->rec[i]->record.value);
	trace("kafka: %s/%d ends at %lld now, not at %lld", topic_names[topic],
		part, (long long)end, (long long)log->end);
	log->end = end;
	if (log->told > end)
		log->told = end;
}

void
kafka_forget_requests(void)
{
	int i;

	for (i = 0; i < QUEUES; i++)
		kafka.queue[i].used = false;
}

void
kafka_lose_tail(void)
{
	int64_t lose;
	int t, p;

	txn_end_all();
	for (t = 0; t < TOPICS; t++)
		for (p = 0; p < w.plan.parts; p++) {
			lose = roll(5);
			if (lose > kafka.log[t][p].end)
				lose = kafka.log[t][p].end;
			cut_log((enum topic)t, p, kafka.log[t][p].end - lose);
		}
}

void
kafka_tail_untold(void)
{
	int t, p;

	for (t = 0; t < TOPICS; t++)
		for (p = 0; p < PARTS; p++)
			if (kafka.log[t][p].end > kafka.log[t][p].before)
				kafka.log[t][p].before = kafka.log[t][p].end;
	kafka_lose_tail();
	kafka.untold = true;
}

void
kafka_make_anew(void)
{
	int p;

	txn_end_all();
	for (p = 0; p < PARTS; p++)
		cut_log(MESSAGES, p, 0);
	kafka_reset_group(&kafka.group[0], -1);
}

void
kafka_reset_group(struct cgroup *group, int64_t offset)
{
	int p, slot;

	group->gen++;
	kafka.life++;
	for (slot = 0; slot < RUNNERS; slot++)
		group->member[slot].in = false;
	for (p = 0; p < PARTS; p++)
		coord_set(group, p, offset, ++kafka.order);
}

void
kafka_reset_groups(int64_t offset)
{
	kafka_reset_group(&kafka.group[0], offset);
	kafka_reset_group(&kafka.group[1], offset);
}
