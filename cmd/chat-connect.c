/*
 * chat-connect - a terminal client: the lines of stdin become messages, the
 * messages of its rooms become lines on stdout (chat-connect(1)). What it does
 * is in client/terminal.h.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/opt.h"
#include "client/terminal.h"
#include "io/fd.h"

static const char *url, *secret_file, *token_file, *log_file;
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
	{OPT_STRING, 0, "log", &log_file, "FILE",
		"append a history for chat-audit", 0, 0},
	{OPT_FLAG, 'n', "dry-run", &dry_run, NULL,
		"connect to nothing, say what would happen", 0, 0},
	{0},
};

static const struct opt_about about = {"chat-connect",
	"-u USER -r ROOM [options]",
	"A terminal client: lines in become messages, messages become lines.",
	table};

static int
take_rooms(int64_t *ids, struct err *err)
{
	size_t i;

	if (!rooms.count)
		return err_set(err, "no room: give -r ROOM");
	for (i = 0; i < rooms.count; i++)
		if (!str_i64(str_c(rooms.item[i]), &ids[i]) || ids[i] < 1)
			return err_set(err, "'%s' is no room", rooms.item[i]);
	return 0;
}

static int
validate(int64_t *ids, struct token_source *tokens, struct err *err)
{
	const char *token = secret_file ? NULL : getenv("CHAT_TOKEN");
	struct url parsed;

	if (!secret_file)
		secret_file = getenv("CHAT_JWT_SECRET_FILE");
	if (url_of_server(&parsed, url, &url, err) < 0 ||
		take_rooms(ids, err) < 0 ||
		token_source_open(tokens, token_file, token, secret_file, err) <
			0)
		return -1;
	if (tokens->makes && !user_id)
		return err_set(err, "no user: give -u USER");
	return 0;
}

static int
say_what_would_happen(int64_t room_id)
{
	struct err err;

	if (fd_printf(&err,
		    "would connect to %s and follow %zu rooms, speaking in "
		    "%lld\n",
		    url, rooms.count, (long long)room_id) == 0)
		return EXIT_DONE;
	LOG_ERROR("client", "cannot write the output", LOG_E(&err));
	return EXIT_TEMP;
}

int
main(int argc, char **argv)
{
	static struct terminal terminal;
	static struct token_source tokens;
	int64_t ids[OPT_LIST_MAX];
	struct terminal_options opts;
	uv_loop_t loop;
	struct err err;
	int code, first;

	log_open(about.name);
	first = opt_parse(&about, argc, argv, &err);
	if (first >= 0 && first < argc)
		first = err_set(&err, "what is '%s'?", argv[first]);
	if (first < 0 || validate(ids, &tokens, &err) < 0)
		opt_usage(&about, &err);
	if (dry_run)
		return say_what_would_happen(ids[0]);
	opts = (struct terminal_options){.url = url,
		.user_id = user_id,
		.rooms = ids,
		.room_count = rooms.count,
		.from_seq = from_seq,
		.wait_count = wait_count,
		.stop_ms = stop_ms,
		.stay = listen_on,
		.as_json = as_json,
		.log = log_file,
		.tokens = &tokens};
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop);
	if (terminal_start(&terminal, &loop, &opts, &err) < 0) {
		LOG_ERROR("client", "cannot start", LOG_E(&err));
		return EXIT_PERM;
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	code = terminal_exit_code(&terminal);
	terminal_release(&terminal);
	uv_loop_close(&loop);
	token_source_release(&tokens);
	return code;
}
