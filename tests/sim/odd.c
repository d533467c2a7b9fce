/*
 * tests/sim/odd.c - what a filter may say that chat-store does not, and the
 * runner has to bear (architecture.md, section 3): an emit, and then its death
 * instead of a result; an emit of a record that is dead, which no broker takes;
 * and each result twice (emits.c). And an event that names what is not there
 * (section 5): an answer that was asked for later, with a lower head, lowers
 * it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka.h"
#include "pair.h"
#include "sends.h"
#include "store.h"
#include "store/outcomes.h"
#include "wire/event.h"
#include "wire/result.h"
#include "wire/shown.h"

/* An event that nobody may ever see, of seq 0; of one that is dead -1, which
 * the broker refuses. */
void
odd_line(struct actor *actor, const struct store_item *item)
{
	struct store *s = actor->self;
	char value[120];
	struct record event = {.topic = STR("chat-events"),
		.partition = -1,
		.offset = -1,
		.timestamp = -1,
		.key = item->key};
	const struct send *send = send_by_id(
		item->message.has_id
			? strtoll(item->message.id.canonical, NULL, 10)
			: 0);

	if (!w.plan.odd || s->batch.letters || !send ||
		(send->temper != POISON && send->temper != CRASHER) ||
		send->replayed || chance(50))
		return;
	snprintf(value, sizeof(value),
		"{\"event\":\"message\",\"message\":{\"roomId\":%d,\"seq\":%d,"
		"\"clientMessageId\":%lld}}",
		send->room + 1, -(item->state == STORE_DEAD),
		(long long)send->id);
	event.value = str_c(value);
	emit_print(&s->out, &event);
}

int
odd_end(void)
{
	static const int ends[] = {
		SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, EXIT_BUG << 8};

	return ends[roll(ARRAY_LEN(ends))];
}

void
odd_event(int room)
{
	struct buf event = {0}, shown = {0};
	char key[12], epoch[24];
	struct shown s = {.message_id = 1,
		.seq = pg.room[room].last_seq + 1000,
		.room_id = room + 1,
		.sender_id = 1,
		.content = STR("x"),
		.type = STR("TEXT"),
		.sent_at_ms = SIM_WALL_MS};
	struct record record = {0};

	shown_print(&shown, &s);
	pg_epoch_print(pg.epoch, epoch);
	event_print_message(&event, str_c(epoch), buf_str(&shown));
	w.false_rooms |= 1u << room;
	room_key(room, key);
	record.key = str_c(key);
	record.value = buf_str(&event);
	kafka_append(EVENTS, part_of_key(record.key), &record);
	buf_release(&event);
	buf_release(&shown);
}
