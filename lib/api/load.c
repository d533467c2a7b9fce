/* api/load.c - see load.h. */
#include "api/load.h"

#include "api/user.h"
#include "base/clock.h"
#include "io/line.h"

#define BATCH_USERS 500
#define BATCH_BYTES (128 << 10) /* a request's line may have 256 KiB */
#define LINE_MAX_BYTES (16 << 10)

struct batch {
	struct buf body;
	int users;
};

static void
begin(struct batch *batch)
{
	buf_reset(&batch->body);
	buf_add_c(&batch->body, "{\"users\":[");
	batch->users = 0;
}

static enum load_result
send(struct load *load, struct batch *batch, struct err *err)
{
	struct request request = {
		.method = STR("POST"), .path = STR("/admin/users")};
	struct reply reply;
	struct json data;
	int64_t loaded = 0, created = 0;

	if (!batch->users || !load->ask)
		return LOAD_DONE;
	buf_add_c(&batch->body, "]}");
	if (buf_bad(&batch->body)) {
		err_set(err, "out of memory");
		return LOAD_FAILED;
	}
	request.body = (struct json){JSON_OBJECT, buf_str(&batch->body)};
	if (ask_send(load->ask, &request, &reply, err) < 0)
		return LOAD_FAILED;
	if (reply.status != 200) {
		ask_refusal(&reply, err);
		return LOAD_FAILED;
	}
	data = json_get(reply.body, "data");
	if (json_i64(json_get(data, "loaded"), &loaded) &&
		json_i64(json_get(data, "created"), &created)) {
		load->loaded += loaded;
		load->created += created;
	}
	return LOAD_DONE;
}

/* Takes one line into the batch, having sent what was full. */
static enum load_result
take(struct load *load, struct batch *batch, struct str line, struct err *err)
{
	struct buf scratch = {0};
	struct json value;
	struct user user;
	enum load_result rc = LOAD_DONE;
	int bad;

	load->lines++;
	if (!buf_room(&scratch, line.len)) {
		err_set(err, "out of memory");
		return LOAD_FAILED;
	}
	bad = json_scan(line, &value, NULL, err) < 0 ||
	      user_parse(&user, value, &scratch, err) < 0;
	buf_release(&scratch);
	if (bad) {
		err_prefix(err, "line %lld", (long long)load->lines);
		return LOAD_BAD_LINE;
	}
	if (batch->users == BATCH_USERS ||
		batch->body.len + line.len > BATCH_BYTES) {
		rc = send(load, batch, err);
		begin(batch);
	}
	json_put_raw(&batch->body, NULL, value.text);
	batch->users++;
	return rc;
}

static enum load_result
read_all(struct load *load, struct line *in, struct batch *batch,
	struct err *err)
{
	enum load_result rc = LOAD_DONE;
	struct str line;

	while (rc == LOAD_DONE) {
		switch (line_read(in, &line, CLOCK_NEVER, err)) {
		case LINE_OK:
			rc = take(load, batch, line, err);
			break;
		case LINE_EOF:
			return send(load, batch, err);
		case LINE_LONG:
			err_set(err, "line %lld: over %d bytes",
				(long long)load->lines + 1, LINE_MAX_BYTES);
			return LOAD_BAD_LINE;
		case LINE_TIMEOUT: /* a signal came */
			break;
		case LINE_ERROR:
			return LOAD_FAILED;
		}
	}
	return rc;
}

enum load_result
load_run(struct load *load, int fd, struct err *err)
{
	struct batch batch = {0};
	struct line in;
	enum load_result rc;

	line_init(&in, fd, LINE_MAX_BYTES);
	begin(&batch);
	rc = read_all(load, &in, &batch, err);
	line_release(&in);
	buf_release(&batch.body);
	return rc;
}
