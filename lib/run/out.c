/*
 * run/out.c - what a runner writes to Kafka: one by one (publish; emits and
 * letters apart), or with the offsets in one transaction (xact, -x); see
 * inner.h.
 */
#include "base/clock.h"
#include "run/inner.h"

#define QUEUE_RECORDS 20000
#define QUEUE_BYTES (64 << 20)

static int
open_both(struct run *run, struct err *err)
{
	struct publish_options publish = {.kafka = &run->opts->kafka,
		.keep = true,
		.queue_records = QUEUE_RECORDS,
		.queue_bytes = QUEUE_BYTES,
		.on_answer = emits_answer,
		.on_resume = emits_resume,
		.data = run};

	run->emits_out = publish_new(&publish, err);
	if (!run->emits_out)
		return -1;
	/* A letter is of a record that the window holds: that bounds them. */
	publish.queue_records = publish.queue_bytes = SIZE_MAX;
	run->letters_out = publish_new(&publish, err);
	return run->letters_out ? 0 : -1;
}

int
out_open(struct run *run, const char *id, struct err *err)
{
	const struct xact_options xact = {.kafka = &run->opts->kafka, .id = id};

	return run->opts->atomic ? xact_open(&run->xact, &xact, err)
				 : open_both(run, err);
}

enum kafka_verdict
out_start(struct run *run, int timeout_ms, bool *again, struct err *err)
{
	enum kafka_verdict verdict;

	if (run->opts->atomic)
		return rota_start(&run->xact.rota, timeout_ms, again, err);
	verdict = publish_start(run->emits_out, timeout_ms, again, err);
	if (verdict != KAFKA_OK)
		return verdict;
	return publish_start(run->letters_out, timeout_ms, again, err);
}

static enum kafka_verdict
step_both(struct run *run, int64_t now)
{
	enum kafka_verdict verdict =
		publish_step(run->emits_out, now, &run->why);

	if (verdict != KAFKA_OK)
		return verdict;
	return publish_step(run->letters_out, now, &run->why);
}

void
out_step(struct run *run, int64_t now)
{
	enum kafka_verdict verdict =
		run->opts->atomic ? rota_poll(&run->xact.rota, &run->why)
				  : step_both(run, now);

	if (verdict != KAFKA_OK)
		out_failed(run, verdict);
}

void
out_failed(struct run *run, enum kafka_verdict verdict)
{
	run_end(run, verdict == KAFKA_PERM ? EXIT_PERM : EXIT_TEMP);
}

static int64_t
deadline(const struct publish *publish)
{
	return publish_idle(publish) ? CLOCK_NEVER : publish_deadline(publish);
}

int64_t
out_deadline(const struct run *run)
{
	int64_t emits, letters;

	if (run->opts->atomic)
		return CLOCK_NEVER;
	emits = deadline(run->emits_out);
	letters = deadline(run->letters_out);
	return emits < letters ? emits : letters;
}

int
out_wake_fd(const struct run *run, unsigned k)
{
	if (run->opts->atomic)
		return rota_wake_fd(&run->xact.rota, k);
	return publish_wake_fd(k ? run->letters_out : run->emits_out, 0);
}

bool
out_away(struct run *run)
{
	if (run->opts->atomic)
		return rota_away(&run->xact.rota);
	return publish_away(run->emits_out) || publish_away(run->letters_out);
}

void
out_close(struct run *run)
{
	xact_close(&run->xact);
	publish_free(run->emits_out);
	publish_free(run->letters_out);
}
