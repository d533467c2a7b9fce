/*
 * tests/unit/oom.h - R-27: runs a piece of work again and again, the nth
 * allocation failing, then all from the nth on, for every n up to the first
 * run in which none failed. Each run must end in a told error (or do all the
 * same what it was to do), leave no allocation behind, and the work must
 * succeed afterwards.
 *
 * "OOM" in the test's links line makes malloc and its kin of all our objects
 * come here (ld's --wrap). Those inside shared libraries do not.
 */
#ifndef UNIT_OOM_H
#define UNIT_OOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* Order matters. */
#include <cmocka.h>

#include "base/base.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void __real_free(void *at);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *at);

static struct {
	bool on;
	bool on_and_on; /* all from the nth on */
	long left;	/* so many succeed */
	long made;	/* asked for in this run */
	long failed;	/* in this run */
	long alive;
} oom;

static bool
oom_fails(void)
{
	if (!oom.on)
		return false;
	oom.made++;
	if (oom.left-- > 0 || (oom.failed && !oom.on_and_on))
		return false;
	oom.failed++;
	return true;
}

static void *
oom_got(void *at)
{
	oom.alive += at != NULL;
	return at;
}

void *
__wrap_malloc(size_t size)
{
	return oom_fails() ? NULL : oom_got(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return oom_fails() ? NULL : oom_got(__real_calloc(count, size));
}

void *
__wrap_realloc(void *at, size_t size)
{
	if (oom_fails())
		return NULL;
	oom.alive -= at != NULL;
	return oom_got(__real_realloc(at, size));
}

char *
__wrap_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = __wrap_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void
__wrap_free(void *at)
{
	oom.alive -= at != NULL;
	__real_free(at);
}

/* 0: done, and right; -1: it said that it failed. What is not right is an
 * assertion of the work itself. */
typedef int oom_work(void *arg);

/* optional: it may do without an allocation that it wished for. */
static void
oom_run(oom_work *work, void *arg, bool optional, bool on_and_on, long n)
{
	long alive = oom.alive;
	int rc;

	oom.on = true;
	oom.on_and_on = on_and_on;
	oom.left = n;
	oom.made = oom.failed = 0;
	rc = work(arg);
	oom.on = false;
	/* Where stderr is closed for the log, only stdout is heard. */
	if (oom.failed ? rc == 0 && !optional : rc != 0) {
		print_message("# allocation %ld of %ld %s: the work said %d\n",
			n, oom.made, oom.failed ? "failed" : "was there", rc);
		fail();
	}
	if (oom.alive != alive) {
		print_message("# allocation %ld: %ld left behind\n", n,
			oom.alive - alive);
		fail();
	}
}

/* How many allocations the work needs. */
static long
oom_each(oom_work *work, void *arg, bool optional)
{
	long n, most = 0;
	int way;

	for (way = 0; way < 2; way++) {
		for (n = 0;; n++) {
			oom_run(work, arg, optional, way == 1, n);
			if (!oom.failed)
				break;
			oom_run(work, arg, false, false, INTPTR_MAX);
		}
		most = n;
	}
	return most;
}

/* A table of works, and the test of all of them. */
struct oom_case {
	const char *name;
	oom_work *work;
	void *arg;
	long least; /* allocations: so that a test tests something */
	bool optional;
};

static void
oom_test(const struct oom_case *cases, size_t count)
{
	long needed;
	size_t i;

	for (i = 0; i < count; i++) {
		print_message("# %s\n", cases[i].name);
		needed = oom_each(
			cases[i].work, cases[i].arg, cases[i].optional);
		if (needed < cases[i].least)
			fail_msg("%s: %ld allocations only", cases[i].name,
				needed);
	}
}

#endif
