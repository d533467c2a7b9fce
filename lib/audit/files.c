/* audit/files.c - see files.h. */
#include "audit/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/time.h"
#include "audit/inner.h"

/* ---- lines -------------------------------------------------------------- */

#define STEP ((size_t)1 << 24) /* bytes; pages before it are let go */

struct file {
	const char *path;
	struct str all; /* mapped; as long as it was when it was opened */
	size_t at, step;
	int64_t line;
};

static int
file_open(struct file *file, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;
	int rc = -1;

	*file = (struct file){.path = path};
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		err_set(err, "'%s' is no file", path);
		goto out;
	}
	rc = 0;
	if (!st.st_size)
		goto out;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		rc = err_sys(err, "cannot map '%s'", path);
		goto out;
	}
	file->all = (struct str){map, (size_t)st.st_size};
out:
	close(fd);
	return rc;
}

static void
file_close(struct file *file)
{
	if (file->all.len)
		munmap((void *)(uintptr_t)file->all.data, file->all.len);
}

/* The last line may still be being written, or nobody has ended it. */
static bool
is_whole(struct str line)
{
	struct json root;
	struct err ignored;

	return json_scan(line, &root, NULL, &ignored) == 0 &&
	       root.type == JSON_OBJECT;
}

/* Without blanks around it. */
static struct str
bare(struct str line)
{
	while (line.len && (unsigned char)line.data[line.len - 1] <= ' ')
		line.len--;
	while (line.len && (unsigned char)*line.data <= ' ') {
		line.data++;
		line.len--;
	}
	return line;
}

static bool
file_next(struct file *file, struct str *line)
{
	const char *from = file->all.data + file->at, *end;

	if (file->at == file->all.len)
		return false;
	end = memchr(from, '\n', file->all.len - file->at);
	*line = (struct str){
		from, end ? (size_t)(end - from) : file->all.len - file->at};
	file->at += line->len + (end != NULL);
	file->line++;
	return end || is_whole(*line);
}

/* What was read need not be in memory any longer. */
static void
pass_on(struct file *file, struct audit_progress *progress)
{
	if (file->at < file->step + STEP)
		return;
	(void)madvise((void *)(uintptr_t)(file->all.data + file->step), STEP,
		MADV_DONTNEED);
	file->step += STEP;
	audit_progress(progress, file->path, "MB", (int64_t)(file->at >> 20),
		(int64_t)(file->all.len >> 20));
}

static void
at_line(const struct file *file, struct err *err)
{
	struct err why = *err;

	err_set(err, "%s line %lld: %s", file->path, (long long)file->line,
		why.text);
}

/* No memory, no descriptor, a disk that does not answer: later, perhaps. What
 * else is wrong stays so. */
static int
code_of(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE ||
			       error == EIO
		       ? EXIT_TEMP
		       : EXIT_PERM;
}

/* Takes a line. what: which history, or which source it is of. */
typedef int take_line(
	struct audit *audit, uint32_t what, struct str line, struct err *err);

/* Each line of a file but the empty ones; an exit code names the one that was
 * wrong. */
static int
read_lines(struct audit *audit, const char *path, take_line *take,
	uint32_t what, struct err *err)
{
	struct file file;
	struct str line;
	int rc = 0;

	errno = 0;
	if (file_open(&file, path, err) < 0)
		return code_of(errno);
	while (rc == 0 && file_next(&file, &line)) {
		line = bare(line);
		if (line.len)
			rc = take(audit, what, line, err);
		pass_on(&file, audit->opts.progress);
	}
	if (rc < 0)
		at_line(&file, err);
	file_close(&file);
	return rc < 0 ? code_of(errno) : 0;
}

/* ---- histories, records ------------------------------------------------- */

int
audit_read_history(
	struct audit *audit, const char *path, uint32_t number, struct err *err)
{
	audit_has(audit, AUDIT_HISTORIES);
	return read_lines(audit, path, audit_line, number, err);
}

static struct record_room record_views; /* large */

static int
take_record(
	struct audit *audit, uint32_t source, struct str line, struct err *err)
{
	struct record record;

	if (record_parse(&record, line, &record_views, err) < 0)
		return -1;
	if (record.partition < 0 || record.offset < 0)
		return err_set(err, "no partition, or no offset");
	if (audit_record(audit, (enum audit_source)source, &record) < 0)
		return err_set(err, "out of memory");
	return 0;
}

int
audit_read_records(struct audit *audit, enum audit_source source,
	const char *path, struct err *err)
{
	int rc;

	audit_has(audit, source);
	rc = read_lines(audit, path, take_record, source, err);
	record_room_release(&record_views);
	return rc;
}

/* ---- tables ------------------------------------------------------------- */

static int64_t
number(struct json row, const char *name)
{
	int64_t n;

	return json_i64(json_get(row, name), &n) ? n : -1;
}

/* A column's text; data NULL: null, or not there. */
static struct str
column(struct json row, const char *name, struct buf *scratch)
{
	struct str text = {NULL, 0};

	buf_reset(scratch);
	(void)json_text(json_get(row, name), scratch, &text);
	return text;
}

static int
take_row(struct audit *audit, struct json json, struct err *err)
{
	struct buf id = {0}, type = {0}, content = {0}, topic = {0};
	struct str text = column(json, "content", &content);
	struct audit_row row = {.id = number(json, "id"),
		.room_id = number(json, "chat_room_id"),
		.seq = number(json, "seq"),
		.sender_id = number(json, "sender_id"),
		.client_id = column(json, "client_message_id", &id),
		.type = column(json, "type", &type),
		.has_crc = text.data != NULL,
		.targets = json_get(json, "targets").text,
		.sent_ms = audit_time(json_get(json, "sent_at")),
		.topic = column(json, "record_topic", &topic),
		.partition = (int32_t)number(json, "record_partition"),
		.offset = number(json, "record_offset"),
		.timestamp = number(json, "record_timestamp")};
	int rc = 0;

	row.crc = row.has_crc ? audit_crc(text) : 0;
	if (!row.topic.data)
		row.topic = STR("chat-messages");
	if (row.room_id < 0 || row.seq < 0)
		rc = err_set(err, "no chat_room_id, or no seq");
	else if (audit_row(audit, &row) < 0)
		rc = err_set(err, "out of memory");
	buf_release(&id);
	buf_release(&type);
	buf_release(&content);
	buf_release(&topic);
	return rc;
}

static int
take_outcome(struct audit *audit, struct json json, struct err *err)
{
	struct buf id = {0}, topic = {0}, what = {0};
	struct audit_outcome outcome = {
		.outcome = column(json, "outcome", &what),
		.topic = column(json, "topic", &topic),
		.partition = (int32_t)number(json, "record_partition"),
		.offset = number(json, "record_offset"),
		.timestamp = number(json, "record_timestamp"),
		.room_id = number(json, "chat_room_id"),
		.sender_id = number(json, "sender_id"),
		.client_id = column(json, "client_message_id", &id)};
	int rc = 0;

	if (!outcome.topic.data)
		outcome.topic = STR("chat-messages");
	if (!outcome.outcome.data)
		rc = err_set(err, "no outcome");
	else if (audit_outcome(audit, &outcome) < 0)
		rc = err_set(err, "out of memory");
	buf_release(&id);
	buf_release(&topic);
	buf_release(&what);
	return rc;
}

/* How far a group is: of chat-messages the one that stores, of the letters the
 * one that makes their rows. */
static int
take_group(struct audit *audit, struct json json, struct err *err)
{
	struct buf group = {0}, topic = {0};
	struct str name = column(json, "group", &group);
	struct str of = column(json, "topic", &topic);
	int64_t partition = number(json, "partition");
	int64_t offset = number(json, "offset"), end = number(json, "end");
	int rc = 0;

	if (!name.len || !of.len || partition < 0 || end < 0)
		rc = err_set(err, "no group, topic, partition, or end");
	else if ((str_eq_c(of, "chat-messages") ||
			 str_eq_c(of, "chat-messages-dlt")) &&
		 audit_done(audit, of, (int32_t)partition,
			 offset < 0 ? 0 : offset) < 0)
		rc = err_set(err, "out of memory");
	else
		audit_lag(audit, name, of, (int32_t)partition, offset, end);
	buf_release(&group);
	buf_release(&topic);
	return rc;
}

static int
take_table(
	struct audit *audit, uint32_t source, struct str line, struct err *err)
{
	struct buf type = {0};
	struct json json;
	int rc;

	if (json_scan(line, &json, NULL, err) < 0)
		return -1;
	switch (source) {
	case AUDIT_ROWS:
		return take_row(audit, json, err);
	case AUDIT_OUTCOMES:
		return take_outcome(audit, json, err);
	case AUDIT_GROUPS:
		return take_group(audit, json, err);
	case AUDIT_ROOMS:
		if (number(json, "id") < 0)
			return err_set(err, "no id");
		rc = audit_room(audit, number(json, "id"),
			number(json, "last_seq"), column(json, "type", &type));
		buf_release(&type);
		break;
	default:
		if (number(json, "room_id") < 0 || number(json, "user_id") < 0)
			return err_set(err, "no room_id, or no user_id");
		rc = audit_member(audit, number(json, "room_id"),
			number(json, "user_id"),
			audit_time(json_get(json, "joined_at")),
			json_get(json, "left_at").type == JSON_STRING);
	}
	return rc < 0 ? err_set(err, "out of memory") : 0;
}

int
audit_read_table(struct audit *audit, enum audit_source source,
	const char *path, struct err *err)
{
	audit_has(audit, source);
	return read_lines(audit, path, take_table, source, err);
}
