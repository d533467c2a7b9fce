/*
 * run/pipe.h - a publish between stdin and stdout: lines in, an answer a line
 * out (what chat-produce without -l is made of). No loop of libuv: stdin may
 * be a file.
 */
#ifndef RUN_PIPE_H
#define RUN_PIPE_H

#include "base/status.h"
#include "kafka/intake.h"

struct pipe_options {
	struct intake *intake;
	struct status *status;
	int64_t drain_ms; /* after TERM: this long for what is under way */
	void (*on_turn)(void *data); /* after each turn: tell the state */
	void *data;
};

struct pipe_run {
	int64_t dead;  /* records that are not in Kafka; bad lines apart */
	bool draining; /* stdin is read no more */
	/* private */
	struct pipe_options opts;
	struct group_source source;
	struct buf out;
};

/* For struct publish_options, with data = the struct pipe_run. */
void pipe_answer(void *pipe, const struct publish_answer *answer);
void pipe_resume(void *pipe, struct group_source *source);

/* Until the end of stdin, or TERM, and every answer is written: KAFKA_OK. Else
 * how the program ends; FAILED for stdin, stdout and a late drain too. */
enum kafka_verdict pipe_run(struct pipe_run *pipe,
	const struct pipe_options *opts, struct err *err) MUST_CHECK;

#endif
