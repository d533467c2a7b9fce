/*
 * serve/hub.h - lines in, the same lines out to everybody who is connected to
 * a Unix socket: what chat-broadcast is made of.
 *
 *	assigned --> (ends of compacted topics reached) --> ready
 *	peer: hello -> what is kept, {"control":"ready"} -> each line, one write
 *	a turn -> cut off when queue_bytes wait for it
 *
 * When the line of records begins anew (assigned again, revoked) all peers are
 * closed: they start over. With nobody there lines go nowhere.
 */
#ifndef SERVE_HUB_H
#define SERVE_HUB_H

#include "serve/kept.h"
#include "serve/server.h"
#include "wire/hello.h"

struct hub_place;
struct hub;

struct hub_options {
	const char *path;  /* of the socket; borrowed */
	const char *hello; /* our name in it; borrowed */
	size_t queue_bytes, keep_bytes, max_peers;
	/* hub_end() was called, and the last peer has gone. */
	void (*on_empty)(struct hub *hub);
};

struct hub {
	struct hub_options opts;
	struct server server;
	struct buf lines; /* of this turn, for all who are ready */
	struct kept kept;
	struct record_room room;
	struct hub_place *places; /* partitions of compacted topics */
	size_t place_count;
	size_t awaited; /* of their ends */
	bool ready, ending;
	int64_t peers, records, cut, spoken; /* counters */
};

void hub_init(struct hub *hub, const struct hub_options *opts);
/* As server_open(): 1 listening, 0 somebody has the socket, -1 err. */
int hub_open(struct hub *hub, uv_loop_t *loop, struct err *err) MUST_CHECK;
/* A line of the runner, a record or a control line. -1: it makes no sense. */
int hub_line(struct hub *hub, struct str line, struct err *err) MUST_CHECK;
/* Once a loop turn, after its lines. */
void hub_flush(struct hub *hub);
/* No more lines; peers are closed when they have taken what waits for them.
 * false: there are none, on_empty does not come. */
bool hub_end(struct hub *hub);
void hub_release(struct hub *hub);

#endif
