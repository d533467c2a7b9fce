/*
 * wire/result.h - what filters and producers answer (chat-record(7)). Pure.
 *
 * A filter's line is one of: a result, an emit (which belongs to the next
 * result line), a waiting status, a hello.
 * chat-produce's line is an answer, by the record's id.
 */
#ifndef WIRE_RESULT_H
#define WIRE_RESULT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"
#include "wire/record.h"

enum result_status { RESULT_DONE, RESULT_DEAD, RESULT_RETRY };

struct result {
	struct str topic;
	int32_t partition;
	int64_t offset;
	enum result_status status;
	struct str error_class;	  /* dead, retry; e.g. "NOT_JSON" */
	struct str error_message;
};

enum filter_kind { FILTER_RESULT, FILTER_EMIT, FILTER_WAITING, FILTER_HELLO };

struct filter_line {
	enum filter_kind kind;
	struct result result;
	struct record emit;
	struct str waiting_for;
};

/* Views live in line and room. -1: it is none of the four. */
int filter_line_parse(struct filter_line *out, struct str line,
	struct record_room *room, struct err *err) MUST_CHECK;

/* Each appends a whole line. error_* are printed where they are not empty. */
void result_print(struct buf *out, const struct result *result);
void emit_print(struct buf *out, const struct record *record);
void waiting_print(struct buf *out, const char *dependency);

/* chat-produce's answer. */
struct answer {
	struct str id; /* raw JSON token as it came */
	enum result_status status; /* done or dead */
	struct str topic;
	int32_t partition;
	int64_t offset;
	struct str error_class;
	struct str error_message;
};
int answer_parse(struct answer *out, struct str line, struct buf *scratch,
	struct err *err) MUST_CHECK;
void answer_print(struct buf *out, const struct answer *answer);

#endif
