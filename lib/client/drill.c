/* client/drill.c - see drill.h. */
#include "client/drill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "base/clock.h"
#include "client/usage.h"

#define LINGER_MS 300 /* after the last delivery, for what is too much */
#define LEAVE_MS 3000
#define LEAD_US 20000 /* from the decision to the first message */
#define LOOK_MS 100
#define SPARE_FILES 64
#define CLIENT_FILES 2 /* a socket, and a resolver's now and then */

struct drill_client {
	struct session session;
	struct drill *drill;
	int64_t index;
	bool started, up, over;
};

static void begin_phase(struct drill *drill, enum drill_phase phase);

static void
complain(struct drill *drill, int64_t index, const char *why)
{
	if (!drill->why.text[0])
		err_set(&drill->why, "client %lld: %s", (long long)index, why);
}

int64_t
drill_expected(const struct drill *drill)
{
	int64_t stored = drill->sent - drill->refused;

	return (stored > 0 ? stored : 0) * drill->opts.load->members;
}

bool
drill_clean(const struct drill *drill)
{
	const struct tally *t = &drill->tally;

	return drill->ready == drill->count && !drill->unsent &&
	       !drill->unanswered && !drill->refused && !drill->given_up &&
	       !t->duplicates && !t->misdelivered && !t->out_of_order &&
	       t->deliveries == drill_expected(drill);
}

/* ---- what a client hears ------------------------------------------------ */

static int
on_token(struct session *session, struct buf *out, struct err *err)
{
	struct drill_client *client = session->data;
	struct drill *drill = client->drill;

	return token_next(drill->opts.load->tokens,
		drill->opts.load->first_user + client->index, out, err);
}

static void
on_message(
	struct session *session, int64_t room_id, int64_t seq, struct str json)
{
	struct drill_client *client = session->data;
	struct drill *drill = client->drill;
	struct str mark = {drill->mark, drill->mark_len};
	int64_t now = clock_mono_us(), n, due_us;

	if (!stamp_find(json, mark, &n, &due_us))
		return; /* somebody else's */
	drill->last_us = now;
	tally_delivery(&drill->tally, client->index, n, seq, now - due_us);
}

static void
on_receipt(struct session *session, int64_t room_id, const char *id, int64_t n)
{
	struct drill_client *client = session->data;
	struct drill *drill = client->drill;

	tally_receipt(&drill->tally, n,
		clock_mono_us() - schedule_due_us(&drill->schedule, n));
}

static void
give_up(struct drill_client *client, const char *why)
{
	struct drill *drill = client->drill;

	complain(drill, client->index, why);
	if (!client->over)
		drill->given_up++;
	client->over = true;
}

static void
on_refused(struct session *session, struct str code, struct str message)
{
	struct drill_client *client = session->data;
	char text[128];

	snprintf(text, sizeof(text), "refused: %.*s", STR_ARG(code));
	if (session->rooms[0].refused) {
		give_up(client, text);
		return;
	}
	client->drill->refused++;
	complain(client->drill, client->index, text);
}

static void
on_note(struct session *session, enum session_note note, struct str json)
{
}

static void
on_state(struct session *session, bool up, const char *why)
{
	struct drill_client *client = session->data;

	client->drill->lost += client->up && !up;
	client->up = up;
}

static void
on_end(struct session *session, int exit_code, const char *why)
{
	struct drill_client *client = session->data;
	struct drill *drill = client->drill;

	drill->left++;
	if (exit_code)
		give_up(client, why);
}

static const struct session_ops ops = {on_token, on_message, on_receipt,
	on_refused, on_note, on_state, on_end};

/* ---- ramp --------------------------------------------------------------- */

static void
open_one(struct drill *drill, int64_t i)
{
	struct drill_client *client = &drill->client[i];
	const struct drill_options *opts = &drill->opts;
	const struct load_options *load = opts->load;
	int64_t room = load->first_room + i / load->members;
	char name[HISTORY_WORKER_MAX];
	struct session_options session = {
		.url = opts->urls[(size_t)i % opts->url_count],
		.ops = &ops,
		.rooms = &room,
		.room_count = 1,
		.from_seq = -1,
		.renewable = load->tokens->makes,
		.history = opts->history,
		.worker = name,
		.user_id = load->first_user + i,
		.data = client};
	struct err err;

	snprintf(name, sizeof(name), "bench-%016llx-%lld",
		(unsigned long long)drill->run, (long long)i);
	client->drill = drill;
	client->index = i;
	client->started = true;
	drill->opened++;
	if (session_start(&client->session, drill->loop, &session, &err) == 0)
		return;
	client->started = false;
	drill->left++;
	give_up(client, err.text);
}

static void
open_due(struct drill *drill)
{
	int64_t i, due;

	while (schedule_take(&drill->schedule, clock_mono_us(), &i, &due))
		open_one(drill, i);
	tick_at(&drill->tick, schedule_next_us(&drill->schedule));
}

static void
look_ramp(struct drill *drill)
{
	int64_t i, ready = 0;

	for (i = 0; i < drill->opened; i++)
		ready += drill->client[i].started &&
			 drill->client[i].session.rooms[0].joined;
	drill->ready = ready;
	if (drill->given_up)
		begin_phase(drill, DRILL_LEAVE);
	else if (ready == drill->count)
		begin_phase(drill, DRILL_SETTLE);
}

/* ---- run ---------------------------------------------------------------- */

static void
put_content(struct drill *drill, int64_t client, int64_t n, int64_t due_us)
{
	struct buf *out = &drill->content;
	int64_t pad = drill->opts.load->pad;
	char *at;

	buf_reset(out);
	buf_add(out, drill->mark, drill->mark_len);
	buf_add_i64(out, n);
	buf_add_char(out, '.');
	buf_add_i64(out, due_us);
	buf_printf(out, "~ client %lld message %lld room %lld ",
		(long long)client, (long long)n,
		(long long)(drill->opts.load->first_room +
			    tally_room(&drill->tally, n)));
	at = buf_room(out, (size_t)pad);
	if (!at)
		return;
	memset(at, 'x', (size_t)pad);
	buf_advance(out, (size_t)pad);
}

static void
send_one(struct drill *drill, int64_t n, int64_t due_us)
{
	int64_t i = tally_sender(&drill->tally, n);
	struct drill_client *client = &drill->client[i];
	char id[SESSION_UUID_BYTES];

	put_content(drill, i, n, due_us);
	if (client->over || session_send(&client->session,
				    drill->opts.load->first_room +
					    tally_room(&drill->tally, n),
				    n, buf_str(&drill->content), id) < 0)
		drill->unsent++;
	else
		drill->sent++;
}

static void
send_due(struct drill *drill)
{
	int64_t n, due, now;

	while (schedule_take(
		&drill->schedule, (now = clock_mono_us()), &n, &due)) {
		tally_sent(&drill->tally, n, now - due);
		send_one(drill, n, due);
	}
	if (schedule_next_us(&drill->schedule) == CLOCK_NEVER)
		begin_phase(drill, DRILL_DRAIN);
	else
		tick_at(&drill->tick, schedule_next_us(&drill->schedule));
}

static int64_t
count_unanswered(const struct drill *drill)
{
	int64_t i, sum = 0;

	for (i = 0; i < drill->opened; i++)
		if (drill->client[i].started)
			sum += (int64_t)session_unanswered(
				&drill->client[i].session);
	return sum;
}

static void
look_drain(struct drill *drill, int64_t now_ms)
{
	bool all = drill->tally.deliveries >= drill_expected(drill) &&
		   !count_unanswered(drill);

	if (now_ms >= drill->deadline_ms ||
		(all && now_ms - drill->last_us / 1000 >= LINGER_MS))
		begin_phase(drill, DRILL_LEAVE);
}

/* ---- the end ------------------------------------------------------------ */

static void
take_figures(struct drill *drill)
{
	const struct session *session;
	int64_t i;

	drill->unanswered = count_unanswered(drill);
	drill->run_us = drill->last_us > drill->began_us && drill->began_us
				? drill->last_us - drill->began_us
				: 0;
	for (i = 0; i < drill->opened; i++) {
		session = &drill->client[i].session;
		drill->resent += session->resent;
		drill->connects += session->connects;
		drill->wire_duplicates += session->dropped;
	}
}

static void
leave_all(struct drill *drill)
{
	int64_t i;

	take_figures(drill);
	drill->deadline_ms = clock_mono_ms() + LEAVE_MS;
	/* The histories end together, before the first connection does. */
	for (i = 0; i < drill->opened; i++)
		if (drill->client[i].started)
			session_conclude(&drill->client[i].session);
	for (i = 0; i < drill->opened; i++)
		if (drill->client[i].started)
			session_leave(&drill->client[i].session);
}

static void
begin_run(struct drill *drill)
{
	drill->began_us = clock_mono_us() + LEAD_US;
	schedule_init(&drill->schedule, drill->began_us, drill->opts.load->rate,
		drill->tally.total);
	tick_at(&drill->tick, drill->began_us);
}

static void
begin_phase(struct drill *drill, enum drill_phase phase)
{
	int64_t now = clock_mono_ms();

	if (drill->phase >= phase)
		return;
	drill->phase = phase;
	tick_at(&drill->tick, CLOCK_NEVER);
	switch (phase) {
	case DRILL_RAMP:
		break;
	case DRILL_SETTLE:
		drill->deadline_ms = now + drill->opts.load->settle_ms;
		break;
	case DRILL_RUN:
		begin_run(drill);
		break;
	case DRILL_DRAIN:
		drill->deadline_ms = now + drill->opts.load->drain_ms;
		break;
	case DRILL_LEAVE:
		leave_all(drill);
		break;
	case DRILL_DONE:
		uv_timer_stop(&drill->timer);
		drill->on_done(drill);
		break;
	}
}

static void
on_tick(struct tick *tick)
{
	struct drill *drill = tick->data;

	if (drill->phase == DRILL_RAMP)
		open_due(drill);
	else if (drill->phase == DRILL_RUN)
		send_due(drill);
}

static void
on_look(uv_timer_t *timer)
{
	struct drill *drill = timer->data;
	int64_t now = clock_mono_ms();

	switch (drill->phase) {
	case DRILL_RAMP:
		look_ramp(drill);
		break;
	case DRILL_SETTLE:
		if (now >= drill->deadline_ms)
			begin_phase(drill, DRILL_RUN);
		break;
	case DRILL_DRAIN:
		look_drain(drill, now);
		break;
	case DRILL_LEAVE:
		if (drill->left == drill->opened || now >= drill->deadline_ms)
			begin_phase(drill, DRILL_DONE);
		break;
	case DRILL_RUN:
	case DRILL_DONE:
		break;
	}
}

void
drill_stop(struct drill *drill)
{
	if (drill->phase < DRILL_RUN)
		begin_phase(drill, DRILL_LEAVE);
	else if (drill->phase == DRILL_RUN)
		begin_phase(drill, DRILL_DRAIN);
}

int
drill_start(struct drill *drill, uv_loop_t *loop,
	const struct drill_options *opts, void (*on_done)(struct drill *drill),
	void *data, struct err *err)
{
	const struct load_options *load = opts->load;

	memset(drill, 0, sizeof(*drill));
	drill->opts = *opts;
	drill->loop = loop;
	drill->on_done = on_done;
	drill->data = data;
	drill->count = load->rooms * load->members;
	arc4random_buf(&drill->run, sizeof(drill->run));
	drill->mark_len = stamp_mark(drill->run, drill->mark);
	drill->client = calloc((size_t)drill->count, sizeof(*drill->client));
	if (!drill->client)
		return err_set(err, "out of memory");
	if (tally_init(&drill->tally, load->rooms, load->members,
		    load->rate * load->time_ms / 1000, 0, err) < 0 ||
		usage_allow_files(
			drill->count * CLIENT_FILES + SPARE_FILES, err) < 0 ||
		tick_init(&drill->tick, loop, on_tick, err) < 0)
		return -1;
	drill->tick.data = drill;
	uv_timer_init(loop, &drill->timer);
	drill->timer.data = drill;
	uv_timer_start(&drill->timer, on_look, LOOK_MS, LOOK_MS);
	schedule_init(
		&drill->schedule, clock_mono_us(), load->ramp, drill->count);
	open_due(drill);
	return 0;
}

void
drill_close(struct drill *drill)
{
	int64_t i;

	for (i = 0; i < drill->opened; i++) {
		if (!drill->client[i].started)
			continue;
		conn_abort(&drill->client[i].session.conn, "the end");
		session_release(&drill->client[i].session);
	}
	tick_close(&drill->tick);
	uv_close((uv_handle_t *)&drill->timer, NULL);
}

void
drill_release(struct drill *drill)
{
	free(drill->client);
	drill->client = NULL;
	tally_release(&drill->tally);
	buf_release(&drill->content);
}
