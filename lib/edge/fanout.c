/*
 * edge/fanout.c - see fanout.h.
 */
#include "edge/fanout.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "edge/tell.h"
#include "edge/user.h"
#include "proto/stomp_out.h"
#include "wire/event.h"
#include "wire/hello.h"
#include "wire/record.h"

#define TARGETS_MAX 1000

/* ---- items
 * ---------------------------------------------------------------------- */

struct item {
	struct follow_item follow;
	uint32_t tail_len;
	bool left;
	int64_t ends[]; /* ends_count of them; then the tail's bytes */
};

static const struct item *
item_of(const struct follow_item *item)
{
	return (const struct item *)(const void *)item;
}

struct str
item_tail(const struct follow_item *follow)
{
	const struct item *item = item_of(follow);

	return (struct str){
		(const char *)&item->ends[follow->ends_count], item->tail_len};
}

bool
item_left(const struct follow_item *item)
{
	return item_of(item)->left;
}

void
item_free(struct follow_item *item)
{
	free(item);
}

/* Whom a message takes out of its room: of a kick its targets, of a leave its
 * sender and its targets. */
static size_t
read_ends(int64_t ends[TARGETS_MAX], bool kick, bool leave, int64_t sender,
	struct json targets)
{
	struct json_iter it = json_iter(targets);
	struct json key, target;
	size_t count = 0;

	if (!kick && !leave)
		return 0;
	if (leave && sender > 0)
		ends[count++] = sender;
	while (targets.type == JSON_ARRAY && count < TARGETS_MAX &&
		json_next(&it, &key, &target))
		if (json_i64(json_get(target, "userId"), &ends[count]))
			count++;
	return count;
}

static void
print_tail(struct buf *tail, int64_t room_id, int64_t seq, struct str json)
{
	char destination[48], id[64];

	snprintf(destination, sizeof(destination), "/sub/chat/room/%lld",
		(long long)room_id);
	snprintf(id, sizeof(id), "room-%lld-%lld", (long long)room_id,
		(long long)seq);
	buf_reset(tail);
	stomp_message_tail(tail, str_c(destination), str_c(id), seq, json);
}

static struct follow_item *
item_new(struct edge *edge, int64_t room_id, int64_t seq, struct str json,
	const int64_t *ends, size_t ends_count, bool left)
{
	struct buf *tail = &edge->tail;
	struct item *item;
	size_t size;

	print_tail(tail, room_id, seq, json);
	size = sizeof(*item) + ends_count * sizeof(*ends) + tail->len;
	if (buf_bad(tail) || !(item = malloc(size)))
		return NULL;
	*item = (struct item){.follow = {.seq = seq,
				      .refs = 1,
				      .bytes = (uint32_t)size,
				      .ends_count = ends_count},
		.tail_len = (uint32_t)tail->len,
		.left = left};
	item->follow.ends = ends_count ? item->ends : NULL;
	if (ends_count)
		memcpy(item->ends, ends, ends_count * sizeof(*ends));
	memcpy(&item->ends[ends_count], tail->data, tail->len);
	return &item->follow;
}

struct follow_item *
item_new_of(struct edge *edge, int64_t room_id, struct json message)
{
	struct json type = json_get(message, "type");
	bool kick = json_is(type, "SYSTEM_KICK"),
	     leave = json_is(type, "SYSTEM_LEAVE");
	int64_t ends[TARGETS_MAX], seq, sender = -1;
	size_t count;

	if (!json_i64(json_get(message, "seq"), &seq) || seq < 1)
		return NULL;
	if (leave)
		(void)json_i64(json_get(message, "senderId"), &sender);
	count = read_ends(
		ends, kick, leave, sender, json_get(message, "targets"));
	return item_new(edge, room_id, seq, message.text, ends, count, leave);
}

/* ---- events
 * ---------------------------------------------------------------------- */

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
	bool kick = str_eq_c(event->type, "SYSTEM_KICK"),
	     leave = str_eq_c(event->type, "SYSTEM_LEAVE");
	int64_t ends[TARGETS_MAX];
	struct follow_item *item;
	size_t count;

	tell_ack(edge, event, false);
	/* A strange epoch is told to follow though nobody is in the room. */
	if (event->seq < 1 || (!follow_wants(follow, event->room_id) &&
				      str_eq_c(event->epoch, follow->epoch)))
		return;
	count = read_ends(ends, kick, leave, event->user_id, event->targets);
	item = item_new(edge, event->room_id, event->seq, event->message.text,
		ends, count, leave);
	if (!item) {
		LOG_ERROR("fanout", "event lost for want of memory",
			LOG_I("roomId", event->room_id));
		return; /* the next one shows the hole */
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

/* ---- the line
 * -------------------------------------------------------------------- */

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
