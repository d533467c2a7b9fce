/* tests/sim/pg_letters.c - see pg.h: sql/functions-outcomes.sql. A row of
 * message_outcomes is known by the place of its letter's original. */
#include <stdlib.h>

#include "base/rule.h"
#include "pg.h"

struct letter_row *
pg_letter(int part, int64_t offset, int64_t timestamp)
{
	int i;

	for (i = 0; i < pg.letters; i++) {
		struct letter_row *row = &pg.letter[i];

		if (row->part == part && row->offset == offset &&
			(row->timestamp == timestamp ||
				!RULE(place_has_its_time)))
			return row;
	}
	return NULL;
}

static struct letter_row *
add(const struct pgarg *a)
{
	if (pg.letters == LETTERS_MAX)
		abort();
	pg.letter[pg.letters] = (struct letter_row){.part = a->part,
		.offset = a->offset,
		.timestamp = a->timestamp};
	return &pg.letter[pg.letters++];
}

void
pg_dead(struct pgarg *a)
{
	struct letter_row *row = pg_letter(a->part, a->offset, a->timestamp);

	a->state = STORE_KNOWN;
	if (row && !RULE(letter_is_one_row))
		row = NULL;
	if (row && (!row->unread || !RULE(unread_is_completed)))
		return;
	if (!row)
		row = add(a);
	row->unread = false;
	row->cmid = a->cmid;
	a->state = STORE_NOTED;
}

void
pg_replayed(const struct pgarg *a)
{
	struct letter_row *row = pg_letter(a->part, a->offset, a->timestamp);

	if (!row) {
		row = add(a);
		row->unread = true;
	}
	row->replayed = true;
}
