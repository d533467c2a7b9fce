/*
 * edge/tell.h - what the edge says to a client: receipts, errors, and objects
 * for its user queues (chat-stomp(7)).
 */
#ifndef EDGE_TELL_H
#define EDGE_TELL_H

#include "edge/session.h"
#include "edge/sub.h"

/* RECEIPT; nothing where receipt has data NULL. */
void tell_receipt(struct session *session, struct str receipt);

/* The RECEIPT of a SUBSCRIBE to a room (where one was asked for), and the same
 * as an object to /user/queue/joins. */
void tell_joined(struct session *session, int64_t room_id, struct str receipt,
	const struct follow_answer *answer);
/* A living subscription begins anew: to /user/queue/joins. False: there is
 * nobody to tell. */
bool tell_reset(struct session *session, int64_t room_id,
	const struct follow_answer *answer);

/* One object to every subscription of that kind; how many had it. */
size_t tell_queue(struct session *session, enum sub_kind kind, struct str json);

/* Why a SEND or SUBSCRIBE was refused; to /user/queue/errors. */
struct refusal_notice {
	const char *code;
	struct str message;
	bool final;
	int64_t retry_after_s;		  /* -1: none */
	int64_t room_id;		  /* -1: none */
	struct str client_message_id;	  /* JSON token; data NULL: none */
	struct str receipt, subscription; /* data NULL: none */
	bool message_is_json;		  /* message is escaped already */
};
#define NO_STR ((struct str){NULL, 0})
void tell_refusal(struct session *session, const struct refusal_notice *notice);

/* ERROR: the connection's last frame. */
void tell_error(struct session *session, const char *code, const char *text,
	struct str receipt);

#endif
