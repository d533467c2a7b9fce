/*
 * proto/stomp.h - what both ends of STOMP 1.0, 1.1 and 1.2 share: versions,
 * their negotiation, heart-beats. Pure.
 */
#ifndef PROTO_STOMP_H
#define PROTO_STOMP_H

#include "base/base.h"
#include "base/str.h"

enum stomp_version { STOMP_V10, STOMP_V11, STOMP_V12 };

/* A set of versions: 1 << version. */
#define STOMP_ANY_VERSION 7u

/* "1.0", "1.1", "1.2". */
const char *stomp_version_name(enum stomp_version version);

/* The highest version both sides speak: accept_version is the header's value
 * ("1.1,1.2"; unknown entries are skipped), data NULL where the frame has
 * none, which means 1.0 (STOMP 1.2, "Protocol Negotiation"). allowed: a set;
 * one version only where a WebSocket subprotocol has settled it. -1: none in
 * common. */
int stomp_version_pick(struct str accept_version, unsigned allowed);

/* What was agreed: how often we must send, and the other side will; 0: never.*/
struct stomp_beat {
	int64_t send_ms;
	int64_t expect_ms;
};

/* Agrees on heart-beats: header is the other side's value "cx,cy" (data NULL:
 * "0,0"), can_ms how often we can send, want_ms how often we want to hear (0:
 * not at all). -1 where the header is malformed or a number is over 2^31-1. */
int stomp_beat_agree(struct stomp_beat *out, struct str header, int64_t can_ms,
	int64_t want_ms) MUST_CHECK;

#endif
