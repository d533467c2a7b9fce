/*
 * chat-rooms - rooms and users from a shell: asks chat-api by its
 * administrator's socket, whose mode decides who may (chat-rooms(1)).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/ask.h"
#include "api/load.h"
#include "api/table.h"
#include "base/opt.h"
#include "io/fd.h"

#define WORDS_MAX 3
#define LIST_LIMIT 1000

static struct {
	const char *connect, *name, *users;
	int64_t limit, before, after;
	bool json, dry;
} opts = {.limit = 50, .before = -1, .after = -1};

static const struct opt table[] = {
	{OPT_STRING, 'c', "connect", &opts.connect, "SOCKET",
		"chat-api's; without it $CHAT_RUN/admin.sock", 0, 0},
	{OPT_STRING, 'N', "name", &opts.name, "NAME", "create: the room's name",
		0, 0},
	{OPT_STRING, 'u', "users", &opts.users, "ID,ID..",
		"create: its members, the first is the creator", 0, 0},
	{OPT_INT, 0, "limit", &opts.limit, "N",
		"history: how many messages (50)", 1, 300},
	{OPT_INT, 0, "before", &opts.before, "SEQ",
		"history: only those before it", 0, INT64_MAX},
	{OPT_INT, 0, "after", &opts.after, "SEQ",
		"history: only those directly after it", 0, INT64_MAX},
	{OPT_FLAG, 'j', "json", &opts.json, NULL, "JSON Lines, no table", 0, 0},
	{OPT_FLAG, 'n', "dry-run", &opts.dry, NULL,
		"create, load: check, and change nothing", 0, 0},
	{0},
};

static const struct opt_about about = {"chat-rooms",
	"create -N NAME -u ID,ID.. | list | show ID | members ID | "
	"history ID | users load [FILE] | users list",
	"Rooms and users from a shell, by chat-api's own socket.", table};

static struct ask ask;
static struct buf out;

static void die(int code, const struct err *err) NORETURN;

static void
die(int code, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", about.name, err->text);
	exit(code);
}

static void
flush(void)
{
	struct err err;

	if (fd_print(&out, 0, &err) < 0)
		die(EXIT_TEMP, &err);
}

/* Once; the exit closes it. A dry load never comes here. */
static void
connect_api(void)
{
	const char *run_dir = getenv("CHAT_RUN");
	struct buf path = {0};
	struct err err;

	if (ask.next_id)
		return;
	if (opts.connect)
		buf_add_c(&path, opts.connect);
	else if (run_dir)
		buf_printf(&path, "%s/admin.sock", run_dir);
	else {
		err_set(&err, "where is chat-api? -c or CHAT_RUN is needed");
		opt_usage(&about, &err);
	}
	if (ask_open(&ask, path.data, about.name, &err) < 0)
		die(EXIT_TEMP, &err);
	buf_release(&path);
}

/* Asks; ends the program unless the answer is 200. Gives "data". */
static struct json
request(const char *method, const char *path, struct str query, struct str body)
{
	struct request r = {.user = 0,
		.method = str_c(method),
		.path = str_c(path),
		.query = {query.len ? JSON_OBJECT : JSON_NONE, query},
		.body = {body.len ? JSON_OBJECT : JSON_NONE, body}};
	struct reply reply;
	struct err err;

	connect_api();
	if (ask_send(&ask, &r, &reply, &err) < 0)
		die(EXIT_TEMP, &err);
	if (reply.status == 200)
		return json_get(reply.body, "data");
	ask_refusal(&reply, &err);
	die(reply.status >= 500	      ? EXIT_TEMP
		: reply.status == 400 ? EXIT_PERM
				      : EXIT_NO,
		&err);
}

static void
show(struct table *as, struct json rows)
{
	if (opts.json)
		table_print_json(&out, rows);
	else
		table_print(&out, as, rows);
	flush();
}

/* ---- lists ------------------------------------------------------------- */

static const struct table_column room_columns[] = {{"ROOM", "roomId"},
	{"TYPE", "type"}, {"MEMBERS", "members"}, {"HEAD", "head"},
	{"LAST MESSAGE", "lastMessageSentAt"}, {"NAME", "name"}, {0}};
static const struct table_column member_columns[] = {{"USER", "userId"},
	{"JOINED", "joinedAt"}, {"CREATOR", "isCreator"},
	{"NICKNAME", "nickname"}, {0}};
static const struct table_column message_columns[] = {{"SEQ", "seq"},
	{"SENT", "sentAt"}, {"TYPE", "type"}, {"SENDER", "senderId"},
	{"NICKNAME", "senderNickname"}, {"CONTENT", "content"}, {0}};
static const struct table_column user_columns[] = {{"USER", "id"},
	{"NICKNAME", "nickname"}, {"IMAGE", "profileImageUrl"}, {0}};

/* All of a list, LIST_LIMIT at a time; id_field is what it goes on after. */
static int
list(const char *path, const char *id_field, const struct table_column *columns)
{
	struct table as = {.columns = columns};
	struct buf query = {0};
	struct json rows, key, row;
	struct json_iter it;
	int64_t after = 0;
	size_t count;

	do {
		buf_reset(&query);
		json_open(&query, NULL, '{');
		json_put_i64(&query, "after", after);
		json_put_i64(&query, "limit", LIST_LIMIT);
		json_close(&query, '}');
		rows = request("GET", path, buf_str(&query), STR(""));
		count = 0;
		for (it = json_iter(rows); json_next(&it, &key, &row); count++)
			if (!json_i64(json_get(row, id_field), &after))
				count = LIST_LIMIT; /* not ours: no end */
		show(&as, rows);
	} while (count == LIST_LIMIT);
	buf_release(&query);
	return EXIT_DONE;
}

static const char *
room_path(const char *id, const char *what)
{
	static char path[80];
	struct err err;
	int64_t n;

	if (!str_i64(str_c(id), &n)) {
		err_set(&err, "'%s' is no room's number", id);
		opt_usage(&about, &err);
	}
	snprintf(path, sizeof(path), "/admin/rooms/%lld%s", (long long)n, what);
	return path;
}

static int
show_room(const char *id, const char *what, const struct table_column *columns)
{
	struct table as = {.columns = columns};

	show(&as, request("GET", room_path(id, what), STR(""), STR("")));
	return EXIT_DONE;
}

/* The answer is newest first; people read downwards. */
static int
history(const char *id)
{
	struct table as = {.columns = message_columns};
	struct buf query = {0}, turned = {0};

	json_open(&query, NULL, '{');
	json_put_i64(&query, "limit", opts.limit);
	if (opts.before >= 0)
		json_put_i64(&query, "before", opts.before);
	if (opts.after >= 0)
		json_put_i64(&query, "after", opts.after);
	json_close(&query, '}');
	table_turn_round(&turned, request("GET", room_path(id, "/messages"),
					  buf_str(&query), STR("")));
	show(&as, (struct json){JSON_ARRAY, buf_str(&turned)});
	buf_release(&turned);
	buf_release(&query);
	return EXIT_DONE;
}

/* ---- changes ----------------------------------------------------------- */

static bool
put_users(struct buf *body, struct str users)
{
	struct str one;
	int64_t id;
	bool more;

	json_open(body, "userIds", '[');
	do {
		more = str_cut(users, ',', &one, &users);
		if (!str_i64(one, &id) || id <= 0)
			return false;
		json_put_i64(body, NULL, id);
	} while (more);
	json_close(body, ']');
	return true;
}

static int
create(void)
{
	struct buf body = {0};
	struct json room;
	struct err err;
	int64_t id;

	json_open(&body, NULL, '{');
	json_put_c(&body, "name", opts.name);
	if (!opts.name || !put_users(&body, str_c(opts.users))) {
		err_set(&err, "create needs -N NAME and -u ID,ID..");
		opt_usage(&about, &err);
	}
	if (opts.dry)
		json_put_bool(&body, "dryRun", true);
	json_close(&body, '}');
	room = request("POST", "/admin/rooms", STR(""), buf_str(&body));
	buf_release(&body);
	if (opts.json)
		buf_printf(&out, "%.*s\n", STR_ARG(room.text));
	else if (opts.dry)
		buf_printf(&out, "would create the room\n");
	else if (json_i64(json_get(room, "roomId"), &id))
		buf_printf(&out, "%lld\n", (long long)id);
	flush();
	return EXIT_DONE;
}

static int
load_users(const char *file)
{
	bool standard = !file || !strcmp(file, "-");
	int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	struct load load = {.ask = opts.dry ? NULL : &ask};
	enum load_result rc;
	struct err err;

	if (fd < 0) {
		err_sys(&err, "cannot open '%s'", file);
		die(EXIT_PERM, &err);
	}
	if (!opts.dry)
		connect_api();
	rc = load_run(&load, fd, &err);
	if (opts.dry)
		buf_printf(&out, "would load %lld users\n",
			(long long)load.lines - (rc == LOAD_BAD_LINE));
	else
		buf_printf(&out, "%lld users loaded, %lld of them new\n",
			(long long)load.loaded, (long long)load.created);
	flush();
	if (rc != LOAD_DONE)
		die(rc == LOAD_BAD_LINE ? EXIT_PERM : EXIT_TEMP, &err);
	return EXIT_DONE;
}

/* ---- main -------------------------------------------------------------- */

static int
run(char **word, int count)
{
	struct err err;

	if (count == 1 && !strcmp(word[0], "list"))
		return list("/admin/rooms", "roomId", room_columns);
	if (count == 1 && !strcmp(word[0], "create"))
		return create();
	if (count == 2 && !strcmp(word[0], "show"))
		return show_room(word[1], "", room_columns);
	if (count == 2 && !strcmp(word[0], "members"))
		return show_room(word[1], "/members", member_columns);
	if (count == 2 && !strcmp(word[0], "history"))
		return history(word[1]);
	if (count >= 2 && !strcmp(word[0], "users")) {
		if (count == 2 && !strcmp(word[1], "list"))
			return list("/admin/users", "id", user_columns);
		if (!strcmp(word[1], "load"))
			return load_users(count > 2 ? word[2] : NULL);
	}
	err_set(&err, "'%s' is no such command, or its operands are wrong",
		word[0]);
	opt_usage(&about, &err);
}

/* Options may stand before, between and behind the words. */
int
main(int argc, char **argv)
{
	char *word[WORDS_MAX];
	int count, code;
	struct err err;

	signal(SIGPIPE, SIG_IGN);
	count = opt_words(&about, argc, argv, word, WORDS_MAX, &err);
	if (!count || count > WORDS_MAX)
		count = err_set(&err, "a command is needed, of 1 to 3 words");
	if (count < 0)
		opt_usage(&about, &err);
	code = run(word, count);
	buf_release(&out);
	return code;
}
