/*
 * audit/judge_order.c - I4 by sender: the messages of one user in one room have
 * their seqs in the order in which he first sent them; see audit.h. Of two
 * clients of one user only what was sent after the other's RECEIPT is ordered,
 * by the clock of the run of the file that has both.
 * What was dead-lettered, sent by two clients, or sent again behind something
 * newer has no place in the order.
 */
#include <stdlib.h>

#include "audit/inner.h"

struct said {
	const struct audit_op *op;
	const struct audit_msg *m;
	int64_t seq;
	uint32_t epoch; /* of that seq: others are not compared */
	uint32_t file, run;
};

static int
compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
by_speaker(const struct said *x, const struct said *y)
{
	int rc = compare(x->m->key.room_id, y->m->key.room_id);

	if (!rc)
		rc = compare(x->m->key.sender_id, y->m->key.sender_id);
	return rc ? rc : compare(x->epoch, y->epoch);
}

static int
by_worker(const void *a, const void *b)
{
	const struct said *x = a, *y = b;
	int rc = by_speaker(x, y);

	if (!rc)
		rc = compare(x->op->worker, y->op->worker);
	return rc ? rc : compare(x->seq, y->seq);
}

static int
by_run(const struct said *x, const struct said *y)
{
	int rc = by_speaker(x, y);

	if (!rc)
		rc = compare(x->file, y->file);
	return rc ? rc : compare(x->run, y->run);
}

static int
by_seq(const void *a, const void *b)
{
	const struct said *x = a, *y = b;
	int rc = by_run(x, y);

	return rc ? rc : compare(x->seq, y->seq);
}

static bool
is_ordered(const struct audit *audit, const struct audit_op *op)
{
	const struct audit_msg *m = &audit->msg[op->msg];

	return (op->flags & MSG_OK) && !(op->flags & MSG_FINAL) &&
	       m->ops == 1 && !op->unplaced && audit_is_due(audit, m) &&
	       m->slot != TABLE_NONE && !m->letters && !m->dead &&
	       !(op->unsure && (op->flags & MSG_NOWHERE));
}

static size_t
collect(const struct audit *audit, struct said *said)
{
	const struct audit_op *op;
	size_t i, count = 0;

	for (i = 0; i < audit->ops; i++) {
		op = &audit->op[i];
		if (is_ordered(audit, op))
			said[count++] = (struct said){op, &audit->msg[op->msg],
				audit->slot[audit->msg[op->msg].slot].seq,
				audit->slot[audit->msg[op->msg].slot].epoch,
				audit->worker[op->worker].file,
				audit->worker[op->worker].run};
	}
	return count;
}

static void
against(struct audit *audit, const struct said *late, const struct said *early,
	const char *why)
{
	verdict_against(&audit->verdicts, I4_ORDER,
		"%s has seq %lld, behind seq %lld of %s, %s",
		audit_say_msg(audit, late->op->msg), (long long)late->seq,
		(long long)early->seq, audit_say_msg(audit, early->op->msg),
		why);
}

/* Sorted by worker, then seq. */
static void
judge_workers(struct audit *audit, const struct said *said, size_t count)
{
	const struct said *last = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		audit->verdicts.of[I4_ORDER].checked++;
		if (last && (by_speaker(last, &said[i]) ||
				    last->op->worker != said[i].op->worker))
			last = NULL;
		if (last && said[i].op->order < last->op->order)
			against(audit, &said[i], last,
				"which was sent after it");
		else
			last = &said[i];
	}
}

/* Sorted by seq. */
static void
judge_clocks(struct audit *audit, const struct said *said, size_t count)
{
	const struct said *last = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (last && by_run(last, &said[i]))
			last = NULL;
		if (last && last->op->worker != said[i].op->worker &&
			said[i].op->ok_ns >= 0 &&
			said[i].op->ok_ns < last->op->invoke_ns)
			against(audit, &said[i], last,
				"which was sent after its RECEIPT");
		if (!last || said[i].op->invoke_ns > last->op->invoke_ns)
			last = &said[i];
	}
}

int
audit_judge_order(struct audit *audit)
{
	struct said *said = calloc(audit->ops + 1, sizeof(*said));
	size_t count;

	if (!said)
		return -1;
	count = collect(audit, said);
	qsort(said, count, sizeof(*said), by_worker);
	judge_workers(audit, said, count);
	qsort(said, count, sizeof(*said), by_seq);
	judge_clocks(audit, said, count);
	free(said);
	return 0;
}
