/* wire/dlt.c - see dlt.h. */
#include "wire/dlt.h"

#include <string.h>

#define NEW_HEADERS 8

bool
dlt_is(struct str topic)
{
	return str_ends(topic, DLT_SUFFIX);
}

void
dlt_topic(struct buf *out, struct str topic)
{
	buf_add_str(out, topic);
	buf_add_c(out, DLT_SUFFIX);
}

/* A letter that failed again tells its newest reason only; where it came from
 * at first stays, and the newest place stands behind it. */
static bool
is_old_reason(struct str header)
{
	return str_starts(header, "kafka_dlt-exception-");
}

static void
add(struct record *letter, const char *name, struct str value)
{
	letter->headers[letter->header_count++] =
		(struct record_header){.name = str_c(name), .value = value};
}

/* The last n bytes, big-endian, of a number. */
static struct str
big_endian(struct buf *bytes, int64_t number, int n)
{
	size_t from = bytes->len;

	while (n-- > 0)
		buf_add_char(bytes, (char)((uint64_t)number >> 8 * n & 0xff));
	return (struct str){bytes->data + from, bytes->len - from};
}

static void
copy_headers(struct record *letter, const struct record *failed)
{
	size_t i;

	for (i = 0; i < failed->header_count; i++)
		if (!is_old_reason(failed->headers[i].name))
			letter->headers[letter->header_count++] =
				failed->headers[i];
}

int
dlt_letter(struct record *letter, const struct record *failed,
	const char *group, struct str error_class, struct str error_message,
	struct record_room *room, struct err *err)
{
	struct buf *bytes = &room->bytes;

	if (failed->header_count + NEW_HEADERS > RECORD_HEADERS_MAX)
		return err_set(err, "over %d headers", RECORD_HEADERS_MAX);
	buf_reset(bytes);
	if (!buf_room(bytes, failed->topic.len + sizeof(DLT_SUFFIX) + 20))
		return err_set(err, "out of memory");
	*letter = *failed;
	letter->headers = room->headers;
	letter->header_count = 0;
	letter->offset = -1;
	letter->timestamp = -1;
	letter->append_time = letter->again = false;
	letter->id = (struct str){NULL, 0};
	copy_headers(letter, failed);
	dlt_topic(bytes, failed->topic);
	letter->topic = buf_str(bytes);
	add(letter, "kafka_dlt-original-topic", failed->topic);
	add(letter, "kafka_dlt-original-partition",
		big_endian(bytes, failed->partition, 4));
	add(letter, "kafka_dlt-original-offset",
		big_endian(bytes, failed->offset, 8));
	add(letter, "kafka_dlt-original-timestamp",
		big_endian(bytes, failed->timestamp, 8));
	add(letter, "kafka_dlt-original-timestamp-type",
		failed->append_time ? STR("LogAppendTime") : STR("CreateTime"));
	add(letter, "kafka_dlt-original-consumer-group", str_c(group));
	add(letter, "kafka_dlt-exception-fqcn", error_class);
	add(letter, "kafka_dlt-exception-message", error_message);
	return 0;
}

/* ---- reading ------------------------------------------------------------- */

static int64_t
from_big_endian(struct str bytes)
{
	uint64_t number = (bytes.data[0] & 0x80) ? UINT64_MAX : 0;
	size_t i;

	for (i = 0; i < bytes.len; i++)
		number = number << 8 | (unsigned char)bytes.data[i];
	return (int64_t)number;
}

/* A number of `size` bytes, or as text; false: neither, or negative. Bytes
 * that are digits would be a partition of 800 million, an offset of 3e18: they
 * are text. */
static bool
number(const struct record *letter, const char *name, size_t size, int64_t *out)
{
	struct str value;

	if (!record_header(letter, name, &value))
		return false;
	if (!str_i64(value, out)) {
		if (value.len != size)
			return false;
		*out = from_big_endian(value);
	}
	return *out >= 0;
}

static bool
read_origin(struct dlt_place *place, const struct record *letter)
{
	int64_t partition;

	/* No topic has a '/' in its name, and places are told apart by it. */
	if (!record_header(letter, "kafka_dlt-original-topic", &place->topic) ||
		!place->topic.len ||
		memchr(place->topic.data, '/', place->topic.len) ||
		!number(letter, "kafka_dlt-original-partition", 4,
			&partition) ||
		partition > INT32_MAX ||
		!number(letter, "kafka_dlt-original-offset", 8,
			&place->offset) ||
		!number(letter, "kafka_dlt-original-timestamp", 8,
			&place->timestamp))
		return false;
	place->partition = (int32_t)partition;
	return true;
}

static struct str
text(const struct record *letter, const char *name)
{
	struct str value;

	return record_header(letter, name, &value) ? value : STR("");
}

/* Spring names what wrapped the failure (ListenerExecutionFailedException),
 * and the failure itself as its cause. */
static struct str class(const struct record *letter)
{
	struct str cause = text(letter, "kafka_dlt-exception-cause-fqcn");

	return cause.len ? cause : text(letter, "kafka_dlt-exception-fqcn");
}

/* A count that cannot be read is not none: somebody refuses by it. */
static int64_t
read_replays(const struct record *letter)
{
	int64_t most = 0, count;
	size_t i;

	for (i = 0; i < letter->header_count; i++) {
		const struct record_header *h = &letter->headers[i];

		if (!str_eq_c(h->name, DLT_REPLAY_COUNT))
			continue;
		if (h->null || !str_i64(h->value, &count) || count < 0)
			return DLT_REPLAYS_UNKNOWN;
		if (count > most)
			most = count;
	}
	return most;
}

void
dlt_read(struct dlt_info *info, const struct record *letter)
{
	struct dlt_place own = {letter->topic, letter->partition,
		letter->offset, letter->timestamp};

	*info = (struct dlt_info){
		.group = text(letter, "kafka_dlt-original-consumer-group"),
		.error_class = class(letter),
		.error_message = text(letter, "kafka_dlt-exception-message"),
		.replays = read_replays(letter),
		.replay_of = text(letter, DLT_REPLAY_OF)};
	info->named = read_origin(&info->origin, letter);
	if (!info->named)
		info->origin = own;
}

void
dlt_place_print(struct buf *out, const struct dlt_place *place)
{
	buf_add_str(out, place->topic);
	buf_printf(out, "/%d/%lld/%lld", place->partition,
		(long long)place->offset, (long long)place->timestamp);
}

bool
dlt_place_parse(struct dlt_place *place, struct str text)
{
	struct str part;
	int64_t partition;

	if (!str_cut(text, '/', &place->topic, &text) || !place->topic.len ||
		!str_cut(text, '/', &part, &text) ||
		!str_i64(part, &partition) || partition < 0 ||
		partition > INT32_MAX || !str_cut(text, '/', &part, &text) ||
		!str_i64(part, &place->offset) || place->offset < 0 ||
		!str_i64(text, &place->timestamp))
		return false;
	place->partition = (int32_t)partition;
	return true;
}
