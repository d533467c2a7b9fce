/*
 * api/call.h - one request on its way, for the files of lib/api only: what a
 * route's two functions have in hand, and how they answer.
 */
#ifndef API_CALL_H
#define API_CALL_H

#include "api/api.h"
#include "pg/array.h"

/* The statements, one file's after the other's. */
enum api_statement {
	SQL_FOLLOW,
	SQL_PAGE,
	SQL_HEADS,
	SQL_HISTORY,
	SQL_HISTORY_AFTER,
	SQL_OPEN_PAIR,
	SQL_CREATE_GROUP,
	SQL_MISSING_USERS,
	SQL_ROOMS,
	SQL_ROOM,
	SQL_MEMBERS,
	SQL_USERS,
	SQL_LOAD_USERS,
	SQL_COUNT,
};

struct api_call {
	TAILQ_ENTRY(api_call) link;
	struct api *api;
	void *origin;
	bool admin;
	struct buf line, scratch; /* what request's views live in */
	struct request request;
	const struct route *route;
	struct str params[API_PARAMS_MAX]; /* the path's {} */
	struct pool_job job;
	struct pg_array arrays[API_ARRAYS_MAX];
	/* What begin() leaves for finish(). */
	int64_t room_id;
	int64_t from; /* -1: none */
	int64_t max_bytes;
	struct str name;
};

/* begin: 0 job.statement and job.args are set; -1 it has answered.
 * finish: puts data into api->out, or answers with api_refuse() and gives -1. */
struct route {
	const char *method;
	const char *path; /* "{}" stands for one segment */
	bool enveloped;	  /* {"success":true,"data":..} around it */
	int (*begin)(struct api_call *call);
	int (*finish)(struct api_call *call, const PGresult *result);
};

/* The route of call->request; NULL: it has been answered (404, 405). */
const struct route *route_find(struct api_call *call);

/* Answers {"success":false,"data":null,"message":..,"code":..}; returns -1.
 * allow: the header of a 405; else NULL. */
int api_refuse(struct api_call *call, int status, const char *code,
	const char *message);
int api_refuse_allow(struct api_call *call, int status, const char *code,
	const char *message, const char *allow);

/* Reading a request. Each gives 0, or -1 having answered with 400. */
/* A path's segment; NOT for what is no number: 400. */
int call_param_i64(struct api_call *call, size_t index, int64_t *out);
/* An integer of the query, within bounds; *out stays where it is missing. */
int call_query_i64(struct api_call *call, const char *name, int64_t min,
	int64_t max, int64_t *out);
/* An integer of the body, from min on; missing: only where *out >= 0. */
int call_body_i64(struct api_call *call, const char *name, int64_t min,
	int64_t *out);
/* An array of ids of the body, of at most max. */
int call_body_ids(struct api_call *call, const char *name, size_t max,
	struct pg_array *out);
/* A name: 1 to 100 code points, not blank, no U+0000. */
int call_name(struct api_call *call, struct json value, const char *field,
	struct str *out);

/* The handlers, by file. */
int follow_begin(struct api_call *call);
int follow_finish(struct api_call *call, const PGresult *result);
int page_begin(struct api_call *call);
int page_finish(struct api_call *call, const PGresult *result);
int heads_begin(struct api_call *call);
int heads_finish(struct api_call *call, const PGresult *result);
int history_begin(struct api_call *call);
int history_admin_begin(struct api_call *call);
int history_finish(struct api_call *call, const PGresult *result);
int pair_begin(struct api_call *call);
int pair_finish(struct api_call *call, const PGresult *result);
int group_begin(struct api_call *call);
int group_admin_begin(struct api_call *call);
int group_finish(struct api_call *call, const PGresult *result);
int rooms_begin(struct api_call *call);
int rooms_finish(struct api_call *call, const PGresult *result);
int room_begin(struct api_call *call);
int room_finish(struct api_call *call, const PGresult *result);
int members_begin(struct api_call *call);
int members_finish(struct api_call *call, const PGresult *result);
int users_begin(struct api_call *call);
int users_finish(struct api_call *call, const PGresult *result);
int load_users_begin(struct api_call *call);
int load_users_finish(struct api_call *call, const PGresult *result);

/* Their statements. */
extern const char follow_sql[], page_sql[], heads_sql[];
extern const char history_sql[], history_after_sql[];
extern const char pair_sql[], group_sql[], missing_users_sql[];
extern const char rooms_sql[], room_sql[], members_sql[];
extern const char users_sql[], load_users_sql[];

/* The columns of a message in follow, page and history: from `col` on. */
#define MESSAGE_COLUMNS                                                    \
	"m.id, m.seq, m.sender_id, coalesce(u.nickname, '') as nickname, " \
	"m.client_message_id, m.client_message_raw, m.type, m.content, "   \
	"m.targets, m.sent_at"
enum {
	COL_ID,
	COL_SEQ,
	COL_SENDER,
	COL_NICKNAME,
	COL_CLIENT_ID,
	COL_CLIENT_RAW,
	COL_TYPE,
	COL_CONTENT,
	COL_TARGETS,
	COL_SENT_AT,
	MESSAGE_COLUMN_COUNT,
};
/* Appends the message of that row as a subscriber gets it. */
void message_row_print(struct buf *out, const PGresult *result, int row,
	int col, int64_t room_id);

#endif
