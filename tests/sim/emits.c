/*
 * tests/sim/emits.c - what a filter says, and what is published of it: stands
 * for lib/run/emits.c and letters.c. See runner.h.
 */
#include <stdlib.h>

#include "pair.h"
#include "runner.h"
#include "sends.h"
#include "wire/dlt.h"
#include "wire/result.h"

/* ---- emits and letters --------------------------------------------------- */

static void
choke(struct actor *actor)
{
	struct run *run = actor->self;

	if (!run->source.paused || run->r.choked)
		return;
	law_choke(&run->law, true);
	runner_choke(&run->r, true, w.now);
	if (run->pipe)
		run->pipe->side[0].paused = true;
}

void
emits_resume(struct actor *actor, struct group_source *source)
{
	struct run *run = actor->self;

	(void)source;
	law_choke(&run->law, false);
	runner_choke(&run->r, false, w.now);
	if (run->pipe)
		run->pipe->side[0].paused = false;
	actor->due = true;
}

void
emits_answer(struct actor *actor, const struct pitem *item, bool dead)
{
	struct run *run = actor->self;
	bool letter = (uintptr_t)item->opaque & 1;
	struct item *of = (struct item *)((char *)item->opaque - letter);

	law_published(&run->law, of, letter, dead);
	runner_published(&run->r, of, letter, dead, STR("refused"), w.now);
	actor->due = true;
}

void
letter_make(struct record *letter, const struct item *item)
{
	static struct record_room room;
	const struct krec *rec = item->body;
	struct err err;

	if (dlt_letter(letter, &rec->record, "store", str_c(item->error_class),
		    str_c(item->error_message), &room, &err) < 0)
		abort();
}

void
emits_letter(struct run *run, struct item *item)
{
	struct krec *rec = item->body;
	struct record letter;

	if (run->topic == DLT) { /* said, that is all */
		if (w.silence_kills < 5)
			wrong("I1", "a letter is dead");
		law_published(&run->law, item, true, false);
		runner_published(&run->r, item, true, false, STR(""), w.now);
		return;
	}
	send_died(rec->record.value);
	rec->said = true;
	if (run->atomic)
		return;
	letter_make(&letter, item);
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
	enum law_says says = law_result(&run->law, result->partition,
		result->offset, (int)r.status, run->pending_count);
	struct item *item =
		runner_result(&run->r, &r, run->pending_count, w.now);

	if (!item != (says != LAW_TAKES))
		wrong("LAW", "%s: an answer to @%lld is %s", actor->name,
			(long long)result->offset,
			item ? "taken, and nobody awaits it" : "dropped");
	if (item)
		((struct krec *)item->body)->said = run->pending_count;
	if (item && run->atomic)
		xact_keep(run, item);
	else if (item)
		publish_pending(run, item);
	run->pending_count = 0;
	choke(actor);
}

void
emits_line(struct actor *actor, struct msg *msg)
{
	struct run *run = actor->self;
	struct filter_line parsed;
	struct err err;

	if (run->r.killing)
		return;
	if (filter_line_parse(&parsed, msg->text, &run->room, &err) < 0)
		abort();
	if (parsed.kind == FILTER_HELLO) {
		law_up(&run->law);
		runner_filter_up(&run->r, w.now);
	} else if (parsed.kind == FILTER_RESULT) {
		law_said(&run->law, false);
		take_result(actor, &parsed.result);
		if (w.plan.odd && !run->r.killing) /* a line twice */
			take_result(actor, &parsed.result);
	} else if (parsed.kind == FILTER_EMIT) {
		law_said(&run->law, false);
		runner_said(&run->r, w.now);
		if (run->pending_count == PENDING_MAX)
			abort();
		run->pending[run->pending_count++] = msg->text;
	} else {
		law_said(&run->law, true);
		runner_waiting(&run->r, w.now);
	}
}
