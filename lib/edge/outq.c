/*
 * edge/outq.c - see outq.h.
 */
#include "edge/outq.h"

#include <stdlib.h>
#include <string.h>

#define OUTQ_FIRST 1024 /* bytes of the first allocation, at least */

size_t
outq_bytes(const struct outq *outq)
{
	return outq->len - outq->head;
}

/* Makes room for n bytes behind len. Bytes are moved down only where as many
 * have been taken as are moved, so that each is moved once on average. */
static bool
make_room(struct outq *outq, size_t n)
{
	size_t waiting = outq_bytes(outq), cap;
	char *data;

	if (n <= outq->cap - outq->len)
		return true;
	if (outq->head >= waiting && n <= outq->cap - waiting) {
		memcpy(outq->data, outq->data + outq->head, waiting);
	} else {
		for (cap = OUTQ_FIRST; cap < waiting + n;)
			cap *= 2;
		if (cap > UINT32_MAX / 2)
			return false;
		data = malloc(cap);
		if (!data)
			return false;
		if (waiting)
			memcpy(data, outq->data + outq->head, waiting);
		free(outq->data);
		outq->data = data;
		outq->cap = (uint32_t)cap;
	}
	outq->head = 0;
	outq->len = (uint32_t)waiting;
	return true;
}

static void
append(struct outq *outq, struct str s)
{
	if (!s.len)
		return;
	memcpy(outq->data + outq->len, s.data, s.len);
	outq->len += (uint32_t)s.len;
}

enum outq_result
outq_add(struct outq *outq, size_t max_bytes, struct str first,
	struct str second)
{
	size_t n = first.len + second.len;

	if (n > max_bytes || outq_bytes(outq) > max_bytes - n)
		return OUTQ_FULL;
	if (!make_room(outq, n))
		return OUTQ_NO_MEMORY;
	append(outq, first);
	append(outq, second);
	return OUTQ_OK;
}

struct str
outq_bulk(const struct outq *outq, size_t max_bytes)
{
	size_t n = outq_bytes(outq);

	if (!n)
		return (struct str){NULL, 0};
	return (struct str){
		outq->data + outq->head, n < max_bytes ? n : max_bytes};
}

/* Bytes of the frame that begins at p, of which left are there. */
static size_t
frame_bytes(const unsigned char *p, size_t left)
{
	size_t n = p[1] & 0x7f, header = 2;

	if (n == 126) {
		n = (size_t)p[2] << 8 | p[3];
		header = 4;
	} else if (n == 127) {
		n = 0;
		for (int i = 2; i < 10; i++)
			n = n << 8 | p[i];
		header = 10;
	}
	return n > left - header ? left : header + n;
}

struct str
outq_frames(const struct outq *outq, size_t max_bytes)
{
	size_t left = outq_bytes(outq), n = 0, one;
	const char *p;

	if (left <= max_bytes)
		return outq_bulk(outq, max_bytes);
	p = outq->data + outq->head;
	while (n < left) {
		one = frame_bytes((const unsigned char *)p + n, left - n);
		if (n && n + one > max_bytes)
			break;
		n += one;
	}
	return (struct str){p, n};
}

void
outq_take(struct outq *outq, size_t n)
{
	outq->head += (uint32_t)n;
	if (outq->head == outq->len)
		outq_release(outq);
}

void
outq_release(struct outq *outq)
{
	free(outq->data);
	*outq = (struct outq){0};
}
