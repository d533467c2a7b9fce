/*
 * tests/sim/runner.c - chat-consume -g store -- chat-store: stands for lib/run
 * (runner.c, emits.c, letters.c; consumer.c has the rest). What it decides is
 * flow/runner's.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rule.h"
#include "pair.h"
#include "runner.h"
#include "sends.h"
#include "wire/dlt.h"
#include "wire/hello.h"
#include "wire/result.h"

enum {
	WINDOW = 12,
	SOURCE_RECORDS = 8, /* emits that are not acked, until it is choked */
	HANG_MS = 30000,
	TICK_MS = 1000,
};

static void
end(struct actor *actor, int code, const char *why)
{
	actor_exit(actor, code, why);
}

/* ---- emits and letters --------------------------------------------------- */

static void
choke(struct actor *actor)
{
	struct run *run = actor->self;

	if (!run->source.paused || run->r.choked)
		return;
	runner_choke(&run->r, true, w.now);
	if (run->pipe)
		run->pipe->side[0].paused = true;
}

static void
on_resume(struct actor *actor, struct group_source *source)
{
	struct run *run = actor->self;

	(void)source;
	runner_choke(&run->r, false, w.now);
	if (run->pipe)
		run->pipe->side[0].paused = false;
	actor->due = true;
}

static void
on_answer(struct actor *actor, const struct pitem *item, bool dead)
{
	struct run *run = actor->self;
	bool letter = (uintptr_t)item->opaque & 1;

	runner_published(&run->r,
		(struct item *)((char *)item->opaque - letter), letter, dead,
		STR("refused"), w.now);
	actor->due = true;
}

static void
send_letter(struct run *run, struct item *item)
{
	static struct record_room room;
	const struct krec *rec = item->body;
	struct record letter;
	struct err err;

	send_died(rec->record.value);
	if (dlt_letter(&letter, &rec->record, "store", str_c(item->error_class),
		    str_c(item->error_message), &room, &err) < 0)
		abort();
	pub_put(&run->pub, &run->source, &letter, (char *)item + 1);
	passes(run->pub.actor, AT_LETTER);
}

static void
publish_pending(struct run *run, struct item *item)
{
	struct filter_line parsed;
	struct err err;
	int i;

	for (i = 0; i < run->pending_count; i++) {
		if (filter_line_parse(
			    &parsed, run->pending[i], &run->room, &err) < 0)
			abort();
		pub_put(&run->pub, &run->source, &parsed.emit, item);
		passes(run->pub.actor, AT_EMITS);
	}
}

/* ---- the filter's lines -------------------------------------------------- */

static void
take_result(struct actor *actor, const struct result *result)
{
	static const enum runner_status status[] = {
		[RESULT_DONE] = RUNNER_DONE,
		[RESULT_DEAD] = RUNNER_DEAD,
		[RESULT_RETRY] = RUNNER_RETRY,
	};
	struct run *run = actor->self;
	struct runner_result r = {.topic = result->topic,
		.partition = result->partition,
		.offset = result->offset,
		.status = status[result->status],
		.error_class = result->error_class,
		.error_message = result->error_message};
	struct item *item =
		runner_result(&run->r, &r, run->pending_count, w.now);

	if (item)
		publish_pending(run, item);
	run->pending_count = 0;
	choke(actor);
}

static void
filter_gone(struct actor *actor)
{
	struct run *run = actor->self;

	conn_close(run->pipe, actor);
	run->pipe = NULL;
	if (RULE(emits_need_a_result))
		run->pending_count = 0;
	runner_filter_exit(&run->r, pair_status(actor->index), w.now);
}

static void
line(struct actor *actor, struct conn *conn, struct msg *msg)
{
	struct run *run = actor->self;
	struct filter_line parsed;
	struct err err;

	(void)conn;
	actor->due = true;
	if (msg->kind == M_EOF) {
		filter_gone(actor);
		return;
	}
	if (run->r.killing)
		return;
	if (filter_line_parse(&parsed, msg->text, &run->room, &err) < 0)
		abort();
	if (parsed.kind == FILTER_HELLO) {
		runner_filter_up(&run->r, w.now);
	} else if (parsed.kind == FILTER_RESULT) {
		take_result(actor, &parsed.result);
	} else if (parsed.kind == FILTER_EMIT) {
		runner_said(&run->r, w.now);
		if (run->pending_count == PENDING_MAX)
			abort();
		run->pending[run->pending_count++] = msg->text;
	} else {
		runner_waiting(&run->r, w.now);
	}
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

	if (store->state != DOWN)
		actor_kill(store);
	actor_start(store);
	run->pipe = conn_open(PIPE, actor, store);
	if (run->r.choked)
		run->pipe->side[0].paused = true;
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
		STR_ARG(send_label(MESSAGES, &record)),
		(long long)record.offset, action->again ? ", again" : "");
	record.again = action->again;
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
	}
	kafka_send(actor, req);
	passes(actor, AT_COMMIT);
}

static void
act(struct actor *actor, const struct runner_action *action)
{
	struct run *run = actor->self;

	switch (action->act) {
	case ACT_DONE:
	case ACT_FUSE: /* there is none */
	case ACT_EMIT:
		break;
	case ACT_LETTER:
		trace("%s: a letter for @%lld: %s", actor->name,
			(long long)action->item->slot.offset,
			action->item->error_class);
		send_letter(run, action->item);
		break;
	case ACT_START:
		start_filter(actor);
		break;
	case ACT_KILL:
		trace("%s kills its filter: %s", actor->name, action->why);
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
		run_let_go(run);
		break;
	case ACT_EXIT:
		end(actor, action->code, action->why);
		break;
	}
}

/* One turn of its loop; now and then it is interrupted, so that a death falls
 * between any two actions. */
static void
turn(struct actor *actor)
{
	struct run *run = actor->self;
	struct runner_action action;
	int budget = chance(10) ? 1 + (int)roll(3) : 1000;
	const char *why;
	bool again;

	do {
		run_poll(actor);
		if (actor->state != UP)
			return;
		runner_tick(&run->r, w.now);
		again = false;
		while (budget && actor->state == UP &&
			runner_next(&run->r, w.now, &action)) {
			act(actor, &action);
			again = true;
			budget--;
		}
		if (actor->state != UP)
			return;
		why = pub_step(&run->pub);
		if (why) {
			end(actor, EXIT_TEMP, why);
			return;
		}
	} while (again && budget);
	actor->due |= !budget;
	actor_wake(actor, runner_deadline(&run->r, w.now));
	actor_wake(actor, pub_deadline(&run->pub));
	actor_wake(actor, w.now + TICK_MS);
}

static void
back(struct actor *actor, struct msg *msg)
{
	struct run *run = actor->self;
	const struct req *req = msg->ptr;
	const char *why;

	actor->due = true;
	if (req->kind != R_COMMIT) {
		why = pub_answer(&run->pub, req);
		if (why)
			end(actor, EXIT_TEMP, why);
		return;
	}
	if (req->verdict == V_FENCED) {
		end(actor, EXIT_TEMP,
			"another process has our place in the group");
		return;
	}
	runner_committed(&run->r, req->verdict == V_OK, w.now);
}

static void
start(struct actor *actor)
{
	const struct runner_options opts = {.max_records = WINDOW,
		.max_bytes = 1 << 20,
		.hang_ms = HANG_MS,
		.control = true};
	struct run *run = sim_alloc(sizeof(*run));
	struct err err;

	actor->self = run;
	actor->due = true;
	if (runner_init(&run->r, &opts, w.now, &err) < 0)
		abort();
	pub_init(&run->pub, actor, false, SOURCE_RECORDS);
	run->pub.keep = true;
	run->pub.on_answer = on_answer;
	run->pub.on_resume = on_resume;
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

	runner_stop(&run->r, EXIT_DONE, "asked to stop", w.now);
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
	.ready = run_has_work};
