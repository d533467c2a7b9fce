/* client/terminal.c - see terminal.h. */
#include "client/terminal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/show.h"
#include "io/fd.h"

#define LINE_KEEP 65536 /* bytes of storage */
#define LINE_MAX_BYTES 65536
#define ACK_WAIT_MS 2000  /* for answers that are best effort */
#define TERM_WAIT_MS 5000 /* for receipts after TERM */

/* ---- leaving ------------------------------------------------------------ */

static void
end_input(struct terminal *terminal)
{
	if (terminal->input_open)
		input_stop(&terminal->input);
	terminal->input_open = false;
}

static void
leave(struct terminal *terminal)
{
	if (terminal->leaving)
		return;
	terminal->leaving = true;
	end_input(terminal);
	session_leave(&terminal->session);
}

static bool
enough(const struct terminal *terminal)
{
	if (terminal->no_room)
		return true;
	if (terminal->opts.wait_count)
		return terminal->printed >= terminal->opts.wait_count;
	return !terminal->input_open && !terminal->opts.stay &&
	       !terminal->opts.stop_ms;
}

static void
on_grace(uv_timer_t *timer)
{
	leave(timer->data);
}

static void
check_done(struct terminal *terminal)
{
	struct session *session = &terminal->session;

	if (terminal->input_open && !session_full(session))
		input_resume(&terminal->input);
	if (!enough(terminal) || session_unanswered(session) ||
		!session->connects)
		return;
	if (!session->unacked && session_settled(session))
		leave(terminal);
	else if (!uv_is_active((uv_handle_t *)&terminal->grace))
		uv_timer_start(&terminal->grace, on_grace, ACK_WAIT_MS, 0);
}

int
terminal_exit_code(const struct terminal *terminal)
{
	if (terminal->output_broken || terminal->history.broken)
		return EXIT_TEMP;
	if (terminal->end_code)
		return terminal->end_code;
	if (session_unanswered(&terminal->session) ||
		(terminal->time_is_up && !terminal->session.connects))
		return EXIT_TEMP;
	if (terminal->refused || terminal->printed < terminal->opts.wait_count)
		return EXIT_NO;
	return EXIT_DONE;
}

/* ---- out ---------------------------------------------------------------- */

static void
print(struct terminal *terminal)
{
	struct err err;

	if (terminal->output_broken)
		return;
	if (fd_print(&terminal->line, LINE_KEEP, &err) == 0)
		return;
	LOG_ERROR("client", "cannot write the output", LOG_E(&err));
	terminal->output_broken = true;
	leave(terminal);
}

static void
on_message(
	struct session *session, int64_t room_id, int64_t seq, struct str json)
{
	struct terminal *terminal = session->data;

	if (terminal->opts.wait_count &&
		terminal->printed >= terminal->opts.wait_count)
		return;
	buf_reset(&terminal->line);
	if (terminal->opts.as_json)
		show_object(&terminal->line, NULL, json);
	else
		show_message(
			&terminal->line, json, terminal->opts.room_count > 1);
	terminal->printed++;
	print(terminal);
	check_done(terminal);
}

static void
on_receipt(struct session *session, int64_t room_id, const char *id, int64_t n)
{
	struct terminal *terminal = session->data;

	buf_reset(&terminal->line);
	if (terminal->opts.as_json)
		show_receipt(&terminal->line, room_id, id);
	print(terminal);
	check_done(terminal);
}

static void
on_note(struct session *session, enum session_note note, struct str json)
{
	static const char *const names[] = {"ack", "error", "joined"};

	struct terminal *terminal = session->data;

	buf_reset(&terminal->line);
	if (terminal->opts.as_json)
		show_object(&terminal->line, names[note], json);
	print(terminal);
	if (note != SESSION_ERROR)
		check_done(terminal);
}

static void
on_refused(struct session *session, struct str code, struct str message)
{
	struct terminal *terminal = session->data;
	size_t i, rest = session->room_count;

	LOG_WARN("client", "refused", LOG_STR("code", code),
		LOG_STR("why", message));
	terminal->refused++;
	for (i = 0; i < session->room_count; i++)
		rest -= session->rooms[i].refused;
	if (!rest) {
		terminal->no_room = true;
		end_input(terminal);
	}
	check_done(terminal);
}

static void
on_state(struct session *session, bool up, const char *why)
{
	if (up)
		LOG_DEBUG("client", "connected",
			LOG_I("connects", session->connects));
	if (up)
		check_done(session->data);
	else
		LOG_WARN("client", "connection lost", LOG_S("why", why),
			LOG_I("unanswered", session_unanswered(session)));
}

static void
on_end(struct session *session, int code, const char *why)
{
	struct terminal *terminal = session->data;

	terminal->end_code = code;
	if (code)
		LOG_ERROR("client", "the server refuses us", LOG_S("why", why));
	uv_stop(terminal->loop);
}

static int
on_token(struct session *session, struct buf *out, struct err *err)
{
	struct terminal *terminal = session->data;

	return token_next(
		terminal->opts.tokens, terminal->opts.user_id, out, err);
}

static const struct session_ops session_ops = {on_token, on_message, on_receipt,
	on_refused, on_note, on_state, on_end};

/* ---- in ----------------------------------------------------------------- */

static void
on_line(struct input *input, struct str line)
{
	struct terminal *terminal = input->data;
	char id[SESSION_UUID_BYTES];

	if (!line.data) {
		LOG_WARN("client", "a line is too long",
			LOG_I("maxBytes", LINE_MAX_BYTES));
		terminal->refused++;
		return;
	}
	if (!line.len)
		return;
	if (session_send(&terminal->session, terminal->room_id, terminal->said,
		    line, id) < 0) {
		LOG_ERROR("client", "out of memory");
		terminal->refused++;
	}
	terminal->said++;
	if (session_full(&terminal->session))
		input_pause(input);
}

static void
on_input_end(struct input *input, const struct err *err)
{
	struct terminal *terminal = input->data;

	if (err)
		LOG_ERROR("client", "cannot read the input", LOG_E(err));
	terminal->input_open = false;
	check_done(terminal);
}

static const struct input_ops input_ops = {on_line, on_input_end};

static void
on_stop(uv_timer_t *timer)
{
	struct terminal *terminal = timer->data;

	terminal->time_is_up = true;
	leave(terminal);
}

/* As at the end of the input, but in bounded time. */
static void
on_term(uv_signal_t *handle, int number)
{
	struct terminal *terminal = handle->data;

	terminal->opts.stay = false;
	terminal->opts.wait_count = 0;
	terminal->opts.stop_ms = 0;
	end_input(terminal);
	uv_timer_start(&terminal->stop, on_stop, TERM_WAIT_MS, 0);
	check_done(terminal);
}

/* ---- start -------------------------------------------------------------- */

static void
start_clocks(struct terminal *terminal)
{
	uv_timer_init(terminal->loop, &terminal->stop);
	uv_timer_init(terminal->loop, &terminal->grace);
	uv_signal_init(terminal->loop, &terminal->term);
	uv_signal_init(terminal->loop, &terminal->interrupt);
	terminal->stop.data = terminal->grace.data = terminal;
	terminal->term.data = terminal->interrupt.data = terminal;
	uv_signal_start(&terminal->term, on_term, SIGTERM);
	uv_signal_start(&terminal->interrupt, on_term, SIGINT);
	if (terminal->opts.stop_ms)
		uv_timer_start(&terminal->stop, on_stop,
			(uint64_t)terminal->opts.stop_ms, 0);
}

/* Its worker has a name that no other run of it has. */
static int
start_history(struct terminal *terminal, struct session_options *session,
	char name[HISTORY_WORKER_MAX], struct err *err)
{
	const struct terminal_options *opts = &terminal->opts;

	if (!opts->log)
		return 0;
	if (history_open(&terminal->history, terminal->loop, opts->log, err) <
		0)
		return -1;
	snprintf(name, HISTORY_WORKER_MAX, "connect-%lld-%d-%lld",
		(long long)opts->user_id, (int)getpid(),
		(long long)clock_wall_ms() / 1000);
	session->history = &terminal->history;
	session->worker = name;
	session->watch_rooms = true;
	return 0;
}

int
terminal_start(struct terminal *terminal, uv_loop_t *loop,
	const struct terminal_options *opts, struct err *err)
{
	char name[HISTORY_WORKER_MAX];
	struct session_options session = {.url = opts->url,
		.ops = &session_ops,
		.rooms = opts->rooms,
		.room_count = opts->room_count,
		.from_seq = opts->from_seq,
		.renewable = opts->tokens->makes,
		.user_id = opts->user_id,
		.data = terminal};

	memset(terminal, 0, sizeof(*terminal));
	terminal->opts = *opts;
	terminal->loop = loop;
	terminal->room_id = opts->rooms[0];
	if (start_history(terminal, &session, name, err) < 0)
		return -1;
	start_clocks(terminal);
	if (session_start(&terminal->session, loop, &session, err) < 0)
		return -1;
	terminal->input_open = true;
	return input_start(&terminal->input, loop, STDIN_FILENO, LINE_MAX_BYTES,
		&input_ops, terminal, err);
}

void
terminal_release(struct terminal *terminal)
{
	end_input(terminal);
	uv_close((uv_handle_t *)&terminal->stop, NULL);
	uv_close((uv_handle_t *)&terminal->grace, NULL);
	uv_close((uv_handle_t *)&terminal->term, NULL);
	uv_close((uv_handle_t *)&terminal->interrupt, NULL);
	conn_abort(&terminal->session.conn, "the end");
	session_release(&terminal->session);
	if (terminal->opts.log)
		history_close(&terminal->history);
	if (terminal->history.broken)
		LOG_ERROR("client", "cannot write the history",
			LOG_E(&terminal->history.error));
	uv_run(terminal->loop, UV_RUN_DEFAULT);
	input_release(&terminal->input);
	buf_release(&terminal->line);
}
