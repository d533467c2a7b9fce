/* api/ask.c - see ask.h. */
#include "api/ask.h"

#include <unistd.h>

#include "base/clock.h"
#include "io/fd.h"
#include "wire/hello.h"

/* One line before the deadline. */
static int
read_line(
	struct ask *ask, struct str *line, int64_t deadline_ms, struct err *err)
{
	for (;;) {
		switch (line_read(&ask->in, line, deadline_ms, err)) {
		case LINE_OK:
			return 0;
		case LINE_LONG:
			return err_set(err, "an answer over %d bytes",
				REQUEST_ANSWER_MAX);
		case LINE_EOF:
			return err_set(err, "chat-api closed the connection");
		case LINE_ERROR:
			return -1;
		case LINE_TIMEOUT:
			if (clock_mono_ms() >= deadline_ms)
				return err_set(err, "no answer from chat-api");
		}
	}
}

static int
exchange_hellos(struct ask *ask, const char *from, struct err *err)
{
	struct hello hello;
	struct str line;

	hello_print(&ask->out, from, REQUEST_ANSWER_MAX);
	if (fd_write_all(ask->fd, "chat-api", ask->out.data, ask->out.len,
		    err) < 0 ||
		read_line(ask, &line, clock_mono_ms() + ASK_DEADLINE_MS, err) <
			0)
		return -1;
	return hello_parse(&hello, line, err);
}

int
ask_open(struct ask *ask, const char *path, const char *from, struct err *err)
{
	*ask = (struct ask){.fd = fd_unix_connect(path, err)};
	if (ask->fd < 0)
		return -1;
	line_init(&ask->in, ask->fd, REQUEST_ANSWER_MAX);
	if (exchange_hellos(ask, from, err) == 0)
		return 0;
	ask_close(ask);
	return -1;
}

void
ask_close(struct ask *ask)
{
	line_release(&ask->in);
	buf_release(&ask->out);
	close(ask->fd);
}

int
ask_send(struct ask *ask, struct request *request, struct reply *reply,
	struct err *err)
{
	int64_t deadline_ms = clock_mono_ms() + ASK_DEADLINE_MS;
	struct str line;

	request->id = ++ask->next_id;
	request->deadline_ms = ASK_DEADLINE_MS;
	buf_reset(&ask->out);
	request_print(&ask->out, request);
	if (buf_bad(&ask->out))
		return err_set(err, "out of memory");
	if (fd_write_all(
		    ask->fd, "chat-api", ask->out.data, ask->out.len, err) < 0)
		return -1;
	do {
		if (read_line(ask, &line, deadline_ms, err) < 0 ||
			reply_parse(reply, line, err) < 0)
			return -1;
	} while (reply->id != request->id);
	return 0;
}

void
ask_refusal(const struct reply *reply, struct err *err)
{
	struct buf none = {.bad = true};
	struct str message, code;

	if (json_text(json_get(reply->body, "message"), &none, &message) &&
		json_text(json_get(reply->body, "code"), &none, &code))
		err_set(err, "%.*s (%.*s)", STR_ARG(message), STR_ARG(code));
	else
		err_set(err, "refused with status %d", reply->status);
}
