/* tests/sim/world.c - see world.h: memory, chance, actors, lines. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka.h"
#include "pair.h"

#define ARENA (32 << 20)

struct world w;
static char *arena;
static size_t used;

const struct actor_ops *const actor_ops[ACTOR_KINDS] = {
	[EDGE] = &edge_ops,
	[PRODUCE] = &produce_ops,
	[CAST] = &cast_ops,
	[API] = &api_ops,
	[OUTBOX] = &outbox_ops,
	[RUNNER] = &runner_ops,
	[STORE] = &store_ops,
	[CLIENT] = &client_ops,
};

/* ---- memory, chance, words ----------------------------------------------- */

void
sim_reset(void)
{
	if (!arena)
		arena = malloc(ARENA);
	if (!arena)
		abort();
	used = 0;
}

void *
sim_alloc(size_t size)
{
	char *at = arena + used;

	size = (size + 15) & ~(size_t)15;
	if (used + size > ARENA)
		abort();
	used += size;
	return memset(at, 0, size);
}

struct str
sim_copy(struct str text)
{
	char *copy = sim_alloc(text.len + 1);

	if (text.len)
		memcpy(copy, text.data, text.len);
	return (struct str){copy, text.len};
}

unsigned
roll(unsigned n)
{
	w.random ^= w.random << 13;
	w.random ^= w.random >> 7;
	w.random ^= w.random << 17;
	return (unsigned)(w.random >> 20) % n;
}

bool
chance(unsigned percent)
{
	return roll(100) < percent;
}

void
trace(const char *fmt, ...)
{
	va_list args;

	if (!w.trace)
		return;
	printf("%6lld %8.3f  ", (long long)w.steps, (double)w.now / 1000);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

void
wrong(const char *invariant, const char *fmt, ...)
{
	va_list args;

	if (w.wrong[0])
		return;
	snprintf(w.invariant, sizeof(w.invariant), "%s", invariant);
	va_start(args, fmt);
	vsnprintf(w.wrong, sizeof(w.wrong), fmt, args);
	va_end(args);
	trace("WRONG: %s: %s", invariant, w.wrong);
}

/* ---- actors -------------------------------------------------------------- */

struct actor *
actor_of(enum actor_kind kind, int index)
{
	int i;

	for (i = 0; i < w.actors; i++)
		if (w.actor[i].kind == kind && w.actor[i].index == index)
			return &w.actor[i];
	abort();
}

int
actor_id(const struct actor *actor)
{
	return (int)(actor - w.actor);
}

bool
actor_runs(int id, int inc)
{
	return w.actor[id].state != DOWN && w.actor[id].inc == inc;
}

void
actor_wake(struct actor *actor, int64_t at_ms)
{
	if (at_ms < actor->wake_ms)
		actor->wake_ms = at_ms;
}

void
actor_start(struct actor *actor)
{
	actor->state = UP;
	actor->inc++;
	actor->due = false;
	actor->wake_ms = CLOCK_NEVER;
	actor->back = NULL;
	actor->back_end = &actor->back;
	actor->kafka = NULL;
	trace("%s starts", actor->name);
	actor_ops[actor->kind]->start(actor);
}

static void
leave_lines(struct actor *actor)
{
	struct conn *conn;
	int side;

	for (conn = w.conn; conn < w.conn + w.conns; conn++)
		for (side = 0; side < 2; side++)
			if (conn->used && conn->side[side].open &&
				conn->side[side].actor == actor_id(actor) &&
				conn->side[side].inc == actor->inc)
				conn_close(conn, actor);
}

static void
over(struct actor *actor)
{
	leave_lines(actor);
	actor_ops[actor->kind]->release(actor);
	kafka_client_gone(actor);
	actor->state = DOWN;
	actor->back = NULL;
}

void
actor_kill(struct actor *actor)
{
	if (actor->state == DOWN)
		return;
	trace("%s is killed", actor->name);
	over(actor);
	actor->restart_ms = w.now + (w.mended ? 0 : roll(3000));
}

void
actor_exit(struct actor *actor, int code, const char *why)
{
	if (actor->state == DOWN)
		return;
	trace("%s ends with %d: %s", actor->name, code, why);
	if (code == EXIT_PERM)
		wrong("I9", "%s ends with 100: %s", actor->name, why);
	over(actor);
	actor->restart_ms = w.now + 10;
}

void
passes(struct actor *actor, enum point point)
{
	if (!w.crash[point] || w.victim || w.mended)
		return;
	w.crash[point]--;
	w.victim = actor;
}

/* ---- lines --------------------------------------------------------------- */

struct msg *
msg_new(enum msg_kind kind)
{
	struct msg *msg = sim_alloc(sizeof(*msg));

	msg->kind = kind;
	return msg;
}

struct msg *
msg_line(struct str text)
{
	struct msg *msg = msg_new(M_LINE);

	while (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	msg->text = sim_copy(text);
	return msg;
}

static void
push(struct conn *conn, int side, struct msg *msg)
{
	*conn->side[side].in_end = msg;
	conn->side[side].in_end = &msg->next;
	conn->side[side].count++;
}

struct conn *
conn_open(enum conn_kind kind, struct actor *a, struct actor *b)
{
	struct actor *ends[2] = {a, b};
	struct conn *conn = w.conn;
	int i;

	while (conn->used)
		if (++conn == w.conn + CONNS)
			abort();
	if (conn - w.conn >= w.conns)
		w.conns = (int)(conn - w.conn) + 1;
	*conn = (struct conn){.used = true, .kind = kind};
	for (i = 0; i < 2; i++) {
		conn->side[i].actor = actor_id(ends[i]);
		conn->side[i].inc = ends[i]->inc;
		conn->side[i].open = true;
		conn->side[i].in_end = &conn->side[i].in;
	}
	trace("%s and %s are connected", a->name, b->name);
	return conn;
}

int
conn_side(const struct conn *conn, const struct actor *actor)
{
	return conn->side[1].actor == actor_id(actor) ? 1 : 0;
}

void
conn_send(struct conn *conn, const struct actor *from, struct msg *msg)
{
	int side = conn_side(conn, from);

	if (conn->side[side].open && conn->side[!side].open)
		push(conn, !side, msg);
}

/* This side says no more, but still reads. */
void
conn_shut(struct conn *conn, const struct actor *actor)
{
	conn_send(conn, actor, msg_new(M_EOF));
}

void
conn_close(struct conn *conn, const struct actor *actor)
{
	int side = conn_side(conn, actor);

	if (!conn->side[side].open)
		return;
	conn_send(conn, actor, msg_new(M_EOF));
	conn->side[side].open = false;
	conn->side[side].in = NULL;
	conn->side[side].in_end = &conn->side[side].in;
	conn->side[side].count = 0;
	conn->used = conn->side[!side].open;
}

void
conn_cut(struct conn *conn)
{
	struct msg **at;
	int side, kept;

	trace("the line between %s and %s is cut",
		w.actor[conn->side[0].actor].name,
		w.actor[conn->side[1].actor].name);
	for (side = 0; side < 2; side++) {
		if (!conn->side[side].open)
			continue;
		kept = 0;
		for (at = &conn->side[side].in; *at && chance(60);
			at = &(*at)->next)
			kept++;
		*at = NULL;
		conn->side[side].in_end = at;
		conn->side[side].count = kept;
		push(conn, side, msg_new(M_EOF));
	}
}

void
back_push(struct actor *actor, struct msg *msg)
{
	*actor->back_end = msg;
	actor->back_end = &msg->next;
}
