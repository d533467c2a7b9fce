/*
 * audit/facts.c - what Kafka and PostgreSQL say, as messages, seqs and places;
 * see audit.h.
 */
#include <string.h>

#include "audit/inner.h"
#include "base/crc.h"
#include "wire/dlt.h"
#include "wire/event.h"

static bool
left_out(const struct audit *audit, int64_t room_id)
{
	return audit->opts.only_room >= 0 && room_id != audit->opts.only_room;
}

/* ---- what several sources say of one thing ------------------------------ */

/* Everybody has the same content. That it is the one that was sent is looked at
 * when all is known: a letter may be mended and come back. */
static void
same_content(
	struct audit *audit, uint32_t slot, const struct audit_sight *sight)
{
	struct audit_slot *s = &audit->slot[slot];
	bool sent = s->msg != TABLE_NONE &&
		    (audit->msg[s->msg].flags & MSG_CRC) &&
		    audit->msg[s->msg].crc == sight->crc;

	if (!sight->crc || s->crc == sight->crc)
		return;
	if (s->crc)
		verdict_against(&audit->verdicts, I3_PHANTOM,
			"%s, %s: its content has crc %08x in %s, and %08x "
			"elsewhere",
			audit_say_slot(audit, slot),
			audit_say_msg(audit, s->msg), sight->crc,
			audit_say_who(audit, sight), s->crc);
	if (!s->crc || sent)
		s->crc = sight->crc; /* so that one is wrong, not the rest */
}

/* The same message under two seqs: PostgreSQL's own are told by the judge, who
 * counts them. */
static void
second_seq(struct audit *audit, uint32_t slot, const struct audit_sight *sight)
{
	struct audit_msg *m = &audit->msg[sight->msg];

	/* Another epoch's says nothing; the newest one's is kept. */
	if (m->slot == TABLE_NONE ||
		audit->slot[slot].epoch > audit->slot[m->slot].epoch) {
		m->slot = slot;
	} else if (m->slot != slot &&
		   audit->slot[slot].epoch == audit->slot[m->slot].epoch) {
		verdict_against(&audit->verdicts, I2_DUPLICATE,
			"%s: %s has it as seq %lld, and it is seq %lld",
			audit_say_msg(audit, sight->msg),
			audit_say_who(audit, sight),
			(long long)audit->slot[slot].seq,
			(long long)audit->slot[m->slot].seq);
	}
}

/* True: another message has that number. */
static bool
another(struct audit *audit, uint32_t slot, const struct audit_sight *sight)
{
	struct audit_slot *s = &audit->slot[slot];
	bool says = sight->system || sight->msg != TABLE_NONE;
	bool known = (s->flags & SLOT_SYSTEM) || s->msg != TABLE_NONE;

	if (says && known &&
		(s->msg != sight->msg ||
			!(s->flags & SLOT_SYSTEM) != !sight->system)) {
		verdict_against(&audit->verdicts, I4_ORDER,
			"%s is %s in %s, and %s elsewhere",
			audit_say_slot(audit, slot),
			audit_say_msg(audit, sight->msg),
			audit_say_who(audit, sight),
			audit_say_msg(audit, s->msg));
		return true;
	}
	if (!known)
		s->msg = sight->msg;
	return false;
}

static void
check_message_id(
	struct audit *audit, uint32_t slot, const struct audit_sight *sight)
{
	struct audit_slot *s = &audit->slot[slot];

	if (s->message_id < 0)
		s->message_id = sight->message_id;
	else if (sight->message_id >= 0 && s->message_id != sight->message_id)
		verdict_against(&audit->verdicts, I4_ORDER,
			"%s has messageId %lld in %s, and %lld elsewhere",
			audit_say_slot(audit, slot),
			(long long)sight->message_id,
			audit_say_who(audit, sight), (long long)s->message_id);
}

void
audit_sight(struct audit *audit, uint32_t slot, const struct audit_sight *sight)
{
	struct audit_slot *s = &audit->slot[slot];
	bool wrong = another(audit, slot, sight);

	s->flags |= sight->flag | (sight->system ? SLOT_SYSTEM : 0);
	if (!wrong) {
		check_message_id(audit, slot, sight);
		same_content(audit, slot, sight);
		if (sight->msg != TABLE_NONE)
			second_seq(audit, slot, sight);
	}
}

/* ---- records of chat-messages ------------------------------------------- */

struct value {
	int64_t room_id, sender_id;
	struct json id, content;
};

/* One walk: this is done for every record, twice. */
static bool
read_value(struct str text, struct value *out)
{
	struct json root, key, value;
	struct json_iter it;
	struct err ignored;

	*out = (struct value){
		-1, -1, {JSON_NONE, {NULL, 0}}, {JSON_NONE, {NULL, 0}}};
	if (json_scan(text, &root, NULL, &ignored) < 0 ||
		root.type != JSON_OBJECT)
		return false;
	for (it = json_iter(root); json_next(&it, &key, &value);) {
		if (str_eq_c(key.text, "\"roomId\""))
			(void)json_i64(value, &out->room_id);
		else if (str_eq_c(key.text, "\"senderId\""))
			(void)json_i64(value, &out->sender_id);
		else if (str_eq_c(key.text, "\"clientMessageId\""))
			out->id = value;
		else if (str_eq_c(key.text, "\"content\""))
			out->content = value;
	}
	return out->room_id >= 0 && out->sender_id >= 0;
}

static uint32_t
crc_of(struct audit *audit, struct json content)
{
	struct str text;

	buf_reset(&audit->scratch);
	return json_text(content, &audit->scratch, &text) ? audit_crc(text) : 0;
}

/* The message of a value; TABLE_NONE in *out: it is none. */
static int
msg_of_value(struct audit *audit, const struct value *value, uint32_t *out)
{
	struct key key = {value->room_id, value->sender_id, {0, 0, 0}};

	*out = TABLE_NONE;
	if (!ident_of_json(&audit->ids, value->id, &key.id))
		return 0;
	*out = audit_msg_of(audit, &key);
	return *out == TABLE_NONE ||
			       audit_room_of(audit, key.room_id) == TABLE_NONE
		       ? -1
		       : 0;
}

static uint32_t
sum_of(const struct record *record)
{
	uint32_t sum = crc32_of(record->value) * 31 + crc32_of(record->key) +
		       (uint32_t)record->value.len * 2 + record->value_null;

	return sum ? sum : 1;
}

/* A letter may come back with another content: which letters there are is known
 * when all has been read. */
static int
note_replay(struct audit *audit, uint32_t msg, const struct record *record)
{
	struct audit_place replay = {.msg = msg};
	struct dlt_place of;
	struct str text;

	if (!record_header(record, DLT_REPLAY_OF, &text) ||
		!dlt_place_parse(&of, text))
		return 0;
	replay.part = audit_part_of(audit, of.topic, of.partition);
	replay.offset = of.offset;
	replay.timestamp = of.timestamp;
	if (replay.part == TABLE_NONE)
		return -1;
	return audit_place_add(&audit->replays, &replay);
}

/* The store takes a message only under its room's key. */
static bool
has_other_key(const struct record *record, int64_t room_id)
{
	int64_t key;

	return !record->key_null &&
	       (!str_i64(record->key, &key) || key != room_id);
}

static int
add_message(struct audit *audit, enum audit_source source,
	const struct record *record)
{
	bool committed = source == AUDIT_MESSAGES;
	struct audit_place place = {.offset = record->offset,
		.timestamp = record->timestamp,
		.msg = TABLE_NONE,
		.sum = sum_of(record)};
	struct value value;

	if (read_value(record->value, &value)) {
		if (left_out(audit, value.room_id))
			return 0;
		place.crc = crc_of(audit, value.content);
		if (msg_of_value(audit, &value, &place.msg) < 0)
			return -1;
		if (place.msg != TABLE_NONE && committed &&
			note_replay(audit, place.msg, record) < 0)
			return -1;
		if (has_other_key(record, value.room_id))
			place.more = PLACE_KEY;
	} else if (audit->opts.only_room >= 0) {
		return 0;
	}
	place.part = audit_part_of(audit, record->topic, record->partition);
	if (place.part == TABLE_NONE)
		return -1;
	return audit_place_add(
		committed ? &audit->committed : &audit->raw, &place);
}

/* A letter, by the place of what failed. */
static int
add_letter(struct audit *audit, const struct record *record)
{
	struct audit_place place = {.msg = TABLE_NONE};
	struct dlt_info info;
	struct value value;
	uint32_t at;

	dlt_read(&info, record);
	if (str_starts(info.origin.topic, "chat-read-events"))
		return 0;
	if (!record->value_left_out && read_value(record->value, &value)) {
		if (left_out(audit, value.room_id))
			return 0;
		if (msg_of_value(audit, &value, &place.msg) < 0)
			return -1;
	}
	if (place.msg != TABLE_NONE)
		audit_count(&audit->msg[place.msg].letters);
	place.part =
		audit_part_of(audit, info.origin.topic, info.origin.partition);
	place.offset = info.origin.offset;
	place.timestamp = info.origin.timestamp;
	place.sum = record->value_left_out ? 0 : sum_of(record);
	at = audit_part_of(audit, record->topic, record->partition);
	if (at == TABLE_NONE)
		return -1;
	if (info.named && record->offset < audit->part[at].done)
		place.more = PLACE_DONE;
	if (place.part == TABLE_NONE)
		return -1;
	return audit_place_add(&audit->letters, &place);
}

/* ---- events ------------------------------------------------------------- */

static void
note_event_seq(struct audit *audit, uint32_t room, int64_t seq)
{
	struct audit_room *r = &audit->room[room];

	if (r->event_from < 0 || seq < r->event_from)
		r->event_from = seq;
}

/* What the store says to a sender: of a repeat, or a refusal. */
static int
add_answer(struct audit *audit, const struct event *event, int64_t ms)
{
	struct key key = {event->room_id, event->user_id, {0, 0, 0}};
	struct audit_sight sight = {.worker = TABLE_NONE,
		.who = "chat-events",
		.message_id = event->message_id};
	uint32_t epoch = audit_epoch_of(audit, event->epoch, EPOCH_EVENT, ms);
	uint32_t slot =
		audit_slot_find(audit, epoch, event->room_id, event->seq);

	if (!ident_of_json(&audit->ids, event->client_message_id, &key.id))
		return 0;
	sight.msg = audit_msg_of(audit, &key);
	if (sight.msg == TABLE_NONE)
		return -1;
	if (event->kind == EVENT_REFUSED) {
		if (!str_eq_c(event->code, "CLIENT_MESSAGE_ID_REUSED"))
			audit->msg[sight.msg].flags |= MSG_DENIED;
		return 0;
	}
	audit->msg[sight.msg].flags |= MSG_REPEATED;
	if (slot != TABLE_NONE) {
		audit_sight(audit, slot, &sight);
	} else if (audit->msg[sight.msg].slot != TABLE_NONE &&
		   audit->slot[audit->msg[sight.msg].slot].epoch == epoch) {
		verdict_against(&audit->verdicts, I2_DUPLICATE,
			"%s: a repeat of it was told to be seq %lld, and it is "
			"seq %lld",
			audit_say_msg(audit, sight.msg), (long long)event->seq,
			(long long)audit->slot[audit->msg[sight.msg].slot].seq);
	}
	return 0;
}

static int
add_event(struct audit *audit, const struct record *record)
{
	struct audit_sight sight = {.msg = TABLE_NONE,
		.flag = SLOT_EVENT,
		.worker = TABLE_NONE,
		.who = "chat-events"};
	struct key key = {0};
	struct event event;
	struct json root;
	struct err ignored;
	uint32_t slot, room;

	if (json_scan(record->value, &root, NULL, &ignored) < 0 ||
		event_parse(&event, root, &ignored) < 0 ||
		event.kind > EVENT_REFUSED || left_out(audit, event.room_id))
		return 0;
	if (event.kind != EVENT_MESSAGE)
		return add_answer(audit, &event, record->timestamp);
	key.room_id = event.room_id;
	key.sender_id = event.user_id;
	sight.system = str_starts(event.type, "SYSTEM_");
	sight.message_id = event.message_id;
	sight.crc = crc_of(audit, json_get(event.message, "content"));
	slot = audit_slot_of(audit,
		audit_epoch_of(
			audit, event.epoch, EPOCH_EVENT, record->timestamp),
		event.room_id, event.seq);
	room = audit_room_of(audit, event.room_id);
	if (slot == TABLE_NONE || room == TABLE_NONE)
		return -1;
	note_event_seq(audit, room, event.seq);
	if (!sight.system &&
		ident_of_json(&audit->ids, event.client_message_id, &key.id)) {
		sight.msg = audit_msg_of(audit, &key);
		if (sight.msg == TABLE_NONE)
			return -1;
		audit_count(&audit->msg[sight.msg].events);
	}
	audit->event_repeats += (audit->slot[slot].flags & SLOT_EVENT) != 0;
	audit_sight(audit, slot, &sight);
	if (audit->slot[slot].ms < 0)
		audit->slot[slot].ms = event.sent_at_ms;
	if (!sight.system || audit->has[AUDIT_ROWS])
		return 0;
	return audit_change_add(audit, event.room_id, event.seq,
		event.sent_at_ms, event.user_id, event.type,
		event.targets.text);
}

int
audit_record(struct audit *audit, enum audit_source source,
	const struct record *record)
{
	switch (source) {
	case AUDIT_MESSAGES:
	case AUDIT_UNCOMMITTED:
		return add_message(audit, source, record);
	case AUDIT_LETTERS:
		return add_letter(audit, record);
	default:
		return add_event(audit, record);
	}
}

/* ---- PostgreSQL --------------------------------------------------------- */

/* Who comes or goes with a message of the system. */
int
audit_change_add(struct audit *audit, int64_t room_id, int64_t seq, int64_t ms,
	int64_t sender_id, struct str type, struct str targets)
{
	struct audit_change change = {room_id, sender_id, seq, ms, false};
	struct json root, key, target;
	struct json_iter it;
	struct err ignored;

	change.in = str_eq_c(type, "SYSTEM_INVITE");
	if (json_scan(targets, &root, NULL, &ignored) < 0 ||
		root.type != JSON_ARRAY)
		return 0;
	for (it = json_iter(root); json_next(&it, &key, &target);) {
		if (!json_i64(json_get(target, "userId"), &change.user_id))
			continue;
		if (AUDIT_GROW(audit, change, changes, change_cap) < 0)
			return -1;
		audit->change[audit->changes++] = change;
	}
	return 0;
}

static int
add_label(struct audit *audit, const struct audit_row *row, uint32_t msg,
	uint32_t slot)
{
	struct audit_place place = {
		.part = audit_part_of(audit, row->topic, row->partition),
		.msg = msg,
		.offset = row->offset,
		.timestamp = row->timestamp,
		.crc = row->has_crc ? (row->crc ? row->crc : 1) : 0,
		.more = slot};

	if (place.part == TABLE_NONE ||
		audit_place_add(&audit->labels, &place) < 0)
		return -1;
	audit->slot[slot].label = (uint32_t)audit->labels.count - 1;
	return 0;
}

int
audit_row(struct audit *audit, const struct audit_row *row)
{
	struct audit_sight sight = {.msg = TABLE_NONE,
		.flag = SLOT_ROW,
		.worker = TABLE_NONE,
		.who = "PostgreSQL",
		.message_id = row->id,
		.crc = row->has_crc ? (row->crc ? row->crc : 1) : 0};
	struct key key = {row->room_id, row->sender_id, {0, 0, 0}};
	uint32_t slot, room;
	bool twice;

	if (left_out(audit, row->room_id))
		return 0;
	slot = audit_slot_of(audit, audit->epoch, row->room_id, row->seq);
	room = audit_room_of(audit, row->room_id);
	if (slot == TABLE_NONE || room == TABLE_NONE)
		return -1;
	if (row->seq > audit->room[room].highest)
		audit->room[room].highest = row->seq;
	sight.system = !row->client_id.data;
	if (!sight.system) {
		if (!ident_of_text(&audit->ids, row->client_id, &key.id))
			return -1;
		sight.msg = audit_msg_of(audit, &key);
		if (sight.msg == TABLE_NONE)
			return -1;
		audit_count(&audit->msg[sight.msg].rows);
	}
	twice = audit->slot[slot].flags & SLOT_ROW;
	if (twice && (sight.system || audit->slot[slot].msg != sight.msg))
		verdict_against(&audit->verdicts, I2_DUPLICATE,
			"%s has two rows: %s, and %s",
			audit_say_slot(audit, slot),
			audit_say_msg(audit, audit->slot[slot].msg),
			audit_say_msg(audit, sight.msg));
	audit_sight(audit, slot, &sight);
	audit->slot[slot].ms = row->sent_ms;
	if (row->partition >= 0 && add_label(audit, row, sight.msg, slot) < 0)
		return -1;
	if (!sight.system)
		return 0;
	return audit_change_add(audit, row->room_id, row->seq, row->sent_ms,
		row->sender_id, row->type, row->targets);
}

int
audit_outcome(struct audit *audit, const struct audit_outcome *outcome)
{
	struct audit_place place = {.msg = TABLE_NONE,
		.offset = outcome->offset,
		.timestamp = outcome->timestamp};
	struct key key = {outcome->room_id, outcome->sender_id, {0, 0, 0}};
	struct audit_msg *m;

	if (left_out(audit, outcome->room_id) ||
		str_starts(outcome->topic, "chat-read-events"))
		return 0;
	if (outcome->client_id.data && outcome->room_id >= 0 &&
		outcome->sender_id >= 0) {
		if (!ident_of_text(&audit->ids, outcome->client_id, &key.id))
			return -1;
		place.msg = audit_msg_of(audit, &key);
		if (place.msg == TABLE_NONE)
			return -1;
		m = &audit->msg[place.msg];
		audit_count(str_eq_c(outcome->outcome, "refused")  ? &m->refused
			    : str_eq_c(outcome->outcome, "reused") ? &m->reused
								   : &m->dead);
	}
	place.more = str_eq_c(outcome->outcome, "dead")	    ? PLACE_DEAD
		     : str_eq_c(outcome->outcome, "reused") ? PLACE_REUSED
							    : 0;
	place.part = audit_part_of(audit, outcome->topic, outcome->partition);
	if (place.part == TABLE_NONE)
		return -1;
	return audit_place_add(&audit->outcomes, &place);
}
