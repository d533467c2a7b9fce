/* links: flow
 *
 * A runner in a small world that goes wrong at random: a filter that knows the
 * rules (chat-record(7)) but dies, retries and answers late; partitions that
 * leave and come back; acks, refusals and commits in any order. Checked at
 * every step: nothing is sent to a filter that owes an answer of it; what is
 * committed is finished; within a key the first effects come in order; in the
 * worlds with transactions what a record emits, and its letter, are there once,
 * and its offset with them. At the end, when nothing goes wrong any more: all
 * is finished and committed, and nothing is left inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <cmocka.h>

#include "base/clock.h"
#include "flow/runner.h"

#define PARTS 3
#define RECORDS 40 /* of each partition */
#define KEYS 4
#define SEEDS 1500
#define PIPE 400

struct log_record {
	char key[4];
	bool keyless;
	bool effect;   /* a filter has done it, once at least */
	bool dead;     /* a letter of it is on its way */
	bool lettered; /* .. or acked */
	bool owes;     /* sent to the filter that runs, not answered */
	bool again;
	bool published; /* atomic: its emits are in Kafka */
};

struct world_part {
	struct log_record record[RECORDS];
	struct part *part;
	bool ours;
	int64_t position, committed;
};

/* What the filter has read, or will: a record, or a revoke. */
struct message {
	int part;
	int64_t offset; /* -1: revoked */
	bool again;
};

static struct world {
	struct runner r;
	uint64_t random;
	int64_t now;
	bool control, atomic;
	bool kind; /* nothing goes wrong any more */
	struct world_part p[PARTS];
	/* the filter */
	bool runs, dying;
	struct message pipe[PIPE];
	size_t head, tail;
	bool holds[PARTS][KEYS];
	/* in Kafka's hands */
	struct item *acks[PIPE];
	bool ack_letter[PIPE];
	size_t ack_count;
	struct item *batch[PIPE]; /* atomic */
	size_t batch_count;
	int aborts;
	bool committing;
	int64_t commit[PARTS]; /* WINDOW_NONE: not in it */
	bool letting_go;
	int bodies;
} w;

static unsigned
roll(unsigned n)
{
	w.random ^= w.random << 13;
	w.random ^= w.random >> 7;
	w.random ^= w.random << 17;
	return (unsigned)(w.random >> 20) % n;
}

static bool
unlucky(unsigned percent)
{
	return !w.kind && roll(100) < percent;
}

static int
index_of(const struct part *part)
{
	int i;

	for (i = 0; i < PARTS; i++)
		if (w.p[i].part == part)
			return i;
	fail_msg("no part of ours");
	return -1;
}

static struct log_record *
record_of(int part, int64_t offset)
{
	assert_in_range(offset, 0, RECORDS - 1);
	return &w.p[part].record[offset];
}

/* ---- the filter ---------------------------------------------------------- */

/* Its first effects within a key come in order: nothing before it in its key
 * is still to be done. */
static void
effect(int part, int64_t offset)
{
	struct log_record *record = record_of(part, offset), *other;
	int64_t i;

	for (i = 0; i < offset && !record->effect && !record->keyless; i++) {
		other = record_of(part, i);
		if (other->keyless || strcmp(other->key, record->key) != 0)
			continue;
		if (i >= w.p[part].committed)
			assert_true(other->effect || other->dead);
	}
	record->effect = true;
}

static void
answer(int part, int64_t offset, enum runner_status status)
{
	struct log_record *record = record_of(part, offset);
	const struct runner_result result = {.topic = STR("t"),
		.partition = part,
		.offset = offset,
		.status = status,
		.error_class = STR("C"),
		.error_message = STR("m")};
	int emits = (int)roll(3), i;
	struct item *item;

	assert_true(record->owes);
	record->owes = false;
	/* Its letter is asked for before anything of its key is sent. */
	record->dead = record->dead || status == RUNNER_DEAD;
	item = runner_result(&w.r, &result, emits, w.now);
	if (item && w.atomic) {
		runner_emits(&w.r, item, NULL, roll(100), w.now);
		return;
	}
	for (i = 0; item && i < emits; i++) {
		w.ack_letter[w.ack_count] = false;
		w.acks[w.ack_count++] = item;
	}
}

static void
process(void)
{
	struct message *m = &w.pipe[w.head % PIPE];
	struct log_record *record;
	bool *holds, none = false;

	w.head++;
	if (m->offset < 0) {
		memset(w.holds[m->part], 0, sizeof(w.holds[m->part]));
		return;
	}
	record = record_of(m->part, m->offset);
	holds = &w.holds[m->part][record->key[0] - 'a'];
	if (record->keyless)
		holds = &none; /* its own key */
	if (m->again)
		*holds = false;
	if (w.control && *holds) {
		answer(m->part, m->offset, RUNNER_RETRY);
	} else if (unlucky(15)) {
		*holds = true;
		answer(m->part, m->offset, RUNNER_RETRY);
	} else if (unlucky(5)) {
		answer(m->part, m->offset, RUNNER_DEAD);
	} else {
		effect(m->part, m->offset);
		answer(m->part, m->offset, RUNNER_DONE);
	}
}

static void
filter_dies(void)
{
	static const int ways[] = {
		0, 1 << 8, 111 << 8, 101 << 8, SIGSEGV, SIGKILL, SIGABRT};
	int i, k;

	for (i = 0; i < PARTS; i++)
		for (k = 0; k < RECORDS; k++)
			w.p[i].record[k].owes = false;
	w.head = w.tail = 0;
	memset(w.holds, 0, sizeof(w.holds));
	w.runs = w.dying = false;
	runner_filter_exit(&w.r, ways[roll(ARRAY_LEN(ways))], w.now);
}

static void
send_message(int part, int64_t offset, bool again)
{
	assert_true(w.tail - w.head < PIPE);
	w.pipe[w.tail++ % PIPE] = (struct message){part, offset, again};
}

/* ---- actions ------------------------------------------------------------- */

static void
do_send(const struct runner_action *a)
{
	int part = index_of(a->item->part);
	struct log_record *record = record_of(part, a->item->slot.offset);
	int k;

	assert_true(w.runs);
	assert_true(w.p[part].ours);
	/* An old answer would pass for the new one's. */
	assert_false(record->owes);
	for (k = 0; k < RECORDS && !w.control && !record->keyless; k++) {
		const struct log_record *other = &w.p[part].record[k];

		assert_false(!other->keyless && other->owes &&
			     !strcmp(other->key, record->key));
	}
	record->owes = true;
	send_message(part, a->item->slot.offset, a->again);
}

/* All of it is in Kafka, for the first time and with its offset. */
static void
do_transaction(void)
{
	size_t i;

	for (i = 0; i < w.batch_count; i++) {
		struct item *item = w.batch[i];
		int part = index_of(item->part);
		struct log_record *record = record_of(part, item->slot.offset);

		assert_true(item->part->committing > item->slot.offset);
		assert_false(record->published || record->lettered);
		record->published = item->publishing;
		record->lettered = item->letter_due;
	}
	w.batch_count = 0;
}

/* True: it was not committed. */
static bool
aborted(void)
{
	if (!unlucky(20) || ++w.aborts > 3) {
		w.aborts = 0;
		return false;
	}
	w.batch_count = 0;
	if (roll(2))
		runner_committed(&w.r, false, w.now);
	else
		runner_refused(&w.r, false, STR("no"), w.now);
	return true;
}

static void end_commit(void);

static void
do_commit(const struct runner_action *a)
{
	size_t i;

	if (w.atomic && aborted())
		return;
	do_transaction();

	assert_false(w.committing);
	w.committing = true;
	for (i = 0; i < PARTS; i++)
		w.commit[i] = WINDOW_NONE;
	for (i = 0; i < a->count; i++) {
		int part = index_of(a->parts[i]);
		int64_t at = a->parts[i]->committing, k;

		assert_true(w.p[part].ours);
		for (k = w.p[part].committed; k < at; k++)
			assert_true(record_of(part, k)->effect ||
				    record_of(part, k)->lettered);
		w.commit[part] = at;
	}
	if (w.atomic)
		end_commit();
}

static void
unassign(void)
{
	int i;

	for (i = 0; i < PARTS; i++)
		w.p[i].ours = false;
	w.letting_go = false;
}

static void
act(const struct runner_action *a)
{
	size_t i;

	switch (a->act) {
	case ACT_DONE:
		w.bodies--;
		break;
	case ACT_LETTER:
		record_of(index_of(a->item->part), a->item->slot.offset)->dead =
			true;
		if (w.atomic)
			break;
		w.ack_letter[w.ack_count] = true;
		w.acks[w.ack_count++] = a->item;
		break;
	case ACT_START:
		assert_false(w.runs);
		w.runs = true;
		runner_filter_up(&w.r, w.now);
		break;
	case ACT_KILL:
		w.dying = true;
		break;
	case ACT_REVOKED:
		for (i = 0; i < a->count; i++)
			send_message(index_of(a->parts[i]), -1, false);
		break;
	case ACT_SEND:
		do_send(a);
		break;
	case ACT_EMIT:
		assert_true(w.atomic);
		w.batch[w.batch_count++] = a->item;
		break;
	case ACT_COMMIT:
		do_commit(a);
		break;
	case ACT_LET_GO:
		assert_true(w.letting_go);
		unassign();
		break;
	case ACT_END:
	case ACT_EXIT:
		fail_msg("it wants to end");
		break;
	default:
		break;
	}
}

static void
pump(void)
{
	struct runner_action a;

	runner_tick(&w.r, w.now);
	while (runner_next(&w.r, w.now, &a))
		act(&a);
}

/* ---- what happens -------------------------------------------------------- */

static void
ack_one(void)
{
	size_t i = w.kind ? 0 : roll((unsigned)w.ack_count);
	struct item *item = w.acks[i];
	bool letter = w.ack_letter[i], refused = !letter && unlucky(4);
	int part = index_of(item->part);

	memmove(&w.acks[i], &w.acks[i + 1],
		(w.ack_count - i - 1) * sizeof(w.acks[0]));
	memmove(&w.ack_letter[i], &w.ack_letter[i + 1],
		(w.ack_count - i - 1) * sizeof(w.ack_letter[0]));
	w.ack_count--;
	if (letter)
		record_of(part, item->slot.offset)->lettered = true;
	runner_published(&w.r, item, letter, refused, STR("no"), w.now);
}

static void
assign_all(void)
{
	int i;

	if (w.letting_go)
		return;
	for (i = 0; i < PARTS; i++) {
		if (w.p[i].ours)
			continue;
		w.p[i].ours = true;
		w.p[i].position = w.p[i].committed;
		runner_assigned(&w.r, w.p[i].part, w.p[i].committed, w.now);
	}
}

static void
take_away(void)
{
	bool lost = roll(2);
	int i;

	if (w.letting_go)
		return;
	for (i = 0; i < PARTS; i++)
		if (w.p[i].ours && lost)
			runner_lost(&w.r, w.p[i].part, w.now);
		else if (w.p[i].ours)
			runner_revoked(&w.r, w.p[i].part, w.now);
	if (lost)
		unassign();
	else
		w.letting_go = w.r.revoking;
}

static void
poll_one(void)
{
	int i = (int)roll(PARTS);
	struct world_part *p = &w.p[i];
	struct log_record *record = &p->record[p->position];
	struct str key = str_c(record->key);

	if (!p->ours || w.letting_go || p->position == RECORDS ||
		p->part->paused || !runner_may_poll(&w.r))
		return;
	w.bodies++;
	assert_true(runner_polled(&w.r, p->part, p->position,
		record->keyless ? NULL : &key, 10, record, unlucky(2), w.now));
	p->position++;
	runner_position(p->part, p->position);
}

static void
end_commit(void)
{
	bool ok = w.atomic || !unlucky(20);
	int i;

	for (i = 0; i < PARTS && ok; i++)
		if (w.commit[i] != WINDOW_NONE && w.p[i].ours)
			w.p[i].committed = w.commit[i];
	w.committing = false;
	runner_committed(&w.r, ok, w.now);
}

static void
step(void)
{
	switch (roll(12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		poll_one();
		break;
	case 4:
	case 5:
	case 6:
		if (w.runs && w.head < w.tail)
			process();
		break;
	case 7:
		if (w.ack_count)
			ack_one();
		break;
	case 8:
		if (w.committing)
			end_commit();
		break;
	case 9:
		if (w.runs && (w.dying || unlucky(10)))
			filter_dies();
		break;
	case 10:
		if (unlucky(10))
			take_away();
		else
			assign_all();
		break;
	default:
		w.now += roll(300);
		break;
	}
	pump();
}

/* ---- a run --------------------------------------------------------------- */

static void
begin(uint64_t seed)
{
	const struct runner_options opts = {.max_records = 20,
		.max_bytes = 1000,
		.hang_ms = 30000,
		.control = seed % 2,
		.atomic = seed % 4 > 1};
	struct err err;
	int i, k;

	memset(&w, 0, sizeof(w));
	w.random = seed * 0x9e3779b97f4a7c15ULL + 1;
	w.now = 1;
	w.control = opts.control;
	w.atomic = opts.atomic;
	assert_int_equal(runner_init(&w.r, &opts, w.now, &err), 0);
	for (i = 0; i < PARTS; i++) {
		w.p[i].part = runner_part(&w.r, STR("t"), i);
		for (k = 0; k < RECORDS; k++) {
			w.p[i].record[k].key[0] = (char)('a' + roll(KEYS));
			w.p[i].record[k].keyless = !roll(6);
		}
	}
}

static bool
all_committed(void)
{
	int i;

	for (i = 0; i < PARTS; i++)
		if (w.p[i].committed != RECORDS)
			return false;
	return true;
}

static void
run(uint64_t seed)
{
	int i;

	begin(seed);
	for (i = 0; i < 1500; i++)
		step();
	w.kind = true;
	for (i = 0; i < 20000 && !(all_committed() && !w.r.used); i++)
		step();
	if (!all_committed() || w.r.used || w.r.bytes || w.bodies)
		fail_msg("seed %d: %d used, %d bytes, %d bodies", (int)seed,
			(int)w.r.used, (int)w.r.bytes, w.bodies);
	assert_int_equal(w.r.owed.count, 0);
	assert_int_equal(w.r.hold.sent_count, 0);
	assert_int_equal(w.ack_count, 0);
	runner_release(&w.r);
}

static void
many_worlds(void **state)
{
	uint64_t seed;

	for (seed = 1; seed <= SEEDS; seed++)
		run(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_worlds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
