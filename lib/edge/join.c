/*
 * edge/join.c - see join.h.
 *
 * An answer with messages takes room in a client's queue. So that a client with
 * many rooms to catch up is not taken for a slow one, each question reserves
 * what its answer may bring (session->reserved), and waits (session->gated)
 * while that and what is queued are over half of the queue's bound. flow/follow
 * takes a question that waits for one that was asked: asking it late is safe,
 * as it then counts as older than it is.
 */
#include "edge/join.h"

#include <stdlib.h>

#include "base/log.h"
#include "edge/item.h"
#include "json/json.h"

#define ASK_MS 10000	/* chat-api's time for one answer */
#define OPEN_MAX 100000 /* questions at once */
#define RETRY_MS 1000

/* JSON bytes of one page; framed it is never more than twice as much. */
static size_t
page_bytes(const struct edge *edge)
{
	size_t n = (size_t)edge->conf.out_bytes / 8;

	return n < REQUEST_PAGE_MAX ? n : REQUEST_PAGE_MAX;
}

static void
reserve(struct room_sub *room, size_t bytes)
{
	room->reserved = bytes;
	room->sub.session->reserved += bytes;
}

/* Room was made: whoever waits for it looks again at the end of the turn. */
static void
unreserve(struct room_sub *room)
{
	if (!room->reserved)
		return;
	room->sub.session->reserved -= room->reserved;
	room->reserved = 0;
	conn_touch(room->sub.session->conn);
}

void
join_forget(struct room_sub *room)
{
	if (room->call)
		calls_forget(&room->sub.session->edge->api, room->call);
	room->call = NULL;
	if (room->gated)
		TAILQ_REMOVE(&room->sub.session->gated, room, gate);
	room->gated = false;
	unreserve(room);
}

/* ---- answers ------------------------------------------------------------ */

static enum follow_status
status_of(struct json body)
{
	struct json status = json_get(body, "status");

	if (json_is(status, "recovered"))
		return FOLLOW_RECOVERED;
	if (json_is(status, "truncated"))
		return FOLLOW_TRUNCATED;
	return json_is(status, "reset") ? FOLLOW_RESET : FOLLOW_LIVE;
}

static void
free_items(struct edge *edge, struct follow_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		follow_item_drop(&edge->follow, answer->items[i]);
	free(answer->items);
}

static int
read_items(struct edge *edge, int64_t room_id, struct json messages,
	struct follow_answer *answer)
{
	struct json_iter it = json_iter(messages);
	struct json key, message;
	size_t count = 0;

	while (json_next(&it, &key, &message))
		count++;
	if (!count)
		return 0;
	answer->items = calloc(count, sizeof(*answer->items));
	if (!answer->items)
		return -1;
	it = json_iter(messages);
	while (json_next(&it, &key, &message)) {
		answer->items[answer->count] =
			item_new_of(edge, room_id, message);
		if (!answer->items[answer->count])
			return -1;
		answer->count++;
	}
	return 0;
}

/* What chat-api says of a room. The caller calls free_items() in any case;
 * epoch views scratch or body. */
static int
read_answer(struct edge *edge, int64_t room_id, struct json body,
	struct buf *scratch, struct follow_answer *answer)
{
	*answer = (struct follow_answer){.status = status_of(body)};
	if (!json_bool(json_get(body, "member"), &answer->member) ||
		!json_text(json_get(body, "epoch"), scratch, &answer->epoch))
		return -1;
	(void)json_bool(json_get(body, "more"), &answer->more);
	if (json_i64(json_get(body, "head"), &answer->head) == false &&
		answer->member)
		return -1;
	if (answer->status == FOLLOW_TRUNCATED &&
		!json_i64(json_get(body, "first"), &answer->first))
		return -1;
	return read_items(edge, room_id, json_get(body, "messages"), answer);
}

static void
on_answer(struct room_sub *room, int status, struct json body,
	void (*give)(struct follow *, struct follow_sub *,
		const struct follow_answer *))
{
	struct edge *edge = room->sub.session->edge;
	struct buf scratch = {0};
	struct follow_answer answer = {0};
	int rc = -1;

	room->call = NULL;
	unreserve(room);
	if (status == 200) {
		rc = read_answer(edge, room->room_id, body, &scratch, &answer);
		if (rc < 0)
			LOG_ERROR("join", "broken answer of chat-api",
				LOG_I("roomId", room->room_id));
	}
	if (rc == 0)
		give(&edge->follow, &room->follow, &answer);
	else
		follow_failed(&edge->follow, &room->follow);
	free_items(edge, &answer);
	buf_release(&scratch);
}

static void
on_follow(void *data, int status, struct json body)
{
	on_answer(data, status, body, follow_answered);
}

static void
on_page(void *data, int status, struct json body)
{
	on_answer(data, status, body, follow_paged);
}

/* ---- questions ---------------------------------------------------------- */

static struct call *
ask(struct edge *edge, int64_t user, const char *path, struct buf *body,
	call_done *done, void *data)
{
	struct request request = {.user = user,
		.method = STR("POST"),
		.path = str_c(path),
		.body = {JSON_OBJECT, buf_str(body)},
		.deadline_ms = ASK_MS};

	if (buf_bad(body))
		return NULL;
	return calls_send(&edge->api, &request, done, data);
}

static struct buf *
open_body(struct edge *edge, int64_t room_id)
{
	struct buf *body = &edge->json;

	buf_reset(body);
	json_open(body, NULL, '{');
	json_put_i64(body, "roomId", room_id);
	return body;
}

static bool
send_follow(struct room_sub *room)
{
	const struct follow_sub *follow = &room->follow;
	struct edge *edge = room->sub.session->edge;
	struct buf *body = open_body(edge, room->room_id);
	size_t bytes = follow->from_seq >= 0 ? page_bytes(edge) : 0;

	if (bytes) {
		json_put_i64(body, "fromSeq", follow->from_seq);
		json_put_i64(body, "maxBytes", (int64_t)bytes);
	}
	if (follow->epoch[0])
		json_put_c(body, "epoch", follow->epoch);
	json_close(body, '}');
	room->call =
		ask(edge, follow->user, "/edge/follow", body, on_follow, room);
	if (room->call)
		reserve(room, 2 * bytes);
	return room->call != NULL;
}

/* One more answer with messages would fit. */
static bool
has_room(const struct session *session)
{
	const struct edge *edge = session->edge;

	return conn_has_room(session->conn) &&
	       (!session->reserved ||
		       session->reserved + 2 * page_bytes(edge) <=
			       (size_t)edge->conf.out_bytes / 2);
}

bool
join_ask_follow(struct follow_sub *follow, int64_t from_seq, const char *epoch)
{
	struct room_sub *room = room_sub_of(follow);
	struct session *session = room->sub.session;

	(void)epoch; /* both stand in follow, too */
	if (from_seq < 0 || (TAILQ_EMPTY(&session->gated) && has_room(session)))
		return send_follow(room);
	if (!calls_up(&session->edge->api))
		return false;
	room->gated = true;
	TAILQ_INSERT_TAIL(&session->gated, room, gate);
	session->conn->trickle = true;
	return true;
}

void
join_ungate(struct session *session)
{
	struct room_sub *room;

	while ((room = TAILQ_FIRST(&session->gated)) && has_room(session)) {
		TAILQ_REMOVE(&session->gated, room, gate);
		room->gated = false;
		if (!send_follow(room))
			follow_failed(&session->edge->follow, &room->follow);
	}
	if (room)
		session->conn->trickle = true;
}

bool
join_ask_page(struct follow_sub *follow, int64_t after)
{
	struct room_sub *room = room_sub_of(follow);
	struct edge *edge = room->sub.session->edge;
	struct buf *body = open_body(edge, room->room_id);

	json_put_i64(body, "after", after);
	json_put_i64(body, "maxBytes", (int64_t)page_bytes(edge));
	json_close(body, '}');
	room->call = ask(edge, follow->user, "/edge/page", body, on_page, room);
	if (room->call)
		reserve(room, 2 * page_bytes(edge));
	return room->call != NULL;
}

/* ---- heads -------------------------------------------------------------- */

static size_t
read_heads(struct json list, int64_t (*heads)[2])
{
	struct json_iter it = json_iter(list), pair;
	struct json key, one, id, head;
	size_t count = 0;

	while (count < FOLLOW_HEADS_MAX && json_next(&it, &key, &one)) {
		pair = json_iter(one);
		if (json_next(&pair, &key, &id) &&
			json_next(&pair, &key, &head) &&
			json_i64(id, &heads[count][0]) &&
			json_i64(head, &heads[count][1]))
			count++;
	}
	return count;
}

static void
on_heads(void *data, int status, struct json body)
{
	struct edge *edge = data;
	int64_t heads[FOLLOW_HEADS_MAX][2];
	struct buf scratch = {0};
	struct str epoch;

	if (status == 200 &&
		json_text(json_get(body, "epoch"), &scratch, &epoch))
		follow_heads(&edge->follow, epoch, (const int64_t(*)[2])heads,
			read_heads(json_get(body, "heads"), heads));
	else
		follow_heads_failed(&edge->follow);
	buf_release(&scratch);
}

bool
join_ask_heads(struct follow *follow, const int64_t *rooms, size_t count)
{
	struct edge *edge = follow->data;
	struct buf *body = &edge->json;

	buf_reset(body);
	json_open(body, NULL, '{');
	json_open(body, "rooms", '[');
	for (size_t i = 0; i < count; i++)
		json_put_i64(body, NULL, rooms[i]);
	json_close(body, ']');
	json_close(body, '}');
	return ask(edge, -1, "/edge/heads", body, on_heads, edge) != NULL;
}

/* ---- the line ----------------------------------------------------------- */

static void
on_up(struct calls *calls)
{
	struct edge *edge = calls->data;

	follow_retry(&edge->follow);
	edge_state(edge);
}

static void
on_down(struct calls *calls, const char *reason)
{
	(void)reason;
	edge_state(calls->data);
}

void
join_start(struct edge *edge)
{
	struct calls_options opts = {.path = edge->conf.api,
		.hello = "chat-ws-edge",
		.max_open = OPEN_MAX,
		.data = edge,
		.on_up = on_up,
		.on_down = on_down};

	calls_start(&edge->api, edge->loop, &opts);
}

void
join_stop(struct edge *edge)
{
	calls_stop(&edge->api);
}

void
join_tick(struct edge *edge, int64_t now_ms)
{
	struct follow *follow = &edge->follow;

	follow_tick(follow, now_ms);
	if (now_ms < edge->follow_tick_ms + RETRY_MS)
		return;
	edge->follow_tick_ms = now_ms;
	if (calls_up(&edge->api))
		follow_retry(follow);
}
