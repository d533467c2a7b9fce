/* wire/record.c - see record.h. */
#include "wire/record.h"

#include <string.h>

#include "io/b64.h"

/* ---- print ------------------------------------------------------------- */

/* JSON that comes through jq and any other reader unchanged. */
static bool
is_plain_json(struct str value)
{
	struct json root;
	unsigned quirks;

	if (!value.len || (value.data[0] != '{' && value.data[0] != '['))
		return false;
	return json_scan(value, &root, &quirks, NULL) == 0 && !quirks &&
	       root.text.len == value.len;
}

static void
put_b64(struct buf *out, const char *name, struct str raw)
{
	json_put_raw(out, name, STR("\""));
	b64_encode(raw, out);
	buf_add_char(out, '"');
}

static void
put_key(struct buf *out, const struct record *record)
{
	if (record->key_null)
		json_put_null(out, "key");
	else if (str_utf8_len(record->key) >= 0)
		json_put_str(out, "key", record->key);
	else
		put_b64(out, "key64", record->key);
}

static void
put_value(struct buf *out, const struct record *record)
{
	if (record->value_left_out)
		json_put_i64(out, "valueBytes", record->value_bytes);
	else if (record->value_null)
		json_put_null(out, "value");
	else if (is_plain_json(record->value))
		json_put_raw(out, "value", record->value);
	else if (str_utf8_len(record->value) >= 0)
		json_put_str(out, "valueText", record->value);
	else
		put_b64(out, "value64", record->value);
}

/* Text, or {"b64":".."} for what is no UTF-8. */
static void
put_text_or_b64(struct buf *out, struct str bytes)
{
	if (str_utf8_len(bytes) >= 0) {
		json_put_str(out, NULL, bytes);
		return;
	}
	json_open(out, NULL, '{');
	put_b64(out, "b64", bytes);
	json_close(out, '}');
}

static void
put_headers(struct buf *out, const struct record *record)
{
	size_t i;

	json_open(out, "headers", '[');
	for (i = 0; i < record->header_count; i++) {
		const struct record_header *h = &record->headers[i];

		json_open(out, NULL, '[');
		put_text_or_b64(out, h->name);
		if (h->null)
			json_put_null(out, NULL);
		else
			put_text_or_b64(out, h->value);
		json_close(out, ']');
	}
	json_close(out, ']');
}

void
record_print_json(struct buf *out, const struct record *record)
{
	buf_add_char(out, '{');
	if (record->id.len)
		json_put_raw(out, "id", record->id);
	json_put_str(out, "topic", record->topic);
	if (record->partition >= 0)
		json_put_i64(out, "partition", record->partition);
	if (record->offset >= 0)
		json_put_i64(out, "offset", record->offset);
	if (record->timestamp >= 0)
		json_put_i64(out, "timestamp", record->timestamp);
	if (record->append_time)
		json_put_c(out, "timestampType", "append");
	if (record->again)
		json_put_bool(out, "again", true);
	put_key(out, record);
	if (record->header_count)
		put_headers(out, record);
	put_value(out, record);
	buf_add_char(out, '}');
}

void
record_print(struct buf *out, const struct record *record)
{
	record_print_json(out, record);
	buf_add_char(out, '\n');
}

/* ---- parse ------------------------------------------------------------- */

struct parse {
	struct record *record;
	struct record_room *room;
	struct err *err;
};

static int
read_number(struct json value, int64_t max, const char *name, int64_t *out,
	struct err *err)
{
	if (!json_i64(value, out) || *out < 0 || *out > max)
		return err_set(err, "%s is no integer in 0..%lld", name,
			(long long)max);
	return 0;
}

static int
read_text(struct parse *p, struct json value, const char *name, struct str *out)
{
	if (!json_text(value, &p->room->bytes, out))
		return err_set(p->err, "%s is no text", name);
	return 0;
}

static int
read_b64(struct parse *p, struct json value, const char *name, struct str *out)
{
	struct buf *bytes = &p->room->bytes;
	struct str text;
	size_t from;

	if (value.type != JSON_STRING ||
		memchr(value.text.data, '\\', value.text.len))
		return err_set(p->err, "%s is no base64", name);
	text = (struct str){value.text.data + 1, value.text.len - 2};
	from = bytes->len;
	if (b64_decode(text, bytes) < 0)
		return err_set(p->err, "%s is no base64", name);
	*out = (struct str){bytes->data + from, bytes->len - from};
	return 0;
}

static int
read_topic(struct parse *p, struct json value)
{
	if (read_text(p, value, "topic", &p->record->topic) < 0)
		return -1;
	if (!p->record->topic.len)
		return err_set(p->err, "topic is empty");
	return 0;
}

static int
read_partition(struct parse *p, struct json value)
{
	int64_t n;

	if (read_number(value, INT32_MAX, "partition", &n, p->err) < 0)
		return -1;
	p->record->partition = (int32_t)n;
	return 0;
}

static int
read_offset(struct parse *p, struct json value)
{
	return read_number(
		value, INT64_MAX, "offset", &p->record->offset, p->err);
}

static int
read_timestamp(struct parse *p, struct json value)
{
	return read_number(
		value, INT64_MAX, "timestamp", &p->record->timestamp, p->err);
}

static int
read_timestamp_type(struct parse *p, struct json value)
{
	p->record->append_time = json_is(value, "append");
	if (!p->record->append_time && !json_is(value, "create"))
		return err_set(p->err,
			"timestampType is neither 'create' nor 'append'");
	return 0;
}

static int
read_again(struct parse *p, struct json value)
{
	if (!json_bool(value, &p->record->again))
		return err_set(p->err, "again is neither true nor false");
	return 0;
}

static int
read_id(struct parse *p, struct json value)
{
	if (value.type != JSON_STRING && value.type != JSON_NUMBER)
		return err_set(p->err, "id is neither text nor a number");
	p->record->id = value.text;
	return 0;
}

static int
read_key(struct parse *p, struct json value)
{
	p->record->key_null = value.type == JSON_NULL;
	if (p->record->key_null)
		return 0;
	return read_text(p, value, "key", &p->record->key);
}

static int
read_key64(struct parse *p, struct json value)
{
	p->record->key_null = false;
	return read_b64(p, value, "key64", &p->record->key);
}

static int
read_value(struct parse *p, struct json value)
{
	p->record->value_null = value.type == JSON_NULL;
	if (p->record->value_null)
		return 0;
	if (value.type != JSON_OBJECT && value.type != JSON_ARRAY)
		return err_set(
			p->err, "value is no object, no array and not null");
	p->record->value = value.text;
	return 0;
}

static int
read_value_text(struct parse *p, struct json value)
{
	p->record->value_null = false;
	return read_text(p, value, "valueText", &p->record->value);
}

static int
read_value64(struct parse *p, struct json value)
{
	p->record->value_null = false;
	return read_b64(p, value, "value64", &p->record->value);
}

static int
read_value_bytes(struct parse *p, struct json value)
{
	p->record->value_left_out = true;
	return read_number(value, INT64_MAX, "valueBytes",
		&p->record->value_bytes, p->err);
}

static int
read_text_or_b64(struct parse *p, struct json value, struct str *out)
{
	if (value.type == JSON_OBJECT)
		return read_b64(
			p, json_get(value, "b64"), "a header's b64", out);
	return read_text(p, value, "a header's name or value", out);
}

static int
read_header(struct parse *p, struct json pair, struct record_header *header)
{
	struct json_iter it = json_iter(pair);
	struct json key, name, value, more;

	if (pair.type != JSON_ARRAY || !json_next(&it, &key, &name) ||
		!json_next(&it, &key, &value) || json_next(&it, &key, &more))
		return err_set(p->err, "a header is no array of two");
	*header = (struct record_header){.null = value.type == JSON_NULL};
	if (read_text_or_b64(p, name, &header->name) < 0)
		return -1;
	return header->null ? 0 : read_text_or_b64(p, value, &header->value);
}

static int
read_headers(struct parse *p, struct json value)
{
	struct json_iter it = json_iter(value);
	struct json key, pair;
	struct record *r = p->record;

	if (value.type != JSON_ARRAY)
		return err_set(p->err, "headers is no array");
	while (json_next(&it, &key, &pair)) {
		if (r->header_count == RECORD_HEADERS_MAX)
			return err_set(
				p->err, "over %d headers", RECORD_HEADERS_MAX);
		if (read_header(p, pair, &r->headers[r->header_count]) < 0)
			return -1;
		r->header_count++;
	}
	return 0;
}

/* Fields of one group exclude each other. */
enum group {
	TOPIC = 1,
	PARTITION = 2,
	OFFSET = 4,
	TIMESTAMP = 8,
	TYPE = 16,
	AGAIN = 32,
	ID = 64,
	KEY = 128,
	VALUE = 256,
	HEADERS = 512
};

static const struct field {
	const char *name;
	unsigned group;
	int (*read)(struct parse *p, struct json value);
} fields[] = {
	{"topic", TOPIC, read_topic},
	{"partition", PARTITION, read_partition},
	{"offset", OFFSET, read_offset},
	{"timestamp", TIMESTAMP, read_timestamp},
	{"key", KEY, read_key},
	{"value", VALUE, read_value},
	{"id", ID, read_id},
	{"headers", HEADERS, read_headers},
	{"valueText", VALUE, read_value_text},
	{"value64", VALUE, read_value64},
	{"valueBytes", VALUE, read_value_bytes},
	{"key64", KEY, read_key64},
	{"timestampType", TYPE, read_timestamp_type},
	{"again", AGAIN, read_again},
};

static const struct field *
find(struct json key)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(fields); i++)
		if (json_is(key, fields[i].name))
			return &fields[i];
	return NULL;
}

int
record_parse_json(struct record *record, struct json value,
	struct record_room *room, struct err *err)
{
	struct parse p = {record, room, err};
	struct json_iter it = json_iter(value);
	struct json key, member;
	unsigned seen = 0;

	if (value.type != JSON_OBJECT)
		return err_set(err, "a record is no object");
	buf_reset(&room->bytes);
	if (!buf_room(&room->bytes, value.text.len))
		return err_set(err, "out of memory");
	*record = (struct record){.partition = -1,
		.offset = -1,
		.timestamp = -1,
		.key_null = true,
		.value_null = true,
		.headers = room->headers};
	while (json_next(&it, &key, &member)) {
		const struct field *f = find(key);

		if (!f)
			continue;
		if (seen & f->group)
			return err_set(err, "'%s' beside another of its kind",
				f->name);
		seen |= f->group;
		if (f->read(&p, member) < 0)
			return -1;
	}
	if (!(seen & TOPIC))
		return err_set(err, "a record without a topic");
	if (!(seen & VALUE))
		return err_set(err, "a record without a value");
	record->key_left_out = !(seen & KEY);
	return 0;
}

int
record_parse(struct record *record, struct str line, struct record_room *room,
	struct err *err)
{
	struct json root;

	if (json_scan(line, &root, NULL, err) < 0)
		return -1;
	return record_parse_json(record, root, room, err);
}

void
record_room_release(struct record_room *room)
{
	buf_release(&room->bytes);
}

bool
record_header(const struct record *record, const char *name, struct str *value)
{
	size_t i = record->header_count;

	while (i-- > 0) {
		if (!str_eq_c(record->headers[i].name, name))
			continue;
		*value = record->headers[i].value;
		return !record->headers[i].null;
	}
	return false;
}
