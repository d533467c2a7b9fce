/* wire/event.c - see event.h. */
#include "wire/event.h"

static int
read_i64(struct json value, const char *name, int64_t *out, struct err *err)
{
	if (!json_i64(value, out) || *out < 0)
		return err_set(err, "an event without %s", name);
	return 0;
}

/* Text that is written without escapes. */
static int
read_plain(
	struct json value, const char *name, struct str *out, struct err *err)
{
	if (!json_text(value, &(struct buf){.bad = true}, out))
		return err_set(err, "an event without %s", name);
	return 0;
}

/* Members of one object, found in one walk. */
struct want {
	const char *name;
	struct json *value;
};

static void
collect(struct json object, const struct want *want, size_t count)
{
	struct json_iter it = json_iter(object);
	struct json key, value;
	size_t i;

	while (json_next(&it, &key, &value)) {
		for (i = 0; i < count && !json_is(key, want[i].name); i++)
			;
		if (i < count)
			*want[i].value = value;
	}
}

static int
read_message(struct event *out, struct json message, struct err *err)
{
	struct json seq = {0}, room = {0}, id = {0}, sender = {0}, type = {0},
		    sent = {0};
	const struct want want[] = {{"messageId", &id}, {"seq", &seq},
		{"roomId", &room}, {"senderId", &sender},
		{"clientMessageId", &out->client_message_id}, {"type", &type},
		{"sentAtMs", &sent}, {"targets", &out->targets}};

	if (message.type != JSON_OBJECT)
		return err_set(err, "an event without message");
	out->message = message;
	collect(message, want, ARRAY_LEN(want));
	if (!json_i64(sent, &out->sent_at_ms))
		out->sent_at_ms = -1;
	if (!json_i64(sender, &out->user_id))
		out->user_id = -1;
	if (read_i64(room, "roomId", &out->room_id, err) < 0 ||
		read_i64(seq, "seq", &out->seq, err) < 0 ||
		read_i64(id, "messageId", &out->message_id, err) < 0)
		return -1;
	return read_plain(type, "type", &out->type, err);
}

struct parts {
	struct json epoch, message, user, room, id, seq, revision, code, text,
		replayed;
};

static int
read_duplicate(struct event *out, const struct parts *p, struct err *err)
{
	if (read_i64(p->seq, "seq", &out->seq, err) < 0 ||
		read_i64(p->id, "messageId", &out->message_id, err) < 0)
		return -1;
	return read_i64(p->user, "userId", &out->user_id, err);
}

static int
read_refused(struct event *out, const struct parts *p, struct err *err)
{
	if (read_plain(p->code, "code", &out->code, err) < 0)
		return -1;
	if (p->text.type != JSON_STRING)
		return err_set(err, "an event without message");
	out->text = (struct str){p->text.text.data + 1, p->text.text.len - 2};
	return read_i64(p->user, "userId", &out->user_id, err);
}

static int
read_revised(struct event *out, const struct parts *p, struct err *err)
{
	if (out->kind == EVENT_READ &&
		read_i64(p->user, "userId", &out->user_id, err) < 0)
		return -1;
	return read_i64(p->revision, "revision", &out->revision, err);
}

static enum event_kind
kind_of(struct json name)
{
	static const char *const names[] = {
		"message", "duplicate", "refused", "read", "room"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (json_is(name, names[i]))
			return (enum event_kind)i;
	return EVENT_UNKNOWN;
}

int
event_parse(struct event *out, struct json value, struct err *err)
{
	struct json kind = {0}, client_id = {0};
	struct parts p = {0};
	const struct want want[] = {{"event", &kind}, {"epoch", &p.epoch},
		{"message", &p.message}, {"userId", &p.user},
		{"roomId", &p.room}, {"clientMessageId", &client_id},
		{"messageId", &p.id}, {"seq", &p.seq},
		{"revision", &p.revision}, {"code", &p.code},
		{"replayed", &p.replayed}};

	*out = (struct event){.room_id = -1,
		.user_id = -1,
		.seq = -1,
		.message_id = -1,
		.revision = -1,
		.sent_at_ms = -1};
	if (value.type != JSON_OBJECT)
		return err_set(err, "an event is no object");
	collect(value, want, ARRAY_LEN(want));
	if (kind.type != JSON_STRING)
		return err_set(err, "an event without a name");
	out->kind = kind_of(kind);
	if (out->kind == EVENT_UNKNOWN)
		return 0;
	if (read_plain(p.epoch, "epoch", &out->epoch, err) < 0)
		return -1;
	if (p.replayed.type != JSON_NONE &&
		!json_bool(p.replayed, &out->replayed))
		return err_set(err, "an event's replayed is no bool");
	if (out->kind == EVENT_MESSAGE)
		return read_message(out, p.message, err);
	out->client_message_id = client_id;
	p.text = p.message;
	if (read_i64(p.room, "roomId", &out->room_id, err) < 0)
		return -1;
	if (out->kind == EVENT_DUPLICATE)
		return read_duplicate(out, &p, err);
	if (out->kind == EVENT_REFUSED)
		return read_refused(out, &p, err);
	return read_revised(out, &p, err);
}

static void
begin(struct buf *out, const char *name, struct str epoch)
{
	json_open(out, NULL, '{');
	json_put_c(out, "event", name);
	json_put_str(out, "epoch", epoch);
}

void
event_print_message(struct buf *out, struct str epoch, struct str message)
{
	begin(out, "message", epoch);
	json_put_raw(out, "message", message);
	json_close(out, '}');
}

static void
put_identity(struct buf *out, int64_t user_id, int64_t room_id,
	struct str client_message_id_raw)
{
	json_put_i64(out, "userId", user_id);
	json_put_i64(out, "roomId", room_id);
	json_put_raw(out, "clientMessageId", client_message_id_raw);
}

void
event_print_duplicate(struct buf *out, struct str epoch, int64_t user_id,
	int64_t room_id, struct str client_message_id_raw, int64_t message_id,
	int64_t seq)
{
	begin(out, "duplicate", epoch);
	put_identity(out, user_id, room_id, client_message_id_raw);
	json_put_i64(out, "messageId", message_id);
	json_put_i64(out, "seq", seq);
	json_close(out, '}');
}

void
event_print_refused(struct buf *out, struct str epoch, int64_t user_id,
	int64_t room_id, struct str client_message_id_raw, const char *code,
	const char *text)
{
	begin(out, "refused", epoch);
	put_identity(out, user_id, room_id, client_message_id_raw);
	json_put_c(out, "code", code);
	json_put_c(out, "message", text);
	json_close(out, '}');
}
