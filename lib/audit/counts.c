/* audit/counts.c - the counts besides the verdicts, see audit.h. */
#include "audit/audit.h"
#include "json/json.h"

static const struct {
	const char *json, *text;
	size_t at;
} counts[] = {
#define COUNT(json, member, text)                                              \
	{                                                                      \
		json, text, offsetof(struct audit, member)                     \
	}
	COUNT("historyLines", lines, "lines of histories"),
	COUNT("deliveries", deliveries, "messages received"),
	COUNT("wireDuplicates", repeats, "of them again, dropped by seq"),
	COUNT("eventRepeats", event_repeats, "events published again"),
	COUNT("copies", copies, "records that are copies of another"),
	COUNT("stored", stored, "messages stored"),
	COUNT("storedWithLetter", stored_dead, "of them with a letter, too"),
	COUNT("refused", refused, "refused after their RECEIPT"),
	COUNT("untold", untold, "of them whose sender was not told"),
	COUNT("dead", dead, "dead letters"),
	COUNT("pending", pending, "behind the group's offset: not judged"),
	COUNT("unknownPresent", unknown_present, "of unknown outcome: there"),
	COUNT("unknownAbsent", unknown_absent, "of unknown outcome: nowhere"),
};

static int64_t
value(const struct audit *audit, size_t i)
{
	const void *at = (const char *)audit + counts[i].at;

	return *(const int64_t *)at;
}

void
audit_counts_table(struct buf *out, const struct audit *audit)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(counts); i++)
		if (value(audit, i))
			buf_printf(out, "%12lld %s\n",
				(long long)value(audit, i), counts[i].text);
}

void
audit_counts_json(struct buf *out, const struct audit *audit)
{
	size_t i;

	json_open(out, "counts", '{');
	for (i = 0; i < ARRAY_LEN(counts); i++)
		json_put_i64(out, counts[i].json, value(audit, i));
	json_close(out, '}');
}
