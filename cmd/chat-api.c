/*
 * chat-api - answers requests for rooms, members and history out of
 * PostgreSQL, over Unix sockets (chat-api(1), chat-api(7)). What it decides is
 * in lib/api; here are the sockets, the loop and the signals.
 */
#include <stdlib.h>
#include <uv.h>

#include "api/api.h"
#include "api/door.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/status.h"
#include "base/zone.h"
#include "io/stop.h"

#define DOORS 2 /* for edges, and for the administrator */
#define STATEMENT_MS 5000
#define DRAIN_MS 10000
#define DRAIN_LOOK_MS 10
#define LOCK_LOOK_MS 200

struct program {
	uv_loop_t *loop;
	struct api api;
	struct door doors[DOORS];
	struct status status;
	uv_poll_t *polls[POOL_SLOTS_MAX];
	uv_timer_t clock, knock;
	uv_prepare_t turn;
	uv_signal_t signals[4];
	int64_t lock_until_ms, drain_until_ms; /* 0: not draining */
	struct err closed; /* why a socket does not listen yet; else empty */
	int exit_code;
};

static struct {
	const char *conninfo, *listen, *admin, *status;
	int64_t pool, queue;
	bool check;
} opts = {.pool = 4, .queue = 1000};

static const struct opt table[] = {
	{OPT_STRING, 'c', "connect", &opts.conninfo, "CONNINFO",
		"the database; without it $CHAT_PG", 0, 0},
	{OPT_STRING, 'l', "listen", &opts.listen, "SOCKET", "where edges ask",
		0, 0},
	{OPT_STRING, 0, "admin", &opts.admin, "SOCKET",
		"where chat-rooms asks; mode 0600", 0, 0},
	{OPT_INT, 0, "pool", &opts.pool, "N", "connections to the database (4)",
		1, POOL_SLOTS_MAX},
	{OPT_INT, 0, "queue", &opts.queue, "N",
		"requests that may wait for one (1000)", 1, 1000000},
	{OPT_STRING, 'S', "status", &opts.status, "FILE",
		"write the state there", 0, 0},
	{OPT_FLAG, 'n', "dry-run", &opts.check, NULL,
		"check options and database, and exit", 0, 0},
	{0},
};

static const struct opt_about about = {"chat-api",
	"[-c CONNINFO] [-l SOCKET] [--admin SOCKET] [options]",
	"Answers requests for rooms, members and history out of PostgreSQL.",
	table};

/* ---- sockets and state ------------------------------------------------- */

static void
give_up(struct program *p, const char *message, const struct err *err)
{
	LOG_ERROR("api", message, LOG_E(err));
	p->exit_code = EXIT_PERM;
	uv_stop(p->loop);
}

static void
say_state(struct program *p)
{
	if (p->drain_until_ms)
		status_set(&p->status, STATUS_DRAINING, "");
	else if (p->closed.text[0])
		status_set(&p->status, STATUS_WAITING, p->closed.text);
	else if (p->api.pool.up)
		status_set(&p->status, STATUS_READY, "");
	else if (p->api.pool.why.text[0])
		status_set(&p->status, STATUS_WAITING, p->api.pool.why.text);
}

/* Takes both sockets; while a predecessor has one, again and again. */
static void
on_knock(uv_timer_t *timer)
{
	struct program *p = timer->data;
	int rc = doors_open(p->doors, DOORS, p->loop, &p->closed);

	if (rc == 0 && doors_held(p->doors, DOORS) &&
		clock_mono_ms() >= p->lock_until_ms)
		rc = -1;
	if (rc < 0)
		give_up(p, "cannot listen", &p->closed);
	if (rc > 0) {
		err_clear(&p->closed);
		uv_timer_stop(timer);
	}
	say_state(p);
}

/* ---- the pool ---------------------------------------------------------- */

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct program *p = poll->loop->data;
	size_t slot = (size_t)((uv_poll_t **)poll->data - p->polls);

	pool_ready(&p->api.pool, slot, clock_mono_ms());
}

static void
free_handle(uv_handle_t *handle)
{
	free(handle);
}

static uv_poll_t *
new_poll(uv_loop_t *loop, int fd, void *data)
{
	uv_poll_t *poll = malloc(sizeof(*poll));

	if (poll && uv_poll_init(loop, poll, fd) == 0) {
		poll->data = data;
		return poll;
	}
	free(poll);
	return NULL;
}

static void
watch(void *data, size_t slot, int fd, int events)
{
	struct program *p = data;
	uv_poll_t **poll = &p->polls[slot];

	if (fd < 0 && *poll) {
		uv_poll_stop(*poll);
		uv_close((uv_handle_t *)*poll, free_handle);
		*poll = NULL;
	}
	if (fd >= 0 && !*poll)
		*poll = new_poll(p->loop, fd, poll);
	/* Without memory the slot's deadline comes. */
	if (*poll)
		uv_poll_start(*poll,
			(events & POOL_READ ? UV_READABLE : 0) |
				(events & POOL_WRITE ? UV_WRITABLE : 0),
			on_poll);
}

static void
changed(void *data)
{
	struct program *p = data;
	bool was_ready = p->status.state == STATUS_READY;
	struct pool *pool = &p->api.pool;

	if (pool->broken && !p->drain_until_ms)
		give_up(p, "the database cannot be used", &pool->why);
	say_state(p);
	if (!was_ready && pool->up == 1 && !p->drain_until_ms)
		LOG_INFO("api", "database reached");
	if (was_ready && !pool->up)
		LOG_WARN("api", "database away", LOG_E(&pool->why));
}

static void
start_pool(struct program *p)
{
	struct pool_options pool = {.conf = {.conninfo = opts.conninfo,
					    .app = about.name,
					    .statement_ms = STATEMENT_MS},
		.slots = (size_t)opts.pool,
		.max_queue = (size_t)opts.queue,
		.data = p,
		.watch = watch,
		.changed = changed};

	pool.statements = api_statements(&pool.statement_count);
	pool_start(&p->api.pool, &pool, clock_mono_ms());
}

/* ---- the loop ---------------------------------------------------------- */

static bool
drained(const struct program *p)
{
	return TAILQ_EMPTY(&p->api.calls) && doors_flushed(p->doors, DOORS);
}

static void
on_clock(uv_timer_t *timer)
{
}

/* Before each wait: what the clock has brought, and when to wake up next. */
static void
on_turn(uv_prepare_t *prepare)
{
	struct program *p = prepare->data;
	int64_t now = clock_mono_ms();
	int64_t next = pool_tick(&p->api.pool, now);
	int64_t status = status_tick(&p->status, now);

	if (p->drain_until_ms && (drained(p) || now >= p->drain_until_ms)) {
		uv_stop(p->loop);
		return;
	}
	if (status < next)
		next = status;
	if (p->drain_until_ms && now + DRAIN_LOOK_MS < next)
		next = now + DRAIN_LOOK_MS;
	uv_update_time(p->loop);
	uv_timer_start(&p->clock, on_clock,
		next > now ? (uint64_t)(next - now) : 0, 0);
}

/* Takes nothing new, and answers what was taken. */
static void
drain(struct program *p)
{
	if (p->drain_until_ms)
		return;
	LOG_INFO("api", "draining");
	p->drain_until_ms = clock_mono_ms() + DRAIN_MS;
	uv_timer_stop(&p->knock);
	doors_drain(p->doors, DOORS);
	status_set(&p->status, STATUS_DRAINING, "");
}

static void
on_signal(uv_signal_t *signal, int number)
{
	struct program *p = signal->data;

	if (number == SIGUSR1)
		status_write(&p->status);
	else if (number != SIGHUP)
		drain(p);
}

static void
start_loop(struct program *p)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};
	size_t i;

	p->loop->data = p;
	uv_timer_init(p->loop, &p->clock);
	uv_timer_init(p->loop, &p->knock);
	uv_prepare_init(p->loop, &p->turn);
	p->clock.data = p->knock.data = p->turn.data = p;
	for (i = 0; i < ARRAY_LEN(numbers); i++) {
		uv_signal_init(p->loop, &p->signals[i]);
		p->signals[i].data = p;
		uv_signal_start(&p->signals[i], on_signal, numbers[i]);
	}
	start_pool(p);
	uv_prepare_start(&p->turn, on_turn);
	p->lock_until_ms = clock_mono_ms() + LOCK_WAIT_MS;
	uv_timer_start(&p->knock, on_knock, 0, LOCK_LOOK_MS);
}

/* ---- main -------------------------------------------------------------- */

static void
check_options(int argc, char **argv)
{
	struct err err;
	int first = opt_parse(&about, argc, argv, &err);

	if (first < 0)
		opt_usage(&about, &err);
	if (first < argc)
		err_set(&err, "unexpected operand '%s'", argv[first]);
	else if (!opts.listen && !opts.admin)
		err_set(&err, "nothing to listen on: -l or --admin is needed");
	else if (pg_conninfo(opts.conninfo, &opts.conninfo, &err) == 0 &&
		 zone_init(&err) == 0)
		return;
	opt_usage(&about, &err);
}

/* -n: the database answers and has our schema. */
static int
check_database(void)
{
	struct pg_conf conf = {.conninfo = opts.conninfo, .app = about.name};
	struct err err;
	PGconn *conn = pg_open(&conf, clock_mono_ms() + PG_CONNECT_MS, &err);
	enum pg_fault fault = conn ? pg_check_schema(conn, &err) : PG_OUTAGE;

	PQfinish(conn);
	if (fault == PG_OK)
		return EXIT_DONE;
	LOG_ERROR("api", "the database cannot be used", LOG_E(&err));
	return fault == PG_BROKEN ? EXIT_PERM : EXIT_TEMP;
}

int
main(int argc, char **argv)
{
	static struct program p = {
		.doors = {{.mode = 0660}, {.mode = 0600, .admin = true}}};
	const struct status_counter counters[] = {
		{"requests", &p.api.requests},
		{"errors", &p.api.errors},
		{"unavailable", &p.api.unavailable},
		{"overloaded", &p.api.overloaded},
		{"dropped", &p.api.dropped},
	};
	struct api_options api = {.answer = door_answer};
	struct err err;

	log_open(about.name);
	check_options(argc, argv);
	stop_init();
	if (opts.check)
		return check_database();
	if (status_open(&p.status, opts.status, about.name, counters,
		    ARRAY_LEN(counters), &err) < 0)
		opt_usage(&about, &err);
	p.loop = uv_default_loop();
	p.doors[0].path = opts.listen;
	p.doors[1].path = opts.admin;
	p.doors[0].api = p.doors[1].api = &p.api;
	api_init(&p.api, &api);
	start_loop(&p);
	uv_run(p.loop, UV_RUN_DEFAULT);
	doors_drain(p.doors, DOORS);
	pool_stop(&p.api.pool);
	api_release(&p.api);
	status_close(&p.status);
	return p.exit_code;
}
