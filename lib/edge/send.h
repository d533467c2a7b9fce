/*
 * edge/send.h - SEND: checks at the entrance, then on the way to chat-produce
 * until it has answered.
 *
 *	SEND -> checks -> held (its room's SUBSCRIBE has no answer yet)
 *	                    |
 *	                    v
 *	                 resend (in order, until answered) -> produce.sock
 *	                    |
 *	                    '-- done -> RECEIPT,  dead -> error
 */
#ifndef EDGE_SEND_H
#define EDGE_SEND_H

#include "edge/session.h"

/* A SEND frame of a live session. */
void send_frame(struct session *session, const struct stomp_frame *frame);

/* The room's SUBSCRIBEs on this session are answered: what waited goes on. */
void send_release(struct session *session, int64_t room_id);
/* Everything that waited goes on. */
void send_release_all(struct session *session);
/* Connections that were paused go on where the bound allows it; once a turn. */
void send_turn(struct edge *edge);

#endif
