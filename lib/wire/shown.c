#include "wire/shown.h"

#include "base/zone.h"

void
shown_print(struct buf *out, const struct shown *shown)
{
	json_open(out, NULL, '{');
	json_put_i64(out, "messageId", shown->message_id);
	json_put_i64(out, "seq", shown->seq);
	json_put_i64(out, "roomId", shown->room_id);
	json_put_i64(out, "senderId", shown->sender_id);
	json_put_str(out, "senderNickname", shown->nickname);
	if (shown->client_id_raw.len)
		json_put_raw(out, "clientMessageId", shown->client_id_raw);
	else if (shown->client_id.len)
		json_put_str(out, "clientMessageId", shown->client_id);
	else
		json_put_null(out, "clientMessageId");
	if (shown->content_raw)
		json_put_raw(out, "content", shown->content);
	else
		json_put_str(out, "content", shown->content);
	json_put_str(out, "type", shown->type);
	buf_add_c(out, ",\"sentAt\":\"");
	shown_time(out, shown->sent_at_ms);
	buf_add_char(out, '"');
	json_put_i64(out, "sentAtMs", shown->sent_at_ms);
	if (shown->targets.len)
		json_put_raw(out, "targets", shown->targets);
	json_close(out, '}');
}

void
shown_print_deleted(
	struct buf *out, int64_t message_id, int64_t seq, int64_t room_id)
{
	json_open(out, NULL, '{');
	json_put_i64(out, "messageId", message_id);
	json_put_i64(out, "seq", seq);
	json_put_i64(out, "roomId", room_id);
	json_put_c(out, "type", "DELETED");
	json_close(out, '}');
}

/* ---- local time ---------------------------------------------------------- */

void
shown_time(struct buf *out, int64_t ms)
{
	struct zone_time t;

	zone_split(&t, ms);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03d", t.year, t.month,
		t.day, t.hour, t.minute, t.second, t.ms);
}

enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, NANOS, PARTS };

static bool
digits(struct str *s, size_t count, int64_t *out)
{
	*out = 0;
	if (s->len < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (s->data[i] < '0' || s->data[i] > '9')
			return false;
		*out = *out * 10 + (s->data[i] - '0');
	}
	s->data += count;
	s->len -= count;
	return true;
}

static bool
literal(struct str *s, char c)
{
	if (!s->len || *s->data != c)
		return false;
	s->data++;
	s->len--;
	return true;
}

/* 1 to 9 digits behind the point, as nanoseconds. */
static bool
fraction(struct str *s, int64_t *nanos)
{
	size_t count = 0;

	while (count < s->len && s->data[count] >= '0' && s->data[count] <= '9')
		count++;
	if (count < 1 || count > 9 || !digits(s, count, nanos))
		return false;
	for (; count < 9; count++)
		*nanos *= 10;
	return true;
}

static bool
text_parts(struct str s, int64_t part[PARTS])
{
	if (!digits(&s, 4, &part[YEAR]) || !literal(&s, '-') ||
		!digits(&s, 2, &part[MONTH]) || !literal(&s, '-') ||
		!digits(&s, 2, &part[DAY]) || !literal(&s, 'T') ||
		!digits(&s, 2, &part[HOUR]) || !literal(&s, ':') ||
		!digits(&s, 2, &part[MINUTE]))
		return false;
	if (!s.len)
		return true;
	if (!literal(&s, ':') || !digits(&s, 2, &part[SECOND]))
		return false;
	if (!s.len)
		return true;
	return literal(&s, '.') && fraction(&s, &part[NANOS]) && !s.len;
}

static bool
array_parts(struct json array, int64_t part[PARTS])
{
	struct json_iter it = json_iter(array);
	struct json key, value;
	int count = 0;

	while (json_next(&it, &key, &value))
		if (count == PARTS || !json_i64(value, &part[count++]))
			return false;
	return count > MINUTE;
}

int
shown_time_parse(struct json value, int64_t *ms, struct err *err)
{
	static const int64_t most[PARTS] = {
		9999, 12, 31, 23, 59, 59, 999999999};
	int64_t part[PARTS] = {0};
	bool ok = false;

	/* A time has no escapes: its text is what is between the quotes. */
	if (value.type == JSON_STRING)
		ok = text_parts(
			(struct str){value.text.data + 1, value.text.len - 2},
			part);
	else if (value.type == JSON_ARRAY)
		ok = array_parts(value, part);
	for (int i = 0; i < PARTS; i++)
		ok = ok && part[i] >= 0 && part[i] <= most[i];
	if (!ok)
		return err_set(err,
			"sentAt is neither a local time nor an array of its "
			"parts");
	struct zone_time time = {(int)part[YEAR], (int)part[MONTH],
		(int)part[DAY], (int)part[HOUR], (int)part[MINUTE],
		(int)part[SECOND], (int)(part[NANOS] / 1000000)};
	return zone_join(&time, ms, err);
}
