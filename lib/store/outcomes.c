#include <stdio.h>

#include "store/outcomes.h"
#include "wire/event.h"
#include "wire/result.h"
#include "wire/shown.h"

static const char *const names[STORE_STATES] = {
	[STORE_OPEN] = "open",
	[STORE_STORED] = "stored",
	[STORE_AGAIN] = "again",
	[STORE_DUPLICATE] = "duplicate",
	[STORE_REFUSED] = "refused",
	[STORE_REUSED] = "reused",
	[STORE_DEAD] = "dead",
	[STORE_RETRY] = "retry",
	[STORE_NOTED] = "noted",
	[STORE_KNOWN] = "known",
};

const char *
store_state_name(enum store_state state)
{
	return names[state];
}

bool
store_state_parse(struct str text, enum store_state *out)
{
	for (int s = STORE_STORED; s <= STORE_REUSED; s++)
		if (str_eq_c(text, names[s])) {
			*out = (enum store_state)s;
			return true;
		}
	return false;
}

/* For people; clients translate by the code. */
static const char *
sentence(struct str reason)
{
	if (str_eq_c(reason, "NOT_A_MEMBER"))
		return "you are not a member of this room";
	if (str_eq_c(reason, "BLOCKED"))
		return "one of you has blocked the other";
	return "this clientMessageId was used for another message";
}

static void
print_message(struct store_item *item, const struct store_row *row)
{
	const struct message *message = &item->message;
	bool again = row->state == STORE_AGAIN;
	struct shown shown = {
		.message_id = row->message_id,
		.seq = row->seq,
		.room_id = message->room_id,
		.sender_id = message->sender_id,
		.nickname = row->nickname,
		.client_id = str_c(message->id.canonical),
		.client_id_raw = again ? row->raw : message->id.raw,
		.content = again ? row->content : message->content.text,
		.content_raw = !again,
		.type = again ? row->type
			      : str_c(message_type_name(message->type)),
		.sent_at_ms = again ? row->sent_at_ms : message->sent_at_ms,
	};

	/* event_print_message() with the object printed in its place. */
	buf_add_c(&item->event, "{\"event\":\"message\",\"epoch\":");
	buf_add_json(&item->event, row->epoch);
	if (again && item->replayed)
		buf_add_c(&item->event, ",\"replayed\":true");
	buf_add_c(&item->event, ",\"message\":");
	shown_print(&item->event, &shown);
	buf_add_char(&item->event, '}');
}

void
store_item_settle(struct store_item *item, const struct store_row *row)
{
	const struct message *message = &item->message;
	char reason[48];

	item->state = row->state;
	switch (row->state) {
	case STORE_STORED:
	case STORE_AGAIN:
		print_message(item, row);
		break;
	case STORE_DUPLICATE:
		event_print_duplicate(&item->event, row->epoch,
			message->sender_id, message->room_id, message->id.raw,
			row->message_id, row->seq);
		break;
	default:
		snprintf(reason, sizeof(reason), "%.*s", STR_ARG(row->reason));
		event_print_refused(&item->event, row->epoch,
			message->sender_id, message->room_id, message->id.raw,
			reason, sentence(row->reason));
	}
}

int
store_item_answer(struct buf *out, const struct store_item *item,
	const char *events_topic)
{
	struct result result = {
		.topic = item->topic,
		.partition = item->partition,
		.offset = item->offset,
		.status = RESULT_DONE,
	};

	if (buf_bad(&item->event) || buf_bad(&item->text))
		return -1;
	if (item->state == STORE_DEAD || item->state == STORE_RETRY) {
		result.status =
			item->state == STORE_DEAD ? RESULT_DEAD : RESULT_RETRY;
		result.error_class = str_c(item->error_class);
		result.error_message = str_c(item->why.text);
	} else if (item->event.len) {
		struct record event = {
			.topic = str_c(events_topic),
			.partition = -1,
			.offset = -1,
			.timestamp = -1,
			.key = item->key,
			.value = buf_str(&item->event),
		};
		emit_print(out, &event);
	}
	result_print(out, &result);
	return buf_bad(out) ? -1 : 0;
}
