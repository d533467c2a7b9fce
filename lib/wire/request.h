/*
 * wire/request.h - requests to chat-api (and chat-sas), and their answers
 * (chat-api(7)). Pure.
 *
 * {"id":7,"user":12,"method":"GET","path":"/api/v1/chat/rooms","query":{..},
 *  "body":{..},"deadlineMs":5000}
 * {"id":7,"status":200,"body":{..}}
 */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

#define REQUEST_ANSWER_MAX (16 << 20)
#define REQUEST_PAGE_MAX (256 << 10) /* a page for an edge; then "more":true */

struct request {
	int64_t id;
	int64_t user; /* -1: none given; 0: the administrator (admin.sock) */
	struct str method;
	struct str path;
	struct json query; /* object of strings, or JSON_NONE */
	struct json body;  /* what the client sent, of any type: handlers ask
			    * for an object; JSON_NONE: none, or null */
	int64_t deadline_ms; /* how long the asker waits, from the receipt of
			      * the line; 0: no limit */
};

/* Views live in line and scratch. -1: no JSON object, no id, no method or
 * path, a field of a wrong type. */
int request_parse(struct request *out, struct str line, struct buf *scratch,
	struct err *err) MUST_CHECK;
/* Appends the line; query.text and body.text are copied as they stand. */
void request_print(struct buf *out, const struct request *request);

struct reply {
	int64_t id;
	int status;	  /* as HTTP has them */
	struct json body; /* JSON_NONE: none */
	struct json headers; /* {"Allow":".."}, for HTTP; JSON_NONE: none */
};
int reply_parse(struct reply *out, struct str line, struct err *err) MUST_CHECK;
/* Appends the line; body is JSON, or empty: none. */
void reply_print(struct buf *out, int64_t id, int status, struct str body);

#endif
