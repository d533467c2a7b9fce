/* api/route.c - which request goes where, and the paths' words. */
#include "api/call.h"

static const struct route routes[] = {
	{"POST", "/edge/follow", false, follow_begin, follow_finish},
	{"POST", "/edge/page", false, page_begin, page_finish},
	{"POST", "/edge/heads", false, heads_begin, heads_finish},
	{"POST", "/api/v1/chat/rooms", true, pair_begin, pair_finish},
	{"POST", "/api/v1/chat/group-rooms", true, group_begin, group_finish},
	{"GET", "/api/v1/chat/rooms/{}/messages", true, history_begin,
		history_finish},
	{"POST", "/admin/users", true, load_users_begin, load_users_finish},
	{"GET", "/admin/users", true, users_begin, users_finish},
	{"POST", "/admin/rooms", true, group_admin_begin, group_finish},
	{"GET", "/admin/rooms", true, rooms_begin, rooms_finish},
	{"GET", "/admin/rooms/{}", true, room_begin, room_finish},
	{"GET", "/admin/rooms/{}/members", true, members_begin, members_finish},
	{"GET", "/admin/rooms/{}/messages", true, history_admin_begin,
		history_finish},
};

static const char *const statements[SQL_COUNT] = {
	[SQL_FOLLOW] = follow_sql,
	[SQL_PAGE] = page_sql,
	[SQL_HEADS] = heads_sql,
	[SQL_HISTORY] = history_sql,
	[SQL_HISTORY_AFTER] = history_after_sql,
	[SQL_OPEN_PAIR] = pair_sql,
	[SQL_CREATE_GROUP] = group_sql,
	[SQL_MISSING_USERS] = missing_users_sql,
	[SQL_ROOMS] = rooms_sql,
	[SQL_ROOM] = room_sql,
	[SQL_MEMBERS] = members_sql,
	[SQL_USERS] = users_sql,
	[SQL_LOAD_USERS] = load_users_sql,
};

const char *const *
api_statements(size_t *count)
{
	*count = SQL_COUNT;
	return statements;
}

/* Segment by segment; what stands for {} goes into params. */
static bool
matches(const char *pattern, struct str path, struct str *params)
{
	struct str want, have, want_rest = str_c(pattern), have_rest = path;
	size_t count = 0;
	bool more_want, more_have;

	do {
		more_want = str_cut(want_rest, '/', &want, &want_rest);
		more_have = str_cut(have_rest, '/', &have, &have_rest);
		if (str_eq_c(want, "{}"))
			params[count++] = have;
		else if (!str_eq(want, have))
			return false;
	} while (more_want && more_have);
	return more_want == more_have;
}

/* Administration is answered on its own socket only, and everything else only
 * to users. */
static bool
may_see(const struct api_call *call, const struct route *route)
{
	return call->admin || !str_starts(str_c(route->path), "/admin/");
}

const struct route *
route_find(struct api_call *call)
{
	struct str params[API_PARAMS_MAX] = {{NULL, 0}};
	struct buf allow = {0};
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(routes); i++) {
		if (!may_see(call, &routes[i]) ||
			!matches(routes[i].path, call->request.path, params))
			continue;
		if (str_eq_c(call->request.method, routes[i].method)) {
			for (j = 0; j < API_PARAMS_MAX; j++)
				call->params[j] = params[j];
			buf_release(&allow);
			return &routes[i];
		}
		if (allow.len)
			buf_add_c(&allow, ", ");
		buf_add_c(&allow, routes[i].method);
	}
	if (allow.len)
		api_refuse_allow(call, 405, "METHOD_NOT_ALLOWED",
			"this path has other methods", allow.data);
	else
		api_refuse(call, 404, "NOT_FOUND", "no such path");
	buf_release(&allow);
	return NULL;
}
