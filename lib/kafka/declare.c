/* kafka/declare.c - see declare.h. */
#include "kafka/declare.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/json.h"

struct line {
	const char *env;
	struct declared *topic;
	struct err *err;
};

void
declare_release(struct declaration *d)
{
	while (d->count) {
		d->count--;
		free(d->topic[d->count].name);
		admin_configs_release(&d->topic[d->count].configs);
	}
}

/* The value itself, or the environment's; JSON_NONE where it has none. */
static struct json
by_env(const struct line *line, struct json value)
{
	return value.type == JSON_OBJECT ? json_get(value, line->env) : value;
}

static int
read_count(struct line *line, const char *name, struct json value, int32_t *out)
{
	int64_t n;

	value = by_env(line, value);
	if (value.type == JSON_NONE)
		return err_set(line->err, "no %s for environment '%s'", name,
			line->env);
	if (!json_i64(value, &n) || n < 1 || n > 10000)
		return err_set(line->err, "%s is no number in 1..10000", name);
	*out = (int32_t)n;
	return 0;
}

static int
read_name(struct line *line, struct json value)
{
	struct buf scratch = {0};
	struct str text;

	if (json_text(value, &scratch, &text) && text.len)
		line->topic->name = str_dup(text);
	buf_release(&scratch);
	return line->topic->name ? 0 : err_set(line->err, "topic is no name");
}

/* Kafka's configs are text; numbers and booleans may be written as such. */
static int
read_config(struct line *line, struct json key, struct json value)
{
	struct buf name = {0}, text = {0};
	struct str s;
	int rc = -1;

	value = by_env(line, value);
	if (value.type == JSON_NONE)
		return 0;
	if (!json_text(key, &name, &s)) {
		err_set(line->err, "a config without a name");
		goto out;
	}
	if (!name.len)
		buf_add_str(&name, s);
	if (value.type == JSON_NUMBER || value.type == JSON_BOOL) {
		buf_add_str(&text, value.text);
	} else if (json_text(value, &text, &s)) {
		if (!text.len)
			buf_add_str(&text, s);
	} else {
		err_set(line->err, "config '%s' is no text, number or boolean",
			name.data);
		goto out;
	}
	if (buf_bad(&name) || buf_bad(&text))
		err_set(line->err, "out of memory");
	else
		rc = admin_configs_set(&line->topic->configs,
			name.data ? name.data : "", text.data ? text.data : "",
			line->err);
out:
	buf_release(&name);
	buf_release(&text);
	return rc;
}

static int
read_configs(struct line *line, struct json value)
{
	struct json_iter it = json_iter(value);
	struct json key;

	if (value.type != JSON_OBJECT)
		return err_set(line->err, "config is no object");
	while (json_next(&it, &key, &value))
		if (read_config(line, key, value) < 0)
			return -1;
	return 0;
}

static int
read_field(struct line *line, struct json key, struct json value)
{
	struct declared *t = line->topic;

	if (json_is(key, "topic"))
		return t->name ? err_set(line->err, "topic given twice")
			       : read_name(line, value);
	if (json_is(key, "partitions"))
		return read_count(line, "partitions", value, &t->partitions);
	if (json_is(key, "replicas"))
		return read_count(line, "replicas", value, &t->replicas);
	if (json_is(key, "config"))
		return read_configs(line, value);
	return err_set(line->err, "unknown field %.*s", STR_ARG(key.text));
}

static int
read_topic(struct line *line, struct str text)
{
	struct json root, key, value;
	struct json_iter it;

	if (json_scan(text, &root, NULL, line->err) < 0)
		return -1;
	if (root.type != JSON_OBJECT)
		return err_set(line->err, "no JSON object");
	it = json_iter(root);
	while (json_next(&it, &key, &value))
		if (read_field(line, key, value) < 0)
			return -1;
	if (!line->topic->name)
		return err_set(line->err, "no topic");
	if (!line->topic->partitions || !line->topic->replicas)
		return err_set(line->err, "no partitions, or no replicas");
	return 0;
}

static int
take_line(struct declaration *d, struct str text, const char *env,
	struct err *err)
{
	struct line line = {env, &d->topic[d->count], err};
	size_t i;

	if (d->count == DECLARE_MAX)
		return err_set(err, "over %d topics", DECLARE_MAX);
	*line.topic = (struct declared){0};
	d->count++; /* so that it is released whatever it holds */
	if (read_topic(&line, text) < 0)
		return -1;
	for (i = 0; i + 1 < d->count; i++)
		if (!strcmp(d->topic[i].name, line.topic->name))
			return err_set(err, "topic '%s' is declared twice",
				line.topic->name);
	return 0;
}

int
declare_parse(struct declaration *d, struct str text, const char *env,
	struct err *err)
{
	struct str line, rest = text;
	int number = 0;

	d->count = 0;
	while (rest.len) {
		str_cut(rest, '\n', &line, &rest);
		number++;
		while (line.len && strchr(" \t\r", *line.data)) {
			line.data++;
			line.len--;
		}
		if (!line.len || *line.data == '#')
			continue;
		if (take_line(d, line, env, err) < 0)
			return err_prefix(err, "line %d", number);
	}
	return 0;
}

/* ---- compare --------------------------------------------------------------
 */

static void
differ(struct buf *why, const char *name, const char *is, const char *should)
{
	buf_printf(why, "%s%s %s -> %s", why->len ? ", " : "", name,
		is ? is : "(default)", should);
}

static bool
counts_differ(const struct declared *declared, const struct admin_topic *topic,
	struct buf *why)
{
	if (topic->partitions != declared->partitions)
		buf_printf(why, "partitions %d -> %d (%s)", topic->partitions,
			declared->partitions,
			topic->partitions < declared->partitions
				? "a stop is needed: chat-topics grow"
				: "Kafka cannot take partitions away");
	if (topic->replicas != declared->replicas)
		buf_printf(why,
			"%sreplicas %d -> %d (kafka-reassign-partitions)",
			why->len ? ", " : "", topic->replicas,
			declared->replicas);
	return why->len != 0;
}

enum declare_action
declare_compare(const struct declared *declared,
	const struct admin_topic *topic, const struct admin_configs *own,
	struct buf *why)
{
	const struct admin_config *c;
	const char *is;
	bool drift, configs = false;
	size_t i;

	if (!topic) {
		buf_printf(why, "%d partitions, %d replicas",
			declared->partitions, declared->replicas);
		return DECLARE_CREATE;
	}
	drift = counts_differ(declared, topic, why);
	for (i = 0; i < declared->configs.count; i++) {
		c = &declared->configs.entry[i];
		is = admin_configs_get(own, c->name);
		if (is && !strcmp(is, c->value))
			continue;
		configs = true;
		differ(why, c->name, is, c->value);
	}
	return drift ? DECLARE_DRIFT : configs ? DECLARE_CONFIG : DECLARE_OK;
}
