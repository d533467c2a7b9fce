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
#include "client/load.h"
#include "client/report.h"
#include "io/fd.h"

#define RATE_MAX 1000000
#define CONNECTIONS_MAX 1000000

static const char *url, *secret_file, *token_file, *name;
static const char *body = "{\"roomId\":{room},\"content\":\"{stamp} {pad}\","
			  "\"type\":\"TEXT\",\"clientMessageId\":\"{id}\"}";
static const char *destination = "/pub/chat/message";
static const char *subscription = "/sub/chat/room/{room}";
static const char *errors = "/user/queue/errors";
static const char *protocols = "v12.stomp";
static struct opt_list headers, idle, pids;
static int64_t rate = 200, rooms = 1, members = 10, first_room = 1,
	       first_user = 1, ramp = 500, per_source = 500, pad = 32,
	       beat_ms = 25000, warm_ms = 2000, time_ms = 10000,
	       drain_ms = 10000, settle_ms = 500;
static bool no_receipts, as_json, dry_run;

static const struct opt table[] = {
	{OPT_STRING, 'c', "connect", &url, "URL",
		"the server; default $CHAT_URL", 0, 0},
	{OPT_INT, 0, "rate", &rate, "N", "messages a second (200)", 1,
		RATE_MAX},
	{OPT_INT, 0, "rooms", &rooms, "N", "rooms (1)", 1, CONNECTIONS_MAX},
	{OPT_INT, 0, "members", &members, "N", "members of each (10)", 1,
		CONNECTIONS_MAX},
	{OPT_INT, 0, "first-room", &first_room, "ID", "of the rooms (1)", 0,
		1LL << 53},
	{OPT_INT, 0, "first-user", &first_user, "ID", "of the members (1)", 0,
		1LL << 53},
	{OPT_SECONDS, 'T', "time", &time_ms, "SECONDS",
		"that are measured (10)", 1, 86400000},
	{OPT_SECONDS, 0, "warm-up", &warm_ms, "SECONDS",
		"before that, not measured (2)", 0, 86400000},
	{OPT_SECONDS, 0, "drain", &drain_ms, "SECONDS",
		"at most, for what is on its way (10)", 0, 86400000},
	{OPT_SECONDS, 0, "settle", &settle_ms, "SECONDS",
		"after all have subscribed (0.5)", 0, 86400000},
	{OPT_INT, 0, "ramp", &ramp, "N", "connections a second (500; 0: any)",
		0, RATE_MAX},
	{OPT_LIST, 0, "idle", &idle, "N",
		"no messages: memory with N connections; rising", 0, 0},
	{OPT_LIST, 0, "pid", &pids, "NAME=PID",
		"a process whose CPU or memory counts", 0, 0},
	{OPT_FLAG, 0, "no-receipts", &no_receipts, NULL, "ask for none", 0, 0},
	{OPT_SIZE, 0, "pad", &pad, "BYTES", "of {pad} (32)", 0, 1 << 20},
	{OPT_SECONDS, 0, "heart-beat", &beat_ms, "SECONDS",
		"offered each way (25; 0: none)", 0, 3600000},
	{OPT_STRING, 0, "body", &body, "TEMPLATE", "of SEND", 0, 0},
	{OPT_STRING, 0, "destination", &destination, "TEMPLATE", "of SEND", 0,
		0},
	{OPT_STRING, 0, "subscription", &subscription, "TEMPLATE",
		"destination of SUBSCRIBE", 0, 0},
	{OPT_STRING, 0, "errors", &errors, "DESTINATION",
		"where errors come; '' nowhere", 0, 0},
	{OPT_LIST, 0, "header", &headers, "NAME:TEMPLATE",
		"of CONNECT (Authorization:Bearer {token})", 0, 0},
	{OPT_STRING, 0, "protocols", &protocols, "LIST",
		"subprotocols offered (v12.stomp)", 0, 0},
	{OPT_INT, 0, "per-source", &per_source, "N",
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
	struct load_options opts;
	struct token_source tokens;
	uv_loop_t loop;
	uv_signal_t term, interrupt;
	struct buf out;
	bool output_broken;
};

/* ---- options ------------------------------------------------------------ */

static int
take_headers(struct load_options *opts, struct err *err)
{
	static char copy[LOAD_HEADERS_MAX][512];
	struct str text, key, value;
	size_t i;

	if (!headers.count)
		headers.item[headers.count++] = "Authorization:Bearer {token}";
	if (headers.count > LOAD_HEADERS_MAX)
		return err_set(err, "over %d headers", LOAD_HEADERS_MAX);
	for (i = 0; i < headers.count; i++) {
		text = str_c(headers.item[i]);
		if (!str_cut(text, ':', &key, &value) || !key.len ||
			key.len >= sizeof(copy[i]))
			return err_set(
				err, "'%s' is no NAME:VALUE", headers.item[i]);
		snprintf(copy[i], sizeof(copy[i]), "%.*s", STR_ARG(key));
		opts->headers[i].name = copy[i];
		if (template_parse(&opts->headers[i].value, value, err) < 0)
			return -1;
	}
	opts->header_count = headers.count;
	return 0;
}

static int
take_pids(struct load_options *opts, struct err *err)
{
	struct load_pid *p;
	struct str key, value;
	int64_t pid, us;
	size_t i;

	for (i = 0; i < pids.count; i++) {
		p = &opts->pids[i];
		if (!str_cut(str_c(pids.item[i]), '=', &key, &value) ||
			!str_i64(value, &pid) || pid < 1 || !key.len ||
			key.len >= sizeof(p->name))
			return err_set(
				err, "'%s' is no NAME=PID", pids.item[i]);
		snprintf(p->name, sizeof(p->name), "%.*s", STR_ARG(key));
		p->pid = (pid_t)pid;
		if (usage_cpu(p->pid, &us, err) < 0)
			return -1;
	}
	opts->pid_count = pids.count;
	return 0;
}

static int
take_steps(struct load_options *opts, struct err *err)
{
	int64_t n, last = 0;
	size_t i;

	if (idle.count > LOAD_STEPS_MAX)
		return err_set(err, "over %d steps", LOAD_STEPS_MAX);
	for (i = 0; i < idle.count; i++) {
		if (!str_i64(str_c(idle.item[i]), &n) || n <= last)
			return err_set(err, "--idle takes rising numbers");
		opts->idle[i] = last = n;
	}
	opts->idle_count = idle.count;
	if (rooms * members > CONNECTIONS_MAX || last > rooms * members)
		return err_set(err, "%lld rooms of %lld: too few, or too many",
			(long long)rooms, (long long)members);
	return 0;
}

static bool
wants_token(const struct load_options *opts)
{
	size_t i;

	for (i = 0; i < opts->header_count; i++)
		if (template_has(&opts->headers[i].value, TEMPLATE_TOKEN))
			return true;
	return template_has(&opts->target, TEMPLATE_TOKEN);
}

static int
take_server(struct app *app, struct err *err)
{
	struct load_options *opts = &app->opts;

	if (!secret_file)
		secret_file = getenv("CHAT_JWT_SECRET_FILE");
	if (url_of_server(&opts->url, url, &url, err) < 0 ||
		template_parse(&opts->target, opts->url.target, err) < 0)
		return -1;
	if (!wants_token(opts))
		return 0;
	opts->tokens = &app->tokens;
	return token_source_open(
		&app->tokens, token_file, NULL, secret_file, err);
}

static int
validate(struct app *app, struct err *err)
{
	struct load_options *opts = &app->opts;

	*opts = (struct load_options){.rooms = rooms,
		.members = members,
		.first_room = first_room,
		.first_user = first_user,
		.rate = rate,
		.ramp = ramp,
		.per_source = per_source,
		.pad = pad,
		.beat_ms = beat_ms,
		.warm_ms = warm_ms,
		.time_ms = time_ms,
		.drain_ms = drain_ms,
		.settle_ms = settle_ms,
		.receipts = !no_receipts,
		.errors = errors,
		.protocols = protocols};
	if (take_headers(opts, err) < 0 || take_pids(opts, err) < 0 ||
		take_steps(opts, err) < 0 || take_server(app, err) < 0 ||
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

	if (fd_write_all(STDOUT_FILENO, "stdout", app->out.data, app->out.len,
		    &err) < 0) {
		LOG_ERROR("bench", "cannot write the report", LOG_E(&err));
		app->output_broken = true;
	}
	buf_reset(&app->out);
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
on_term(uv_signal_t *handle, int number)
{
	struct app *app = handle->data;

	load_stop(&app->load);
}

static int
exit_code(struct app *app)
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
	return app->output_broken ? EXIT_TEMP : code;
}

static int
plan(struct app *app)
{
	const struct load_options *o = &app->opts;
	int64_t n = o->idle_count ? o->idle[o->idle_count - 1]
				  : o->rooms * o->members;

	buf_printf(&app->out, "would open %lld connections to %s\n",
		(long long)n, url);
	if (!o->idle_count)
		buf_printf(&app->out,
			"would send %lld messages a second for %.1f s: "
			"%lld deliveries a second\n",
			(long long)o->rate,
			(double)(o->warm_ms + o->time_ms) / 1000,
			(long long)(o->rate * o->members));
	print(app);
	return app->output_broken ? EXIT_TEMP : EXIT_DONE;
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
	if (dry_run)
		return plan(&app);
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&app.loop);
	uv_signal_init(&app.loop, &app.term);
	uv_signal_init(&app.loop, &app.interrupt);
	app.term.data = app.interrupt.data = &app;
	uv_signal_start(&app.term, on_term, SIGTERM);
	uv_signal_start(&app.interrupt, on_term, SIGINT);
	if (load_start(&app.load, &app.loop, &app.opts, on_step, &app, &err) <
		0) {
		LOG_ERROR("bench", "cannot start", LOG_E(&err));
		return EXIT_PERM;
	}
	uv_run(&app.loop, UV_RUN_DEFAULT);
	code = exit_code(&app);
	load_close(&app.load);
	uv_close((uv_handle_t *)&app.term, NULL);
	uv_close((uv_handle_t *)&app.interrupt, NULL);
	uv_run(&app.loop, UV_RUN_DEFAULT);
	uv_loop_close(&app.loop);
	load_release(&app.load);
	token_source_release(&app.tokens);
	buf_release(&app.out);
	return code;
}
