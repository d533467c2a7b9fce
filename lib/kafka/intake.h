/*
 * kafka/intake.h - record lines into a publish, its answers into answer lines
 * (chat-record(7)): the same for stdin and for sockets.
 */
#ifndef KAFKA_INTAKE_H
#define KAFKA_INTAKE_H

#include "kafka/publish.h"

struct intake {
	struct publish *publish;
	const char *topic; /* -t: of every record, whatever it says; or NULL */
	int64_t bad;	   /* lines that were no records */
	/* private */
	struct record_room room;
	struct buf line;
};

void intake_release(struct intake *intake);

/*
 * Takes a line. 1: its answer comes later. 0: it is no record; its answer
 * (dead, BAD_RECORD, with the id where one can be read) is appended to out.
 * -1: out of memory.
 */
int intake_line(struct intake *intake, struct group_source *source,
	struct str line, struct buf *out, struct err *err) MUST_CHECK;

/* The same for what is too long to be read at all. */
void intake_too_long(struct intake *intake, size_t max_bytes, struct buf *out);

/* Appends the line of an answer. */
void intake_answer(struct buf *out, const struct publish_answer *answer);

#endif
