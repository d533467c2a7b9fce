/* dlq/letter.c - see letter.h. */
#include "dlq/letter.h"

#include <string.h>

#define NAME_MAX_LEN 249 /* of a topic */

/* ---- where it goes back to ------------------------------------------------
 */

static bool
legal_name(struct str topic)
{
	size_t i;

	for (i = 0; i < topic.len; i++)
		if (!memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
			    "wxyz0123456789._-",
			    topic.data[i], 65))
			return false;
	return topic.len > 0 && topic.len <= NAME_MAX_LEN &&
	       !str_eq_c(topic, ".") && !str_eq_c(topic, "..");
}

static bool
sane(struct str topic)
{
	return legal_name(topic) && !str_starts(topic, "__") &&
	       !dlt_is(topic) && !str_ends(topic, DLT_SETTLED_SUFFIX);
}

bool
letter_target(struct str *target, const struct letter *letter)
{
	const struct record *r = &letter->record;

	if (record_header(r, "kafka_dlt-original-topic", target) &&
		sane(*target))
		return true;
	if (!dlt_is(r->topic))
		return false;
	*target = r->topic;
	target->len -= strlen(DLT_SUFFIX);
	return sane(*target);
}

/* ---- the record that goes back, and its mark ------------------------------
 */

static bool
stays(struct str header)
{
	return !str_starts(header, "kafka_dlt-") &&
	       !str_eq_c(header, DLT_REPLAY_COUNT) &&
	       !str_eq_c(header, DLT_REPLAY_OF);
}

static int
add_header(struct record *out, struct record_header header, struct err *err)
{
	if (out->header_count == RECORD_HEADERS_MAX)
		return err_set(err, "over %d headers", RECORD_HEADERS_MAX);
	out->headers[out->header_count++] = header;
	return 0;
}

static int
copy_headers(struct record *out, const struct letter *letter, struct err *err)
{
	const struct record *in = &letter->record;
	size_t i;

	if (letter->cut)
		return err_set(err, "over %d headers", RECORD_HEADERS_MAX);
	for (i = 0; i < in->header_count; i++)
		if (stays(in->headers[i].name) &&
			add_header(out, in->headers[i], err) < 0)
			return -1;
	return 0;
}

/* Of the record that goes back: who knows no count begins anew. */
static int64_t
next_count(const struct letter *letter)
{
	return letter->info.replays == DLT_REPLAYS_UNKNOWN
		       ? 1
		       : letter->info.replays + 1;
}

/* Both texts stand in one buf, which must not move under the first. */
static int
add_replay_headers(struct record *out, const struct letter *letter,
	struct buf *bytes, struct err *err)
{
	struct str count, of;

	buf_reset(bytes);
	if (!buf_room(bytes, letter->info.origin.topic.len + 100))
		return err_set(err, "out of memory");
	buf_add_i64(bytes, next_count(letter));
	count = buf_str(bytes);
	dlt_place_print(bytes, &letter->info.origin);
	of = (struct str){bytes->data + count.len, bytes->len - count.len};
	if (add_header(out,
		    (struct record_header){str_c(DLT_REPLAY_COUNT), count, 0},
		    err) < 0)
		return -1;
	return add_header(out,
		(struct record_header){str_c(DLT_REPLAY_OF), of, false}, err);
}

int
letter_replay(struct record *out, const struct letter *letter,
	struct str target, const struct letter_edit *edit,
	struct record_room *room, struct err *err)
{
	const struct record *in = &letter->record;

	*out = (struct record){.topic = target,
		.partition = -1,
		.offset = -1,
		.timestamp = -1,
		.key = in->key,
		.key_null = in->key_null,
		.value = in->value,
		.value_null = in->value_null,
		.headers = room->headers};
	if (edit && !edit->key_kept) {
		out->key = edit->key;
		out->key_null = edit->key_null;
	}
	if (edit && !edit->value_kept) {
		out->value = edit->value;
		out->value_null = edit->value_null;
	}
	if (copy_headers(out, letter, err) < 0)
		return -1;
	return add_replay_headers(out, letter, &room->bytes, err);
}

void
letter_mark_key(struct buf *out, const struct letter *letter)
{
	dlt_place_print(out, &letter->info.origin);
}

void
letter_put_replays(struct buf *out, const struct letter *letter)
{
	if (letter->info.replays == DLT_REPLAYS_UNKNOWN)
		json_put_null(out, "replays");
	else
		json_put_i64(out, "replays", letter->info.replays);
}

void
letter_mark_value(struct buf *out, const struct letter *letter, bool dropped,
	int64_t now_ms, int64_t below)
{
	const struct record *r = &letter->record;

	json_open(out, NULL, '{');
	json_open(out, "letter", '{');
	json_put_str(out, "topic", r->topic);
	json_put_i64(out, "partition", r->partition);
	json_put_i64(out, "offset", r->offset);
	json_close(out, '}');
	if (dropped)
		letter_put_replays(out, letter);
	else
		json_put_i64(out, "replays", next_count(letter));
	json_put_i64(out, "replayedAtMs", now_ms);
	if (below > 0)
		json_put_i64(out, "below", below);
	if (dropped)
		json_put_bool(out, "dropped", true);
	json_close(out, '}');
}
