/* client/load.c - the phases of a load run, see load.h. */
#include "client/load.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "base/clock.h"
#include "client/load_inner.h"

#define OPENING_MAX 128	 /* connections that are not subscribed yet */
#define OPEN_MS 15000	 /* for one of them */
#define LINGER_US 200000 /* after the last answer, for duplicates */
#define LEAD_US 20000	 /* from the decision to the first message */
#define SPARE_FILES 64

static void begin_phase(struct load *load, enum load_phase phase);

void
load_complain(struct load *load, struct str what, struct str why)
{
	load->refused++;
	if (!load->why.text[0])
		err_set(&load->why, "%.*s: %.*s", STR_ARG(what), STR_ARG(why));
}

static int64_t
total_connections(const struct load_options *opts)
{
	return opts->idle_count ? opts->idle[opts->idle_count - 1]
				: opts->rooms * opts->members;
}

int64_t
load_expected(const struct load *load)
{
	return (load->sent - load->unsent) * load->opts.members;
}

bool
load_clean(const struct load *load)
{
	const struct tally *t = &load->tally;
	int64_t sent = load->sent - load->unsent;

	return load->ready == load->target && !load->lost && !load->unsent &&
	       !load->refused && !t->duplicates && !t->misdelivered &&
	       !t->out_of_order && !t->holes &&
	       t->deliveries == load_expected(load) &&
	       (!load->opts.receipts || t->receipts == sent);
}

/* ---- figures of processes ----------------------------------------------- */

static void
measure_cpu(struct load *load, bool first)
{
	struct load_pid *p;
	struct err ignored;
	int64_t us;
	size_t i;

	for (i = 0; i < load->opts.pid_count; i++) {
		p = &load->opts.pids[i];
		if (usage_cpu(p->pid, &us, &ignored) < 0)
			p->gone = true;
		else if (first)
			p->cpu_from_us = us;
		else
			p->cpu_us = us - p->cpu_from_us;
	}
	if (first)
		load->own_from_us = usage_own_cpu_us();
	else
		load->own_cpu_us = usage_own_cpu_us() - load->own_from_us;
}

static void
measure_memory(struct load *load, bool before)
{
	struct load_pid *p;
	struct err ignored;
	size_t i;

	for (i = 0; i < load->opts.pid_count; i++) {
		p = &load->opts.pids[i];
		if (usage_memory(p->pid, before ? &p->before : &p->after,
			    &ignored) < 0)
			p->gone = true;
	}
	if (before)
		load->kernel_before = usage_available_bytes();
	else
		load->kernel_after = usage_available_bytes();
}

/* ---- ramp --------------------------------------------------------------- */

/* Those that are due, but not more at a time than a server's queue of half
 * open connections holds. */
static void
open_due(struct load *load)
{
	int64_t i, due;

	while (load->opening < OPENING_MAX &&
		schedule_take(&load->schedule, clock_mono_us(), &i, &due)) {
		load->opening++;
		member_open(&load->member[i], load, i);
	}
	if (load->opening < OPENING_MAX)
		tick_at(&load->tick, schedule_next_us(&load->schedule));
}

void
load_member_ready(struct load *load, struct load_member *member)
{
	int64_t now = clock_mono_us();

	hist_add(&load->ramp, now - member->began_us);
	load->opening--;
	load->ready++;
	if (load->phase != LOAD_RAMP)
		return;
	load->ramp_us = now - load->ramp_from_us;
	if (load->ready == load->target)
		begin_phase(load, LOAD_SETTLE);
	else
		open_due(load);
}

void
load_member_gone(struct load *load, struct load_member *member, const char *why)
{
	if (load->phase == LOAD_DONE)
		return;
	if (!load->why.text[0])
		err_set(&load->why, "connection %lld: %s",
			(long long)member->index, why);
	load->lost++;
	if (load->phase == LOAD_RAMP)
		begin_phase(load, LOAD_DONE);
}

/* ---- run ---------------------------------------------------------------- */

static void
send_due(struct load *load)
{
	struct load_member *member;
	int64_t n, due, now;

	while (schedule_take(
		&load->schedule, (now = clock_mono_us()), &n, &due)) {
		if (n == load->tally.warm)
			measure_cpu(load, true);
		member = &load->member[tally_sender(&load->tally, n)];
		load->sent++;
		tally_sent(&load->tally, n, now - due);
		if (member->state == MEMBER_READY)
			member_send(member, n, due);
		else
			load->unsent++;
	}
	if (schedule_next_us(&load->schedule) == CLOCK_NEVER)
		begin_phase(load, LOAD_DRAIN);
	else
		tick_at(&load->tick, schedule_next_us(&load->schedule));
}

static bool
complete(const struct load *load)
{
	return load->tally.deliveries >= load_expected(load) &&
	       (!load->opts.receipts ||
		       load->tally.receipts >= load->sent - load->unsent);
}

/* The last answer ends what is measured; then a moment for duplicates. */
void
load_progress(struct load *load, int64_t now_us)
{
	load->last_answer_us = now_us;
	if (load->phase != LOAD_DRAIN || load->complete || !complete(load))
		return;
	load->complete = true;
	measure_cpu(load, false);
	load->run_us = now_us - load->began_us;
	tick_at(&load->tick, now_us + LINGER_US);
}

static void
end_drain(struct load *load)
{
	if (!load->complete) {
		measure_cpu(load, false);
		load->run_us = load->last_answer_us - load->began_us;
	}
	begin_phase(load, LOAD_DONE);
}

/* ---- phases ------------------------------------------------------------- */

static void
begin_ramp(struct load *load)
{
	int64_t from = load->target, now = clock_mono_us();

	load->target = load->opts.idle_count ? load->opts.idle[load->step]
					     : total_connections(&load->opts);
	load->opened = load->target - from;
	load->ramp_from_us = now;
	if (!from)
		measure_memory(load, true);
	schedule_init(&load->schedule, now, load->opts.ramp, load->target);
	/* Those of the steps before are open: this one's first is due now. */
	load->schedule.next = from;
	if (load->opts.ramp)
		load->schedule.start_us -= from * 1000000 / load->opts.ramp;
	open_due(load);
}

static void
begin_run(struct load *load)
{
	const struct load_options *opts = &load->opts;

	load->began_us = clock_mono_us() + LEAD_US;
	schedule_init(
		&load->schedule, load->began_us, opts->rate, load->tally.total);
	tick_at(&load->tick, load->began_us);
}

static void
begin_phase(struct load *load, enum load_phase phase)
{
	int64_t now = clock_mono_us();

	if (load->phase == LOAD_DONE)
		return;
	load->phase = phase;
	tick_at(&load->tick, CLOCK_NEVER);
	switch (phase) {
	case LOAD_RAMP:
		begin_ramp(load);
		break;
	case LOAD_SETTLE:
		tick_at(&load->tick, now + load->opts.settle_ms * 1000);
		break;
	case LOAD_IDLE:
		tick_at(&load->tick, now + load->opts.time_ms * 1000);
		break;
	case LOAD_RUN:
		begin_run(load);
		break;
	case LOAD_DRAIN:
		tick_at(&load->tick, now + load->opts.drain_ms * 1000);
		load_progress(load, now);
		break;
	case LOAD_DONE:
		uv_timer_stop(&load->timer);
		load->on_step(load);
		break;
	}
}

static void
end_idle(struct load *load)
{
	measure_memory(load, false);
	if (++load->step == load->opts.idle_count) {
		begin_phase(load, LOAD_DONE);
		return;
	}
	load->on_step(load);
	begin_phase(load, LOAD_RAMP);
}

static void
on_tick(struct tick *tick)
{
	struct load *load = tick->data;

	switch (load->phase) {
	case LOAD_RAMP:
		open_due(load);
		break;
	case LOAD_SETTLE:
		begin_phase(load, load->opts.idle_count ? LOAD_IDLE : LOAD_RUN);
		break;
	case LOAD_IDLE:
		end_idle(load);
		break;
	case LOAD_RUN:
		send_due(load);
		break;
	case LOAD_DRAIN:
		end_drain(load);
		break;
	case LOAD_DONE:
		break;
	}
}

/* Once a second: heart-beats, and connections that never became ready. */
static void
on_second(uv_timer_t *timer)
{
	struct load *load = timer->data;
	int64_t i, now = clock_mono_us();
	struct load_member *member;

	for (i = 0; i < load->target; i++) {
		member = &load->member[i];
		if (member->state == MEMBER_READY)
			member_beat(member, now / 1000);
		else if (member->state != MEMBER_NEW &&
			 member->state != MEMBER_GONE &&
			 now - member->began_us > OPEN_MS * 1000)
			conn_abort(&member->conn, "not subscribed in time");
	}
}

void
load_stop(struct load *load)
{
	load->stopping = true;
	schedule_stop(&load->schedule);
	if (load->phase == LOAD_RUN)
		begin_phase(load, LOAD_DRAIN);
	else if (load->phase != LOAD_DRAIN)
		begin_phase(load, LOAD_DONE);
}

/* ---- start and end ------------------------------------------------------ */

static int
resolve(struct load *load, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	int rc = getaddrinfo(
		load->opts.url.host, load->opts.url.port, &hints, &load->found);

	if (rc)
		return err_set(err, "cannot resolve '%s': %s",
			load->opts.url.host, gai_strerror(rc));
	return 0;
}

int
load_start(struct load *load, uv_loop_t *loop, const struct load_options *opts,
	void (*on_step)(struct load *load), void *data, struct err *err)
{
	int64_t count = total_connections(opts), warm, total;

	memset(load, 0, sizeof(*load));
	load->opts = *opts;
	load->loop = loop;
	load->on_step = on_step;
	load->data = data;
	load->phase = LOAD_RAMP;
	warm = opts->rate * opts->warm_ms / 1000;
	total = opts->idle_count ? 0 : warm + opts->rate * opts->time_ms / 1000;
	arc4random_buf(&load->run, sizeof(load->run));
	load->mark_len = stamp_mark(load->run, load->mark);
	load->member = calloc((size_t)count, sizeof(*load->member));
	if (!load->member)
		return err_set(err, "out of memory");
	if (tally_init(&load->tally, opts->rooms, opts->members, total, warm,
		    err) < 0 ||
		usage_allow_files(count + SPARE_FILES, err) < 0 ||
		resolve(load, err) < 0 ||
		conn_hub_init(&load->hub, loop, err) < 0 ||
		tick_init(&load->tick, loop, on_tick, err) < 0)
		return -1;
	load->tick.data = load;
	uv_timer_init(loop, &load->timer);
	load->timer.data = load;
	uv_timer_start(&load->timer, on_second, 1000, 1000);
	begin_ramp(load);
	return 0;
}

void
load_close(struct load *load)
{
	int64_t i;

	load->phase = LOAD_DONE;
	for (i = 0; i < load->target; i++)
		if (load->member[i].load)
			conn_abort(&load->member[i].conn, "the end");
	tick_close(&load->tick);
	uv_close((uv_handle_t *)&load->timer, NULL);
	conn_hub_close(&load->hub);
}

void
load_release(struct load *load)
{
	int64_t i;

	for (i = 0; i < total_connections(&load->opts); i++)
		conn_release(&load->member[i].conn);
	free(load->member);
	freeaddrinfo(load->found);
	tally_release(&load->tally);
	buf_release(&load->body);
	buf_release(&load->text);
	buf_release(&load->token);
}
