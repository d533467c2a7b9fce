/* serve/call.c - see call.h. */
#include "serve/call.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define CLOCK_EVERY_MS 100
#define NO_DEADLINE_MS 60000
#define OUT_MAX (16 << 20)

struct call {
	int64_t id;
	int64_t deadline_ms;
	call_done *done; /* NULL: forgotten */
	void *data;
	TAILQ_ENTRY(call) link;
};

static void
finish(struct calls *calls, struct call *call, int status, struct json body)
{
	TAILQ_REMOVE(&calls->open, call, link);
	calls->count--;
	if (call->done)
		call->done(call->data, status, body);
	free(call);
}

/* Answers come nearly in order, so the search from the oldest is short. */
static struct call *
find(struct calls *calls, int64_t id)
{
	struct call *call;

	TAILQ_FOREACH (call, &calls->open, link)
		if (call->id == id)
			return call;
	return NULL;
}

static void
on_line(struct dial *dial, struct str line)
{
	struct calls *calls = dial->data;
	struct reply reply;
	struct call *call;
	struct err err;

	if (reply_parse(&reply, line, &err) < 0) {
		LOG_ERROR("call", "broken answer", LOG_S("socket", dial->path),
			LOG_E(&err));
		return;
	}
	call = find(calls, reply.id);
	calls->headers = reply.headers;
	if (call)
		finish(calls, call, reply.status, reply.body);
	calls->headers = (struct json){0};
}

/* Only what was open at its start is ended: a callback may ask anew. */
static void
end_all(struct calls *calls)
{
	int64_t last = calls->next_id;
	struct call *call;

	while ((call = TAILQ_FIRST(&calls->open)) && call->id < last)
		finish(calls, call, 0, (struct json){0});
}

static void
on_clock(uv_timer_t *timer)
{
	struct calls *calls = timer->data;
	int64_t now = clock_mono_ms(), last = calls->next_id;
	struct call *call, *next;

	for (call = TAILQ_FIRST(&calls->open); call && call->id < last;
		call = next) {
		next = TAILQ_NEXT(call, link);
		if (now >= call->deadline_ms)
			finish(calls, call, 0, (struct json){0});
	}
}

static void
on_up(struct dial *dial)
{
	struct calls *calls = dial->data;

	if (calls->on_up)
		calls->on_up(calls);
}

static void
on_down(struct dial *dial, const char *reason)
{
	struct calls *calls = dial->data;

	end_all(calls);
	if (calls->on_down)
		calls->on_down(calls, reason);
}

void
calls_start(
	struct calls *calls, uv_loop_t *loop, const struct calls_options *opts)
{
	struct dial_options dial = {.path = opts->path,
		.hello = opts->hello,
		.max_line = REQUEST_ANSWER_MAX,
		.max_out = OUT_MAX,
		.data = calls,
		.on_line = on_line,
		.on_up = on_up,
		.on_down = on_down};

	*calls = (struct calls){.data = opts->data,
		.max_open = opts->max_open,
		.next_id = 1,
		.on_up = opts->on_up,
		.on_down = opts->on_down};
	TAILQ_INIT(&calls->open);
	uv_timer_init(loop, &calls->clock);
	calls->clock.data = calls;
	uv_timer_start(&calls->clock, on_clock, CLOCK_EVERY_MS, CLOCK_EVERY_MS);
	dial_start(&calls->dial, loop, &dial);
}

void
calls_stop(struct calls *calls)
{
	dial_stop(&calls->dial);
	end_all(calls);
	uv_close((uv_handle_t *)&calls->clock, NULL);
}

bool
calls_up(const struct calls *calls)
{
	return calls->dial.peer != NULL;
}

struct call *
calls_send(struct calls *calls, struct request *request, call_done *done,
	void *data)
{
	struct call *call;
	struct buf line = {0};

	if (!calls_up(calls) || calls->count >= calls->max_open)
		return NULL;
	call = malloc(sizeof(*call));
	if (!call)
		return NULL;
	request->id = calls->next_id;
	request_print(&line, request);
	if (buf_bad(&line)) {
		free(call);
		return NULL;
	}
	*call = (struct call){.id = calls->next_id++,
		.deadline_ms = clock_mono_ms() +
			       (request->deadline_ms ? request->deadline_ms
						     : NO_DEADLINE_MS),
		.done = done,
		.data = data};
	TAILQ_INSERT_TAIL(&calls->open, call, link);
	calls->count++;
	dial_send(&calls->dial, buf_str(&line));
	buf_release(&line);
	return call;
}

void
calls_forget(struct calls *calls, struct call *call)
{
	call->done = NULL;
}
