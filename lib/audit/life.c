/* audit/life.c - see life.h. */
#include "audit/life.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/happening.h"
#include "audit/inner.h"
#include "base/crc.h"
#include "base/log.h"
#include "pg/pg.h"
#include "wire/dlt.h"
#include "wire/event.h"

#define STATEMENT_MS 60000
/* Around what PostgreSQL knows of it: attempts before, the event after. */
#define AROUND_MS 60000
#define TOPIC_SETTLED AUDIT_TOPIC_LETTERS DLT_SETTLED_SUFFIX

/* PostgreSQL's row, and what of the others is not as it says. */
struct stored {
	bool known;
	int64_t room_id, sender_id, seq;
	uint32_t crc;
	int32_t partition; /* its record's; -1: none */
	int64_t offset;
	bool record_differs, event_differs;
	bool published;	   /* under its seq */
	int64_t other_seq; /* an event has; -1: none */
};

enum ending { NOWHERE, COMMITTED, DEAD, REFUSED, STORED };

struct life {
	const struct audit_live *live;
	const char *id_text;
	struct ident id;
	struct names names;
	struct happenings happenings;
	/* the first and last time that PostgreSQL names; -1: none */
	int64_t first_ms, last_ms;
	bool published;
	enum ending ending;
	struct audit_places committed; /* so as to know what was aborted */
	struct names letters;	       /* letters: places of dead letters */
	/* what PostgreSQL has, to be compared with the others */
	struct stored stored;
	bool no_memory;
};

/* ---- what several sources say -------------------------------------------- */

static void
put_place(struct buf *out, const struct record *record)
{
	json_put_str(out, "topic", record->topic);
	json_put_i64(out, "partition", record->partition);
	json_put_i64(out, "offset", record->offset);
}

/* -1: nobody knows. */
static void
put_who(struct buf *out, int64_t room_id, int64_t sender_id)
{
	if (room_id >= 0)
		json_put_i64(out, "roomId", room_id);
	if (sender_id >= 0)
		json_put_i64(out, "senderId", sender_id);
}

static void
ended(struct life *life, enum ending ending)
{
	if (ending > life->ending)
		life->ending = ending;
}

/* There is something to look for at that time. */
static void
look_at(struct life *life, int64_t ms)
{
	if (life->first_ms < 0 || ms < life->first_ms)
		life->first_ms = ms;
	if (ms > life->last_ms)
		life->last_ms = ms;
}

static bool
is_stored_one(const struct life *life, int64_t room_id, int64_t sender_id)
{
	return life->stored.known && life->stored.room_id == room_id &&
	       life->stored.sender_id == sender_id;
}

static void
put_crc(struct buf *out, uint32_t crc)
{
	char text[9];

	snprintf(text, sizeof(text), "%08x", crc);
	json_put_c(out, "crc", text);
}

/* False: it has none. */
static bool
content_crc(struct json content, uint32_t *crc)
{
	struct buf scratch = {0};
	struct str text;
	bool ok = json_text(content, &scratch, &text);

	if (ok)
		*crc = crc32_of(text);
	buf_release(&scratch);
	return ok;
}

static bool
is_it(struct life *life, struct json token)
{
	struct ident id;

	return ident_of_json(&life->names, token, &id) &&
	       id.hi == life->id.hi && id.lo == life->id.lo &&
	       id.kind == life->id.kind;
}

/* The value's object, where it is of this message. */
static bool
is_record_of(struct life *life, const struct record *record, struct json *root)
{
	struct err ignored;

	return json_scan(record->value, root, NULL, &ignored) == 0 &&
	       is_it(life, json_get(*root, "clientMessageId"));
}

static int64_t
number(struct json root, const char *name)
{
	int64_t n;

	return json_i64(json_get(root, name), &n) ? n : -1;
}

/* ---- chat-messages ------------------------------------------------------ */

static struct audit_place
place_of(struct life *life, const struct record *record)
{
	return (struct audit_place){.part = (uint32_t)record->partition,
		.offset = record->offset,
		.timestamp = record->timestamp};
}

static void
tell_record(struct life *life, const struct record *record, struct json root,
	const char *what)
{
	struct buf *out = happened(&life->happenings, what);
	struct stored *stored = &life->stored;
	int64_t room_id = number(root, "roomId");
	int64_t sender_id = number(root, "senderId");
	struct str replay;
	uint32_t crc;

	put_place(out, record);
	put_who(out, room_id, sender_id);
	if (content_crc(json_get(root, "content"), &crc)) {
		put_crc(out, crc);
		stored->record_differs |=
			is_stored_one(life, room_id, sender_id) &&
			record->partition == stored->partition &&
			record->offset == stored->offset && crc != stored->crc;
	}
	if (record_header(record, DLT_REPLAY_OF, &replay))
		json_put_str(out, "replayOf", replay);
	happened_at(&life->happenings, record->timestamp);
}

static int
take_committed(void *arg, const struct record *record)
{
	struct life *life = arg;
	struct audit_place place = place_of(life, record);
	struct str ignored;
	struct json root;

	if (!is_record_of(life, record, &root))
		return 0;
	tell_record(life, record, root,
		record_header(record, DLT_REPLAY_OF, &ignored) ? "replayed"
							       : "committed");
	ended(life, COMMITTED);
	return audit_place_add(&life->committed, &place);
}

static int
take_raw(void *arg, const struct record *record)
{
	struct life *life = arg;
	struct audit_place place = place_of(life, record);
	struct json root;
	size_t i;

	if (!is_record_of(life, record, &root))
		return 0;
	for (i = 0; i < life->committed.count; i++)
		if (!audit_place_order(&life->committed.at[i], &place))
			return 0;
	tell_record(life, record, root, "aborted");
	return 0;
}

/* ---- chat-events -------------------------------------------------------- */

/* After a restore there are two of it. */
static void
note_event(struct life *life, const struct event *event)
{
	struct stored *stored = &life->stored;
	uint32_t crc;

	life->published = true;
	if (!is_stored_one(life, event->room_id, event->user_id))
		return;
	if (event->seq != stored->seq)
		stored->other_seq = event->seq;
	else if (content_crc(json_get(event->message, "content"), &crc))
		stored->event_differs |= crc != stored->crc;
	stored->published |= event->seq == stored->seq;
}

static int
take_event(void *arg, const struct record *record)
{
	static const char *const names[] = {
		"published", "told a duplicate", "told a refusal"};
	struct life *life = arg;
	struct event event;
	struct json root;
	struct err ignored;
	struct buf *out;
	uint32_t crc;

	if (json_scan(record->value, &root, NULL, &ignored) < 0 ||
		event_parse(&event, root, &ignored) < 0 ||
		event.kind > EVENT_REFUSED ||
		!is_it(life, event.client_message_id))
		return 0;
	if (event.kind == EVENT_MESSAGE)
		note_event(life, &event);
	out = happened(&life->happenings, names[event.kind]);
	put_place(out, record);
	put_who(out, event.room_id, event.user_id);
	if (event.seq >= 0)
		json_put_i64(out, "seq", event.seq);
	if (event.message_id >= 0)
		json_put_i64(out, "messageId", event.message_id);
	if (event.kind == EVENT_MESSAGE &&
		content_crc(json_get(event.message, "content"), &crc))
		put_crc(out, crc);
	if (event.kind == EVENT_REFUSED)
		json_put_str(out, "code", event.code);
	happened_at(&life->happenings, record->timestamp);
	return 0;
}

/* ---- dead letters ------------------------------------------------------- */

static int
take_letter(void *arg, const struct record *record)
{
	struct buf key = {0};
	struct life *life = arg;
	struct dlt_info info;
	struct json root;
	struct buf *out;
	int rc = 0;

	if (!is_record_of(life, record, &root))
		return 0;
	dlt_read(&info, record);
	out = happened(&life->happenings, "dead-lettered");
	put_place(out, record);
	put_who(out, number(root, "roomId"), number(root, "senderId"));
	json_put_str(out, "reason", info.error_class);
	json_put_str(out, "message", info.error_message);
	dlt_place_print(&key, &info.origin);
	json_put_str(out, "of", buf_str(&key));
	happened_at(&life->happenings, record->timestamp);
	ended(life, DEAD);
	if (names_number(&life->letters, buf_str(&key)) == TABLE_NONE)
		rc = -1;
	buf_release(&key);
	return rc;
}

static int
take_mark(void *arg, const struct record *record)
{
	struct life *life = arg;
	struct json root;
	struct err ignored;
	struct str ignored_text;
	struct buf *out;
	size_t i;

	for (i = 0; i < life->letters.count; i++)
		if (str_eq_c(record->key, life->letters.text[i]))
			break;
	if (i == life->letters.count ||
		(!record->value_null &&
			json_scan(record->value, &root, NULL, &ignored) < 0))
		return 0;
	out = happened(&life->happenings,
		!record->value_null ? "letter settled"
		: record_header(record, DLT_TIDIED, &ignored_text)
			? "letter's mark tidied"
			: "letter open again");
	put_place(out, record);
	json_put_str(out, "of", record->key);
	if (!record->value_null)
		json_put_i64(out, "replays", number(root, "replays"));
	happened_at(&life->happenings, record->timestamp);
	return 0;
}

/* ---- PostgreSQL --------------------------------------------------------- */

static void
take_rows(struct life *life, const PGresult *r)
{
	struct buf *out;
	int i;

	for (i = 0; i < PQntuples(r); i++) {
		out = happened(&life->happenings, "stored");
		put_who(out, pg_i64(r, i, 0), pg_i64(r, i, 1));
		json_put_i64(out, "seq", pg_i64(r, i, 2));
		json_put_i64(out, "messageId", pg_i64(r, i, 3));
		put_crc(out, crc32_of(pg_str(r, i, 7)));
		if (!pg_null(r, i, 4)) {
			json_put_i64(out, "recordPartition", pg_i32(r, i, 4));
			json_put_i64(out, "recordOffset", pg_i64(r, i, 5));
		}
		life->stored = (struct stored){.known = true,
			.room_id = pg_i64(r, i, 0),
			.sender_id = pg_i64(r, i, 1),
			.seq = pg_i64(r, i, 2),
			.crc = crc32_of(pg_str(r, i, 7)),
			.partition = pg_null(r, i, 4) ? -1 : pg_i32(r, i, 4),
			.offset = pg_i64(r, i, 5),
			.other_seq = -1};
		happened_at(&life->happenings, pg_i64(r, i, 6));
		look_at(life, pg_i64(r, i, 6));
		ended(life, STORED);
	}
}

static void
take_outcomes(struct life *life, const PGresult *r)
{
	struct buf *out;
	int i;

	for (i = 0; i < PQntuples(r); i++) {
		out = happened(&life->happenings, "outcome");
		json_put_str(out, "outcome", pg_str(r, i, 0));
		put_who(out, pg_i64(r, i, 1), pg_i64(r, i, 2));
		json_put_str(out, "reason", pg_str(r, i, 3));
		json_put_str(out, "topic", pg_str(r, i, 4));
		json_put_i64(out, "recordPartition", pg_i32(r, i, 5));
		json_put_i64(out, "recordOffset", pg_i64(r, i, 6));
		look_at(life, pg_ms(r, i, 7));
		look_at(life, pg_i64(r, i, 9));
		if (!pg_null(r, i, 8)) {
			json_put_i64(out, "replayedAtMs", pg_ms(r, i, 8));
			look_at(life, pg_ms(r, i, 8));
		}
		happened_at(&life->happenings, pg_ms(r, i, 7));
		ended(life,
			str_eq_c(pg_str(r, i, 0), "refused") ? REFUSED : DEAD);
	}
}

static int
ask(struct life *life, struct pg_link *link, const char *sql,
	void (*take)(struct life *life, const PGresult *result),
	struct err *err)
{
	struct pg_args args = {0};
	struct buf id = {0};
	PGresult *result;
	enum pg_fault fault;
	char state[6];

	ident_print(&id, &life->names, &life->id);
	pg_args_text(&args, buf_str(&id));
	fault = pg_link_run(link, sql, false, &args, &result, state, err);
	buf_release(&id);
	if (fault != PG_OK)
		return fault == PG_BROKEN ? EXIT_PERM : EXIT_TEMP;
	take(life, result);
	PQclear(result);
	return 0;
}

static int
read_pg(struct life *life, struct err *err)
{
	struct pg_link link = {.conf = {.conninfo = life->live->conninfo,
				       .app = "chat-audit",
				       .statement_ms = STATEMENT_MS}};
	enum pg_fault fault = pg_link_try(&link, err);
	int code;

	if (fault != PG_OK)
		return fault == PG_BROKEN ? EXIT_PERM : EXIT_TEMP;
	life->happenings.rank = INT32_MAX;
	code = ask(life, &link,
		"select chat_room_id, sender_id, seq, id, record_partition, "
		"record_offset, coalesce(record_timestamp, "
		"(extract(epoch from sent_at) * 1000)::bigint), content "
		"from messages "
		"where client_message_id = $1",
		take_rows, err);
	if (!code)
		code = ask(life, &link,
			"select outcome, coalesce(chat_room_id, -1), "
			"coalesce(sender_id, -1), reason, topic, "
			"record_partition, record_offset, created_at, "
			"replayed_at, record_timestamp from message_outcomes "
			"where client_message_id = $1",
			take_outcomes, err);
	pg_link_close(&link);
	life->happenings.rank = 0;
	return code;
}

/* ---- out ---------------------------------------------------------------- */

/* What does not agree, in words. */
static size_t
wrong(const struct life *life, const char *texts[3])
{
	const struct stored *stored = &life->stored;
	size_t count = 0;

	if (stored->record_differs)
		texts[count++] = "its content in PostgreSQL is not that of "
				 "the record which it is from";
	if (stored->event_differs)
		texts[count++] = "its content in PostgreSQL is not the one "
				 "that was published";
	if (stored->known && stored->other_seq >= 0 && !stored->published)
		texts[count++] = "it was published under another seq than it "
				 "is stored with";
	return count;
}

static void
put_all(struct life *life, bool json, struct buf *out)
{
	static const char *const endings[] = {
		"nowhere", "committed", "dead", "refused", "stored"};
	struct happenings *all = &life->happenings;
	const char *texts[3];
	size_t count, i;

	count = wrong(life, texts);
	happenings_sort(all);
	if (!json) {
		happenings_print(out, all);
		for (i = 0; i < count; i++)
			buf_printf(out, "wrong: %s\n", texts[i]);
		buf_printf(
			out, "%s: %s\n", life->id_text, endings[life->ending]);
		return;
	}
	json_open(out, NULL, '{');
	json_put_c(out, "clientMessageId", life->id_text);
	json_put_c(out, "ending", endings[life->ending]);
	json_open(out, "wrong", '[');
	for (i = 0; i < count; i++)
		json_put_c(out, NULL, texts[i]);
	json_close(out, ']');
	json_open(out, "life", '[');
	for (i = 0; i < all->count; i++)
		json_put_raw(out, NULL, str_c(all->at[i].json));
	json_close(out, ']');
	json_close(out, '}');
	buf_add_char(out, '\n');
}

struct part {
	const char *topic;
	bool raw;
	bool all; /* whatever PostgreSQL knows */
	int (*each)(void *arg, const struct record *record);
};

static int
read_part(struct life *life, const struct part *part, const struct spec *from,
	const struct spec *to, struct err *err)
{
	struct audit_live live = *life->live;
	struct audit_reading reading = {.live = &live,
		.topic = part->topic,
		.uncommitted = part->raw,
		.to = to,
		.each = part->each,
		.arg = life};

	if (from)
		live.from = *from;
	return audit_read_topic(&reading, err);
}

/* Its event was not found in its time: later, or, by a clock that was wrong,
 * earlier. */
static int
read_event(struct life *life, const struct part *part, const struct spec *from,
	const struct spec *to, struct err *err)
{
	int code = 0;

	if (life->ending == STORED && !life->published)
		code = read_part(life, part, to, NULL, err);
	if (!code && life->ending == STORED && !life->published)
		code = read_part(life, part, NULL, from, err);
	return code;
}

/* Where PostgreSQL knows it, only the time around that is read of the long
 * topics. */
static int
read_topics(struct life *life, struct err *err)
{
	static const struct part parts[] = {
		{AUDIT_TOPIC, false, false, take_committed},
		{AUDIT_TOPIC, true, false, take_raw},
		{AUDIT_TOPIC_LETTERS, false, true, take_letter},
		{TOPIC_SETTLED, false, true, take_mark},
		{AUDIT_TOPIC_EVENTS, false, false, take_event},
	};
	struct spec from = {SPEC_TIME, life->first_ms - AROUND_MS};
	struct spec to = {SPEC_TIME, life->last_ms + AROUND_MS};
	bool seek = life->first_ms >= 0 && life->live->from.kind == SPEC_START;
	bool some;
	size_t i;
	int code = 0;

	for (i = 0; i < ARRAY_LEN(parts) && !code; i++) {
		some = seek && !parts[i].all;
		code = read_part(life, &parts[i], some ? &from : NULL,
			some ? &to : NULL, err);
	}
	if (!code && seek)
		code = read_event(life, &parts[i - 1], &from, &to, err);
	return code;
}

static void
release(struct life *life)
{
	happenings_release(&life->happenings);
	free(life->committed.at);
	names_release(&life->names);
	names_release(&life->letters);
}

int
life_tell(const struct audit_live *live, const char *client_id, bool json,
	struct buf *out, bool *right, struct err *err)
{
	struct life life = {.live = live,
		.id_text = client_id,
		.first_ms = -1,
		.last_ms = -1};
	const char *ignored[3];
	int code = 0;

	if (!ident_of_text(&life.names, str_c(client_id), &life.id))
		life.no_memory = true;
	if (!life.no_memory)
		code = read_pg(&life, err);
	if (!code && !life.no_memory)
		code = read_topics(&life, err);
	if (!code && (life.no_memory || life.happenings.no_memory)) {
		err_set(err, "out of memory");
		code = EXIT_TEMP;
	}
	if (!code)
		put_all(&life, json, out);
	*right = life.happenings.count > 0 && !wrong(&life, ignored);
	release(&life);
	return code;
}
