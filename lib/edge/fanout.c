/*
 * edge/fanout.c - see fanout.h.
 */
#include "edge/fanout.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "edge/item.h"
#include "edge/tell.h"
#include "edge/user.h"
#include "wire/event.h"
#include "wire/hello.h"
#include "wire/record.h"

/* ---- events ------------------------------------------------------------- */

/* An event of another life of the store than chat-api speaks of is not told. */
static bool
of_this_life(const struct edge *edge, struct str epoch)
{
	return !edge->follow.epoch[0] || str_eq_c(epoch, edge->follow.epoch);
}

static void
tell_ack(struct edge *edge, const struct event *event, bool duplicate)
{
	struct user *user = user_find(edge, event->user_id);
	struct session *session;
	struct buf *json = &edge->json;

	if (!user || LIST_EMPTY(&user->sessions) ||
		event->client_message_id.type == JSON_NONE ||
		event->client_message_id.type == JSON_NULL ||
		!of_this_life(edge, event->epoch))
		return;
	buf_reset(json);
	json_open(json, NULL, '{');
	json_put_i64(json, "roomId", event->room_id);
	json_put_raw(json, "clientMessageId", event->client_message_id.text);
	json_put_i64(json, "messageId", event->message_id);
	json_put_i64(json, "seq", event->seq);
	json_put_bool(json, "duplicate", duplicate);
	json_close(json, '}');
	LIST_FOREACH (session, &user->sessions, link)
		edge->count.acks +=
			(int64_t)tell_queue(session, SUB_ACKS, buf_str(json));
}

static void
tell_refused(struct edge *edge, const struct event *event)
{
	struct user *user = user_find(edge, event->user_id);
	struct session *session;
	char code[64];
	struct refusal_notice notice = {.code = code,
		.message = event->text,
		.message_is_json = true,
		.final = true,
		.retry_after_s = -1,
		.room_id = event->room_id};

	if (!user || !of_this_life(edge, event->epoch))
		return;
	if (event->client_message_id.type != JSON_NONE)
		notice.client_message_id = event->client_message_id.text;
	snprintf(code, sizeof(code), "%.*s", STR_ARG(event->code));
	LIST_FOREACH (session, &user->sessions, link)
		tell_refusal(session, &notice);
}

static void
on_message(struct edge *edge, const struct event *event)
{
	struct follow *follow = &edge->follow;
	struct item_text text = {event->room_id, event->seq, event->user_id,
		event->type, event->message.text, event->targets};
	struct follow_item *item;

	if (!event->replayed)
		tell_ack(edge, event, false);
	/* A strange epoch is told to follow though nobody is in the room. */
	if (event->seq < 1 || (!follow_wants(follow, event->room_id) &&
				      str_eq_c(event->epoch, follow->epoch)))
		return;
	item = item_new(edge, &text);
	if (!item) {
		LOG_ERROR("fanout", "event lost for want of memory",
			LOG_I("roomId", event->room_id));
		follow_line_up(follow); /* as after any other hole */
		return;
	}
	follow_event(follow, event->room_id, event->epoch, item);
	follow_item_drop(follow, item);
}

static void
on_event(struct edge *edge, struct json value)
{
	struct event event;
	struct err err;

	edge->count.events++;
	if (event_parse(&event, value, &err) < 0) {
		edge->count.events_broken++;
		LOG_WARN("fanout", "broken event", LOG_E(&err));
		return;
	}
	switch (event.kind) {
	case EVENT_MESSAGE:
		on_message(edge, &event);
		break;
	case EVENT_DUPLICATE:
		tell_ack(edge, &event, true);
		break;
	case EVENT_REFUSED:
		tell_refused(edge, &event);
		break;
	default: /* read states and rooms have no reader yet */
		break;
	}
}

/* ---- the line ----------------------------------------------------------- */

/* A value that travels as text or base64 (chat-record(7)). */
static void
on_odd_record(struct edge *edge, struct str line)
{
	struct record_room *room = calloc(1, sizeof(*room));
	struct record record;
	struct json value;
	struct err err;

	if (room && record_parse(&record, line, room, &err) == 0 &&
		!record.value_null &&
		json_scan(record.value, &value, NULL, &err) == 0)
		on_event(edge, value);
	else
		edge->count.events_broken++;
	if (room)
		record_room_release(room);
	free(room);
}

static void
on_line(struct dial *dial, struct str line)
{
	struct edge *edge = dial->data;
	struct json_iter positions;
	enum control_kind kind;
	struct json root, value;
	struct err err;

	if (json_scan(line, &root, NULL, &err) < 0) {
		edge->count.events_broken++;
		LOG_ERROR(
			"fanout", "broken line of chat-broadcast", LOG_E(&err));
		return;
	}
	value = json_get(root, "value");
	if (value.type == JSON_OBJECT) {
		on_event(edge, value);
	} else if (control_parse(line, &kind, &positions, &err) > 0) {
		if (kind != CONTROL_READY)
			return;
		edge->events_ready = true;
		follow_line_up(&edge->follow);
		edge_state(edge);
	} else {
		on_odd_record(edge, line);
	}
}

static void
on_up(struct dial *dial)
{
	(void)dial; /* "ready" follows, when its runner has its positions */
}

static void
on_down(struct dial *dial, const char *reason)
{
	struct edge *edge = dial->data;

	(void)reason;
	edge->events_ready = false;
	edge_state(edge);
}

void
fanout_start(struct edge *edge)
{
	struct dial_options opts = {.path = edge->conf.events,
		.hello = "chat-ws-edge",
		.max_line = RECORD_LINE_MAX,
		.max_out = 65536,
		.data = edge,
		.on_line = on_line,
		.on_up = on_up,
		.on_down = on_down};

	dial_start(&edge->events, edge->loop, &opts);
}

void
fanout_stop(struct edge *edge)
{
	dial_stop(&edge->events);
}
