/* audit/audit.c - see audit.h: what is known, and how it is found. */
#include "audit/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/inner.h"
#include "base/crc.h"

void
audit_init(struct audit *audit, const struct audit_options *opts)
{
	memset(audit, 0, sizeof(*audit));
	audit->opts = *opts;
	audit->free_hole = TABLE_NONE;
}

void
audit_release(struct audit *audit)
{
	struct audit_places *places[] = {&audit->committed, &audit->raw,
		&audit->letters, &audit->labels, &audit->outcomes,
		&audit->replays};
	void *arrays[] = {audit->msg, audit->op, audit->slot, audit->part,
		audit->room, audit->change, audit->member, audit->worker,
		audit->sub, audit->run, audit->hole, audit->gap,
		audit->epoch_of};
	struct table *tables[] = {&audit->msg_table, &audit->op_table,
		&audit->slot_table, &audit->room_table, &audit->sub_table,
		&audit->worker_table};
	size_t i;

	for (i = 0; i < ARRAY_LEN(places); i++)
		free(places[i]->at);
	for (i = 0; i < ARRAY_LEN(arrays); i++)
		free(arrays[i]);
	for (i = 0; i < ARRAY_LEN(tables); i++)
		table_release(tables[i]);
	for (i = 0; i < ARRAY_LEN(audit->words); i++)
		buf_release(&audit->words[i]);
	names_release(&audit->ids);
	names_release(&audit->workers_names);
	names_release(&audit->topics);
	names_release(&audit->epochs);
	verdicts_release(&audit->verdicts);
	buf_release(&audit->text);
	buf_release(&audit->scratch);
	memset(audit, 0, sizeof(*audit));
}

void
audit_has(struct audit *audit, enum audit_source source)
{
	audit->has[source] = true;
}

int
audit_grow(void *array_at, size_t *cap, size_t count, size_t size)
{
	void **array = array_at;
	size_t more = *cap ? *cap + *cap / 2 : 256;
	void *new;

	if (count < *cap)
		return 0;
	if (count >= TABLE_NONE - 1) {
		errno = ENOMEM;
		return -1;
	}
	new = reallocarray(*array, more, size);
	if (!new)
		return -1;
	*array = new;
	*cap = more;
	return 0;
}

void
audit_count(uint16_t *count)
{
	if (*count < UINT16_MAX)
		++*count;
}

uint32_t
audit_crc(struct str content)
{
	uint32_t crc = crc32_of(content);

	return crc ? crc : 1;
}

/* ---- messages ----------------------------------------------------------- */

struct wanted {
	const struct audit *audit;
	const struct key *key;
	int64_t a, b;
	uint32_t epoch;
};

static bool
same_msg(const void *ctx, uint32_t index)
{
	const struct wanted *wanted = ctx;

	return key_same(&wanted->audit->msg[index].key, wanted->key);
}

uint32_t
audit_msg_of(struct audit *audit, const struct key *key)
{
	struct wanted wanted = {audit, key, 0, 0, 0};
	uint64_t hash = key_hash(key);
	uint32_t at = table_find(&audit->msg_table, hash, same_msg, &wanted);

	if (at != TABLE_NONE)
		return at;
	at = (uint32_t)audit->msgs;
	if (AUDIT_GROW(audit, msg, msgs, msg_cap) < 0 ||
		table_add(&audit->msg_table, hash, at) < 0)
		return TABLE_NONE;
	audit->msg[audit->msgs++] = (struct audit_msg){.key = *key,
		.invoke_ms = -1,
		.ok_ms = -1,
		.op = TABLE_NONE,
		.slot = TABLE_NONE,
		.record = TABLE_NONE};
	return at;
}

/* ---- seqs --------------------------------------------------------------- */

static bool
same_slot(const void *ctx, uint32_t index)
{
	const struct wanted *wanted = ctx;
	const struct audit_slot *slot = &wanted->audit->slot[index];

	return slot->room_id == wanted->a && slot->seq == wanted->b &&
	       slot->epoch == wanted->epoch;
}

static uint64_t
slot_hash(uint32_t epoch, int64_t room_id, int64_t seq)
{
	return table_hash(
		(uint64_t)room_id ^ (uint64_t)epoch << 40, (uint64_t)seq);
}

uint32_t
audit_slot_find(
	const struct audit *audit, uint32_t epoch, int64_t room_id, int64_t seq)
{
	struct wanted wanted = {audit, NULL, room_id, seq, epoch};

	return table_find(&audit->slot_table, slot_hash(epoch, room_id, seq),
		same_slot, &wanted);
}

uint32_t
audit_slot_of(struct audit *audit, uint32_t epoch, int64_t room_id, int64_t seq)
{
	uint32_t at = audit_slot_find(audit, epoch, room_id, seq), room;

	if (at != TABLE_NONE)
		return at;
	room = audit_room_of(audit, room_id);
	if (room == TABLE_NONE)
		return TABLE_NONE;
	if (audit->room[room].lowest < 0 || seq < audit->room[room].lowest)
		audit->room[room].lowest = seq;
	at = (uint32_t)audit->slots;
	if (AUDIT_GROW(audit, slot, slots, slot_cap) < 0 ||
		table_add(&audit->slot_table, slot_hash(epoch, room_id, seq),
			at) < 0)
		return TABLE_NONE;
	audit->slot[audit->slots++] = (struct audit_slot){.epoch = epoch,
		.room_id = room_id,
		.seq = seq,
		.message_id = -1,
		.ms = -1,
		.msg = TABLE_NONE,
		.label = TABLE_NONE};
	return at;
}

/* ---- epochs ------------------------------------------------------------- */

/* The one that began last, by those who know best. */
static void
choose_epoch(struct audit *audit)
{
	const struct audit_epoch *e, *best;
	size_t i;

	audit->epoch = 0;
	for (i = 1; i < audit->epoch_count; i++) {
		best = &audit->epoch_of[audit->epoch];
		e = &audit->epoch_of[i];
		if (e->source > best->source ||
			(e->source == best->source && e->ms >= best->ms))
			audit->epoch = (uint32_t)i;
	}
}

/* The first that is named is number 0, as are all things that name none: most
 * histories know of one epoch only. An event of an old one may come late. */
uint32_t
audit_epoch_of(struct audit *audit, struct str name,
	enum audit_epoch_source source, int64_t ms)
{
	struct audit_epoch *e;
	uint32_t number;

	if (!name.len)
		return audit->epoch;
	number = names_number(&audit->epochs, name);
	if (number == audit->epoch_count) {
		if (AUDIT_GROW(audit, epoch_of, epoch_count, epoch_cap) < 0)
			return TABLE_NONE;
		audit->epoch_of[audit->epoch_count++] =
			(struct audit_epoch){-1, -1};
	}
	if (number == TABLE_NONE)
		return number;
	e = &audit->epoch_of[number];
	if ((int)source > e->source)
		*e = (struct audit_epoch){(int)source, ms};
	else if ((int)source < e->source || ms < 0 ||
		 (e->ms >= 0 && ms >= e->ms))
		return number;
	e->ms = ms;
	choose_epoch(audit);
	return number;
}

int
audit_epoch(struct audit *audit, struct str epoch)
{
	return audit_epoch_of(audit, epoch, EPOCH_STORE, 0) == TABLE_NONE ? -1
									  : 0;
}

/* ---- rooms -------------------------------------------------------------- */

static bool
same_room(const void *ctx, uint32_t index)
{
	const struct wanted *wanted = ctx;

	return wanted->audit->room[index].id == wanted->a;
}

uint32_t
audit_room_find(const struct audit *audit, int64_t id)
{
	struct wanted wanted = {audit, NULL, id, 0, 0};

	return table_find(&audit->room_table, table_hash((uint64_t)id, 0),
		same_room, &wanted);
}

bool
audit_knows_room(const struct audit *audit, int64_t id)
{
	return audit_room_find(audit, id) != TABLE_NONE;
}

uint32_t
audit_room_of(struct audit *audit, int64_t id)
{
	uint32_t at = audit_room_find(audit, id);

	if (at != TABLE_NONE)
		return at;
	at = (uint32_t)audit->rooms;
	if (AUDIT_GROW(audit, room, rooms, room_cap) < 0 ||
		table_add(&audit->room_table, table_hash((uint64_t)id, 0), at) <
			0)
		return TABLE_NONE;
	audit->room[audit->rooms++] = (struct audit_room){.id = id,
		.last_seq = -1,
		.last_after = -1,
		.row_from = -1,
		.event_from = -1,
		.lowest = -1,
		.highest = -1};
	return at;
}

size_t
audit_room_count(const struct audit *audit)
{
	return audit->rooms;
}

int64_t
audit_room_at(const struct audit *audit, size_t i)
{
	return audit->room[i].id;
}

int64_t
audit_room_lowest(const struct audit *audit, int64_t id)
{
	uint32_t at = audit_room_find(audit, id);

	return at == TABLE_NONE ? -1 : audit->room[at].lowest;
}

int
audit_room(struct audit *audit, int64_t id, int64_t last_seq, struct str type)
{
	uint32_t at = audit_room_of(audit, id);

	if (at == TABLE_NONE)
		return -1;
	if (audit->room[at].last_seq < 0)
		audit->room[at].last_seq = last_seq;
	audit->room[at].last_after = last_seq;
	audit->room[at].pair = str_eq_c(type, "ONE_TO_ONE");
	return 0;
}

int
audit_rows_from(struct audit *audit, int64_t id, int64_t seq)
{
	uint32_t at = audit_room_of(audit, id);

	if (at == TABLE_NONE)
		return -1;
	audit->room[at].row_from = seq;
	return 0;
}

bool
audit_row_is_due(const struct audit *audit, int64_t room_id, int64_t seq)
{
	uint32_t at = audit_room_find(audit, room_id);

	return audit->has[AUDIT_ROWS] &&
	       (at == TABLE_NONE || seq >= audit->room[at].row_from);
}

/* Of a part only what lies behind the first event that was read: events live
 * shorter than rows. Or what is from a record that was read, where no event has
 * been deleted since: events are later than their records, by any clock. */
bool
audit_event_is_due(const struct audit *audit, const struct audit_slot *slot)
{
	uint32_t at = audit_room_find(audit, slot->room_id);
	int64_t from = at == TABLE_NONE ? -1 : audit->room[at].event_from;
	const struct audit_place *record;

	if (!audit->has[AUDIT_EVENTS] || !audit_time_is_due(audit, slot->ms))
		return false;
	if (!audit->opts.part || (from >= 0 && slot->seq > from))
		return true;
	record = audit->events_whole ? audit_record_of(audit, slot) : NULL;
	return record &&
	       record->timestamp >= audit->opts.since_ms + audit->opts.slack_ms;
}

int
audit_member(struct audit *audit, int64_t room_id, int64_t user_id,
	int64_t joined_ms, bool left)
{
	if (AUDIT_GROW(audit, member, members, member_cap) < 0)
		return -1;
	audit->member[audit->members++] =
		(struct audit_member){room_id, user_id, joined_ms, left};
	return 0;
}

/* ---- places ------------------------------------------------------------- */

uint32_t
audit_part_of(struct audit *audit, struct str topic, int32_t partition)
{
	uint32_t name = names_number(&audit->topics, topic);
	size_t i;

	if (name == TABLE_NONE)
		return TABLE_NONE;
	for (i = 0; i < audit->parts; i++)
		if (audit->part[i].topic == name &&
			audit->part[i].partition == partition)
			return (uint32_t)i;
	if (AUDIT_GROW(audit, part, parts, part_cap) < 0)
		return TABLE_NONE;
	audit->part[audit->parts++] =
		(struct audit_part){name, partition, -1, -1, -1};
	return (uint32_t)i;
}

int
audit_range(struct audit *audit, struct str topic, int32_t partition,
	int64_t start, int64_t end)
{
	uint32_t at = audit_part_of(audit, topic, partition);

	if (at == TABLE_NONE)
		return -1;
	audit->part[at].start = start;
	audit->part[at].end = end;
	return 0;
}

int
audit_done(struct audit *audit, struct str topic, int32_t partition,
	int64_t offset)
{
	uint32_t at = audit_part_of(audit, topic, partition);

	if (at == TABLE_NONE)
		return -1;
	audit->part[at].done = offset;
	return 0;
}

/* Files show what lies there: markers, and what was aborted, are nothing to do.
 * Of a partition that they do not show only the numbers are known. */
static bool
nothing_between(struct audit *audit, struct str topic, int32_t partition,
	int64_t offset, int64_t end)
{
	uint32_t part = audit_part_of(audit, topic, partition);
	bool shown = false;
	size_t i;

	for (i = 0; i < audit->committed.count; i++) {
		if (audit->committed.at[i].part != part)
			continue;
		shown = true;
		if (audit->committed.at[i].offset >= offset &&
			audit->committed.at[i].offset < end)
			return false;
	}
	return shown;
}

void
audit_lag(struct audit *audit, struct str group, struct str topic,
	int32_t partition, int64_t offset, int64_t end)
{
	audit->verdicts.of[I9_STALE].checked++;
	if (end > 0 && offset < end &&
		(audit->opts.part ||
			!nothing_between(audit, topic, partition, offset, end)))
		verdict_against(&audit->verdicts, I9_STALE,
			"group %.*s is at %.*s/%d/%lld, %lld behind its end",
			STR_ARG(group), STR_ARG(topic), (int)partition,
			(long long)offset,
			(long long)(end - (offset < 0 ? 0 : offset)));
}
