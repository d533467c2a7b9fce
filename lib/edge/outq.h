/*
 * edge/outq.h - what waits to be written to one connection: bytes, bounded.
 *
 *	data |  taken  |######## waiting ########|  room  |
 *	               head                     len       cap
 *
 * Messages are copied in: some hundred bytes each are cheaper to copy than to
 * count references to, and one send() takes them all. Empty, it owns nothing:
 * an idle connection pays 24 bytes. For WebSocket connections the content is
 * whole frames of ours, so a batch can end between two of them.
 */
#ifndef EDGE_OUTQ_H
#define EDGE_OUTQ_H

#include "base/base.h"
#include "base/str.h"

/* All zero is an empty queue. */
struct outq {
	char *data;
	uint32_t head, len, cap;
};

enum outq_result {
	OUTQ_OK = 0,
	OUTQ_FULL = -1, /* it would be over max_bytes: nothing was added */
	OUTQ_NO_MEMORY = -2,
};

/* Bytes that wait. */
size_t outq_bytes(const struct outq *outq);

/* Appends first and second (which may be empty) as one. */
enum outq_result outq_add(struct outq *outq, size_t max_bytes, struct str first,
	struct str second) MUST_CHECK;

/* What to write next: at most max_bytes, borrowed until the queue changes. */
struct str outq_bulk(const struct outq *outq, size_t max_bytes);
/* The same in whole WebSocket frames (unmasked, as ws_header() makes them), at
 * least one. */
struct str outq_frames(const struct outq *outq, size_t max_bytes);

/* The first n bytes are gone. Releases the storage when none are left. */
void outq_take(struct outq *outq, size_t n);
void outq_release(struct outq *outq);

#endif
