/* tests/sim/sends.c - see sends.h. */
#include "sends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg.h"
#include "store/batch.h"

#define ID_FIELD "\"clientMessageId\":"

static int64_t
id_in(struct str value)
{
	const char *at = value.len ? memmem(value.data, value.len, ID_FIELD,
					     sizeof(ID_FIELD) - 1)
				   : NULL;

	return at ? strtoll(at + sizeof(ID_FIELD) - 1, NULL, 10) : 0;
}

int
send_of_id(int64_t id)
{
	int64_t n = id - SEND_ID;

	return n >= 0 && n < w.plan.sends ? (int)n : -1;
}

int
send_of(struct str value)
{
	return send_of_id(id_in(value));
}

struct send *
send_by_id(int64_t id)
{
	int n = send_of_id(id);

	return n < 0 ? NULL : &w.plan.send[n];
}

bool
send_is_refused(enum topic topic, struct str value)
{
	const struct send *send = send_by_id(id_in(value));

	if (!send)
		return false;
	if (topic == DLT)
		return send->letter_left > 0;
	if (topic == EVENTS && number_in(value, "\"seq\":") < 0)
		return true; /* odd.c */
	if (topic == EVENTS)
		return send->temper == MUTE && !send->replayed &&
		       send->left > 0;
	return topic == MESSAGES && send->temper == BIG && send->left > 0;
}

void
send_was_refused(enum topic topic, struct str value)
{
	struct send *send = send_by_id(id_in(value));

	if (topic == DLT && send)
		send->letter_left--;
	else if (send)
		send->left--;
}

void
send_lost(enum topic topic, struct str value)
{
	struct send *send = send_by_id(id_in(value));

	if (send)
		send->log_lost = true;
}

int64_t
number_in(struct str text, const char *field)
{
	const char *at = memmem(text.data, text.len, field, strlen(field));

	return at ? strtoll(at + strlen(field), NULL, 10) : 0;
}

void
event_told(struct str value)
{
	if (memmem(value.data, value.len, "\"event\":\"message\"", 17))
		pg_row_told((int)number_in(value, "\"roomId\":") - 1,
			number_in(value, "\"seq\":"));
}

void
send_died(struct str value)
{
	struct send *send = send_by_id(id_in(value));

	if (send)
		send->died = true;
}

struct str
send_label(enum topic topic, const struct record *record)
{
	static const char *const what[] = {
		"send", "event of send", "letter of send"};
	static char text[40];
	int n = send_of(record->value);

	if (n < 0)
		snprintf(text, sizeof(text), "%s",
			topic == EVENTS ? "a member's event" : "a record");
	else
		snprintf(text, sizeof(text), "%s%d", what[topic], n);
	return str_c(text);
}

int
part_of_key(struct str key)
{
	int64_t room;

	return str_i64(key, &room) ? (int)(room % w.plan.parts) : 0;
}

void
room_key(int room, char out[12])
{
	snprintf(out, 12, "%d", room + 1);
}

int64_t
batch_cmid(const struct store_item *item)
{
	int64_t id = 0;

	if (item->state == STORE_OPEN)
		(void)str_i64(str_c(item->message.id.canonical), &id);
	return id;
}

int
client_user(int client)
{
	return w.plan.twin && client == w.plan.clients - 1 ? 0 : client;
}
