/*
 * edge/request.c - see request.h.
 */
#include "edge/request.h"

#include <string.h>

#include "json/json.h"

#define ARG_MAX_BYTES 16384 /* all that a request's head can hold */
#define ARGS_MAX 32

static const char *const methods[] = {
	[LWSHUMETH_GET] = "GET",
	[LWSHUMETH_POST] = "POST",
	[LWSHUMETH_OPTIONS] = "OPTIONS",
	[LWSHUMETH_PUT] = "PUT",
	[LWSHUMETH_PATCH] = "PATCH",
	[LWSHUMETH_DELETE] = "DELETE",
	[LWSHUMETH_CONNECT] = NULL,
	[LWSHUMETH_HEAD] = "HEAD",
};

const char *
request_method(struct lws *wsi)
{
	char *path;
	int len, method = lws_http_get_uri_and_method(wsi, &path, &len);

	if (method < 0 || (size_t)method >= ARRAY_LEN(methods))
		return NULL;
	return methods[method];
}

struct str
request_path(struct lws *wsi)
{
	struct str none = {NULL, 0};
	char *path;
	int len;

	if (lws_http_get_uri_and_method(wsi, &path, &len) < 0 || len <= 0)
		return none;
	for (int i = 0; i < len; i++)
		if (path[i] <= 0x20 || path[i] == 0x7f)
			return none;
	return (struct str){path, (size_t)len};
}

bool
request_header(struct lws *wsi, enum lws_token_indexes token, struct buf *out)
{
	int len = lws_hdr_total_length(wsi, token);
	char *room;

	if (len <= 0)
		return false;
	room = buf_room(out, (size_t)len + 1);
	if (!room || lws_hdr_copy(wsi, room, len + 1, token) < 0)
		return false;
	buf_advance(out, strlen(room));
	return true;
}

/* The n-th argument, "name=value" decoded; false: there are no more. */
static bool
argument(struct lws *wsi, int n, char room[ARG_MAX_BYTES], struct str *name,
	struct str *value)
{
	int len = lws_hdr_copy_fragment(
		wsi, room, ARG_MAX_BYTES, WSI_TOKEN_HTTP_URI_ARGS, n);

	if (len < 0)
		return false;
	str_cut((struct str){room, (size_t)len}, '=', name, value);
	return true;
}

bool
request_arg(struct lws *wsi, const char *name, struct buf *out)
{
	char room[ARG_MAX_BYTES];
	struct str key, value;

	for (int n = 0; n < ARGS_MAX; n++) {
		if (!argument(wsi, n, room, &key, &value))
			return false;
		if (str_eq_c(key, name)) {
			buf_add_str(out, value);
			return true;
		}
	}
	return false;
}

/* Whether the n-th argument's name stood before. */
static bool
repeated(struct lws *wsi, int n, struct str name)
{
	char room[ARG_MAX_BYTES];
	struct str key, value;

	for (int i = 0; i < n; i++)
		if (argument(wsi, i, room, &key, &value) && str_eq(key, name))
			return true;
	return false;
}

int
request_query(struct lws *wsi, struct buf *out)
{
	char room[ARG_MAX_BYTES];
	struct str name, value;
	int n;

	json_open(out, NULL, '{');
	for (n = 0; n < ARGS_MAX && argument(wsi, n, room, &name, &value);
		n++) {
		if (str_utf8_len(name) < 0 || str_utf8_len(value) < 0 ||
			memchr(room, '\0', name.len))
			return -1;
		if (!name.len || repeated(wsi, n, name))
			continue;
		room[name.len] = '\0';
		json_put_str(out, room, value);
	}
	json_close(out, '}');
	return n < ARGS_MAX && !buf_bad(out) ? 0 : -1;
}
