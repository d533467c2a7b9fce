/* run/letters.c - dead letters of a runner; see inner.h. */
#include "base/clock.h"
#include "base/log.h"
#include "run/inner.h"
#include "wire/dlt.h"

#define HEADERS_MAX (RECORD_HEADERS_MAX - 16) /* and those that say why */

/* An item's address is even: the lowest bit says that it is a letter. */
void *
letters_tag(struct item *item)
{
	return (char *)item + 1;
}

struct item *
letters_item(void *opaque, bool *letter)
{
	*letter = (uintptr_t)opaque & 1;
	return (struct item *)((char *)opaque - *letter);
}

static void
log_it(const struct item *item, const char *message)
{
	LOG_WARN("runner", message, LOG_S("topic", item->part->topic),
		LOG_I("partition", item->part->partition),
		LOG_I("offset", item->slot.offset),
		LOG_S("class", item->error_class),
		LOG_S("error", item->error_message));
}

/* A record with more headers than a line may have becomes a letter with the
 * first of them: one that never ended would stop its partition. */
static void
cut_headers(struct record *record, const struct item *item)
{
	if (record->header_count <= HEADERS_MAX)
		return;
	record->header_count = HEADERS_MAX;
	log_it(item, "a dead letter has lost headers: there are too many");
}

int
letters_make(struct run *run, struct item *item, struct record *letter,
	struct err *err)
{
	static struct record_room room; /* of the new headers; 8 KiB */
	struct record record;

	if (consumer_record(&record, item->body, &run->room, err) < 0)
		err_clear(err); /* over RECORD_HEADERS_MAX, cut here */
	cut_headers(&record, item);
	return dlt_letter(letter, &record, run->opts->group,
		str_c(item->error_class), str_c(item->error_message), &room,
		err);
}

static int
send_letter(struct run *run, struct item *item, struct err *err)
{
	struct record letter;

	if (letters_make(run, item, &letter, err) < 0)
		return -1;
	return publish_put(run->letters_out, &run->letters_source, &letter,
		letters_tag(item), err);
}

void
letters_send(struct run *run, struct item *item)
{
	if (dlt_is(str_c(item->part->topic))) {
		log_it(item, "a record of a dead letter topic is dead");
		if (run->opts->atomic)
			return;
		runner_published(&run->runner, item, true, false, STR(""),
			clock_mono_ms());
		return;
	}
	log_it(item, "record is dead");
	if (!run->opts->atomic && send_letter(run, item, &run->why) < 0)
		run_end(run, EXIT_TEMP);
}

void
letters_refused(struct run *run, const struct item *item, struct str why)
{
	const struct part *part = item->part;

	if (!run->runner.stopped || run->words.text[0])
		return;
	err_set(&run->words,
		"the dead letter of %s/%d/%lld was refused by %s" DLT_SUFFIX
		", partition %d: %.*s",
		part->topic, (int)part->partition, (long long)item->slot.offset,
		part->topic, (int)part->partition, STR_ARG(why));
}
