/*
 * audit/ops.c - the SENDs of a history: what became of each; see audit.h and
 * chat-history(7).
 *
 *	          invoke             ok
 *	(none) ----------> waits ----------> has a RECEIPT --fail!--> told
 *	                   |  ^  '--fail!--> final
 *	            fail   |  | invoke
 *	   (nowhere, or    |  |
 *	    unsure) <------+--' info: unsure
 */
#include "audit/inner.h"

struct wanted {
	const struct audit *audit;
	uint32_t worker;
	const struct ident *id;
	int64_t room_id; /* -1: any: an id may stand in two rooms */
	bool waiting;	 /* only what has no answer yet */
};

static bool
same_op(const void *ctx, uint32_t index)
{
	const struct wanted *wanted = ctx;
	const struct audit_op *op = &wanted->audit->op[index];
	const struct ident *id = &wanted->audit->msg[op->msg].key.id;

	return op->worker == wanted->worker && id->hi == wanted->id->hi &&
	       id->lo == wanted->id->lo && id->kind == wanted->id->kind &&
	       (op->waits || !wanted->waiting) &&
	       (wanted->room_id < 0 ||
		       wanted->room_id ==
			       wanted->audit->msg[op->msg].key.room_id);
}

static uint64_t
op_hash(uint32_t worker, const struct ident *id)
{
	return table_hash(id->hi ^ worker, id->lo + id->kind);
}

static uint32_t
find_op(const struct audit *audit, uint32_t worker, const struct ident *id,
	int64_t room_id, bool waiting)
{
	struct wanted wanted = {audit, worker, id, room_id, waiting};

	return table_find(
		&audit->op_table, op_hash(worker, id), same_op, &wanted);
}

static int
new_op(struct audit *audit, uint32_t worker, uint32_t msg, int64_t ns,
	int64_t ms, uint32_t *out)
{
	struct audit_msg *m = &audit->msg[msg];

	*out = (uint32_t)audit->ops;
	if (AUDIT_GROW(audit, op, ops, op_cap) < 0 ||
		table_add(&audit->op_table, op_hash(worker, &m->key.id), *out) <
			0)
		return -1;
	audit->op[audit->ops++] = (struct audit_op){.worker = worker,
		.msg = msg,
		.order = audit->order,
		.invoke_ns = ns,
		.ok_ns = -1};
	if (m->op == TABLE_NONE) {
		m->op = *out;
		m->invoke_ms = ms;
	}
	m->ops++;
	return 0;
}

/* Sent with two contents: none of them can be expected. */
static void
note_content(struct audit_msg *m, uint32_t crc)
{
	if (!crc)
		return;
	if ((m->flags & MSG_CRC) && m->crc != crc)
		m->flags |= MSG_REUSED;
	m->flags |= MSG_CRC;
	m->crc = crc;
}

/* Order is promised to who sends again first, and in the old order. */
static void
take_place(struct audit_worker *worker, struct audit_op *op)
{
	if (op->order > worker->high)
		worker->high = op->order;
	else if (op->order < worker->high && !(op->flags & MSG_OK))
		op->unplaced = true;
}

int
audit_invoke(struct audit *audit, uint32_t worker, int64_t room_id,
	const struct ident *id, uint32_t crc, int64_t ns, int64_t ms)
{
	struct key key = {room_id, audit->worker[worker].user_id, *id};
	uint32_t msg = audit_msg_of(audit, &key), at;
	struct audit_op *op;

	if (msg == TABLE_NONE || audit_room_of(audit, room_id) == TABLE_NONE)
		return -1;
	audit->order++;
	note_content(&audit->msg[msg], crc);
	at = find_op(audit, worker, id, room_id, false);
	if (at == TABLE_NONE) {
		if (new_op(audit, worker, msg, ns, ms, &at) < 0)
			return -1;
		audit->op[at].waits = true;
		audit->worker[worker].high = audit->order;
		return 0;
	}
	op = &audit->op[at];
	/* What went nowhere takes its place when it is sent again. */
	if ((op->flags & MSG_NOWHERE) && !op->unsure) {
		op->order = audit->order;
		op->invoke_ns = ns;
	}
	take_place(&audit->worker[worker], op);
	op->flags &= (uint8_t)~MSG_NOWHERE;
	op->waits = true;
	return 0;
}

static void
take_ok(struct audit *audit, struct audit_op *op, int64_t ns, int64_t ms)
{
	struct audit_msg *m = &audit->msg[op->msg];

	if (!(op->flags & MSG_OK))
		op->ok_ns = ns;
	op->flags |= MSG_OK;
	op->waits = false;
	if (m->ok_ms < 0)
		m->ok_ms = ms;
}

static void
never_sent(struct audit *audit, uint32_t worker, const struct ident *id)
{
	buf_reset(&audit->text);
	ident_print(&audit->text, &audit->ids, id);
	verdict_against(&audit->verdicts, I3_PHANTOM,
		"%s has a RECEIPT for message %.*s, which he never sent",
		audit_say_worker(audit, worker), (int)audit->text.len,
		audit->text.data);
}

void
audit_answer(struct audit *audit, uint32_t worker, int64_t room_id,
	const struct ident *id, enum audit_answer answer, int64_t ns,
	int64_t ms)
{
	uint32_t at = find_op(audit, worker, id, room_id, true);
	struct audit_op *op;

	if (at == TABLE_NONE)
		at = find_op(audit, worker, id, room_id, false);
	if (at == TABLE_NONE) {
		if (answer == ANSWER_OK && audit->opts.only_room < 0 &&
			audit_time_is_due(audit, ms))
			never_sent(audit, worker, id);
		return;
	}
	op = &audit->op[at];
	switch (answer) {
	case ANSWER_OK:
		take_ok(audit, op, ns, ms);
		break;
	case ANSWER_FINAL:
		if (op->flags & MSG_OK)
			op->flags |= MSG_TOLD;
		op->flags |= MSG_FINAL;
		op->waits = false;
		break;
	case ANSWER_FAIL:
		if (!(op->flags & MSG_OK))
			op->flags |= MSG_NOWHERE;
		op->waits = false;
		break;
	case ANSWER_REUSED:
		audit->msg[op->msg].flags |= MSG_REUSED;
		op->waits = false;
		op->unsure |= !(op->flags & MSG_OK);
		break;
	case ANSWER_INFO:
		audit->worker[worker].high = 0;
		op->unsure |= !(op->flags & MSG_OK);
		op->waits = false;
		break;
	}
}

void
audit_ops_settle(struct audit *audit)
{
	const struct audit_op *op;
	struct audit_msg *m;
	size_t i;

	for (i = 0; i < audit->ops; i++) {
		op = &audit->op[i];
		m = &audit->msg[op->msg];
		m->flags |= op->flags & (MSG_OK | MSG_FINAL | MSG_TOLD);
		if (op->flags & (MSG_OK | MSG_FINAL))
			continue;
		if (op->unsure || op->waits)
			m->flags |= MSG_OPEN;
		else if (op->flags & MSG_NOWHERE)
			m->flags |= MSG_NOWHERE;
	}
}
