/*
 * run/transact.c - emits, letters and offsets in one transaction (-x), as
 * flow/runner asks for it; see inner.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/group.h"
#include "run/inner.h"
#include "wire/dlt.h"

#define STUCK_S 30 /* librdkafka 5456: send_offsets may hang; SIGALRM then */

/* The emits of an answered record, as the lines they came in. */
struct kept {
	size_t len;
	char data[];
};

int
transact_keep(struct run *run, struct item *item)
{
	const struct buf *lines = &run->pending;
	struct kept *kept = malloc(sizeof(*kept) + lines->len);

	if (!kept)
		return err_set(&run->why, "out of memory");
	kept->len = lines->len;
	memcpy(kept->data, lines->data, lines->len);
	runner_emits(&run->runner, item, kept, lines->len, clock_mono_ms());
	return 0;
}

static enum kafka_verdict
put_emits(struct run *run, struct item *item)
{
	const struct kept *kept = item->emits;
	struct str rest = {kept->data, kept->len}, line;
	enum kafka_verdict verdict = KAFKA_OK;
	struct filter_line parsed;

	while (verdict == KAFKA_OK && str_cut(rest, '\n', &line, &rest)) {
		/* It parsed when it came. */
		if (filter_line_parse(&parsed, line, &run->room, &run->why) < 0)
			return KAFKA_FAILED;
		verdict = xact_put(&run->xact, &parsed.emit, item, &run->why);
		run->emits++;
	}
	return verdict;
}

static enum kafka_verdict
put_letter(struct run *run, struct item *item)
{
	struct record letter;

	if (dlt_is(str_c(item->part->topic)))
		return KAFKA_OK; /* it was said, that is all */
	if (letters_make(run, item, &letter, &run->why) < 0)
		return KAFKA_FAILED;
	return xact_put(&run->xact, &letter, letters_tag(item), &run->why);
}

void
transact_emit(struct run *run, struct item *item)
{
	enum kafka_verdict verdict = KAFKA_OK;

	if (item->publishing)
		verdict = put_emits(run, item);
	if (verdict == KAFKA_OK && item->letter_due)
		verdict = put_letter(run, item);
	if (verdict != KAFKA_OK)
		out_failed(run, verdict);
}

static void
aborted(struct run *run)
{
	const struct xact_refusal *refusal = &run->xact.refusal;
	struct item *item = NULL;
	bool letter = false;

	LOG_WARN("runner", "transaction aborted", LOG_E(&run->why));
	if (!refusal->refused) {
		runner_committed(&run->runner, false, clock_mono_ms());
		return;
	}
	if (refusal->opaque)
		item = letters_item(refusal->opaque, &letter);
	runner_refused(
		&run->runner, letter, str_c(run->why.text), clock_mono_ms());
	if (letter)
		letters_refused(run, item, str_c(run->why.text));
}

void
transact_commit(struct run *run, const struct runner_action *action)
{
	rd_kafka_topic_partition_list_t *list = group_offsets(action);
	enum kafka_verdict verdict;

	alarm(STUCK_S);
	verdict = xact_commit(&run->xact, &run->consumer, list, &run->why);
	alarm(0);
	rd_kafka_topic_partition_list_destroy(list);
	if (verdict == KAFKA_OK) {
		run->transactions++;
		runner_committed(&run->runner, true, clock_mono_ms());
	} else if (verdict == KAFKA_REFUSED) {
		run->aborted++;
		aborted(run);
	} else {
		out_failed(run, verdict);
	}
}
