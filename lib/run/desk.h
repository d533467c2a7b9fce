/*
 * run/desk.h - a publish behind a Unix socket: many peers put records, each
 * gets its answers (what chat-produce -l is made of).
 *
 *	peer lines -> intake -> publish_step (once a loop turn) -> answers
 *
 * A peer whose queue in the publish is full, or who does not read its answers,
 * is not read until there is room. A peer that has gone: its records are sent
 * all the same, their answers are dropped. One thread, one loop of its own.
 */
#ifndef RUN_DESK_H
#define RUN_DESK_H

#include <uv.h>

#include "base/status.h"
#include "kafka/intake.h"
#include "serve/server.h"

struct desk_options {
	const char *path; /* of the socket */
	const char *name; /* said in hellos */
	size_t max_peers;
	int64_t drain_ms; /* after TERM: this long for what is under way */
	struct intake *intake;
	struct status *status;
	void (*on_turn)(void *data); /* after each turn: tell the state */
	void *data;
};

struct desk {
	int64_t peers; /* connected */
	bool draining;
	/* private */
	struct desk_options opts;
	uv_loop_t loop;
	struct server server;
	uv_check_t check;
	uv_idle_t idle;
	uv_timer_t timer;
	uv_poll_t wakes[2];
	uv_signal_t signals[3];
	struct buf line;
	int64_t deadline_ms; /* of the drain */
	enum kafka_verdict verdict;
	struct err *err;
};

/* For struct publish_options, with data = the desk. */
void desk_answer(void *desk, const struct publish_answer *answer);
void desk_resume(void *desk, struct group_source *source);

/*
 * Listens: 1; 0 when asked to stop while another process had the path (waited
 * for LOCK_WAIT_MS, in state `waiting`); -1 err (then 100).
 */
int desk_open(struct desk *desk, const struct desk_options *opts,
	struct err *err) MUST_CHECK;

/* Serves until TERM or INT and the drain after it: KAFKA_OK. Else how the
 * program ends; FAILED too where the drain took too long. */
enum kafka_verdict desk_run(struct desk *desk, struct err *err) MUST_CHECK;

#endif
