/*
 * tests/sim/runner.c - chat-consume -g store -- chat-store: stands for lib/run
 * (runner.c; emits.c, xact.c and consumer.c have the rest). What it decides is
 * flow/runner's.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rule.h"
#include "pair.h"
#include "runner.h"
#include "sends.h"
#include "wire/hello.h"

enum {
	WINDOW = 12,
	HANG_MS = 30000,
	TICK_MS = 1000,
};

/* ---- the filter -------------------------------------------------------- */

static void
filter_gone(struct actor *actor)
{
	struct run *run = actor->self;

	conn_close(run->pipe, actor);
	run->pipe = NULL;
	if (RULE(emits_need_a_result))
		run->pending_count = 0;
	law_gone(&run->law, pair_status(actor->index), run->r.killing);
	runner_filter_exit(&run->r, pair_status(actor->index), w.now);
}

static void
line(struct actor *actor, struct conn *conn, struct msg *msg)
{
	(void)conn;
	actor->due = true;
	if (msg->kind == M_EOF)
		filter_gone(actor);
	else
		emits_line(actor, msg);
}

static bool
reads(struct actor *actor, struct conn *conn)
{
	(void)conn;
	return !xact_blocked(actor->self);
}

/* ---- actions ------------------------------------------------------------- */

static void
send_line(struct actor *actor)
{
	struct run *run = actor->self;

	if (run->pipe)
		conn_send(run->pipe, actor, msg_line(buf_str(&run->line)));
}

static void
start_filter(struct actor *actor)
{
	struct run *run = actor->self;
	struct actor *store = actor_of(STORE, actor->index);

	law_started(&run->law);
	if (store->state != DOWN)
		actor_kill(store);
	actor_start(store);
	run->pipe = conn_open(PIPE, actor, store);
	if (run->r.choked)
		run->pipe->side[0].paused = true;
	if (w.plan.plain) {
		law_up(&run->law);
		runner_filter_up(&run->r, w.now);
		return;
	}
	buf_reset(&run->line);
	hello_print(&run->line, "chat-consume", RECORD_LINE_MAX);
	send_line(actor);
}

static void
print_control(struct actor *actor, const struct runner_action *action)
{
	struct run *run = actor->self;
	bool assigned = action->act == ACT_ASSIGNED;
	struct position position;
	size_t i;

	for (i = 0; i < action->count; i++) {
		struct part *part = action->parts[i];

		law_control(&run->law, part->partition, assigned);
		position = (struct position){.topic = str_c(part->topic),
			.partition = part->partition,
			.offset = assigned ? window_commit(&part->window) : -1,
			.end = -1};
		buf_reset(&run->line);
		control_print(&run->line,
			assigned ? CONTROL_ASSIGNED : CONTROL_REVOKED,
			&position, 1);
		send_line(actor);
	}
}

static void
print_record(struct actor *actor, const struct runner_action *action)
{
	struct run *run = actor->self;
	const struct krec *rec = action->item->body;
	struct record record = rec->record;

	trace("%s sends %.*s @%lld%s", actor->name,
		STR_ARG(send_label(run->topic, &record)),
		(long long)record.offset, action->again ? ", again" : "");
	law_send(&run->law, action->item, rec, action->again);
	record.again = action->again;
	if (record.value.len > RUN_LONGEST) {
		record.value_left_out = true;
		record.value_bytes = (int64_t)record.value.len;
	}
	buf_reset(&run->line);
	record_print(&run->line, &record);
	send_line(actor);
}

static void
commit(struct actor *actor, const struct runner_action *action)
{
	struct run *run = actor->self;
	struct req *req = kafka_req(actor, R_COMMIT);
	size_t i;
	int p;

	req->gen = run->gen;
	for (p = 0; p < PARTS; p++)
		req->offset[p] = -1;
	for (i = 0; i < action->count; i++) {
		p = action->parts[i]->partition;
		req->offset[p] = action->parts[i]->committing;
		trace("%s commits %d@%lld", actor->name, p,
			(long long)req->offset[p]);
		law_commit(&run->law, p, req->offset[p]);
	}
	if (run->atomic)
		xact_commit(actor, req);
	else
		kafka_send(actor, req);
	passes(actor, AT_COMMIT);
}

static void
act(struct actor *actor, const struct runner_action *action)
{
	struct run *run = actor->self;

	switch (action->act) {
	case ACT_DONE:
		law_done(&run->law, action->body);
		break;
	case ACT_FUSE: /* there is none */
		break;
	case ACT_EMIT:
		law_staged(&run->law, action->item);
		xact_emit(actor, action->item);
		break;
	case ACT_LETTER:
		trace("%s: a letter for @%lld: %s", actor->name,
			(long long)action->item->slot.offset,
			action->item->error_class);
		law_letter(&run->law, action->item, action->item->body);
		emits_letter(run, action->item);
		break;
	case ACT_START:
		start_filter(actor);
		break;
	case ACT_KILL:
		trace("%s kills its filter: %s", actor->name, action->why);
		law_killed(&run->law);
		w.silence_kills +=
			actor_of(STORE, actor->index)->state == STOPPED;
		pair_kill(actor->index, SIGKILL);
		break;
	case ACT_END:
		if (run->pipe)
			conn_shut(run->pipe, actor);
		break;
	case ACT_ASSIGNED:
	case ACT_REVOKED:
		print_control(actor, action);
		break;
	case ACT_SEND:
		print_record(actor, action);
		break;
	case ACT_PAUSE:
	case ACT_RESUME:
		run->paused[action->part->partition] = action->act == ACT_PAUSE;
		break;
	case ACT_COMMIT:
		commit(actor, action);
		break;
	case ACT_LET_GO:
		law_let_go(&run->law);
		run_let_go(run);
		break;
	case ACT_EXIT:
		law_exit(&run->law, action->code, action->why);
		actor_exit(actor, action->code, action->why);
		break;
	}
}

static const char *
step_out(struct actor *actor)
{
	struct run *run = actor->self;

	return run->atomic ? xact_step(actor) : pub_step(&run->pub);
}

/* True: it ended, or is inside of a call. What it puts into a transaction it
 * commits before it looks up again. */
static bool
do_actions(struct actor *actor, int *budget, bool *again)
{
	struct run *run = actor->self;
	struct runner_action action;

	while ((*budget > 0 || run->r.batch_count) && actor->state == UP &&
		!xact_blocked(run) && runner_next(&run->r, w.now, &action)) {
		act(actor, &action);
		*again = true;
		--*budget;
	}
	return actor->state != UP || xact_blocked(run);
}

static void
set_clock(struct actor *actor)
{
	struct run *run = actor->self;

	actor_wake(actor, runner_deadline(&run->r, w.now));
	actor_wake(actor,
		run->atomic ? xact_deadline(run) : pub_deadline(&run->pub));
	actor_wake(actor, w.now + TICK_MS);
}

/* One turn of its loop; now and then it is interrupted, so that a death falls
 * between any two actions. */
static void
turn(struct actor *actor)
{
	struct run *run = actor->self;
	int budget = chance(10) ? 1 + (int)roll(3) : 1000;
	const char *why;
	bool again;

	do {
		again = false;
		if (!xact_blocked(run)) {
			if (run->asked_to_stop) {
				law_stop(&run->law);
				runner_stop(&run->r, EXIT_DONE, "asked to stop",
					w.now);
			}
			run_poll(actor);
			if (actor->state != UP)
				return;
			law_tick(&run->law);
			runner_tick(&run->r, w.now);
			law_ticked(&run->law, run->r.killing);
			if (do_actions(actor, &budget, &again) &&
				actor->state != UP)
				return;
		}
		why = step_out(actor);
		if (why) {
			actor_exit(actor, EXIT_TEMP, why);
			return;
		}
	} while (again && budget > 0 && !xact_blocked(run));
	if (budget > 0 && !xact_blocked(run))
		law_turned(&run->law);
	actor->due |= budget <= 0;
	set_clock(actor);
}

static void
back(struct actor *actor, struct msg *msg)
{
	struct run *run = actor->self;
	const struct req *req = msg->ptr;
	const char *why;

	actor->due = true;
	if (req->kind != R_COMMIT) {
		why = run->atomic ? xact_answer(actor, req)
				  : pub_answer(&run->pub, req);
		if (why)
			actor_exit(actor, EXIT_TEMP, why);
		return;
	}
	if (req->verdict == V_FENCED) {
		actor_exit(actor, EXIT_TEMP,
			"another process has our place in the group");
		return;
	}
	law_committed(&run->law, req->verdict == V_OK);
	runner_committed(&run->r, req->verdict == V_OK, w.now);
}

static void
start(struct actor *actor)
{
	struct run *run = sim_alloc(sizeof(*run));
	const struct runner_options opts = {.max_records = WINDOW,
		.max_bytes = w.plan.window_bytes,
		.hang_ms = HANG_MS,
		.control = !w.plan.plain,
		.atomic = w.plan.atomic && actor->index != OUTCOMES};
	struct err err;

	actor->self = run;
	actor->due = true;
	run->topic = coord_topic(actor->index);
	run->group = coord_group(actor->index);
	run->atomic = opts.atomic;
	law_init(&run->law, actor, opts.control, opts.atomic);
	if (runner_init(&run->r, &opts, w.now, &err) < 0)
		abort();
	if (run->atomic) {
		xact_init(actor);
		return;
	}
	pub_init(&run->pub, actor, false, (size_t)w.plan.source);
	run->pub.keep = true;
	run->pub.on_answer = emits_answer;
	run->pub.on_resume = emits_resume;
}

static void
release(struct actor *actor)
{
	struct run *run = actor->self;

	runner_release(&run->r);
	record_room_release(&run->room);
	buf_release(&run->line);
	if (RULE(child_dies_with_parent))
		pair_kill(actor->index, SIGKILL); /* PDEATHSIG */
}

void
run_term(struct actor *actor)
{
	struct run *run = actor->self;

	run->asked_to_stop = true;
	actor->due = true;
}

int64_t
run_unfinished(const struct actor *actor)
{
	const struct run *run = actor->self;

	return (int64_t)run->r.used + (run->pub.group.count != 0);
}

const struct actor_ops runner_ops = {.start = start,
	.release = release,
	.line = line,
	.turn = turn,
	.back = back,
	.reads = reads,
	.ready = run_has_work};
