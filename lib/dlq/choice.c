/* dlq/choice.c - see choice.h. */
#include "dlq/choice.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static bool
room_is(const struct opt_list *rooms, const struct record *r)
{
	size_t i;

	for (i = 0; i < rooms->count; i++)
		if (!r->key_null && str_eq_c(r->key, rooms->item[i]))
			return true;
	return !rooms->count;
}

#define CLASS_MAX 1000 /* of a class's bytes are looked at by a glob */

static bool
class_is(const char *pattern, struct str class)
{
	char text[CLASS_MAX + 1];
	size_t len = class.len < CLASS_MAX ? class.len : CLASS_MAX;

	if (str_starts(class, pattern))
		return true;
	memcpy(text, class.data ? class.data : "", len);
	text[len] = '\0';
	return fnmatch(pattern, text, 0) == 0;
}

static bool
reason_is(const struct opt_list *reasons, struct str class)
{
	size_t i;

	for (i = 0; i < reasons->count; i++)
		if (class_is(reasons->item[i], class))
			return true;
	return !reasons->count;
}

bool
choice_is_narrow(const struct choice *choice)
{
	return choice->rooms.count || choice->reasons.count ||
	       choice->since_ms >= 0 || choice->until_ms >= 0;
}

bool
choice_takes(const struct choice *choice, const struct letter *letter)
{
	int64_t at = letter->record.timestamp;

	if (choice->since_ms >= 0 && at < choice->since_ms)
		return false;
	if (choice->until_ms >= 0 && at >= choice->until_ms)
		return false;
	return room_is(&choice->rooms, &letter->record) &&
	       reason_is(&choice->reasons, letter->info.error_class);
}
