/*
 * client/load_inner.h - what load.c and load_member.c share, and nobody else
 * includes.
 *
 *	NEW --> CONNECTING --> OPENING --> SUBSCRIBING --> READY --> GONE
 */
#ifndef CLIENT_LOAD_INNER_H
#define CLIENT_LOAD_INNER_H

#include "client/load.h"

enum member_state {
	MEMBER_NEW,
	MEMBER_CONNECTING,
	MEMBER_OPENING,	    /* CONNECT is out */
	MEMBER_SUBSCRIBING, /* SUBSCRIBE is out */
	MEMBER_READY,
	MEMBER_GONE,
};

struct load_member {
	struct conn conn;
	struct load *load;
	int64_t index, began_us;
	int64_t send_beat_ms;
	enum member_state state;
};

/* load_member.c: one connection's life. */
void member_open(struct load_member *member, struct load *load, int64_t index);
void member_send(struct load_member *member, int64_t n, int64_t due_us);
void member_beat(struct load_member *member, int64_t now_ms);

/* load.c: what the run makes of it. */
void load_member_ready(struct load *load, struct load_member *member);
void load_member_gone(
	struct load *load, struct load_member *member, const char *why);
void load_progress(struct load *load, int64_t now_us);
void load_complain(struct load *load, struct str what, struct str why);

#endif
