/* links: wire */
/*
 * Twice the same bytes. As a line: it is refused, or printing and parsing it
 * again gives the same record. As a record's key, header and value: the line
 * made of them gives them back, byte for byte.
 */
#include <assert.h>
#include <string.h>

#include "wire/dlt.h"
#include "wire/record.h"
#include "wire/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same(const struct record *a, const struct record *b)
{
	size_t i;

	assert(str_eq(a->topic, b->topic) && str_eq(a->id, b->id));
	assert(a->partition == b->partition && a->offset == b->offset);
	assert(a->timestamp == b->timestamp && a->again == b->again);
	assert(a->append_time == b->append_time);
	assert(a->key_null == b->key_null && str_eq(a->key, b->key));
	assert(a->value_null == b->value_null && str_eq(a->value, b->value));
	assert(a->value_left_out == b->value_left_out);
	assert(a->header_count == b->header_count);
	for (i = 0; i < a->header_count; i++) {
		assert(str_eq(a->headers[i].name, b->headers[i].name));
		assert(a->headers[i].null == b->headers[i].null);
		assert(str_eq(a->headers[i].value, b->headers[i].value));
	}
}

static void
round_trip(const struct record *record)
{
	static struct record_room room;
	struct record back;
	struct buf line = {0};
	struct err err;

	record_print(&line, record);
	assert(!buf_bad(&line) && line.data[line.len - 1] == '\n');
	assert(memchr(line.data, '\n', line.len) == line.data + line.len - 1);
	line.len--;
	if (record_parse(&back, buf_str(&line), &room, &err) < 0)
		assert(!"our own line is refused");
	same(record, &back);
	record_room_release(&room);
	buf_release(&line);
}

/* Cuts the bytes into key, header's name and value, and value, at places that
 * the first bytes name. */
static void
as_parts(struct str data)
{
	struct record_header header = {{NULL, 0}, {NULL, 0}, false};
	struct record r = {.topic = STR("t"),
		.partition = 1,
		.offset = 2,
		.timestamp = 3,
		.headers = &header,
		.header_count = 1};
	struct str *const parts[] = {&r.key, &header.name, &header.value};
	size_t i, n;

	for (i = 0; i < ARRAY_LEN(parts) && data.len; i++) {
		n = (unsigned char)data.data[0] % data.len;
		*parts[i] = (struct str){data.data + 1, n};
		data = (struct str){data.data + 1 + n, data.len - 1 - n};
	}
	r.value = data;
	round_trip(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record_room room, letter_room;
	struct str line = {(const char *)data, size};
	struct record record, letter;
	struct filter_line filter;
	struct err err;

	if (record_parse(&record, line, &room, &err) == 0) {
		round_trip(&record);
		if (dlt_letter(&letter, &record, "g", STR("C"), STR("m"),
			    &letter_room, &err) == 0)
			round_trip(&letter);
		record_room_release(&letter_room);
	}
	(void)filter_line_parse(&filter, line, &room, &err);
	record_room_release(&room);
	as_parts(line);
	return 0;
}
