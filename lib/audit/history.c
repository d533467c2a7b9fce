/* audit/history.c - the lines of a history (chat-history(7)), see audit.h. */
#include <string.h>

#include "audit/inner.h"
#include "json/json.h"

/* The fields of a line, found in one walk. */
struct line {
	struct json op, worker, user, ns, ms, room, id, crc, final, seq,
		message_id, sender, type, status, head, first, from, epoch,
		code;
};

static const struct {
	const char *name; /* with its quotes */
	size_t len, at;
} fields[] = {
#define FIELD(text, member)                                                    \
	{                                                                      \
		"\"" text "\"", sizeof("\"" text "\"") - 1,                    \
			offsetof(struct line, member)                          \
	}
	FIELD("op", op),
	FIELD("worker", worker),
	FIELD("userId", user),
	FIELD("ns", ns),
	FIELD("ms", ms),
	FIELD("roomId", room),
	FIELD("clientMessageId", id),
	FIELD("crc", crc),
	FIELD("final", final),
	FIELD("seq", seq),
	FIELD("messageId", message_id),
	FIELD("senderId", sender),
	FIELD("type", type),
	FIELD("status", status),
	FIELD("head", head),
	FIELD("first", first),
	FIELD("from", from),
	FIELD("epoch", epoch),
	FIELD("code", code),
};

static int
read_fields(struct str text, struct line *out, struct err *err)
{
	struct json root, key, value;
	struct json_iter it;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (json_scan(text, &root, NULL, err) < 0)
		return -1;
	if (root.type != JSON_OBJECT)
		return err_set(err, "no JSON object");
	for (it = json_iter(root); json_next(&it, &key, &value);)
		for (i = 0; i < ARRAY_LEN(fields); i++)
			if (key.text.len == fields[i].len &&
				!memcmp(key.text.data, fields[i].name,
					key.text.len)) {
				memcpy((char *)out + fields[i].at, &value,
					sizeof(value));
				break;
			}
	return 0;
}

static int64_t
number(struct json value)
{
	int64_t n;

	return json_i64(value, &n) ? n : -1;
}

/* Inside of the quotes; ours have no escapes. */
static struct str
text(struct json value)
{
	if (value.type != JSON_STRING)
		return (struct str){NULL, 0};
	return (struct str){value.text.data + 1, value.text.len - 2};
}

/* Eight hexadecimal digits; 0: none, as audit_crc() has it. */
static uint32_t
read_crc(struct json value)
{
	struct str s = text(value);
	uint32_t crc = 0;
	size_t i;
	int c;

	if (s.len != 8)
		return 0;
	for (i = 0; i < s.len; i++) {
		c = s.data[i] | 0x20;
		if (c >= '0' && c <= '9')
			crc = crc << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			crc = crc << 4 | (uint32_t)(c - 'a' + 10);
		else
			return 0;
	}
	return crc ? crc : 1;
}

/* ---- workers ------------------------------------------------------------ */

struct wanted {
	const struct audit *audit;
	uint32_t name, file;
};

static bool
same_worker(const void *ctx, uint32_t index)
{
	const struct wanted *wanted = ctx;
	const struct audit_worker *w = &wanted->audit->worker[index];

	return w->name == wanted->name && w->file == wanted->file &&
	       !w->replaced;
}

/* Of a log of two runs: what begins behind its end is another. */
static bool
begins_anew(struct audit *audit, uint32_t worker, const struct line *line)
{
	if (!audit->worker[worker].ended || !json_is(line->op, "connected"))
		return false;
	audit->worker[worker].replaced = true;
	return true;
}

static int
worker_of(struct audit *audit, uint32_t file, const struct line *line,
	uint32_t *out, struct err *err)
{
	struct wanted wanted = {audit, 0, file};
	int64_t user = number(line->user);
	uint32_t run = 0;
	uint64_t hash;

	if (line->worker.type != JSON_STRING)
		return err_set(err, "no worker");
	wanted.name = names_number(&audit->workers_names, text(line->worker));
	if (wanted.name == TABLE_NONE)
		return err_set(err, "out of memory");
	hash = table_hash(wanted.name, file);
	*out = table_find(&audit->worker_table, hash, same_worker, &wanted);
	if (*out != TABLE_NONE && !begins_anew(audit, *out, line))
		return 0;
	if (*out != TABLE_NONE) {
		run = audit->worker[*out].run + 1;
		user = audit->worker[*out].user_id;
	}
	if (user < 0)
		return err_set(err, "a new worker without userId");
	*out = (uint32_t)audit->workers;
	if (AUDIT_GROW(audit, worker, workers, worker_cap) < 0 ||
		table_add(&audit->worker_table, hash, *out) < 0)
		return err_set(err, "out of memory");
	audit->worker[audit->workers++] =
		(struct audit_worker){.name = wanted.name,
			.file = file,
			.user_id = user,
			.run = run,
			.first_ms = number(line->ms),
			.last_ms = -1,
			.high_ns = -1};
	return 0;
}

/* ---- operations --------------------------------------------------------- */

static int
no_memory(int rc, struct err *err)
{
	return rc < 0 ? err_set(err, "out of memory") : 0;
}

static bool
passed_over(const struct audit *audit, const struct line *line)
{
	return audit->opts.only_room >= 0 && line->room.type != JSON_NONE &&
	       number(line->room) != audit->opts.only_room;
}

static int
take_sending(struct audit *audit, uint32_t worker, const struct line *line,
	struct err *err)
{
	int64_t ns = number(line->ns), ms = number(line->ms);
	int64_t room = number(line->room);
	struct ident id;
	bool final;

	if (!ident_of_json(&audit->ids, line->id, &id))
		return err_set(err, "no clientMessageId");
	if (json_is(line->op, "invoke")) {
		if (room < 0)
			return err_set(err, "no roomId");
		return no_memory(audit_invoke(audit, worker, room, &id,
					 read_crc(line->crc), ns, ms),
			err);
	}
	if (json_is(line->op, "ok"))
		audit_answer(audit, worker, room, &id, ANSWER_OK, ns, ms);
	else if (json_is(line->op, "info"))
		audit_answer(audit, worker, room, &id, ANSWER_INFO, ns, ms);
	else if (json_is(line->code, "CLIENT_MESSAGE_ID_REUSED"))
		audit_answer(audit, worker, room, &id, ANSWER_REUSED, ns, ms);
	else if (json_bool(line->final, &final) && final)
		audit_answer(audit, worker, room, &id, ANSWER_FINAL, ns, ms);
	else
		audit_answer(audit, worker, room, &id, ANSWER_FAIL, ns, ms);
	return 0;
}

/* Its message and its seq: what other sources are compared with. Of what he has
 * deleted for himself only the seq is told. */
static int
take_sight(struct audit *audit, uint32_t worker, uint32_t epoch,
	const struct line *line)
{
	struct key key = {number(line->room), number(line->sender), {0, 0, 0}};
	struct audit_sight sight = {.msg = TABLE_NONE,
		.flag = SLOT_RECEIVED,
		.worker = worker,
		.message_id = number(line->message_id),
		.crc = read_crc(line->crc)};
	uint32_t slot =
		audit_slot_of(audit, epoch, key.room_id, number(line->seq));

	if (slot == TABLE_NONE)
		return -1;
	sight.system = str_starts(line->type.text, "\"SYSTEM_");
	if (!sight.system && key.sender_id >= 0 &&
		ident_of_json(&audit->ids, line->id, &key.id)) {
		sight.msg = audit_msg_of(audit, &key);
		if (sight.msg == TABLE_NONE)
			return -1;
		audit_count(&audit->msg[sight.msg].received);
	}
	audit_sight(audit, slot, &sight);
	return 0;
}

static int
take_receiving(struct audit *audit, uint32_t worker, const struct line *line,
	struct err *err)
{
	int64_t room = number(line->room), seq = number(line->seq);
	uint32_t sub;

	if (room < 0 || seq < 0)
		return err_set(err, "no roomId, or no seq");
	sub = audit_sub_of(audit, worker, room);
	if (sub == TABLE_NONE ||
		take_sight(audit, worker, audit->sub[sub].epoch, line) < 0)
		return err_set(err, "out of memory");
	return no_memory(
		audit_received(audit, sub, seq, number(line->ms)), err);
}

static int
take_join(struct audit *audit, uint32_t worker, const struct line *line,
	struct err *err)
{
	struct audit_join join = {number(line->room), text(line->status),
		text(line->epoch), number(line->from), number(line->head),
		number(line->first)};

	if (join.room_id < 0 || !join.status.len)
		return err_set(err, "no roomId, or no status");
	return no_memory(
		audit_joined(audit, worker, &join,
			audit->worker[worker].high_ns, number(line->ms)),
		err);
}

static int
take(struct audit *audit, uint32_t worker, const struct line *line,
	struct err *err)
{
	static const char *const sending[] = {"invoke", "ok", "fail", "info"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(sending); i++)
		if (json_is(line->op, sending[i]))
			return take_sending(audit, worker, line, err);
	if (json_is(line->op, "recv") || json_is(line->op, "deleted"))
		return take_receiving(audit, worker, line, err);
	if (json_is(line->op, "joined"))
		return take_join(audit, worker, line, err);
	if (json_is(line->op, "ended"))
		return no_memory(
			audit_sub_over(audit, worker, number(line->room)), err);
	if (json_is(line->op, "lost"))
		audit_lost(audit, worker);
	else if (json_is(line->op, "connected"))
		audit->worker[worker].high = 0;
	else if (json_is(line->op, "end"))
		audit->worker[worker].ended = true;
	return 0;
}

int
audit_line(struct audit *audit, uint32_t file, struct str raw, struct err *err)
{
	struct line line;
	uint32_t worker = TABLE_NONE;
	int64_t ms, ns;

	if (read_fields(raw, &line, err) < 0)
		return -1;
	if (line.op.type != JSON_STRING)
		return err_set(err, "no op");
	if (line.crc.type != JSON_NONE && line.crc.type != JSON_NULL &&
		!read_crc(line.crc))
		return err_set(err, "crc is not eight hexadecimal digits");
	if (worker_of(audit, file, &line, &worker, err) < 0)
		return -1;
	audit->lines++;
	ms = number(line.ms);
	if (ms >= 0)
		audit->worker[worker].last_ms = ms;
	ns = number(line.ns);
	if (ns > audit->worker[worker].high_ns)
		audit->worker[worker].high_ns = ns;
	if (passed_over(audit, &line))
		return 0;
	return take(audit, worker, &line, err);
}
