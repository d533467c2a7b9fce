/*
 * proto/stomp_in.c - see stomp_in.h.
 *
 *	GAP --byte--> COMMAND --line--> HEADERS --empty line--> BODY
 *	  CR | ^ LF                      line |_^                |
 *	     v |                                                NUL
 *	   GAP_CR                                     GAP <------'
 *
 * Each state looks at the bytes from the frame's first one, which stand in buf
 * where there are any, else in what was fed. A state that lacks bytes says so
 * and remembers how far it has searched (scan). Bytes are searched only up to
 * the nearer of two limits, the line's and the frame's: so what is refused, and
 * why, does not depend on where the bytes were cut.
 */
#include "proto/stomp_in.h"

#include <string.h>

#include "proto/stomp_rules.h"

enum { GAP, GAP_CR, COMMAND, HEADERS, BODY };

#define COMMAND_MAX 11 /* UNSUBSCRIBE */

const struct stomp_limits stomp_limits_default = {
	STOMP_FRAME_MAX, STOMP_HEADERS_MAX, STOMP_HEADER_MAX};

struct span {
	char *data;
	size_t len;
};

void
stomp_in_init(struct stomp_in *in, enum stomp_from from,
	const struct stomp_limits *limits)
{
	*in = (struct stomp_in){.from = from,
		.version = STOMP_V12,
		.length = -1,
		.limits = limits ? limits : &stomp_limits_default};
}

void
stomp_in_release(struct stomp_in *in)
{
	buf_release(&in->buf);
	in->at = NULL;
	in->left = in->off = in->lent = in->done = 0;
}

void
stomp_in_version(struct stomp_in *in, enum stomp_version version)
{
	in->version = version;
}

void
stomp_in_feed(struct stomp_in *in, void *data, size_t len)
{
	in->at = data;
	in->left = len;
	in->lent = 0;
}

bool
stomp_in_midway(const struct stomp_in *in)
{
	return in->state >= COMMAND && !in->done;
}

/* ---- where the bytes are ----------------------------------------------- */

static struct span
view(const struct stomp_in *in)
{
	if (in->buf.len)
		return (struct span){
			in->buf.data + in->off, in->buf.len - in->off};
	return (struct span){in->at, in->left};
}

/* Lets go of the first n bytes. What is left in buf but was copied from what
 * is fed now is read from there again: the frames behind one that had been cut
 * are not copied. */
static void
drop(struct stomp_in *in, size_t n)
{
	size_t rest;

	if (!in->buf.len) {
		if (n)
			in->at += n;
		in->left -= n;
		return;
	}
	in->off += (uint32_t)n;
	rest = in->buf.len - in->off;
	if (rest > in->lent)
		return;
	if (rest)
		in->at -= rest;
	in->left += rest;
	buf_release(&in->buf);
	in->off = in->lent = 0;
}

static void
drop_frame(struct stomp_in *in)
{
	drop(in, in->done);
	in->done = in->line = in->scan = 0;
	in->length = -1;
	in->headers = 0;
	in->state = GAP;
}

/* How many of the fed bytes to copy behind a frame that lacks some. */
static size_t
lacking(const struct stomp_in *in)
{
	size_t want = (size_t)in->limits->max_frame_bytes + 1;

	if (in->state == BODY && in->length >= 0)
		want = (size_t)in->line + (size_t)in->length + 1;
	want = want > in->buf.len ? want - in->buf.len : 1;
	return want < in->left ? want : in->left;
}

/* Copies fed bytes to buf. MORE: none are left to look at; FRAME: look again.
 */
static enum stomp_in_result
fill(struct stomp_in *in)
{
	bool again = in->buf.len != 0;
	size_t n;

	if (in->off) {
		buf_consume(&in->buf, in->off);
		in->off = 0;
	}
	if (!in->left)
		return STOMP_IN_MORE;
	n = again ? lacking(in) : in->left;
	buf_add(&in->buf, in->at, n);
	if (buf_bad(&in->buf))
		return STOMP_IN_NO_MEMORY;
	in->at += n;
	in->left -= n;
	in->lent += (uint32_t)n;
	return again ? STOMP_IN_FRAME : STOMP_IN_MORE;
}

bool
stomp_in_keep(struct stomp_in *in)
{
	if (in->done)
		drop_frame(in);
	if (in->left && !in->refused) {
		buf_add(&in->buf, in->at, in->left);
		if (buf_bad(&in->buf))
			in->refused = STOMP_IN_NO_MEMORY;
	}
	in->at = NULL;
	in->left = in->lent = 0;
	return !in->refused;
}

/* ---- refusals ---------------------------------------------------------- */

static enum stomp_in_result
bad(struct err *err, const char *why)
{
	err_set(err, "%s", why);
	return STOMP_IN_BAD;
}

static enum stomp_in_result
too_big(const struct stomp_in *in, struct err *err)
{
	err_set(err, "frame is over %u bytes", in->limits->max_frame_bytes);
	return STOMP_IN_TOO_BIG;
}

static enum stomp_in_result
too_long(const struct stomp_in *in, struct err *err)
{
	if (in->state == COMMAND)
		return bad(err, "unknown command");
	err_set(err, "header line is over %u bytes",
		in->limits->max_header_bytes);
	return STOMP_IN_HEADERS;
}

/* ---- lines ------------------------------------------------------------- */

/* The current line, without its end, when it is whole (FRAME); moves line
 * behind it. */
static enum stomp_in_result
take_line(
	struct stomp_in *in, struct span all, struct str *out, struct err *err)
{
	size_t max = in->state == COMMAND ? COMMAND_MAX
					  : in->limits->max_header_bytes;
	size_t cap = in->line + max + 2, end; /* behind a CR and the LF */
	bool whole_frame = cap > in->limits->max_frame_bytes;
	const char *from = all.data + in->scan, *stop, *nul;

	if (whole_frame)
		cap = in->limits->max_frame_bytes;
	end = all.len < cap ? all.len : cap;
	stop = memchr(from, '\n', end - in->scan);
	nul = memchr(from, '\0', stop ? (size_t)(stop - from) : end - in->scan);
	if (!stop && !nul && all.len >= cap)
		return whole_frame ? too_big(in, err) : too_long(in, err);
	in->scan = (uint32_t)end;
	if (!stop && !nul)
		return STOMP_IN_MORE;
	from = all.data + in->line;
	*out = (struct str){from, (size_t)((nul ? nul : stop) - from)};
	if (!nul && out->len && out->data[out->len - 1] == '\r')
		out->len--;
	if (out->len > max)
		return too_long(in, err);
	if (nul)
		return bad(err, "frame ends before its headers do");
	in->line = in->scan = (uint32_t)(stop + 1 - all.data);
	return STOMP_IN_FRAME;
}

static enum stomp_in_result
read_command(struct stomp_in *in, struct span all, struct err *err)
{
	enum stomp_in_result r;
	struct str line;
	int command;

	r = take_line(in, all, &line, err);
	if (r != STOMP_IN_FRAME)
		return r;
	command = stomp_rule_find(line);
	if (command < 0)
		return bad(err, "unknown command");
	if (stomp_rules[command].from != in->from)
		return bad(err, "command of the other side");
	in->command = (uint8_t)command;
	in->state = HEADERS;
	return STOMP_IN_FRAME;
}

/* Digits only (S-06); what is larger than any limit need not be read. */
static enum stomp_in_result
read_length(struct stomp_in *in, struct str text, struct err *err)
{
	int64_t n = 0;
	size_t i;

	if (!text.len || (text.data[0] == '0' && text.len > 1))
		return bad(err, "content-length is no number");
	for (i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return bad(err, "content-length is no number");
		if (n <= in->limits->max_frame_bytes)
			n = n * 10 + (text.data[i] - '0');
	}
	if (n > in->limits->max_frame_bytes)
		return too_big(in, err);
	if (in->length >= 0 && in->length != n)
		return bad(err, "two content-length headers differ");
	in->length = (int32_t)n;
	return STOMP_IN_FRAME;
}

static bool
has_escapes(const struct stomp_in *in)
{
	return in->version != STOMP_V10 && !stomp_rules[in->command].plain;
}

static enum stomp_in_result
check_header(struct stomp_in *in, struct str line, struct err *err)
{
	struct str name, value;

	if (in->headers >= in->limits->max_headers ||
		in->headers >= STOMP_HEADERS_CAP) {
		err_set(err, "more than %u headers", (unsigned)in->headers);
		return STOMP_IN_HEADERS;
	}
	in->headers++;
	if (!str_cut(line, ':', &name, &value))
		return bad(err, "header line without ':'");
	if (!name.len)
		return bad(err, "header without a name");
	if (memchr(line.data, '\r', line.len))
		return bad(err, "CR in a header");
	if (str_utf8_len(line) < 0)
		return bad(err, "header is no UTF-8");
	if (has_escapes(in) && !stomp_escapes_known(line, in->version))
		return bad(err, "undefined escape in a header");
	if (str_eq_c(name, "content-length"))
		return read_length(in, value, err);
	return STOMP_IN_FRAME;
}

static enum stomp_in_result
read_headers(struct stomp_in *in, struct span all, struct err *err)
{
	enum stomp_in_result r;
	struct str line;

	do {
		r = take_line(in, all, &line, err);
		if (r == STOMP_IN_FRAME && line.len)
			r = check_header(in, line, err);
		if (r != STOMP_IN_FRAME)
			return r;
	} while (line.len);
	if (in->length > (int64_t)in->limits->max_frame_bytes - in->line)
		return too_big(in, err);
	in->state = BODY;
	return STOMP_IN_FRAME;
}

/* ---- whole frames ------------------------------------------------------ */

static bool
only_line_ends(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.data[i] != '\n' && s.data[i] != '\r')
			return false;
	return true;
}

static enum stomp_in_result
give(struct stomp_in *in, struct span all, size_t body_len,
	struct stomp_frame *frame, struct err *err)
{
	frame->command = in->command;
	frame->body = (struct str){all.data + in->line, body_len};
	frame->bytes = in->line + (uint32_t)body_len;
	in->done = frame->bytes + 1;
	if (!stomp_rules[in->command].body) {
		if (!only_line_ends(frame->body))
			return bad(err, "body in a frame that has none");
		frame->body.len = 0;
	}
	stomp_split(frame, all.data, all.len, in->headers, has_escapes(in));
	return STOMP_IN_FRAME;
}

static enum stomp_in_result
read_body(struct stomp_in *in, struct span all, struct stomp_frame *frame,
	struct err *err)
{
	size_t cap = (size_t)in->limits->max_frame_bytes + 1, end;
	const char *nul;

	if (in->length >= 0) {
		end = in->line + (size_t)in->length;
		if (all.len <= end)
			return STOMP_IN_MORE;
		if (all.data[end])
			return bad(err, "no NUL where content-length ends");
		return give(in, all, (size_t)in->length, frame, err);
	}
	end = all.len < cap ? all.len : cap;
	nul = memchr(all.data + in->scan, '\0', end - in->scan);
	if (nul)
		return give(in, all, (size_t)(nul - all.data) - in->line, frame,
			err);
	in->scan = (uint32_t)end;
	return end == cap ? too_big(in, err) : STOMP_IN_MORE;
}

/* Line ends between frames are heart-beats, or habit. */
static enum stomp_in_result
skip_gap(struct stomp_in *in, struct err *err)
{
	struct span all;
	size_t i;

	while (in->state < COMMAND && (all = view(in)).len) {
		for (i = 0; i < all.len && in->state < COMMAND; i++) {
			if (in->state == GAP_CR && all.data[i] != '\n')
				return bad(err, "CR between frames");
			if (all.data[i] == '\n')
				in->state = GAP;
			else if (all.data[i] == '\r')
				in->state = GAP_CR;
			else
				in->state = COMMAND;
		}
		drop(in, in->state == COMMAND ? i - 1 : i);
	}
	return in->state == COMMAND ? STOMP_IN_FRAME : STOMP_IN_MORE;
}

static enum stomp_in_result
step(struct stomp_in *in, struct stomp_frame *frame, struct err *err)
{
	enum stomp_in_result r = STOMP_IN_FRAME;

	if (in->state < COMMAND)
		r = skip_gap(in, err);
	if (r == STOMP_IN_FRAME && in->state == COMMAND)
		r = read_command(in, view(in), err);
	if (r == STOMP_IN_FRAME && in->state == HEADERS)
		r = read_headers(in, view(in), err);
	if (r == STOMP_IN_FRAME && in->state == BODY)
		r = read_body(in, view(in), frame, err);
	return r;
}

enum stomp_in_result
stomp_in_next(struct stomp_in *in, struct stomp_frame *frame, struct err *err)
{
	enum stomp_in_result r;

	if (in->refused) {
		err_set(err, "an earlier frame was refused");
		return in->refused;
	}
	if (in->done)
		drop_frame(in);
	do {
		r = step(in, frame, err);
		if (r != STOMP_IN_MORE)
			break;
		r = fill(in);
	} while (r == STOMP_IN_FRAME);
	if (r == STOMP_IN_NO_MEMORY)
		err_set(err, "out of memory");
	if (r < 0) {
		stomp_in_release(in);
		in->refused = (int8_t)r;
	}
	return r;
}
