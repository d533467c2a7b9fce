/* client/history.c - see history.h. */
#include "client/history.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc.h"
#include "io/fd.h"

#define FLUSH_BYTES (64 << 10)

static void
write_out(struct history *history)
{
	if (buf_bad(&history->out) && !history->broken) {
		err_set(&history->error, "out of memory");
		history->broken = true;
	}
	if (!history->broken && history->out.len &&
		fd_write_all(history->fd, history->path, history->out.data,
			history->out.len, &history->error) < 0)
		history->broken = true;
	buf_reset(&history->out);
}

static void
on_prepare(uv_prepare_t *flush)
{
	write_out(flush->data);
}

int
history_open(struct history *history, uv_loop_t *loop, const char *path,
	struct err *err)
{
	memset(history, 0, sizeof(*history));
	history->path = path;
	history->fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (history->fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	uv_prepare_init(loop, &history->flush);
	history->flush.data = history;
	uv_prepare_start(&history->flush, on_prepare);
	uv_unref((uv_handle_t *)&history->flush);
	return 0;
}

void
history_close(struct history *history)
{
	write_out(history);
	buf_release(&history->out);
	close(history->fd);
	uv_close((uv_handle_t *)&history->flush, NULL);
}

/* ---- lines -------------------------------------------------------------- */

/* NULL: none is to be written. */
static struct buf *
open_line(struct history_worker *worker, const char *op)
{
	struct buf *out;

	if (!worker->history || worker->ended)
		return NULL;
	out = &worker->history->out;
	json_open(out, NULL, '{');
	json_put_i64(out, "ns", clock_mono_us() * 1000);
	json_put_i64(out, "ms", clock_wall_ms());
	json_put_c(out, "op", op);
	json_put_c(out, "worker", worker->name);
	json_put_i64(out, "userId", worker->user_id);
	return out;
}

static void
close_line(struct history_worker *worker)
{
	struct history *history = worker->history;

	json_close(&history->out, '}');
	buf_add_char(&history->out, '\n');
	if (history->out.len >= FLUSH_BYTES)
		write_out(history);
}

static void
put_crc(struct buf *out, uint32_t crc)
{
	char text[16];

	snprintf(text, sizeof(text), "\"%08x\"", crc);
	json_put_raw(out, "crc", str_c(text));
}

static void
put_json(struct buf *out, const char *name, struct json value)
{
	if (value.type != JSON_NONE)
		json_put_raw(out, name, value.text);
}

/* ---- sending ------------------------------------------------------------ */

void
history_invoke(struct history_worker *worker, int64_t room_id, int64_t n,
	const char *id, uint32_t crc)
{
	struct buf *out = open_line(worker, "invoke");

	if (!out)
		return;
	json_put_i64(out, "roomId", room_id);
	json_put_i64(out, "n", n);
	json_put_c(out, "clientMessageId", id);
	put_crc(out, crc);
	close_line(worker);
	/* Before it is sent: so nothing was sent that no log knows, even where
	 * the client is killed. */
	write_out(worker->history);
}

static void
one_id(struct history_worker *worker, const char *op, const char *id)
{
	struct buf *out = open_line(worker, op);

	if (!out)
		return;
	json_put_c(out, "clientMessageId", id);
	close_line(worker);
}

void
history_ok(struct history_worker *worker, const char *id)
{
	one_id(worker, "ok", id);
}

void
history_info(struct history_worker *worker, const char *id)
{
	one_id(worker, "info", id);
}

void
history_fail(struct history_worker *worker, const char *id, struct json error)
{
	struct json named = json_get(error, "clientMessageId");
	struct buf *out;

	if (!id && named.type != JSON_STRING && named.type != JSON_NUMBER)
		return; /* of nothing that was sent */
	out = open_line(worker, "fail");
	if (!out)
		return;
	if (id)
		json_put_c(out, "clientMessageId", id);
	else
		put_json(out, "clientMessageId", named);
	put_json(out, "roomId", json_get(error, "roomId"));
	put_json(out, "code", json_get(error, "code"));
	json_put_bool(
		out, "final", str_eq_c(json_get(error, "final").text, "true"));
	close_line(worker);
}

/* ---- receiving ---------------------------------------------------------- */

static void
put_message(struct buf *out, struct json message)
{
	struct json content = json_get(message, "content");
	struct buf scratch = {0};
	struct str text;

	put_json(out, "messageId", json_get(message, "messageId"));
	put_json(out, "senderId", json_get(message, "senderId"));
	put_json(out, "clientMessageId", json_get(message, "clientMessageId"));
	put_json(out, "type", json_get(message, "type"));
	if (json_text(content, &scratch, &text))
		put_crc(out, crc32_of(text));
	buf_release(&scratch);
}

void
history_recv(struct history_worker *worker, int64_t room_id, int64_t seq,
	struct str json)
{
	struct json message = {JSON_NONE, {NULL, 0}};
	struct err ignored;
	struct buf *out;
	bool deleted;

	if (!worker->history || worker->ended)
		return;
	if (json_scan(json, &message, NULL, &ignored) < 0)
		message.type = JSON_NONE; /* the line will lack it all */
	deleted = json_is(json_get(message, "type"), "DELETED");
	out = open_line(worker, deleted ? "deleted" : "recv");
	json_put_i64(out, "roomId", room_id);
	if (seq >= 0)
		json_put_i64(out, "seq", seq);
	if (!deleted)
		put_message(out, message);
	close_line(worker);
}

void
history_joined(struct history_worker *worker, const struct history_join *join)
{
	struct buf *out = open_line(worker, "joined");

	if (!out)
		return;
	json_put_i64(out, "roomId", join->room_id);
	json_put_str(out, "status", join->status);
	if (join->from >= 0)
		json_put_i64(out, "from", join->from);
	if (join->head >= 0)
		json_put_i64(out, "head", join->head);
	if (join->first >= 0)
		json_put_i64(out, "first", join->first);
	json_put_str(out, "epoch", join->epoch);
	close_line(worker);
}

void
history_ended(struct history_worker *worker, int64_t room_id)
{
	struct buf *out = open_line(worker, "ended");

	if (!out)
		return;
	json_put_i64(out, "roomId", room_id);
	close_line(worker);
}

/* ---- the connection ----------------------------------------------------- */

static void
one_word(struct history_worker *worker, const char *op, const char *why)
{
	struct buf *out = open_line(worker, op);

	if (!out)
		return;
	if (why)
		json_put_c(out, "why", why);
	close_line(worker);
}

void
history_connected(struct history_worker *worker)
{
	one_word(worker, "connected", NULL);
}

void
history_lost(struct history_worker *worker, const char *why)
{
	one_word(worker, "lost", why);
}

void
history_end(struct history_worker *worker)
{
	one_word(worker, "end", NULL);
	worker->ended = true;
	if (worker->history)
		write_out(worker->history);
}
