/*
 * flow/resend.h - records on their way to chat-produce that have no answer
 * yet, in their order. Pure: no sockets, no clock.
 *
 *	first                                        next
 *	  | answered | waiting | answered | waiting |
 *
 * No answer means unknown, so after the connection was lost everything
 * unanswered is sent again, first and in order, and only then what is new
 * (resend_again()). A record stays though its client is gone: its owner becomes
 * NULL. Together with what the caller holds back elsewhere (resend_charge())
 * the bytes are bounded: over max_bytes resend_full() says so, and the caller
 * stops reading those who send; nothing is refused.
 */
#ifndef FLOW_RESEND_H
#define FLOW_RESEND_H

#include "base/base.h"
#include "base/str.h"

struct resend_entry {
	int64_t id;    /* the record's id on the line */
	void *owner;   /* whose it is; NULL: gone */
	void *data;    /* the caller's (a receipt to give, ..) */
	char *line;    /* the whole line */
	size_t len;
	bool answered; /* waits only for those before it to leave */
};

struct resend {
	struct resend_entry *ring; /* slot = id & (cap - 1) */
	size_t cap;
	int64_t first, next; /* ids in use: first .. next - 1 */
	size_t count;	     /* without an answer */
	size_t bytes, max_bytes;
	bool was_full;
	int64_t sent_again; /* counter */
};

void resend_init(struct resend *resend, size_t max_bytes);
/* data of entries that are left is the caller's to free before. */
void resend_release(struct resend *resend);

/* The id that the next resend_add() will give. */
int64_t resend_next_id(const struct resend *resend);
/* Keeps a copy of line (which already carries resend_next_id()). Returns it, or
 * NULL when out of memory. Borrowed until it is answered. */
struct resend_entry *resend_add(struct resend *resend, struct str line,
	void *owner, void *data) MUST_CHECK;

/* The entry of that id, where it has no answer yet; else NULL. */
struct resend_entry *resend_find(struct resend *resend, int64_t id);
/* It has its answer: frees its line; entry is gone after this. */
void resend_done(struct resend *resend, struct resend_entry *entry);

/* Calls send for every unanswered line, in order. */
void resend_again(struct resend *resend,
	void (*send)(void *arg, struct str line), void *arg);

/* The owner is gone: its entries stay, without owner; free_data (may be NULL)
 * is called for their data, which becomes NULL. Linear in what is unanswered. */
void resend_orphan(struct resend *resend, void *owner,
	void (*free_data)(void *data));

/* Bytes that the caller holds back elsewhere: +n, and -n when they go on. */
void resend_charge(struct resend *resend, ssize_t bytes);
/* Over the bound: stop reading those who send. */
bool resend_full(struct resend *resend);
/* True once, when it has fallen below half after it was full: read again. */
bool resend_relieved(struct resend *resend);

#endif
