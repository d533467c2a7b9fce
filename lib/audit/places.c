/* audit/places.c - records by their places, and what names them; see audit.h.
 */
#include <stdlib.h>

#include "audit/inner.h"

bool
audit_place_pending(const struct audit *audit, const struct audit_place *place)
{
	int64_t done = audit->part[place->part].done;

	return done >= 0 && place->offset >= done;
}

int
audit_place_add(struct audit_places *places, const struct audit_place *place)
{
	if (audit_grow(&places->at, &places->cap, places->count,
		    sizeof(*places->at)) < 0)
		return -1;
	places->at[places->count++] = *place;
	return 0;
}

int
audit_place_order(const struct audit_place *a, const struct audit_place *b)
{
	if (a->part != b->part)
		return a->part < b->part ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	if (a->timestamp != b->timestamp)
		return a->timestamp < b->timestamp ? -1 : 1;
	return 0;
}

static int
order(const void *a, const void *b)
{
	return audit_place_order(a, b);
}

/* Kafka gives each partition in order: mostly there is nothing to sort. */
void
audit_places_sort(struct audit_places *places)
{
	size_t i;

	for (i = 1; i < places->count; i++)
		if (audit_place_order(&places->at[i - 1], &places->at[i]) > 0)
			break;
	if (i < places->count)
		qsort(places->at, places->count, sizeof(*places->at), order);
}

/* The first that is not before it. */
static size_t
lower(const struct audit_places *places, uint32_t part, int64_t offset)
{
	struct audit_place wanted = {
		.part = part, .offset = offset, .timestamp = INT64_MIN};
	size_t low = 0, high = places->count, at;

	while (low < high) {
		at = low + (high - low) / 2;
		if (audit_place_order(&places->at[at], &wanted) < 0)
			low = at + 1;
		else
			high = at;
	}
	return low;
}

uint32_t
audit_place_find(
	const struct audit_places *places, uint32_t part, int64_t offset)
{
	size_t at = lower(places, part, offset);

	if (at == places->count || places->at[at].part != part ||
		places->at[at].offset != offset)
		return TABLE_NONE;
	return (uint32_t)at;
}

/* By its time, too: of a topic that was made anew the old places are none. */
bool
audit_place_covered(const struct audit *audit,
	const struct audit_places *places, const struct audit_place *place)
{
	size_t at = lower(places, place->part, place->offset);
	int64_t slack = audit->opts.slack_ms;
	const struct audit_place *before, *after;

	if (at == 0 || at == places->count)
		return false;
	before = &places->at[at - 1];
	after = &places->at[at];
	return before->part == place->part && after->part == place->part &&
	       after->offset > place->offset &&
	       (place->timestamp < 0 ||
		       (place->timestamp >= before->timestamp - slack &&
			       place->timestamp <= after->timestamp + slack));
}

const struct audit_place *
audit_record_of(const struct audit *audit, const struct audit_slot *slot)
{
	const struct audit_place *label, *p;
	const struct audit_msg *m;
	uint32_t at;

	if (slot->label == TABLE_NONE) {
		m = slot->msg == TABLE_NONE ? NULL : &audit->msg[slot->msg];
		return m && m->records == 1 ? &audit->committed.at[m->record]
					    : NULL;
	}
	label = &audit->labels.at[slot->label];
	at = audit_place_find(&audit->committed, label->part, label->offset);
	if (at == TABLE_NONE)
		return NULL;
	p = &audit->committed.at[at];
	return p->timestamp == label->timestamp || label->timestamp < 0 ||
			       p->timestamp < 0
		       ? p
		       : NULL;
}
