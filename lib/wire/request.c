/* wire/request.c - see request.h. */
#include "wire/request.h"

static int
optional_i64(struct json value, const char *name, int64_t min, int64_t *out,
	struct err *err)
{
	if (value.type == JSON_NONE || value.type == JSON_NULL)
		return 0;
	if (!json_i64(value, out) || *out < min)
		return err_set(err, "%s is no integer from %lld on", name,
			(long long)min);
	return 0;
}

static struct json
not_null(struct json value)
{
	if (value.type == JSON_NULL)
		value.type = JSON_NONE;
	return value;
}

int
request_parse(struct request *out, struct str line, struct buf *scratch,
	struct err *err)
{
	struct json root;

	*out = (struct request){.id = -1, .user = -1};
	if (json_scan(line, &root, NULL, err) < 0)
		return -1;
	buf_reset(scratch);
	if (!buf_room(scratch, line.len))
		return err_set(err, "out of memory");
	if (!json_i64(json_get(root, "id"), &out->id))
		return err_set(err, "a request without an id");
	if (optional_i64(json_get(root, "user"), "user", 0, &out->user, err) <
			0 ||
		optional_i64(json_get(root, "deadlineMs"), "deadlineMs", 0,
			&out->deadline_ms, err) < 0)
		return -1;
	if (!json_text(json_get(root, "method"), scratch, &out->method) ||
		!json_text(json_get(root, "path"), scratch, &out->path))
		return err_set(err, "a request without method and path");
	out->query = not_null(json_get(root, "query"));
	if (out->query.type != JSON_NONE && out->query.type != JSON_OBJECT)
		return err_set(err, "query is no object");
	out->body = not_null(json_get(root, "body"));
	return 0;
}

void
request_print(struct buf *out, const struct request *request)
{
	buf_add_char(out, '{');
	json_put_i64(out, "id", request->id);
	if (request->user >= 0)
		json_put_i64(out, "user", request->user);
	json_put_str(out, "method", request->method);
	json_put_str(out, "path", request->path);
	if (request->query.type != JSON_NONE)
		json_put_raw(out, "query", request->query.text);
	if (request->body.type != JSON_NONE)
		json_put_raw(out, "body", request->body.text);
	if (request->deadline_ms > 0)
		json_put_i64(out, "deadlineMs", request->deadline_ms);
	buf_add_c(out, "}\n");
}

int
reply_parse(struct reply *out, struct str line, struct err *err)
{
	struct json root;
	int64_t status;

	*out = (struct reply){0};
	if (json_scan(line, &root, NULL, err) < 0)
		return -1;
	if (!json_i64(json_get(root, "id"), &out->id))
		return err_set(err, "a reply without an id");
	if (!json_i64(json_get(root, "status"), &status) || status < 100 ||
		status > 599)
		return err_set(err, "a reply without a status");
	out->status = (int)status;
	out->body = json_get(root, "body");
	out->headers = json_get(root, "headers");
	if (out->headers.type != JSON_NONE && out->headers.type != JSON_OBJECT)
		return err_set(err, "headers is no object");
	return 0;
}

void
reply_print(struct buf *out, int64_t id, int status, struct str body)
{
	buf_add_char(out, '{');
	json_put_i64(out, "id", id);
	json_put_i64(out, "status", status);
	if (body.len)
		json_put_raw(out, "body", body);
	buf_add_c(out, "}\n");
}
