/* links: proto */
/*
 * The first byte chooses side, version and limits, the second how the rest is
 * cut. Whole, cut, and kept (a reader that pauses), the same frames come out
 * and the same refusal; each frame, written again by stomp_out, reads as
 * itself; nothing is held when nothing is midway.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stomp_in.h"
#include "proto/stomp_out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct stomp_limits small = {60, 3, 20};
static const struct stomp_limits wide = {1 << 20, STOMP_HEADERS_CAP, 1 << 16};

struct how {
	enum stomp_from from;
	enum stomp_version version;
	const struct stomp_limits *limits;
	uint32_t cut; /* 0: whole; else the seed of piece lengths */
	bool keep;
};

static void
add_str(struct buf *out, struct str s)
{
	buf_add_i64(out, (int64_t)s.len);
	buf_add_char(out, ' ');
	buf_add_str(out, s);
}

static void
dump(struct buf *out, const struct stomp_frame *f)
{
	size_t i;

	buf_printf(out, "\n%s ", stomp_command_name(f->command));
	for (i = 0; i < f->count; i++) {
		add_str(out, f->headers[i].name);
		add_str(out, f->headers[i].value);
	}
	add_str(out, f->body);
}

static void
check_again(const struct how *how, const struct stomp_frame *f)
{
	struct buf text = {0}, want = {0}, got = {0};
	struct stomp_frame again;
	struct stomp_in in;
	struct err err;
	bool plain = f->command == STOMP_CONNECT || f->command == STOMP_STOMP ||
		     f->command == STOMP_CONNECTED;
	enum stomp_version version = plain ? STOMP_V10 : how->version;
	size_t i;

	stomp_open(&text, stomp_command_name(f->command));
	for (i = 0; i < f->count; i++) {
		stomp_escape(&text, version, f->headers[i].name);
		buf_add_char(&text, ':');
		stomp_escape(&text, version, f->headers[i].value);
		buf_add_char(&text, '\n');
	}
	buf_add_char(&text, '\n');
	buf_add_str(&text, f->body);
	buf_add_char(&text, '\0');
	/* A bodiless frame may have had a content-length for line ends. */
	if (!f->body.len && stomp_frame_get(f, "content-length").data)
		goto out;
	dump(&want, f);
	stomp_in_init(&in, how->from, &wide);
	stomp_in_version(&in, how->version);
	stomp_in_feed(&in, text.data, text.len);
	assert(stomp_in_next(&in, &again, &err) == STOMP_IN_FRAME);
	dump(&got, &again);
	assert(str_eq(buf_str(&want), buf_str(&got)));
	assert(stomp_in_next(&in, &again, &err) == STOMP_IN_MORE);
	stomp_in_release(&in);
out:
	buf_release(&text);
	buf_release(&want);
	buf_release(&got);
}

static enum stomp_in_result
take(const struct how *how, struct stomp_in *in, char **copy, struct buf *out)
{
	struct stomp_frame f;
	enum stomp_in_result r;
	struct err err;

	while ((r = stomp_in_next(in, &f, &err)) == STOMP_IN_FRAME) {
		assert(f.bytes <= in->limits->max_frame_bytes);
		assert(f.count <= in->limits->max_headers);
		dump(out, &f);
		if (!how->cut)
			check_again(how, &f);
		if (!how->keep)
			continue;
		assert(stomp_in_keep(in));
		free(*copy);
		*copy = NULL;
	}
	if (r < 0)
		buf_printf(out, "%d %s", r, err.text);
	return r;
}

static void
run(const struct how *how, const uint8_t *data, size_t size, struct buf *out)
{
	struct stomp_in in;
	uint32_t random = how->cut;
	size_t n;
	char *copy;
	enum stomp_in_result r = STOMP_IN_MORE;

	stomp_in_init(&in, how->from, how->limits);
	stomp_in_version(&in, how->version);
	for (; size && r == STOMP_IN_MORE; data += n, size -= n) {
		random = random * 1664525 + 1013904223;
		n = how->cut ? 1 + (random >> 16) % (how->cut % 61 + 1) : size;
		n = n < size ? n : size;
		copy = malloc(n);
		memcpy(copy, data, n);
		stomp_in_feed(&in, copy, n);
		r = take(how, &in, &copy, out);
		free(copy);
	}
	if (r == STOMP_IN_MORE && stomp_in_midway(&in))
		buf_add_c(out, "midway");
	else
		assert(!in.buf.data);
	stomp_in_release(&in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = {0}, cut = {0};
	struct how how;
	int i;

	if (size < 2)
		return 0;
	how.from = data[0] & 1 ? STOMP_FROM_SERVER : STOMP_FROM_CLIENT;
	how.version = (data[0] >> 1) % 3;
	how.limits = data[0] & 64 ? &small : NULL;
	how.cut = 0;
	how.keep = false;
	run(&how, data + 2, size - 2, &whole);
	for (i = 0; i < 3; i++) {
		buf_reset(&cut);
		how.cut = i == 1 ? 0 : data[1] + 1u;
		how.keep = i > 0;
		run(&how, data + 2, size - 2, &cut);
		assert(str_eq(buf_str(&whole), buf_str(&cut)));
	}
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}
