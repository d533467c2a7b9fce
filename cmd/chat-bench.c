/*
 * chat-bench - an open-loop load generator for servers that speak STOMP over
 * WebSocket, with honest percentiles (chat-bench(1)). The run itself is
 * client/load.h.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/opt.h"
#include "client/drill.h"
#include "client/load.h"
#include "client/report.h"
#include "io/fd.h"

#define RATE_MAX 1000000

static const char *secret_file, *token_file, *name, *log_file;
static const char default_body[] =
	"{\"roomId\":{room},\"content\":\"{stamp} {pad}\","
	"\"type\":\"TEXT\",\"clientMessageId\":\"{id}\"}";
static const char *body = default_body;
static const char *destination = "/pub/chat/message";
static const char *subscription = "/sub/chat/room/{room}";
static struct opt_list urls, headers, idle, pids;
static struct load_options options = {.rate = 200,
	.rooms = 1,
	.members = 10,
	.first_room = 1,
	.first_user = 1,
	.ramp = 500,
	.per_source = 500,
	.pad = 32,
	.beat_ms = 25000,
	.warm_ms = 2000,
	.time_ms = 10000,
	.drain_ms = 10000,
	.settle_ms = 500,
	.errors = "/user/queue/errors",
	.protocols = "v12.stomp"};
static bool no_receipts, as_json, dry_run;

static const struct opt table[] = {
	{OPT_LIST, 'c', "connect", &urls, "URL",
		"the server; default $CHAT_URL; several with --log", 0, 0},
	{OPT_STRING, 0, "log", &log_file, "FILE",
		"come back, send again, and append a history", 0, 0},
	{OPT_INT, 0, "rate", &options.rate, "N", "messages a second (200)", 1,
		RATE_MAX},
	{OPT_INT, 0, "rooms", &options.rooms, "N", "rooms (1)", 1,
		LOAD_CONNECTIONS_MAX},
	{OPT_INT, 0, "members", &options.members, "N", "members of each (10)",
		1, LOAD_CONNECTIONS_MAX},
	{OPT_INT, 0, "first-room", &options.first_room, "ID",
		"of the rooms (1)", 0, 1LL << 53},
	{OPT_INT, 0, "first-user", &options.first_user, "ID",
		"of the members (1)", 0, 1LL << 53},
	{OPT_SECONDS, 'T', "time", &options.time_ms, "SECONDS",
		"that are measured (10)", 1, 86400000},
	{OPT_SECONDS, 0, "warm-up", &options.warm_ms, "SECONDS",
		"before that, not measured (2)", 0, 86400000},
	{OPT_SECONDS, 0, "drain", &options.drain_ms, "SECONDS",
		"at most, for what is on its way (10)", 0, 86400000},
	{OPT_SECONDS, 0, "settle", &options.settle_ms, "SECONDS",
		"after all have subscribed (0.5)", 0, 86400000},
	{OPT_INT, 0, "ramp", &options.ramp, "N",
		"connections a second (500; 0: any)", 0, RATE_MAX},
	{OPT_LIST, 0, "idle", &idle, "N",
		"no messages: memory with N connections; rising", 0, 0},
	{OPT_LIST, 0, "pid", &pids, "NAME=PID",
		"a process whose CPU or memory counts", 0, 0},
	{OPT_FLAG, 0, "no-receipts", &no_receipts, NULL, "ask for none", 0, 0},
	{OPT_SIZE, 0, "pad", &options.pad, "BYTES", "of {pad} (32)", 0,
		1 << 20},
	{OPT_SECONDS, 0, "heart-beat", &options.beat_ms, "SECONDS",
		"offered each way (25; 0: none)", 0, 3600000},
	{OPT_STRING, 0, "body", &body, "TEMPLATE", "of SEND", 0, 0},
	{OPT_STRING, 0, "destination", &destination, "TEMPLATE", "of SEND", 0,
		0},
	{OPT_STRING, 0, "subscription", &subscription, "TEMPLATE",
		"destination of SUBSCRIBE", 0, 0},
	{OPT_STRING, 0, "errors", &options.errors, "DESTINATION",
		"where errors come; '' nowhere", 0, 0},
	{OPT_LIST, 0, "header", &headers, "NAME:TEMPLATE",
		"of CONNECT (Authorization:Bearer {token})", 0, 0},
	{OPT_STRING, 0, "protocols", &options.protocols, "LIST",
		"subprotocols offered (v12.stomp)", 0, 0},
	{OPT_INT, 0, "per-source", &options.per_source, "N",
		"connections a source address (500)", 1, 28000},
	{OPT_STRING, 0, "jwt-secret", &secret_file, "FILE",
		"makes tokens; default $CHAT_JWT_SECRET_FILE", 0, 0},
	{OPT_STRING, 0, "token-file", &token_file, "FILE", "a token a line", 0,
		0},
	{OPT_STRING, 'N', "name", &name, "NAME", "of the run, for -j", 0, 0},
	{OPT_FLAG, 'j', "json", &as_json, NULL, "a JSON object a run", 0, 0},
	{OPT_FLAG, 'n', "dry-run", &dry_run, NULL,
		"connect to nothing, say what would happen", 0, 0},
	{0},
};

static const struct opt_about about = {"chat-bench", "[options]",
	"Loads a STOMP server at a constant rate and reports latencies.",
	table};

struct app {
	struct load load;
	struct drill drill; /* with --log, in place of load */
	struct history history;
	struct token_source tokens;
	uv_loop_t loop;
	uv_signal_t term, interrupt;
	struct buf out;
	bool output_broken;
};

/* ---- options ------------------------------------------------------------ */

static int
take_server(struct app *app, struct err *err)
{
	struct load_options *opts = &options;
	struct url ignored;
	size_t i;

	if (!secret_file)
		secret_file = getenv("CHAT_JWT_SECRET_FILE");
	if (urls.count > (log_file ? DRILL_URLS_MAX : 1))
		return err_set(err, "too many servers");
	if (!urls.count)
		urls.count = 1; /* its NULL means $CHAT_URL */
	for (i = urls.count; i-- > 0;)
		if (url_of_server(&ignored, urls.item[i], &urls.item[i], err) <
			0)
			return -1;
	if (url_parse(&opts->url, str_c(urls.item[0]), err) < 0 ||
		template_parse(&opts->target, opts->url.target, err) < 0)
		return -1;
	if (!log_file && !load_wants_token(opts))
		return 0;
	opts->tokens = &app->tokens;
	return token_source_open(
		&app->tokens, token_file, NULL, secret_file, err);
}

/* Of the options of a load run --log takes only some. */
static int
check_drill(const struct load_options *load, struct err *err)
{
	if (log_file && (load->idle_count || load->pid_count || headers.count ||
				!load->receipts || body != default_body))
		return err_set(err, "--log speaks to chat-ws-edge as it is: no "
				    "--idle, --pid, --header, --body or "
				    "--no-receipts");
	return 0;
}

static int
validate(struct app *app, struct err *err)
{
	struct load_options *opts = &options;

	opts->receipts = !no_receipts;
	if (log_file)
		opts->warm_ms = 0;
	if (load_take_pids(opts, &pids, err) < 0 ||
		load_take_steps(opts, &idle, err) < 0 ||
		check_drill(opts, err) < 0 ||
		load_take_headers(opts, &headers, err) < 0 ||
		take_server(app, err) < 0 ||
		template_parse(&opts->body, str_c(body), err) < 0 ||
		template_parse(&opts->destination, str_c(destination), err) <
			0 ||
		template_parse(&opts->subscribe, str_c(subscription), err) < 0)
		return -1;
	if (!template_has(&opts->body, TEMPLATE_STAMP))
		return err_set(err, "without {stamp} in the body no message is "
				    "found again");
	return 0;
}

/* ---- the run ------------------------------------------------------------ */

static void
print(struct app *app)
{
	struct err err;

	if (fd_print(&app->out, 0, &err) == 0)
		return;
	LOG_ERROR("bench", "cannot write the report", LOG_E(&err));
	app->output_broken = true;
}

static void
on_step(struct load *load)
{
	struct app *app = load->data;

	if (as_json)
		report_json(&app->out, load, name);
	else
		report_table(&app->out, load);
	print(app);
	if (load->phase == LOAD_DONE)
		uv_stop(&app->loop);
}

static void
on_drill(struct drill *drill)
{
	struct app *app = drill->data;

	if (as_json)
		drill_json(&app->out, drill, name);
	else
		drill_table(&app->out, drill);
	print(app);
	uv_stop(&app->loop);
}

static void
on_term(uv_signal_t *handle, int number)
{
	struct app *app = handle->data;

	if (log_file)
		drill_stop(&app->drill);
	else
		load_stop(&app->load);
}

static int
load_verdict(struct app *app)
{
	struct buf faults = {0};
	int code = EXIT_DONE;

	report_faults(&faults, &app->load);
	if (faults.len) {
		LOG_ERROR("bench", "not clean",
			LOG_STR("faults", buf_str(&faults)));
		code = app->load.ready ? EXIT_NO : EXIT_TEMP;
	}
	buf_release(&faults);
	return code;
}

static int
drill_verdict(struct app *app)
{
	struct drill *drill = &app->drill;

	if (app->history.broken) {
		LOG_ERROR("bench", "cannot write the history",
			LOG_E(&app->history.error));
		return EXIT_TEMP;
	}
	if (drill_clean(drill))
		return EXIT_DONE;
	LOG_ERROR("bench", "not clean",
		LOG_S("faults", drill->why.text[0]
					? drill->why.text
					: "something is missing, or twice"));
	return drill->connects ? EXIT_NO : EXIT_TEMP;
}

static int
plan(struct app *app)
{
	load_plan(&app->out, &options, urls.item[0]);
	print(app);
	return app->output_broken ? EXIT_TEMP : EXIT_DONE;
}

static int
start(struct app *app, struct err *err)
{
	struct drill_options opts = {.load = &options,
		.url_count = urls.count,
		.history = &app->history};

	if (!log_file)
		return load_start(
			&app->load, &app->loop, &options, on_step, app, err);
	memcpy(opts.urls, urls.item, urls.count * sizeof(*urls.item));
	if (history_open(&app->history, &app->loop, log_file, err) < 0)
		return -1;
	return drill_start(&app->drill, &app->loop, &opts, on_drill, app, err);
}

static int
run(struct app *app)
{
	int code;

	uv_run(&app->loop, UV_RUN_DEFAULT);
	code = log_file ? drill_verdict(app) : load_verdict(app);
	if (log_file) {
		drill_close(&app->drill);
		history_close(&app->history);
	} else {
		load_close(&app->load);
	}
	uv_close((uv_handle_t *)&app->term, NULL);
	uv_close((uv_handle_t *)&app->interrupt, NULL);
	uv_run(&app->loop, UV_RUN_DEFAULT);
	uv_loop_close(&app->loop);
	if (log_file)
		drill_release(&app->drill);
	else
		load_release(&app->load);
	token_source_release(&app->tokens);
	buf_release(&app->out);
	return app->output_broken ? EXIT_TEMP : code;
}

int
main(int argc, char **argv)
{
	static struct app app;
	struct err err;
	int first;

	log_open(about.name);
	first = opt_parse(&about, argc, argv, &err);
	if (first >= 0 && first < argc)
		first = err_set(&err, "what is '%s'?", argv[first]);
	if (first < 0 || validate(&app, &err) < 0)
		opt_usage(&about, &err);
	if (dry_run)
		return plan(&app);
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&app.loop);
	uv_signal_init(&app.loop, &app.term);
	uv_signal_init(&app.loop, &app.interrupt);
	app.term.data = app.interrupt.data = &app;
	uv_signal_start(&app.term, on_term, SIGTERM);
	uv_signal_start(&app.interrupt, on_term, SIGINT);
	if (start(&app, &err) < 0) {
		LOG_ERROR("bench", "cannot start", LOG_E(&err));
		return EXIT_PERM;
	}
	return run(&app);
}
