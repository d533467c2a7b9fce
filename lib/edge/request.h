/*
 * edge/request.h - reading the head of a request that lws has parsed: paths,
 * tokens, headers, as views into a buf. Only within the callbacks in which lws
 * still holds the head.
 */
#ifndef EDGE_REQUEST_H
#define EDGE_REQUEST_H

#include <libwebsockets.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"

/* "GET", or NULL for what we do not know. */
const char *request_method(struct lws *wsi);
/* As lws normalised it, without the query; empty where it holds anything but
 * printable ASCII. Views lws's memory. */
struct str request_path(struct lws *wsi);
/* Appends the header's value to out; false where there is none. Repeated ones
 * are joined by commas. */
bool request_header(
	struct lws *wsi, enum lws_token_indexes token, struct buf *out);
/* Appends the value of a query argument; false where there is none. */
bool request_arg(struct lws *wsi, const char *name, struct buf *out);
/* Appends the whole query as a JSON object of strings (the first of a repeated
 * name counts). -1: no UTF-8, or too much. */
int request_query(struct lws *wsi, struct buf *out) MUST_CHECK;

#endif
