/* wire/result.c - see result.h. */
#include "wire/result.h"

static const char *const status_names[] = {"done", "dead", "retry"};

static void
put_error(struct buf *out, struct str class, struct str message)
{
	if (!class.len && !message.len)
		return;
	json_open(out, "error", '{');
	json_put_str(out, "class", class);
	json_put_str(out, "message", message);
	json_close(out, '}');
}

void
result_print(struct buf *out, const struct result *result)
{
	buf_add_char(out, '{');
	json_put_str(out, "topic", result->topic);
	json_put_i64(out, "partition", result->partition);
	json_put_i64(out, "offset", result->offset);
	json_put_c(out, "status", status_names[result->status]);
	put_error(out, result->error_class, result->error_message);
	buf_add_c(out, "}\n");
}

void
emit_print(struct buf *out, const struct record *record)
{
	buf_add_c(out, "{\"emit\":");
	record_print_json(out, record);
	buf_add_c(out, "}\n");
}

void
waiting_print(struct buf *out, const char *dependency)
{
	buf_add_c(out, "{\"status\":\"waiting\"");
	json_put_c(out, "for", dependency);
	buf_add_c(out, "}\n");
}

void
answer_print(struct buf *out, const struct answer *answer)
{
	buf_add_char(out, '{');
	if (answer->id.len)
		json_put_raw(out, "id", answer->id);
	json_put_c(out, "status", status_names[answer->status]);
	if (answer->topic.len)
		json_put_str(out, "topic", answer->topic);
	if (answer->partition >= 0)
		json_put_i64(out, "partition", answer->partition);
	if (answer->offset >= 0)
		json_put_i64(out, "offset", answer->offset);
	put_error(out, answer->error_class, answer->error_message);
	buf_add_c(out, "}\n");
}

/* What results and answers may have. */
struct fields {
	struct json id, topic, partition, offset, status, error, emit, hello,
		waiting_for;
};

static void
collect(struct json root, struct fields *f)
{
	static const struct {
		const char *name;
		size_t at;
	} names[] = {
		{"topic", offsetof(struct fields, topic)},
		{"partition", offsetof(struct fields, partition)},
		{"offset", offsetof(struct fields, offset)},
		{"status", offsetof(struct fields, status)},
		{"id", offsetof(struct fields, id)},
		{"emit", offsetof(struct fields, emit)},
		{"error", offsetof(struct fields, error)},
		{"for", offsetof(struct fields, waiting_for)},
		{"hello", offsetof(struct fields, hello)},
	};
	struct json_iter it = json_iter(root);
	struct json key, value;
	size_t i;

	*f = (struct fields){0};
	while (json_next(&it, &key, &value)) {
		for (i = 0; i < ARRAY_LEN(names); i++) {
			if (!json_is(key, names[i].name))
				continue;
			*(struct json *)((char *)f + names[i].at) = value;
			break;
		}
	}
}

static bool
read_status(struct json value, enum result_status *out)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(status_names); i++) {
		if (!json_is(value, status_names[i]))
			continue;
		*out = (enum result_status)i;
		return true;
	}
	return false;
}

static int
read_error(struct json error, struct buf *scratch, struct str *class,
	struct str *message, struct err *err)
{
	*class = *message = (struct str){NULL, 0};
	if (error.type == JSON_NONE)
		return 0;
	if (!json_text(json_get(error, "class"), scratch, class) ||
		!json_text(json_get(error, "message"), scratch, message))
		return err_set(err, "an error without class and message");
	return 0;
}

static bool
read_place(const struct fields *f, struct buf *scratch, struct str *topic,
	int32_t *partition, int64_t *offset)
{
	int64_t n;

	if (!json_text(f->topic, scratch, topic) ||
		!json_i64(f->partition, &n) || n < 0 || n > INT32_MAX ||
		!json_i64(f->offset, offset) || *offset < 0)
		return false;
	*partition = (int32_t)n;
	return true;
}

static int
read_result(struct filter_line *out, const struct fields *f,
	struct buf *scratch, struct err *err)
{
	struct result *r = &out->result;

	out->kind = FILTER_RESULT;
	if (!read_status(f->status, &r->status))
		return err_set(
			err, "unknown status %.*s", STR_ARG(f->status.text));
	if (!read_place(f, scratch, &r->topic, &r->partition, &r->offset))
		return err_set(
			err, "a result without topic, partition and offset");
	if (read_error(f->error, scratch, &r->error_class, &r->error_message,
		    err) < 0)
		return -1;
	if (r->status != RESULT_DONE && f->error.type == JSON_NONE)
		return err_set(err, "status %s without an error",
			status_names[r->status]);
	return 0;
}

static int
read_emit(struct filter_line *out, const struct fields *f,
	struct record_room *room, struct err *err)
{
	out->kind = FILTER_EMIT;
	if (f->status.type != JSON_NONE)
		return err_set(err, "an emit and a status in one line");
	if (record_parse_json(&out->emit, f->emit, room, err) < 0)
		return err_prefix(err, "emit");
	return 0;
}

int
filter_line_parse(struct filter_line *out, struct str line,
	struct record_room *room, struct err *err)
{
	struct json root;
	struct fields f;

	if (json_scan(line, &root, NULL, err) < 0)
		return -1;
	collect(root, &f);
	if (f.emit.type != JSON_NONE)
		return read_emit(out, &f, room, err);
	buf_reset(&room->bytes);
	if (!buf_room(&room->bytes, line.len))
		return err_set(err, "out of memory");
	if (f.hello.type != JSON_NONE) {
		out->kind = FILTER_HELLO;
		return 0;
	}
	if (f.status.type == JSON_NONE)
		return err_set(err, "neither result, emit, status nor hello");
	if (!json_is(f.status, "waiting"))
		return read_result(out, &f, &room->bytes, err);
	out->kind = FILTER_WAITING;
	if (!json_text(f.waiting_for, &room->bytes, &out->waiting_for))
		return err_set(err, "status waiting without 'for'");
	return 0;
}

static int
read_answer(struct answer *out, const struct fields *f, struct buf *scratch,
	struct err *err)
{
	if (!read_status(f->status, &out->status) ||
		out->status == RESULT_RETRY)
		return err_set(err, "an answer is neither done nor dead");
	if (out->status == RESULT_DONE &&
		!read_place(
			f, scratch, &out->topic, &out->partition, &out->offset))
		return err_set(err,
			"a done answer without topic, partition and offset");
	return read_error(
		f->error, scratch, &out->error_class, &out->error_message, err);
}

int
answer_parse(struct answer *out, struct str line, struct buf *scratch,
	struct err *err)
{
	struct json root;
	struct fields f;

	*out = (struct answer){.partition = -1, .offset = -1};
	if (json_scan(line, &root, NULL, err) < 0)
		return -1;
	buf_reset(scratch);
	if (!buf_room(scratch, line.len))
		return err_set(err, "out of memory");
	collect(root, &f);
	if (f.id.type != JSON_NONE && f.id.type != JSON_STRING &&
		f.id.type != JSON_NUMBER)
		return err_set(err, "id is neither text nor a number");
	out->id = f.id.text;
	return read_answer(out, &f, scratch, err);
}
