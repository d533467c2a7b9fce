/* dlq/replay.c - see replay.h. */
#include "dlq/replay.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dlq/turn.h"
#include "io/stop.h"

#define IDLE_MS 100
#define NAP_MS 20
#define PROGRESS_MS 1000
#define PACES_A_SECOND 20 /* with a rate: so many batches */

struct replay {
	const struct replay_options *opts;
	struct turn turn;
	struct source *source;
	struct plan plan;
	int64_t replayed, seen;
	int64_t settled; /* marks that there were */
	int64_t begun_ms, told_ms;
	size_t batch; /* letters in one at most */
	bool ended;   /* all of the topic was looked at */
};

/* ---- letters that have their end ----------------------------------------- */

static void
on_end(void *data, rd_kafka_message_t *message, const char *why)
{
	static struct record_room room; /* 10 KiB */
	struct replay *r = data;
	struct letter letter;

	r->replayed += !why;
	if (!why && !r->opts->dry)
		return;
	if (why)
		plan_refused(&r->plan);
	source_letter(&letter, message, &room);
	r->opts->on_letter(r->opts->data, &letter, why);
}

static void
tell_missing(struct replay *r, const char *why)
{
	r->plan.refused++;
	r->opts->on_letter(r->opts->data, NULL, why);
}

/* Lines of the input that no letter belongs to. */
static void
tell_unused(struct replay *r, const char *dlt)
{
	struct edits *edits = r->opts->edits;
	char why[400];
	size_t i;

	for (i = 0; edits && i < edits->count; i++) {
		const struct edit *e = &edits->item[i];

		if (e->used || !str_eq_c(str_c(edits->topic[e->topic]), dlt))
			continue;
		snprintf(why, sizeof(why),
			"%s/%d/%lld (line %lld): no such letter, or not any "
			"more",
			dlt, (int)e->partition, (long long)e->offset,
			(long long)e->line);
		tell_missing(r, why);
	}
}

/* The letter that was named by its place. */
static void
tell_none(struct replay *r, const struct source_place *place)
{
	char why[400];

	if (!place->one || r->seen)
		return;
	snprintf(why, sizeof(why),
		"%s/%d/%lld: no such letter, or not any more", place->dlt,
		(int)place->partition, (long long)place->from.n);
	tell_missing(r, why);
}

/* ---- the run --------------------------------------------------------------
 */

/* Waits until the rate allows what was put so far. */
static void
pace(const struct replay *r)
{
	int64_t rate = r->opts->rate, due_ms;

	if (!rate || r->opts->dry)
		return;
	due_ms = r->begun_ms + r->replayed * 1000 / rate;
	while (!stop_asked && clock_mono_ms() < due_ms)
		usleep(NAP_MS * 1000);
}

static int
flush(struct replay *r, struct err *err)
{
	if (!writer_count(r->turn.writer))
		return 0;
	pace(r);
	return writer_flush(r->turn.writer, err);
}

static int
take(struct replay *r, const struct letter *letter, rd_kafka_message_t *message,
	struct err *err)
{
	const struct replay_options *opts = r->opts;
	struct letter_edit edited;
	struct edit *edit;
	struct str target;
	enum plan_word word;

	r->seen++;
	if (plan_letter(&r->plan, letter, &word, &target, &edit, err) < 0) {
		rd_kafka_message_destroy(message);
		return EXIT_PERM;
	}
	if (word == PLAN_SKIP || word == PLAN_REFUSE)
		resume_open(&r->source->resume, letter->record.partition,
			letter->record.offset);
	if (word == PLAN_REPLAY) {
		if (edit)
			edited = edits_get(opts->edits, edit);
		writer_put(
			r->turn.writer, message, target, edit ? &edited : NULL);
		if (writer_full(r->turn.writer) ||
			writer_count(r->turn.writer) >= r->batch)
			return flush(r, err);
		return 0;
	}
	if (word == PLAN_REFUSE)
		opts->on_letter(opts->data, letter, r->plan.why);
	rd_kafka_message_destroy(message);
	return 0;
}

static void
progress(struct replay *r)
{
	int64_t now = clock_mono_ms();

	if (now - r->told_ms < PROGRESS_MS)
		return;
	r->told_ms = now;
	r->opts->on_progress(r->opts->data, r->seen, r->source->total);
}

static int
walk(struct replay *r, struct err *err)
{
	rd_kafka_message_t *message;
	struct letter letter;
	enum source_got got;
	int code = 0;

	r->begun_ms = r->told_ms = clock_mono_ms();
	while (!code && !stop_asked) {
		/* What there is goes before we wait for more. */
		int wait_ms = writer_count(r->turn.writer) ? 0 : IDLE_MS;

		got = source_next(
			r->source, wait_ms, &letter, &message, &code, err);
		if (got == SOURCE_END) {
			r->ended = true;
			break;
		}
		if (got == SOURCE_LETTER)
			code = take(r, &letter, message, err);
		else if (got == SOURCE_NOTHING)
			code = flush(r, err);
		progress(r);
	}
	return code ? code : flush(r, err);
}

static int
take_over(struct replay *r, const char *dlt, struct err *err)
{
	const struct replay_options *opts = r->opts;
	const struct writer_options writer = {.kafka = opts->kafka,
		.dlt = dlt,
		.idempotent = opts->idempotent,
		.drop = opts->drop,
		.dry = opts->dry,
		.resume = &r->source->resume,
		.patience_ms = opts->patience_ms,
		.on_end = on_end,
		.data = r};

	return turn_take(&r->turn, opts->run_dir, &writer, err);
}

/* A mark was taken back: before its tombstone is gone, a record that stays says
 * that what was claimed until then is not so. */
static int
note_reopened(struct replay *r, struct err *err)
{
	if (!r->source->reopened)
		return 0;
	writer_put_bare(r->turn.writer, str_c(MARK_REOPENED), STR("{}"));
	return writer_flush(r->turn.writer, err);
}

static int
run(struct replay *r, const struct source_place *place, struct err *err)
{
	int code = take_over(r, place->dlt, err);

	LOG_DEBUG("dlq", "taken over", LOG_S("topic", place->dlt));
	if (!code && !stop_asked)
		code = source_marks(r->source, place->dlt, true, err);
	r->settled = (int64_t)r->source->marks.count;
	LOG_DEBUG("dlq", "marks read", LOG_I("marks", r->settled));
	if (!code && !stop_asked)
		code = note_reopened(r, err);
	if (!code && !stop_asked)
		code = source_begin(r->source, place, err);
	LOG_DEBUG("dlq", "begins", LOG_I("places", r->source->total));
	if (!code && !stop_asked)
		code = walk(r, err);
	if (!code && !stop_asked) {
		tell_unused(r, place->dlt);
		tell_none(r, place);
	}
	return code;
}

static size_t
batch_of(int64_t rate)
{
	if (!rate || rate / PACES_A_SECOND >= WRITER_BATCH)
		return WRITER_BATCH;
	return rate < PACES_A_SECOND ? 1 : (size_t)(rate / PACES_A_SECOND);
}

static void
sum_up(const struct replay *r, struct replay_sums *sums)
{
	sums->replayed += r->replayed;
	sums->refused += r->plan.refused;
	sums->skipped += r->plan.skipped;
	sums->settled += r->settled;
	if (stop_asked && !r->ended)
		sums->stopped = true;
}

int
replay_topic(struct source *source, const struct replay_options *opts,
	const struct source_place *place, struct replay_sums *sums,
	struct err *err)
{
	struct replay r = {.opts = opts,
		.source = source,
		.batch = batch_of(opts->rate),
		.plan = {.choice = opts->choice,
			.edits = opts->edits,
			.marks = &source->marks,
			.max = opts->max - sums->replayed,
			.max_replays = opts->max_replays,
			.drop = opts->drop}};
	/* Whoever names letters is told of each. */
	struct source_place mine = *place;
	int code;

	mine.settled_too = opts->edits != NULL || place->one;
	code = run(&r, &mine, err);
	sum_up(&r, sums);
	turn_end(&r.turn, code);
	buf_release(&r.plan.key);
	return code;
}
