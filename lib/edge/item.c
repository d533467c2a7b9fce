/*
 * edge/item.c - see item.h.
 */
#include "edge/item.h"

#include <stdlib.h>
#include <string.h>

#include "proto/stomp_out.h"

#define TARGETS_MAX 1000
#define LEAVE "SYSTEM_LEAVE"

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
read_ends(int64_t ends[TARGETS_MAX], struct str type, int64_t sender,
	struct json targets)
{
	struct json_iter it = json_iter(targets);
	struct json key, target;
	bool leave = str_eq_c(type, LEAVE);
	size_t count = 0;

	if (!leave && !str_eq_c(type, "SYSTEM_KICK"))
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

struct follow_item *
item_new(struct edge *edge, const struct item_text *text)
{
	struct buf *tail = &edge->tail;
	int64_t ends[TARGETS_MAX];
	struct item *item;
	size_t size, count;

	count = read_ends(ends, text->type, text->sender, text->targets);
	print_tail(tail, text->room_id, text->seq, text->json);
	size = sizeof(*item) + count * sizeof(*ends) + tail->len;
	if (buf_bad(tail) || !(item = malloc(size)))
		return NULL;
	*item = (struct item){.follow = {.seq = text->seq,
				      .refs = 1,
				      .bytes = (uint32_t)size,
				      .ends_count = count},
		.tail_len = (uint32_t)tail->len,
		.left = str_eq_c(text->type, LEAVE)};
	item->follow.ends = count ? item->ends : NULL;
	if (count)
		memcpy(item->ends, ends, count * sizeof(*ends));
	memcpy(&item->ends[count], tail->data, tail->len);
	return &item->follow;
}

struct follow_item *
item_new_of(struct edge *edge, int64_t room_id, struct json message)
{
	struct json type = json_get(message, "type");
	struct item_text text = {.room_id = room_id,
		.json = message.text,
		.sender = -1,
		.targets = json_get(message, "targets")};

	if (!json_i64(json_get(message, "seq"), &text.seq) || text.seq < 1)
		return NULL;
	(void)json_i64(json_get(message, "senderId"), &text.sender);
	if (type.type == JSON_STRING)
		text.type = (struct str){type.text.data + 1, type.text.len - 2};
	return item_new(edge, &text);
}
