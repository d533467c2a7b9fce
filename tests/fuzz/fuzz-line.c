/* links: wire */
/*
 * A stream of lines, as a filter reads it: whatever comes in, in whatever
 * pieces, line_read() gives each line once and in order, and every parser of
 * the record protocol lives.
 */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/line.h"
#include "wire/event.h"
#include "wire/hello.h"
#include "wire/message.h"
#include "wire/request.h"
#include "wire/result.h"

#define MAX_LINE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
parse_value(struct str line)
{
	struct message message;
	struct event event;
	struct json root;
	struct err err;

	if (json_scan(line, &root, NULL, &err) < 0)
		return;
	(void)event_parse(&event, root, &err);
	if (message_parse(&message, root, 100, &err) == MESSAGE_OK) {
		struct buf out = {0};

		message_print(&out, &message);
		if (json_scan(buf_str(&out), &root, NULL, &err) < 0 ||
			message_parse(&message, root, 100, &err) != MESSAGE_OK)
			assert(!"our own message is refused");
		buf_release(&out);
	}
}

static void
parse(struct str line)
{
	struct buf scratch = {0};
	struct json_iter positions;
	struct position position;
	enum control_kind kind;
	struct request request;
	struct answer answer;
	struct reply reply;
	struct hello hello;
	struct err err;

	(void)hello_parse(&hello, line, &err);
	if (control_parse(line, &kind, &positions, &err) == 1)
		while (control_next(&positions, &position))
			;
	(void)answer_parse(&answer, line, &scratch, &err);
	(void)request_parse(&request, line, &scratch, &err);
	(void)reply_parse(&reply, line, &err);
	parse_value(line);
	buf_release(&scratch);
}

/* What must come next, cut out of the input by hand. */
static struct str
expect(struct str *rest)
{
	const char *end = memchr(rest->data, '\n', rest->len);
	struct str line = {
		rest->data, end ? (size_t)(end - rest->data) : rest->len};

	rest->data += line.len + (end != NULL);
	rest->len -= line.len + (end != NULL);
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line, want;
	int fd = memfd_create("lines", 0);
	enum line_result got;
	struct line reader;
	struct err err;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
		lseek(fd, 0, SEEK_SET) != 0)
		assert(!"no memory file");
	line_init(&reader, fd, MAX_LINE);
	while ((got = line_read(&reader, &line, CLOCK_NEVER, &err)) !=
		LINE_EOF) {
		want = expect(&rest);
		assert(got == (want.len > MAX_LINE ? LINE_LONG : LINE_OK));
		if (got == LINE_OK) {
			assert(str_eq(line, want));
			parse(line);
		}
	}
	assert(rest.len == 0);
	line_release(&reader);
	close(fd);
	return 0;
}
