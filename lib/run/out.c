/*
 * run/out.c - what a runner writes to Kafka: one by one (publish), or with the
 * offsets in one transaction (xact, -x); see inner.h.
 */
#include "base/clock.h"
#include "run/inner.h"

#define QUEUE_RECORDS 20000
#define QUEUE_BYTES (64 << 20)

int
out_open(struct run *run, const char *id, struct err *err)
{
	const struct publish_options publish = {.kafka = &run->opts->kafka,
		.keep = true,
		.queue_records = QUEUE_RECORDS,
		.queue_bytes = QUEUE_BYTES,
		.on_answer = emits_answer,
		.on_resume = emits_resume,
		.data = run};
	const struct xact_options xact = {.kafka = &run->opts->kafka, .id = id};

	if (run->opts->atomic)
		return xact_open(&run->xact, &xact, err);
	run->publish = publish_new(&publish, err);
	return run->publish ? 0 : -1;
}

enum kafka_verdict
out_start(struct run *run, int timeout_ms, bool *again, struct err *err)
{
	if (run->opts->atomic)
		return rota_start(&run->xact.rota, timeout_ms, again, err);
	return publish_start(run->publish, timeout_ms, again, err);
}

void
out_step(struct run *run, int64_t now)
{
	enum kafka_verdict verdict;

	if (run->opts->atomic)
		verdict = rota_poll(&run->xact.rota, &run->why);
	else
		verdict = publish_step(run->publish, now, &run->why);
	if (verdict != KAFKA_OK)
		out_failed(run, verdict);
}

void
out_failed(struct run *run, enum kafka_verdict verdict)
{
	run_end(run, verdict == KAFKA_PERM ? EXIT_PERM : EXIT_TEMP);
}

int64_t
out_deadline(const struct run *run)
{
	if (run->opts->atomic || publish_idle(run->publish))
		return CLOCK_NEVER;
	return publish_deadline(run->publish);
}

int
out_wake_fd(const struct run *run, unsigned k)
{
	if (run->opts->atomic)
		return rota_wake_fd(&run->xact.rota, k);
	return publish_wake_fd(run->publish, k);
}

bool
out_away(struct run *run)
{
	if (run->opts->atomic)
		return rota_away(&run->xact.rota);
	return publish_away(run->publish);
}

void
out_close(struct run *run)
{
	xact_close(&run->xact);
	publish_free(run->publish);
}
