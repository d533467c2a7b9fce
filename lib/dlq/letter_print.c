/* dlq/letter_print.c - letters as lines for jq, rows and pages for people; see
 * letter.h. What strangers wrote must not drive a terminal: control characters
 * and what is no UTF-8 are shown, not sent. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dlq/letter.h"

#define ROW_TEXT_MAX 60 /* bytes of a message in a row */
#define ROW_KEY_MAX 24

/* ---- for jq ---------------------------------------------------------------
 */

static void
put_said(struct buf *out, const struct letter *letter, const char *state)
{
	const struct dlt_info *info = &letter->info;
	struct buf place = {0};

	dlt_place_print(&place, &info->origin);
	json_open(out, "dlt", '{');
	json_put_str(out, "origin", buf_str(&place));
	json_put_str(out, "class", info->error_class);
	json_put_str(out, "message", info->error_message);
	json_put_str(out, "group", info->group);
	letter_put_replays(out, letter);
	if (info->replay_of.len)
		json_put_str(out, "replayOf", info->replay_of);
	json_put_c(out, "state", state);
	json_close(out, '}');
	if (buf_bad(&place))
		out->bad = true;
	buf_release(&place);
}

void
letter_print_json(struct buf *out, const struct letter *letter,
	const char *state, size_t max_bytes)
{
	struct record r = letter->record;
	size_t before = out->len;

	record_print_json(out, &r);
	if (out->len - before > max_bytes && !r.value_left_out) {
		out->len = before;
		r.value_left_out = true;
		r.value_bytes = (int64_t)r.value.len;
		record_print_json(out, &r);
	}
	if (buf_bad(out))
		return;
	out->len--; /* the brace, so that more can stand in it */
	put_said(out, letter, state);
	json_close(out, '}');
	buf_add_char(out, '\n');
}

/* ---- for people -----------------------------------------------------------
 */

static void
put_escaped(struct buf *out, struct str text, const char *keep)
{
	bool utf8 = str_utf8_len(text) >= 0;
	size_t i;

	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		/* U+0080 to U+009F are C2 80 to C2 9F. */
		bool c1 = c == 0xc2 && i + 1 < text.len &&
			  (unsigned char)text.data[i + 1] < 0xa0;

		if ((c >= 0x20 && c < 0x7f) || (utf8 && c >= 0x80 && !c1) ||
			(c && strchr(keep, c)))
			buf_add_char(out, (char)c);
		else
			buf_printf(out, "\\x%02x", c);
		if (c1 && utf8)
			buf_printf(
				out, "\\x%02x", (unsigned char)text.data[++i]);
	}
}

void
letter_put_escaped(struct buf *out, struct str text)
{
	put_escaped(out, text, "");
}

static void
put_time(struct buf *out, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[40];

	if (ms < 0 || !gmtime_r(&seconds, &tm) ||
		!strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text, sizeof(text), "-");
	buf_printf(out, "%-20s", text);
}

/* Escaped, at most max bytes of it, filled up to a column's width. */
static void
put_column(struct buf *out, struct str text, size_t max)
{
	struct str cut = str_utf8_cut(text, max);
	size_t before = out->len;

	letter_put_escaped(out, cut);
	if (cut.len < text.len)
		buf_add_c(out, "..");
	while (!buf_bad(out) && out->len - before < max)
		buf_add_char(out, ' ');
	buf_add_char(out, ' ');
}

static void
put_count(struct buf *out, const struct letter *letter, int width)
{
	if (letter->info.replays == DLT_REPLAYS_UNKNOWN)
		buf_printf(out, "%*s", width, "?");
	else
		buf_printf(
			out, "%*lld", width, (long long)letter->info.replays);
}

static void
put_letter_place(struct buf *out, const struct record *r)
{
	buf_printf(out, "%.*s/%d/%lld", STR_ARG(r->topic), (int)r->partition,
		(long long)r->offset);
}

void
letter_print_title(struct buf *out)
{
	buf_printf(out, "%-32s %-20s %-24s %7s %-8s %-24s %s\n", "LETTER",
		"TIME", "KEY", "REPLAYS", "STATE", "CLASS", "MESSAGE");
}

void
letter_print_row(
	struct buf *out, const struct letter *letter, const char *state)
{
	const struct record *r = &letter->record;
	struct str message = letter->info.error_message;
	struct str cut = str_utf8_cut(message, ROW_TEXT_MAX);
	size_t before = out->len;

	put_letter_place(out, r);
	while (!buf_bad(out) && out->len - before < 32)
		buf_add_char(out, ' ');
	buf_add_char(out, ' ');
	put_time(out, r->timestamp);
	buf_add_char(out, ' ');
	put_column(out, r->key_null ? STR("-") : r->key, ROW_KEY_MAX);
	put_count(out, letter, 7);
	buf_printf(out, " %-8s ", state);
	put_column(out, letter->info.error_class, 24);
	letter_put_escaped(out, cut);
	buf_add_c(out, cut.len < message.len ? "..\n" : "\n");
}

static void
put_field(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, "%-9s ", name);
	letter_put_escaped(out, text);
	buf_add_char(out, '\n');
}

static void
put_origin(struct buf *out, const struct letter *letter)
{
	const struct dlt_place *origin = &letter->info.origin;

	buf_printf(out, "%-9s ", "of");
	if (!letter->info.named) {
		buf_add_c(out, "it does not say\n");
		return;
	}
	letter_put_escaped(out, origin->topic);
	buf_printf(out, "/%d/%lld  ", (int)origin->partition,
		(long long)origin->offset);
	put_time(out, origin->timestamp);
	buf_add_char(out, '\n');
}

static void
put_headers(struct buf *out, const struct record *r)
{
	size_t i;

	for (i = 0; i < r->header_count; i++) {
		buf_printf(out, "%-9s ", i ? "" : "headers");
		letter_put_escaped(out, r->headers[i].name);
		buf_add_c(out, ": ");
		put_escaped(out,
			r->headers[i].null ? STR("(null)")
					   : r->headers[i].value,
			"");
		buf_add_char(out, '\n');
	}
}

static void
put_value(struct buf *out, const struct record *r)
{
	if (r->value_null) {
		buf_printf(out, "%-9s none\n", "value");
		return;
	}
	buf_printf(out, "%-9s %zu bytes:\n", "value", r->value.len);
	put_escaped(out, r->value, "\n\t");
	buf_add_char(out, '\n');
}

void
letter_print_page(
	struct buf *out, const struct letter *letter, const char *state)
{
	const struct record *r = &letter->record;
	const struct dlt_info *info = &letter->info;

	buf_printf(out, "%-9s ", "letter");
	put_letter_place(out, r);
	buf_add_c(out, "  ");
	put_time(out, r->timestamp);
	buf_add_char(out, '\n');
	put_origin(out, letter);
	put_field(out, "class", info->error_class);
	put_field(out, "message", info->error_message);
	put_field(out, "group", info->group);
	buf_printf(out, "%-9s ", "replays");
	put_count(out, letter, 0);
	buf_add_char(out, '\n');
	if (info->replay_of.len)
		put_field(out, "replay of", info->replay_of);
	put_field(out, "state", str_c(state));
	put_field(out, "key", r->key_null ? STR("(null)") : r->key);
	put_headers(out, r);
	put_value(out, r);
}
