/* api/call.c - see api.h: the way of a request. */
#include "api/call.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/user.h"
#include "base/clock.h"
#include "base/log.h"

#define KEEP_BYTES (64 << 10)

void
api_init(struct api *api, const struct api_options *opts)
{
	*api = (struct api){.opts = *opts};
	TAILQ_INIT(&api->calls);
}

static void
free_call(struct api_call *call)
{
	size_t i;

	TAILQ_REMOVE(&call->api->calls, call, link);
	for (i = 0; i < API_ARRAYS_MAX; i++)
		pg_array_release(&call->arrays[i]);
	buf_release(&call->line);
	buf_release(&call->scratch);
	free(call);
}

void
api_release(struct api *api)
{
	buf_release(&api->out);
}

/* ---- answering --------------------------------------------------------- */

/* The answer up to its body. */
static struct buf *
begin_answer(struct api_call *call, int status)
{
	struct buf *out = &call->api->out;

	buf_reset(out);
	json_open(out, NULL, '{');
	json_put_i64(out, "id", call->request.id);
	json_put_i64(out, "status", status);
	return out;
}

/* Out of memory: no answer, which means "unknown, ask again". */
static void
send_answer(struct api_call *call)
{
	struct buf *out = &call->api->out;

	json_close(out, '}');
	buf_add_char(out, '\n');
	if (!buf_bad(out))
		call->api->opts.answer(call->origin, buf_str(out));
	buf_shrink(out, KEEP_BYTES);
}

int
api_refuse_allow(struct api_call *call, int status, const char *code,
	const char *message, const char *allow)
{
	struct buf *out = begin_answer(call, status);

	call->api->errors++;
	if (allow) {
		json_open(out, "headers", '{');
		json_put_c(out, "Allow", allow);
		json_close(out, '}');
	}
	json_open(out, "body", '{');
	json_put_bool(out, "success", false);
	json_put_null(out, "data");
	json_put_c(out, "message", message);
	json_put_c(out, "code", code);
	json_close(out, '}');
	send_answer(call);
	return -1;
}

int
api_refuse(struct api_call *call, int status, const char *code,
	const char *message)
{
	return api_refuse_allow(call, status, code, message, NULL);
}

static void
answer_rows(struct api_call *call, const PGresult *result)
{
	struct buf *out = begin_answer(call, 200);

	if (call->route->enveloped)
		buf_add_c(out, ",\"body\":{\"success\":true,\"data\":");
	else
		buf_add_c(out, ",\"body\":");
	if (call->route->finish(call, result) < 0)
		return;
	if (call->route->enveloped)
		buf_add_char(out, '}');
	send_answer(call);
}

static void
answer_fault(struct api_call *call, enum pg_fault fault, const struct err *err)
{
	if (fault == PG_OUTAGE) {
		call->api->unavailable++;
		api_refuse(call, 503, "UNAVAILABLE",
			"the database is not there, ask again");
		return;
	}
	LOG_ERROR("api", "statement failed",
		LOG_STR("path", call->request.path), LOG_E(err));
	api_refuse(call, 500, "INTERNAL", "the statement failed");
}

static void
on_done(struct pool_job *job, enum pg_fault fault, const PGresult *result,
	const struct err *err)
{
	struct api_call *call =
		(struct api_call *)(void *)((char *)job -
					    offsetof(struct api_call, job));

	if (fault == PG_OK)
		answer_rows(call, result);
	else
		answer_fault(call, fault, err);
	free_call(call);
}

/* ---- taking ------------------------------------------------------------ */

/* Users ask by /api/ and /edge/; heads belong to nobody; the administrator has
 * a socket of his own. */
static bool
user_fits(const struct api_call *call)
{
	if (call->admin)
		return true;
	if (call->request.user > 0)
		return true;
	return call->request.user < 0 &&
	       str_eq_c(call->request.path, "/edge/heads");
}

static int
prepare(struct api_call *call)
{
	if (!user_fits(call))
		return api_refuse(call, 403, "FORBIDDEN",
			"a request of this kind needs a user");
	call->route = route_find(call);
	if (!call->route)
		return -1;
	return call->route->begin(call);
}

int
api_take(struct api *api, void *origin, bool admin, struct str line,
	int64_t now_ms, struct err *err)
{
	struct api_call *call = calloc(1, sizeof(*call));

	if (!call)
		return err_set(err, "out of memory");
	api->requests++;
	call->api = api;
	call->origin = origin;
	call->admin = admin;
	TAILQ_INSERT_TAIL(&api->calls, call, link);
	buf_add_str(&call->line, line);
	if (buf_bad(&call->line) ||
		request_parse(&call->request, buf_str(&call->line),
			&call->scratch, err) < 0) {
		if (buf_bad(&call->line))
			err_set(err, "out of memory");
		free_call(call);
		return -1;
	}
	call->job.done = on_done;
	call->job.deadline_ms = call->request.deadline_ms
					? now_ms + call->request.deadline_ms
					: CLOCK_NEVER;
	if (prepare(call) < 0) {
		free_call(call);
		return 0;
	}
	if (!pool_submit(&api->pool, &call->job, now_ms)) {
		api->overloaded++;
		api_refuse(call, 503, "OVERLOADED",
			"too many requests wait, ask again");
		free_call(call);
	}
	return 0;
}

void
api_gone(struct api *api, void *origin)
{
	struct api_call *call, *next;

	for (call = TAILQ_FIRST(&api->calls); call; call = next) {
		next = TAILQ_NEXT(call, link);
		if (call->origin != origin)
			continue;
		pool_drop(&api->pool, &call->job);
		api->dropped++;
		free_call(call);
	}
}

/* ---- reading a request -------------------------------------------------- */

static int
bad(struct api_call *call, const char *name, const char *why)
{
	char text[200];

	snprintf(text, sizeof(text), "%s %s", name, why);
	return api_refuse(call, 400, "INVALID_REQUEST", text);
}

int
call_param_i64(struct api_call *call, size_t index, int64_t *out)
{
	if (!str_i64(call->params[index], out))
		return bad(call, "an id in the path", "is no number");
	return 0;
}

int
call_query_i64(struct api_call *call, const char *name, int64_t min,
	int64_t max, int64_t *out)
{
	struct json value = json_get(call->request.query, name);
	struct str text = value.text;

	if (value.type == JSON_NONE)
		return 0;
	if (value.type == JSON_STRING)
		text = (struct str){text.data + 1, text.len - 2};
	if (!str_i64(text, out) || *out < min || *out > max)
		return bad(call, name, "is no number within its limits");
	return 0;
}

int
call_body_i64(
	struct api_call *call, const char *name, int64_t min, int64_t *out)
{
	struct json value = json_get(call->request.body, name);

	if (value.type == JSON_NONE && *out >= 0)
		return 0;
	if (!json_i64(value, out) || *out < min)
		return bad(call, name, "is no number, or too low");
	return 0;
}

int
call_body_ids(struct api_call *call, const char *name, size_t max,
	struct pg_array *out)
{
	struct json list = json_get(call->request.body, name);
	struct json_iter it = json_iter(list);
	struct json key, value;
	size_t count = 0;
	int64_t id;

	pg_array_reset(out, PG_INT8);
	if (list.type != JSON_ARRAY)
		return bad(call, name, "is no array");
	while (json_next(&it, &key, &value)) {
		if (!json_i64(value, &id) || id <= 0)
			return bad(call, name, "holds what is no id");
		if (count++ == max)
			return bad(call, name, "holds too many");
		pg_array_add_i64(out, id);
	}
	return 0;
}

int
call_name(struct api_call *call, struct json value, const char *field,
	struct str *out)
{
	struct err err;

	if (user_name(out, value, field, &call->scratch, &err) < 0)
		return api_refuse(call, 400, "INVALID_REQUEST", err.text);
	return 0;
}
