/* links: client proto auth -lcrypto */
/*
 * What a server may send to a client: as frames, each of which is whole, within
 * the input and within its limit; as a handshake's answer; as a message shown
 * to a person, where no control character reaches the terminal.
 */
#include <assert.h>
#include <string.h>

#include "client/show.h"
#include "client/template.h"
#include "client/url.h"
#include "client/ws.h"

#define FRAME_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
frames(struct str in)
{
	struct ws_frame frame;
	struct err err;
	ssize_t n;

	while ((n = ws_parse(in, FRAME_MAX, &frame, &err)) > 0) {
		assert((size_t)n <= in.len);
		assert(frame.payload.len <= FRAME_MAX);
		assert(frame.payload.data >= in.data);
		assert(frame.payload.data + frame.payload.len == in.data + n);
		in.data += n;
		in.len -= (size_t)n;
	}
}

static void
shown(struct str in)
{
	struct buf out = {0};
	size_t i;

	show_message(&out, in, true);
	for (i = 0; i < out.len; i++)
		assert((unsigned char)out.data[i] >= 0x20 || i == out.len - 1);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char nonce[WS_NONCE_BYTES];
	struct str in = {(const char *)data, size};
	int64_t n, sent_us;
	struct url url;
	struct err err;
	int status;

	frames(in);
	shown(in);
	if (ws_parse_answer(in, nonce, &status, &err) > 0)
		assert(status == 101);
	if (stamp_find(in, STR("~0."), &n, &sent_us))
		assert(n >= 0 && sent_us >= 0);
	if (url_parse(&url, in, &err) == 0)
		assert(*url.host && *url.port);
	return 0;
}
