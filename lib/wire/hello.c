/* wire/hello.c - see hello.h. */
#include "wire/hello.h"

static const char *const control_names[] = {"assigned", "revoked", "ready"};

void
hello_print(struct buf *out, const char *from, int64_t max_line)
{
	buf_add_c(out, "{\"hello\":\"" HELLO_PROTOCOL "\"");
	json_put_c(out, "from", from);
	json_put_i64(out, "maxLine", max_line);
	buf_add_c(out, "}\n");
}

/* "chat/1" and "chat/1.x" are ours: minor versions add, they never change. */
static bool
is_our_major(struct str protocol)
{
	return str_eq_c(protocol, HELLO_PROTOCOL) ||
	       str_starts(protocol, HELLO_PROTOCOL ".");
}

int
hello_parse(struct hello *out, struct str line, struct err *err)
{
	struct json root;
	struct str protocol;

	*out = (struct hello){{NULL, 0}, 0};
	if (json_scan(line, &root, NULL, err) < 0)
		return err_prefix(err, "no hello");
	/* No buf: a name that needs escapes is none of ours. */
	if (!json_text(json_get(root, "hello"), &(struct buf){.bad = true},
		    &protocol))
		return err_set(err, "no hello in the first line");
	if (!is_our_major(protocol))
		return err_set(err,
			"the other side speaks '%.*s', this one '%s'",
			STR_ARG(protocol), HELLO_PROTOCOL);
	if (!json_text(json_get(root, "from"), &(struct buf){.bad = true},
		    &out->from))
		return err_set(err, "a hello without a name in 'from'");
	if (!json_i64(json_get(root, "maxLine"), &out->max_line) ||
		out->max_line <= 0)
		return err_set(err, "a hello without 'maxLine'");
	return 0;
}

static void
put_position(struct buf *out, const struct position *p)
{
	json_open(out, NULL, '{');
	json_put_str(out, "topic", p->topic);
	json_put_i64(out, "partition", p->partition);
	if (p->offset >= 0)
		json_put_i64(out, "offset", p->offset);
	if (p->end >= 0)
		json_put_i64(out, "end", p->end);
	json_close(out, '}');
}

void
control_print(struct buf *out, enum control_kind kind,
	const struct position *positions, size_t count)
{
	size_t i;

	buf_add_char(out, '{');
	json_put_c(out, "control", control_names[kind]);
	if (kind != CONTROL_READY) {
		json_open(out, "positions", '[');
		for (i = 0; i < count; i++)
			put_position(out, &positions[i]);
		json_close(out, ']');
	}
	buf_add_c(out, "}\n");
}

static bool
read_kind(struct json name, enum control_kind *kind)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(control_names); i++) {
		if (!json_is(name, control_names[i]))
			continue;
		*kind = (enum control_kind)i;
		return true;
	}
	return false;
}

/* An optional number: -1 where it is missing; false where it is none. */
static bool
optional(struct json value, int64_t *out)
{
	*out = -1;
	return value.type == JSON_NONE || (json_i64(value, out) && *out >= 0);
}

static bool
read_position(struct json value, struct position *out)
{
	int64_t partition;

	if (!json_text(json_get(value, "topic"), &(struct buf){.bad = true},
		    &out->topic) ||
		!json_i64(json_get(value, "partition"), &partition) ||
		partition < 0 || partition > INT32_MAX)
		return false;
	out->partition = (int32_t)partition;
	return optional(json_get(value, "offset"), &out->offset) &&
	       optional(json_get(value, "end"), &out->end);
}

static bool
all_good(struct json_iter positions)
{
	struct json key, value;
	struct position p;

	while (json_next(&positions, &key, &value))
		if (!read_position(value, &p))
			return false;
	return true;
}

int
control_parse(struct str line, enum control_kind *kind,
	struct json_iter *positions, struct err *err)
{
	struct json root, name, list;

	if (json_scan(line, &root, NULL, err) < 0)
		return -1;
	name = json_get(root, "control");
	if (name.type == JSON_NONE)
		return 0;
	if (!read_kind(name, kind))
		return err_set(err, "unknown control %.*s", STR_ARG(name.text));
	list = json_get(root, "positions");
	if (*kind != CONTROL_READY && list.type != JSON_ARRAY)
		return err_set(err, "a control line without positions");
	*positions = json_iter(list);
	if (!all_good(*positions))
		return err_set(err, "a control line with a broken position");
	return 1;
}

bool
control_next(struct json_iter *positions, struct position *out)
{
	struct json key, value;

	return json_next(positions, &key, &value) && read_position(value, out);
}
