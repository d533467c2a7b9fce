/*
 * chat-topics - plans and applies the topics that a file declares.
 * It creates and configures; it never takes anything away, and never changes
 * how many partitions or replicas there are: that it calls drift.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/opt.h"
#include "io/fd.h"
#include "json/json.h"
#include "kafka/declare.h"

#define NAME "chat-topics"
#define FILE_MAX (1 << 20)

static struct {
	struct kafka_options kafka;
	const char *env;
	int64_t timeout_ms;
	bool dry, json;
} opts = {.timeout_ms = 30000};

static const struct opt table[] = {
	KAFKA_OPTS(&opts.kafka),
	{OPT_FLAG, 'n', "dry-run", &opts.dry, NULL,
		"change nothing; 1 where something would", 0, 0},
	{OPT_FLAG, 'j', "json", &opts.json, NULL, "print JSON Lines", 0, 0},
	{OPT_STRING, 0, "env", &opts.env, "ENV",
		"which numbers of the file ($CHAT_ENV, dev)", 0, 0},
	{OPT_SECONDS, 'T', "timeout", &opts.timeout_ms, "SECONDS",
		"of each request (30)", 100, 3600000},
	{0},
};

static const struct opt_about about = {NAME, "[options] apply FILE | list",
	"Plans and applies the topics that a file declares.", table};

static struct buf out;

static int
timeout(void)
{
	return (int)opts.timeout_ms;
}

/* ---- the table ------------------------------------------------------------
 */

static void
print_plan(const char *topic, const char *action, const struct buf *why)
{
	static bool titled;

	if (opts.json) {
		json_open(&out, NULL, '{');
		json_put_c(&out, "topic", topic);
		json_put_c(&out, "action", action);
		json_put_str(&out, "why", buf_str(why));
		json_close(&out, '}');
		buf_add_char(&out, '\n');
		return;
	}
	if (!titled)
		buf_printf(&out, "%-32s %-8s %s\n", "TOPIC", "ACTION", "WHAT");
	titled = true;
	buf_printf(&out, "%-32s %-8s %s\n", topic, action,
		why->len ? why->data : "");
}

static int
flush(struct err *err)
{
	return fd_print(&out, 0, err);
}

/* ---- apply ------------------------------------------------------------------
 */

static int
write_configs(rd_kafka_t *rk, const struct declared *t,
	struct admin_configs *own, struct err *err)
{
	const struct admin_config *c;
	size_t i;

	/* The request replaces all: what was set stays, ours comes over it. */
	for (i = 0; i < t->configs.count; i++) {
		c = &t->configs.entry[i];
		if (admin_configs_set(own, c->name, c->value, err) < 0)
			return -1;
	}
	return admin_configs_write(rk, t->name, own, timeout(), err);
}

static int
do_it(rd_kafka_t *rk, enum declare_action action, const struct declared *t,
	struct admin_configs *own, struct err *err)
{
	if (action == DECLARE_CREATE)
		return admin_create(rk, t->name, t->partitions, t->replicas,
			&t->configs, timeout(), err);
	if (action == DECLARE_CONFIG)
		return write_configs(rk, t, own, err);
	/* Drift: nothing, not even its configs: two copies in sync asked of a
	 * topic that has one would stop it. */
	return 0;
}

/* One topic: 0 as declared (now), 1 it differs still, -1 err. */
static int
apply_topic(rd_kafka_t *rk, const struct declared *t, struct err *err)
{
	static const char *const names[] = {"ok", "create", "config", "drift"};
	struct admin_topic topic;
	struct admin_configs own = {0};
	struct buf why = {0};
	enum declare_action action;
	int found = admin_topic(rk, t->name, false, &topic, timeout(), err);
	int rc = -1;

	if (found < 0 || (found && admin_configs_read(rk, t->name, &own,
					   timeout(), err) < 0))
		goto out;
	action = declare_compare(t, found ? &topic : NULL, &own, &why);
	if (!opts.dry && do_it(rk, action, t, &own, err) < 0)
		goto out;
	print_plan(t->name, names[action], &why);
	rc = opts.dry ? action != DECLARE_OK : action == DECLARE_DRIFT;
out:
	admin_configs_release(&own);
	buf_release(&why);
	return rc;
}

static int
apply(rd_kafka_t *rk, const struct declaration *d, struct err *err)
{
	int code = EXIT_DONE, rc;
	size_t i;

	for (i = 0; i < d->count; i++) {
		rc = apply_topic(rk, &d->topic[i], err);
		if (rc < 0 || flush(err) < 0)
			return -1;
		if (rc)
			code = EXIT_NO;
	}
	return code;
}

/* ---- list -------------------------------------------------------------------
 */

static void
print_topic(void *data, const char *name, const struct admin_topic *topic)
{
	if (opts.json) {
		json_open(&out, NULL, '{');
		json_put_c(&out, "topic", name);
		json_put_i64(&out, "partitions", topic->partitions);
		json_put_i64(&out, "replicas", topic->replicas);
		json_put_bool(&out, "leaders", topic->leaders);
		json_close(&out, '}');
		buf_add_char(&out, '\n');
		return;
	}
	if (!out.len)
		buf_printf(&out, "%-40s %10s %8s\n", "TOPIC", "PARTITIONS",
			"REPLICAS");
	buf_printf(&out, "%-40s %10d %8d%s\n", name, topic->partitions,
		topic->replicas, topic->leaders ? "" : "  no leader");
}

static int
list(rd_kafka_t *rk, struct err *err)
{
	if (admin_list(rk, print_topic, NULL, timeout(), err) < 0)
		return -1;
	return flush(err) < 0 ? -1 : EXIT_DONE;
}

/* ---- the start
 * --------------------------------------------------------------- */

static int
read_file(struct declaration *d, const char *path, struct err *err)
{
	struct buf text = {0};
	const char *env = opts.env ? opts.env : getenv("CHAT_ENV");
	int rc = fd_read_file(path, FILE_MAX, &text, err);

	if (rc == 0) {
		rc = declare_parse(
			d, buf_str(&text), env && *env ? env : "dev", err);
		if (rc < 0)
			err_prefix(err, "'%s'", path);
	}
	buf_release(&text);
	return rc;
}

static int
run(const struct declaration *d, struct err *err)
{
	struct admin admin;
	int rc;

	if (admin_open(&admin, &opts.kafka, err) < 0)
		opt_usage(&about, err);
	rc = d ? apply(admin.rk, d, err) : list(admin.rk, err);
	admin_close(&admin);
	return rc;
}

int
main(int argc, char **argv)
{
	static struct declaration d;
	char *operands[2];
	struct err err;
	int rc, count = opt_words(&about, argc, argv, operands, 2, &err);
	bool listing = count == 1 && !strcmp(operands[0], "list");

	if (count < 0)
		opt_usage(&about, &err);
	if (!listing && (count != 2 || strcmp(operands[0], "apply"))) {
		err_set(&err, "say 'apply FILE' or 'list'");
		opt_usage(&about, &err);
	}
	log_open(NAME);
	signal(SIGPIPE, SIG_IGN);
	if (!listing && read_file(&d, operands[1], &err) < 0) {
		fprintf(stderr, "%s: %s\n", NAME, err.text);
		return EXIT_PERM;
	}
	rc = run(listing ? NULL : &d, &err);
	declare_release(&d);
	if (rc >= 0)
		return rc;
	fprintf(stderr, "%s: %s\n", NAME, err.text);
	return EXIT_TEMP;
}
