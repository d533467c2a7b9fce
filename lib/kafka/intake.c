/* kafka/intake.c - see intake.h. */
#include "kafka/intake.h"

#include <stdio.h>

#include "wire/result.h"

void
intake_release(struct intake *intake)
{
	record_room_release(&intake->room);
	buf_release(&intake->line);
}

static void
refuse(struct intake *intake, struct str id, const char *why, struct buf *out)
{
	struct answer answer = {.id = id,
		.status = RESULT_DEAD,
		.partition = -1,
		.offset = -1,
		.error_class = STR("BAD_RECORD"),
		.error_message = str_c(why)};

	intake->bad++;
	answer_print(out, &answer);
}

void
intake_too_long(struct intake *intake, size_t max_bytes, struct buf *out)
{
	char why[80];

	snprintf(why, sizeof(why), "a line of over %zu bytes", max_bytes);
	refuse(intake, (struct str){NULL, 0}, why, out);
}

/* A line that does not say its topic, where -t does. */
static int
parse_with_topic(struct intake *intake, struct record *record, struct str line,
	struct err *err)
{
	struct buf *full = &intake->line;
	struct json root;
	struct err first = *err;

	if (json_scan(line, &root, NULL, err) < 0 || root.type != JSON_OBJECT ||
		json_get(root, "topic").type != JSON_NONE) {
		*err = first;
		return -1;
	}
	buf_shrink(full, RECORD_LINE_MAX);
	buf_add_char(full, '{');
	json_put_c(full, "topic", intake->topic);
	buf_add_char(full, ','); /* {} is no record with a topic either */
	buf_add(full, root.text.data + 1, root.text.len - 1);
	if (buf_bad(full))
		return err_set(err, "out of memory");
	return record_parse(record, buf_str(full), &intake->room, err);
}

static int
parse(struct intake *intake, struct record *record, struct str line,
	struct err *err)
{
	int rc = record_parse(record, line, &intake->room, err);

	if (rc < 0 && intake->topic)
		rc = parse_with_topic(intake, record, line, err);
	if (rc < 0)
		return -1;
	if (record->value_left_out)
		return err_set(err, "the value was left out of this line");
	if (intake->topic)
		record->topic = str_c(intake->topic);
	return 0;
}

int
intake_line(struct intake *intake, struct group_source *source, struct str line,
	struct buf *out, struct err *err)
{
	struct record record;
	struct json root, id = {0};

	if (parse(intake, &record, line, err) == 0)
		return publish_put(
			       intake->publish, source, &record, NULL, err) < 0
			       ? -1
			       : 1;
	if (json_scan(line, &root, NULL, NULL) == 0)
		id = json_get(root, "id");
	if (id.type != JSON_STRING && id.type != JSON_NUMBER)
		id.text = (struct str){NULL, 0};
	refuse(intake, id.text, err->text, out);
	return 0;
}

void
intake_answer(struct buf *out, const struct publish_answer *a)
{
	struct answer answer = {.id = a->id,
		.status = a->dead ? RESULT_DEAD : RESULT_DONE,
		.topic = a->topic,
		.partition = a->partition,
		.offset = a->offset,
		.error_class = a->error_class,
		.error_message = a->error_message};

	answer_print(out, &answer);
}
