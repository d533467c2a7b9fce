/*
 * runner-script.h - a script for a runner: events in, and what it asks for as
 * one line of text. For test-runner.c and test-runner-atomic.c.
 */
#ifndef RUNNER_SCRIPT_H
#define RUNNER_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <cmocka.h>

#include "base/clock.h"
#include "flow/runner.h"

/* Partitions: t/0 is 'a', t/1 'b', x-dlt/0 'c'. A record of a at 5 is "a5". */
static struct runner r;
static struct part *pa, *pb, *pc;
static struct item *letter[16];
static size_t letters;
static int64_t now;
static int bodies; /* given, not given back */
static char out[2000];

static inline void PRINTF(1, 2) put(const char *fmt, ...)
{
	size_t len = strlen(out);
	va_list ap;

	if (len)
		out[len++] = ' ';
	va_start(ap, fmt);
	vsnprintf(out + len, sizeof(out) - len, fmt, ap);
	va_end(ap);
}

static inline char
name(const struct part *part)
{
	return part == pa ? 'a' : part == pb ? 'b' : 'c';
}

static inline void
put_parts(const char *what, const struct runner_action *a, bool offsets)
{
	char text[100] = "";
	size_t i;

	for (i = 0; i < a->count; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%c",
			name(a->parts[i]));
		if (offsets)
			snprintf(text + len + 1, sizeof(text) - len - 1,
				"%lld%s", (long long)a->parts[i]->committing,
				i + 1 < a->count ? "," : "");
	}
	put("%s:%s", what, text);
}

static inline void
put_item(const char *what, const struct item *item, const char *more)
{
	put("%s:%c%lld%s", what, name(item->part), (long long)item->slot.offset,
		more);
}

static inline void
note(const struct runner_action *a)
{
	switch (a->act) {
	case ACT_DONE:
		put("done:%s", (const char *)a->body);
		bodies--;
		break;
	case ACT_LETTER:
		put_item("letter", a->item, "/");
		strcat(out, a->item->error_class);
		letter[letters++] = a->item;
		break;
	case ACT_FUSE:
		put_item("fuse", a->item, "/");
		strcat(out, a->item->error_class);
		assert_ptr_equal(a->part, a->item->part);
		break;
	case ACT_EMIT:
		put_item("emit", a->item, "");
		strcat(out, a->item->publishing ? "+" : "");
		strcat(out, a->item->letter_due ? "/letter" : "");
		break;
	case ACT_START:
		put("start");
		break;
	case ACT_KILL:
		put("kill(%s)", a->why);
		break;
	case ACT_END:
		put("end");
		break;
	case ACT_ASSIGNED:
		put_parts("assigned", a, false);
		break;
	case ACT_REVOKED:
		put_parts("revoked", a, false);
		break;
	case ACT_SEND:
		put_item("send", a->item, a->again ? "!" : "");
		break;
	case ACT_PAUSE:
		put("pause:%c", name(a->part));
		break;
	case ACT_RESUME:
		put("resume:%c", name(a->part));
		break;
	case ACT_COMMIT:
		put_parts("commit", a, true);
		break;
	case ACT_LET_GO:
		put("let-go");
		break;
	case ACT_EXIT:
		put("exit%d(%s)", a->code, a->why);
		break;
	}
}

/* Time goes on by ms; then everything that is due. */
static inline const char *
after(int64_t ms)
{
	struct runner_action a;

	now += ms;
	runner_tick(&r, now);
	*out = '\0';
	while (runner_next(&r, now, &a))
		note(&a);
	return out;
}

#define AFTER(ms, text) assert_string_equal(after(ms), text)
#define NOW(text) AFTER(0, text)
#define DUE(ms) assert_int_equal(runner_deadline(&r, now) - now, ms)
#define NEVER() assert_int_equal(runner_deadline(&r, now), CLOCK_NEVER)

static inline void
begin_opts(const struct runner_options *opts)
{
	struct err err;

	now = 1000000;
	bodies = 0;
	letters = 0;
	assert_int_equal(runner_init(&r, opts, now, &err), 0);
	pa = runner_part(&r, STR("t"), 0);
	pb = runner_part(&r, STR("t"), 1);
	pc = runner_part(&r, STR("x-dlt"), 0);
	assert_ptr_equal(runner_part(&r, STR("t"), 1), pb);
	assert_ptr_not_equal(pa, pc);
	NOW("start");
	runner_filter_up(&r, now);
	NOW("");
}

static inline void
begin_with(bool control, size_t records, size_t bytes)
{
	const struct runner_options opts = {.max_records = records,
		.max_bytes = bytes,
		.hang_ms = 30000,
		.control = control};

	begin_opts(&opts);
}

/* A filter that runs, a assigned at 0. */
static inline void
begin(bool control)
{
	begin_with(control, 100, 1 << 20);
	runner_assigned(&r, pa, 0, now);
	NOW(control ? "assigned:a" : "");
}

static inline void
end(void)
{
	runner_release(&r);
	assert_null(r.items);
}

/* Commits go through at once, their pause is over. */
static inline void
commit(void)
{
	runner_committed(&r, true, now);
	r.commit_ms = now;
}

static char names[1000][24];
static size_t names_used;

static inline bool
poll_it(struct part *part, int64_t offset, const char *key, size_t bytes,
	bool too_long)
{
	char *body = names[names_used++ % 1000];
	struct str k = str_c(key);
	bool taken;

	snprintf(body, 24, "%c%lld", name(part), (long long)offset);
	taken = runner_polled(
		&r, part, offset, key ? &k : NULL, bytes, body, too_long, now);
	bodies += taken;
	return taken;
}

static inline void
polled(struct part *part, int64_t offset, const char *key)
{
	assert_true(poll_it(part, offset, key, 10, false));
}

static inline struct item *
answer(struct part *part, int64_t offset, enum runner_status status, int emits)
{
	const struct runner_result result = {.topic = str_c(part->topic),
		.partition = part->partition,
		.offset = offset,
		.status = status,
		.error_class = STR("WHY"),
		.error_message = STR("because")};

	return runner_result(&r, &result, emits, now);
}

#define DONE(p, o) assert_null(answer(p, o, RUNNER_DONE, 0))
#define DEAD(p, o) assert_null(answer(p, o, RUNNER_DEAD, 0))
#define RETRY(p, o) assert_null(answer(p, o, RUNNER_RETRY, 0))

static inline void
acked(struct item *item)
{
	runner_published(&r, item, false, false, STR(""), now);
}

static inline void
letter_acked(void)
{
	assert_true(letters > 0);
	runner_published(&r, letter[--letters], true, false, STR(""), now);
}

#endif
