/* client/template.c - see template.h. */
#include "client/template.h"

#include <stdio.h>
#include <string.h>

static const char *const names[TEMPLATE_KINDS] = {NULL, "{room}", "{user}",
	"{n}", "{id}", "{sent_us}", "{token}", "{stamp}", "{pad}"};

static enum template_kind
kind_at(struct str s)
{
	enum template_kind kind;

	for (kind = TEMPLATE_ROOM; kind < TEMPLATE_KINDS; kind++)
		if (str_starts(s, names[kind]))
			return kind;
	return TEMPLATE_TEXT;
}

static int
add(struct template *template, enum template_kind kind, struct str text,
	struct err *err)
{
	if (!text.len)
		return 0;
	if (template->count == TEMPLATE_PARTS)
		return err_set(
			err, "over %d parts in a template", TEMPLATE_PARTS);
	template->part[template->count].kind = kind;
	template->part[template->count++].text = text;
	return 0;
}

int
template_parse(struct template *template, struct str text, struct err *err)
{
	enum template_kind kind;
	struct str rest = text;
	size_t from = 0, at = 0, len;

	template->count = 0;
	while (at < text.len) {
		rest = (struct str){text.data + at, text.len - at};
		kind = kind_at(rest);
		if (kind == TEMPLATE_TEXT) {
			at++;
			continue;
		}
		len = strlen(names[kind]);
		if (add(template, TEMPLATE_TEXT,
			    (struct str){text.data + from, at - from},
			    err) < 0 ||
			add(template, kind, (struct str){rest.data, len}, err) <
				0)
			return -1;
		at += len;
		from = at;
	}
	return add(template, TEMPLATE_TEXT,
		(struct str){text.data + from, at - from}, err);
}

bool
template_has(const struct template *template, enum template_kind kind)
{
	size_t i;

	for (i = 0; i < template->count; i++)
		if (template->part[i].kind == kind)
			return true;
	return false;
}

static void
put_pad(struct buf *out, size_t len)
{
	char *at = buf_room(out, len);

	if (!at)
		return;
	memset(at, 'x', len);
	buf_advance(out, len);
}

/* A UUID whose random bits are the run's, and whose last ones count. */
static void
put_id(struct buf *out, const struct template_values *v)
{
	buf_printf(out, "%08x-%04x-4%03x-8%03x-%012llx",
		(unsigned)(v->run >> 32), (unsigned)(v->run >> 16) & 0xffff,
		(unsigned)(v->run >> 4) & 0xfff,
		(unsigned)(v->run << 8) & 0xfff,
		(unsigned long long)v->n & 0xffffffffffff);
}

static void
put_stamp(struct buf *out, const struct template_values *v)
{
	char mark[STAMP_MARK_MAX];

	buf_add(out, mark, stamp_mark(v->run, mark));
	buf_add_i64(out, v->n);
	buf_add_char(out, '.');
	buf_add_i64(out, v->sent_us);
	buf_add_char(out, '~');
}

void
template_put(const struct template *template, struct buf *out,
	const struct template_values *v)
{
	size_t i;

	for (i = 0; i < template->count; i++) {
		switch (template->part[i].kind) {
		case TEMPLATE_ROOM:
			buf_add_i64(out, v->room);
			break;
		case TEMPLATE_USER:
			buf_add_i64(out, v->user);
			break;
		case TEMPLATE_N:
			buf_add_i64(out, v->n);
			break;
		case TEMPLATE_ID:
			put_id(out, v);
			break;
		case TEMPLATE_SENT_US:
			buf_add_i64(out, v->sent_us);
			break;
		case TEMPLATE_TOKEN:
			buf_add_str(out, v->token);
			break;
		case TEMPLATE_STAMP:
			put_stamp(out, v);
			break;
		case TEMPLATE_PAD:
			put_pad(out, v->pad);
			break;
		default:
			buf_add_str(out, template->part[i].text);
		}
	}
}

/* ---- stamps ------------------------------------------------------------- */

size_t
stamp_mark(uint64_t run, char mark[STAMP_MARK_MAX])
{
	return (size_t)snprintf(
		mark, STAMP_MARK_MAX, "~%016llx.", (unsigned long long)run);
}

static const char *
read_number(const char *at, const char *end, char stop, int64_t *out)
{
	int64_t n = 0;
	int digits;

	for (digits = 0; at < end && *at >= '0' && *at <= '9'; digits++) {
		if (digits == 18)
			return NULL;
		n = n * 10 + (*at++ - '0');
	}
	*out = n;
	return digits && at < end && *at == stop ? at + 1 : NULL;
}

bool
stamp_find(struct str text, struct str mark, int64_t *n, int64_t *sent_us)
{
	const char *at, *end = text.data + text.len;

	if (!text.len)
		return false;
	at = memmem(text.data, text.len, mark.data, mark.len);
	if (!at)
		return false;
	at = read_number(at + mark.len, end, '.', n);
	return at && read_number(at, end, '~', sent_us);
}
