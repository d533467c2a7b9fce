/* tests/sim/run.c - see run.h. */
#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HANG_S = 10, TELL_MAX = 10 };

/* What a worker is at; shared with its parent. */
struct progress {
	uint64_t seed; /* of the schedule that it runs */
	int64_t done, wrong, steps, untold;
	bool died;
	uint64_t first;		/* seed that failed; with wrong */
	struct verdict verdict; /* .. and how */
};

static struct progress *
shared(void)
{
	void *at = mmap(NULL, WORKERS_MAX * sizeof(struct progress),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		perror("sim: mmap");
		exit(EXIT_TEMP);
	}
	return at;
}

static void
note(struct progress *p)
{
	if (p->wrong++)
		return;
	p->first = p->seed;
	p->verdict.wrong = true;
	memcpy(p->verdict.invariant, w.invariant, sizeof(w.invariant));
	memcpy(p->verdict.why, w.wrong, sizeof(w.wrong));
	p->verdict.steps = w.steps;
}

static void
say(uint64_t seed)
{
	printf("seed %llu: %s: %s\n", (unsigned long long)seed, w.invariant,
		w.wrong);
	fflush(stdout);
}

static NORETURN void
work(const struct run_opts *o, int k, struct progress *p, bool stop_early)
{
	static struct plan plan;
	int64_t i, until = clock_mono_ms() + o->seconds * 1000;

	for (i = k; o->seconds || i < o->schedules; i += o->workers) {
		if (o->seconds && clock_mono_ms() >= until)
			break;
		p->seed = o->seed + (uint64_t)i;
		plan_make(&plan, p->seed);
		alarm(HANG_S);
		if (!schedule_run(&plan, false)) {
			note(p);
			if (!stop_early)
				say(p->seed);
		}
		alarm(0);
		p->done++;
		p->steps += w.steps;
		p->untold += w.untold;
		if (p->wrong >= TELL_MAX || (stop_early && p->wrong))
			break;
	}
	_exit(0);
}

/* It died in the middle of a schedule: that is how that one failed. */
static void
died(struct progress *p, int status)
{
	p->died = true;
	p->wrong++;
	p->done++;
	p->first = p->seed;
	p->verdict.wrong = true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(p->verdict.invariant, sizeof(p->verdict.invariant),
			"HANG");
	else
		snprintf(p->verdict.invariant, sizeof(p->verdict.invariant),
			"CRASH");
	snprintf(p->verdict.why, sizeof(p->verdict.why),
		"the program itself: wait status %d", status);
}

static void
start_workers(const struct run_opts *o, struct progress *p, bool stop_early)
{
	pid_t pid[WORKERS_MAX];
	int k, status;

	fflush(stdout);
	for (k = 0; k < o->workers; k++) {
		pid[k] = fork();
		if (pid[k] == 0)
			work(o, k, &p[k], stop_early);
		if (pid[k] < 0) {
			perror("sim: fork");
			exit(EXIT_TEMP);
		}
	}
	for (k = 0; k < o->workers; k++)
		if (waitpid(pid[k], &status, 0) == pid[k] && status)
			died(&p[k], status);
}

void
run_apart(const struct plan *plan, bool trace, struct verdict *verdict)
{
	static struct progress *p;
	int status;
	pid_t pid;

	if (!p)
		p = shared();
	memset(p, 0, sizeof(*p));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(HANG_S);
		if (!schedule_run(plan, trace))
			note(p);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("sim: fork");
		exit(EXIT_TEMP);
	}
	if (status)
		died(p, status);
	*verdict = p->verdict;
}

static void
tell_failure(const struct run_opts *o, const struct progress *p)
{
	static struct plan plan;

	if (o->shrink || p->died)
		printf("seed %llu: %s: %s\n", (unsigned long long)p->first,
			p->verdict.invariant, p->verdict.why);
	if (!o->shrink)
		return;
	plan_make(&plan, p->first);
	shrink(&plan, &p->verdict);
}

bool
run_many(const struct run_opts *o)
{
	struct progress *p = shared(), sum = {0};
	int64_t began = clock_mono_ms();
	int k;

	printf("seed %llu\n", (unsigned long long)o->seed);
	start_workers(o, p, o->shrink);
	for (k = 0; k < o->workers; k++) {
		sum.done += p[k].done;
		sum.wrong += p[k].wrong;
		sum.steps += p[k].steps;
		sum.untold += p[k].untold;
	}
	for (k = 0; k < o->workers; k++)
		if (p[k].wrong && (!o->shrink || k == 0 || !p[0].wrong))
			tell_failure(o, &p[k]);
	printf("%lld schedules of %lld steps on average in %.1f s, %lld "
	       "wrong\n",
		(long long)sum.done,
		(long long)(sum.done ? sum.steps / sum.done : 0),
		(double)(clock_mono_ms() - began) / 1000, (long long)sum.wrong);
	return !sum.wrong;
}

bool
run_traced(const struct run_opts *o)
{
	static struct plan plan;
	struct verdict verdict;
	bool good = true;
	int64_t i;

	for (i = 0; i < o->schedules; i++) {
		plan_make(&plan, o->seed + (uint64_t)i);
		plan_print(&plan);
		run_apart(&plan, true, &verdict);
		printf("seed %llu: %s: %s\n", (unsigned long long)plan.seed,
			verdict.wrong ? verdict.invariant : "ok", verdict.why);
		good &= !verdict.wrong;
	}
	return good;
}

/* ---- the table ----------------------------------------------------------- */

static void
table_row(int rule, const struct run_opts *o, struct progress *p)
{
	struct run_opts mine = *o;
	int64_t done = 0;
	int k, found = -1;

	memset(p, 0, WORKERS_MAX * sizeof(*p));
	mine.schedules = o->bound;
	mine.seconds = 0;
	rule_set(rule, true);
	start_workers(&mine, p, true);
	rule_set(rule, false);
	for (k = 0; k < o->workers; k++) {
		done += p[k].done;
		if (p[k].wrong && (found < 0 || p[k].first < p[found].first))
			found = k;
	}
	if (found < 0)
		printf("| `%s` | %s | not in %lld | |\n", rule_name(rule),
			rule_text(rule), (long long)done);
	else
		printf("| `%s` | %s | %llu | %s: %s |\n", rule_name(rule),
			rule_text(rule),
			(unsigned long long)(p[found].first - o->seed + 1),
			p[found].verdict.invariant, p[found].verdict.why);
	fflush(stdout);
}

bool
run_table(const struct run_opts *o)
{
	struct progress *p = shared();
	int rule;

	printf("From seed %llu; at most %lld schedules each.\n\n"
	       "| rule | what it says | missed after | it said |\n"
	       "|---|---|---|---|\n",
		(unsigned long long)o->seed, (long long)o->bound);
	for (rule = 0; rule < o->only_count; rule++)
		table_row(o->only[rule], o, p);
	for (rule = 0; !o->only_count && rule < rules_count(); rule++)
		table_row(rule, o, p);
	return true;
}
