/*
 * chat-connect - a terminal client: the lines of stdin become messages, the
 * messages of its rooms become lines on stdout (chat-connect(1)). The session
 * outlives its connections (client/session.h).
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "client/input.h"
#include "client/session.h"
#include "client/show.h"
#include "client/token.h"
#include "io/fd.h"

#define LINE_MAX_BYTES 65536
#define ACK_WAIT_MS 2000  /* for answers that are best effort */
#define TERM_WAIT_MS 5000 /* for receipts after TERM */

static const char *url, *secret_file, *token_file;
static int64_t user_id, from_seq = -1, stop_ms, wait_count;
static struct opt_list rooms;
static bool dry_run, as_json, listen_on;

static const struct opt table[] = {
	{OPT_INT, 'u', "user", &user_id, "ID", "who speaks", 1, 1LL << 53},
	{OPT_LIST, 'r', "room", &rooms, "ID",
		"a room to follow; the first is spoken in", 0, 0},
	{OPT_STRING, 'c', "connect", &url, "URL",
		"the server; default $CHAT_URL", 0, 0},
	{OPT_STRING, 0, "jwt-secret", &secret_file, "FILE",
		"makes the token; default $CHAT_JWT_SECRET_FILE", 0, 0},
	{OPT_STRING, 0, "token-file", &token_file, "FILE",
		"a token; else $CHAT_TOKEN", 0, 0},
	{OPT_INT, 0, "from-seq", &from_seq, "N",
		"first everything after this seq", 0, 1LL << 53},
	{OPT_INT, 0, "wait", &wait_count, "N", "stop after N messages", 1,
		1LL << 53},
	{OPT_FLAG, 0, "listen", &listen_on, NULL, "stay after the end of stdin",
		0, 0},
	{OPT_SECONDS, 'T', "time", &stop_ms, "SECONDS", "stop after it", 1,
		1LL << 40},
	{OPT_FLAG, 'j', "json", &as_json, NULL, "JSON Lines", 0, 0},
	{OPT_FLAG, 'n', "dry-run", &dry_run, NULL,
		"connect to nothing, say what would happen", 0, 0},
	{0},
};

static const struct opt_about about = {"chat-connect",
	"-u USER -r ROOM [options]",
	"A terminal client: lines in become messages, messages become lines.",
	table};

struct app {
	struct session session;
	struct token_source tokens;
	struct input input;
	uv_loop_t loop;
	uv_timer_t stop, grace;
	uv_signal_t term, interrupt;
	struct buf line;
	int64_t room_ids[SESSION_ROOMS_MAX];
	int64_t printed, refused;
	bool input_open, leaving, time_is_up, output_broken, ended;
	int end_code;
};

/* ---- leaving ------------------------------------------------------------ */

static void
leave(struct app *app)
{
	if (app->leaving)
		return;
	app->leaving = true;
	if (app->input_open)
		input_stop(&app->input);
	app->input_open = false;
	session_leave(&app->session);
}

static bool
enough(const struct app *app)
{
	if (wait_count)
		return app->printed >= wait_count;
	return !app->input_open && !listen_on && !stop_ms;
}

static void
on_grace(uv_timer_t *timer)
{
	leave(timer->data);
}

/* Leaves once nothing is owed. A connection and the receipts are waited for,
 * the store's word on what has its receipt and the answers to SUBSCRIBE for a
 * moment only. */
static void
check_done(struct app *app)
{
	struct session *session = &app->session;

	if (app->input_open && !session_full(session))
		input_resume(&app->input);
	if (!enough(app) || session_unanswered(session) || !session->connects)
		return;
	if (!session->unacked && session_settled(session))
		leave(app);
	else if (!uv_is_active((uv_handle_t *)&app->grace))
		uv_timer_start(&app->grace, on_grace, ACK_WAIT_MS, 0);
}

static int
exit_code(const struct app *app)
{
	if (app->output_broken)
		return EXIT_TEMP;
	if (app->end_code)
		return app->end_code;
	if (session_unanswered(&app->session) ||
		(app->time_is_up && !app->session.connects))
		return EXIT_TEMP;
	if (app->refused || app->printed < wait_count)
		return EXIT_NO;
	return EXIT_DONE;
}

/* ---- out ---------------------------------------------------------------- */

static void
print(struct app *app)
{
	struct err err;

	if (app->output_broken)
		return;
	if (fd_write_all(STDOUT_FILENO, "stdout", app->line.data, app->line.len,
		    &err) == 0)
		return;
	LOG_ERROR("client", "cannot write the output", LOG_E(&err));
	app->output_broken = true;
	leave(app);
}

static void
on_message(
	struct session *session, int64_t room_id, int64_t seq, struct str json)
{
	struct app *app = session->data;

	if (wait_count && app->printed >= wait_count)
		return;
	buf_reset(&app->line);
	if (as_json)
		show_object(&app->line, NULL, json);
	else
		show_message(&app->line, json, rooms.count > 1);
	app->printed++;
	print(app);
	check_done(app);
}

static void
on_receipt(struct session *session, int64_t room_id, const char *id)
{
	struct app *app = session->data;

	buf_reset(&app->line);
	if (as_json)
		show_receipt(&app->line, room_id, id);
	print(app);
	check_done(app);
}

static void
on_note(struct session *session, enum session_note note, struct str json)
{
	static const char *const names[] = {"ack", "error", "joined"};

	struct app *app = session->data;

	buf_reset(&app->line);
	if (as_json)
		show_object(&app->line, names[note], json);
	print(app);
	if (note != SESSION_ERROR)
		check_done(app);
}

static void
on_refused(struct session *session, struct str code, struct str message)
{
	struct app *app = session->data;
	size_t i, rest = session->room_count;

	LOG_WARN("client", "refused", LOG_STR("code", code),
		LOG_STR("why", message));
	app->refused++;
	for (i = 0; i < session->room_count; i++)
		rest -= session->rooms[i].refused;
	if (!rest)
		leave(app);
	else
		check_done(app);
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
	struct app *app = session->data;

	app->ended = true;
	app->end_code = code;
	if (code)
		LOG_ERROR("client", "the server refuses us", LOG_S("why", why));
	uv_stop(&app->loop);
}

static int
on_token(struct session *session, struct buf *out, struct err *err)
{
	struct app *app = session->data;

	return token_next(&app->tokens, user_id, out, err);
}

static const struct session_ops session_ops = {on_token, on_message, on_receipt,
	on_refused, on_note, on_state, on_end};

/* ---- in ----------------------------------------------------------------- */

static void
on_line(struct input *input, struct str line)
{
	struct app *app = input->data;
	char id[SESSION_UUID_BYTES];

	if (!line.data) {
		LOG_WARN("client", "a line is too long",
			LOG_I("maxBytes", LINE_MAX_BYTES));
		app->refused++;
		return;
	}
	if (!line.len)
		return;
	if (session_send(&app->session, app->room_ids[0], line, id) < 0) {
		LOG_ERROR("client", "out of memory");
		app->refused++;
	}
	if (session_full(&app->session))
		input_pause(input);
}

static void
on_input_end(struct input *input, const struct err *err)
{
	struct app *app = input->data;

	if (err)
		LOG_ERROR("client", "cannot read the input", LOG_E(err));
	app->input_open = false;
	check_done(app);
}

static const struct input_ops input_ops = {on_line, on_input_end};

static void
on_stop(uv_timer_t *timer)
{
	struct app *app = timer->data;

	app->time_is_up = true;
	leave(app);
}

/* As at the end of the input, but in bounded time. */
static void
on_term(uv_signal_t *handle, int number)
{
	struct app *app = handle->data;

	listen_on = false;
	wait_count = 0;
	stop_ms = 0;
	if (app->input_open)
		input_stop(&app->input);
	app->input_open = false;
	uv_timer_start(&app->stop, on_stop, TERM_WAIT_MS, 0);
	check_done(app);
}

/* ---- start -------------------------------------------------------------- */

static int
validate(struct app *app, struct err *err)
{
	const char *token = getenv("CHAT_TOKEN");
	struct url parsed;
	size_t i;

	if (!secret_file)
		secret_file = getenv("CHAT_JWT_SECRET_FILE");
	else
		token = NULL;
	if (url_of_server(&parsed, url, &url, err) < 0)
		return -1;
	if (!rooms.count)
		return err_set(err, "no room: give -r ROOM");
	for (i = 0; i < rooms.count; i++)
		if (!str_i64(str_c(rooms.item[i]), &app->room_ids[i]) ||
			app->room_ids[i] < 1)
			return err_set(err, "'%s' is no room", rooms.item[i]);
	if (token_source_open(
		    &app->tokens, token_file, token, secret_file, err) < 0)
		return -1;
	if (app->tokens.makes && !user_id)
		return err_set(err, "no user: give -u USER");
	return 0;
}

static int
start(struct app *app, struct err *err)
{
	struct session_options opts = {.url = url,
		.ops = &session_ops,
		.rooms = app->room_ids,
		.room_count = rooms.count,
		.from_seq = from_seq,
		.renewable = app->tokens.makes,
		.data = app};

	uv_timer_init(&app->loop, &app->stop);
	uv_timer_init(&app->loop, &app->grace);
	uv_signal_init(&app->loop, &app->term);
	uv_signal_init(&app->loop, &app->interrupt);
	app->stop.data = app->grace.data = app;
	app->term.data = app->interrupt.data = app;
	uv_signal_start(&app->term, on_term, SIGTERM);
	uv_signal_start(&app->interrupt, on_term, SIGINT);
	if (stop_ms)
		uv_timer_start(&app->stop, on_stop, (uint64_t)stop_ms, 0);
	if (session_start(&app->session, &app->loop, &opts, err) < 0)
		return -1;
	app->input_open = true;
	return input_start(&app->input, &app->loop, STDIN_FILENO,
		LINE_MAX_BYTES, &input_ops, app, err);
}

static void
release(struct app *app)
{
	if (app->input_open)
		input_stop(&app->input);
	uv_close((uv_handle_t *)&app->stop, NULL);
	uv_close((uv_handle_t *)&app->grace, NULL);
	uv_close((uv_handle_t *)&app->term, NULL);
	uv_close((uv_handle_t *)&app->interrupt, NULL);
	conn_abort(&app->session.conn, "the end");
	session_release(&app->session);
	uv_run(&app->loop, UV_RUN_DEFAULT);
	uv_loop_close(&app->loop);
	input_release(&app->input);
	token_source_release(&app->tokens);
	buf_release(&app->line);
}

int
main(int argc, char **argv)
{
	static struct app app;
	struct err err;
	int code, first;

	log_open(about.name);
	first = opt_parse(&about, argc, argv, &err);
	if (first >= 0 && first < argc)
		first = err_set(&err, "what is '%s'?", argv[first]);
	if (first < 0 || validate(&app, &err) < 0)
		opt_usage(&about, &err);
	if (dry_run) {
		buf_printf(&app.line,
			"would connect to %s and follow %zu rooms, speaking in "
			"%lld\n",
			url, rooms.count, (long long)app.room_ids[0]);
		print(&app);
		return exit_code(&app);
	}
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&app.loop);
	if (start(&app, &err) < 0) {
		LOG_ERROR("client", "cannot start", LOG_E(&err));
		return EXIT_PERM;
	}
	uv_run(&app.loop, UV_RUN_DEFAULT);
	code = exit_code(&app);
	release(&app);
	return code;
}
