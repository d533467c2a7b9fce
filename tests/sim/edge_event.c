/* tests/sim/edge_event.c - see edge.h: the line of events. */
#include <stdlib.h>
#include <string.h>
#include "base/rule.h"
#include "edge.h"
#include "sends.h"
#include "wire/event.h"

static bool
of_this_life(const struct edge *edge, struct str epoch)
{
	return !edge->follow.epoch[0] || str_eq_c(epoch, edge->follow.epoch);
}

static void
read_message(struct sitem *item, const struct event *event)
{
	struct json_iter it = json_iter(event->targets);
	struct json key, target;
	struct str content = {0};
	int64_t user;

	item->user = (int)event->user_id - 1;
	(void)json_i64(event->client_message_id, &item->cmid);
	if (json_text(json_get(event->message, "content"), NULL, &content))
		memcpy(item->content, content.data,
			content.len < 15 ? content.len : 15);
	if (str_eq_c(event->type, "TEXT"))
		return;
	item->user = -1;
	item->content[0] = '\0';
	item->type = str_eq_c(event->type, "SYSTEM_KICK")    ? ROW_KICK
		     : str_eq_c(event->type, "SYSTEM_LEAVE") ? ROW_LEAVE
							     : ROW_INVITE;
	if (item->type != ROW_INVITE && event->targets.type == JSON_ARRAY &&
		json_next(&it, &key, &target) &&
		json_i64(json_get(target, "userId"), &user))
		edge_item_end(item, (int)user - 1);
}

static void
on_message(struct edge *edge, const struct event *event)
{
	struct sitem *item;

	if (event->seq < 1 ||
		(!follow_wants(&edge->follow, event->room_id) &&
			str_eq_c(event->epoch, edge->follow.epoch)))
		return;
	item = edge_item(edge, (int)event->room_id - 1, event->seq);
	item->epoch = pg_epoch_parse(event->epoch);
	item->told = true;
	read_message(item, event);
	law_edge_event(edge, item->epoch, false);
	law_room_event(edge, item->room, event->seq, item->epoch);
	follow_event(
		&edge->follow, event->room_id, event->epoch, &item->follow);
	law_edge_event(edge, item->epoch, true);
	law_room_check(edge);
	follow_item_drop(&edge->follow, &item->follow);
}

/* Told to all sessions of its sender that are here. */
static void
on_refused(struct edge *edge, const struct event *event)
{
	struct session *s;
	struct msg *msg;
	int64_t id = 0;

	if (!of_this_life(edge, event->epoch))
		return;
	(void)json_i64(event->client_message_id, &id);
	for (s = edge->session; s < edge->session + SESSIONS; s++) {
		if (!s->used || s->user + 1 != event->user_id)
			continue;
		msg = msg_new(M_REFUSED);
		msg->id = id;
		msg->flag = true;
		edge_to_client(s, msg);
	}
}

void
edge_event(struct edge *edge, struct str line)
{
	struct json root, value;
	struct event event;
	struct err err;

	if (json_scan(line, &root, NULL, &err) < 0)
		abort();
	value = json_get(root, "value");
	if (value.type != JSON_OBJECT || event_parse(&event, value, &err) < 0)
		abort();
	if (event.kind == EVENT_MESSAGE)
		on_message(edge, &event);
	else if (event.kind == EVENT_REFUSED)
		on_refused(edge, &event);
}
