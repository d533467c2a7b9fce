/*
 * edge/produce.h - the line to chat-produce: records on their way, each with a
 * ticket for its answer (flow/resend keeps their order).
 */
#ifndef EDGE_PRODUCE_H
#define EDGE_PRODUCE_H

#include "edge/session.h"

/* What the answer needs: the receipt, and what an error would name. */
struct ticket {
	int64_t room_id;
	uint32_t receipt_len, id_len;
	bool has_receipt;
	char bytes[]; /* receipt, then the clientMessageId's JSON token */
};

/* NULL: out of memory. receipt with data NULL: none was asked for. Freed with
 * free(), or given to produce(). */
struct ticket *ticket_new(
	int64_t room_id, struct str receipt, struct str id) MUST_CHECK;

/* Takes ticket. The record goes behind all that came before it: at once, or
 * when the line is up again. Where there is no memory for it the connection is
 * killed, and none that came after it goes, either: the client sends them
 * again, in their order. */
void produce(struct session *session, struct ticket *ticket, struct str value);
/* The session ends: its records stay, and nobody is told of their answers. */
void produce_orphan(struct session *session);

void produce_start(struct edge *edge);
void produce_stop(struct edge *edge);

#endif
