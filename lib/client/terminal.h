/*
 * client/terminal.h - a session between stdin and stdout: lines in become
 * messages, messages become lines, and it knows when it is done and with which
 * exit code (chat-connect(1)).
 *
 * Done: enough was seen or said (wait_count, the end of stdin where nothing
 * keeps it, TERM, stop_ms), and nothing is owed. A connection and the receipts
 * are waited for; the store's word on what has its receipt, and the answers to
 * SUBSCRIBE, for a moment only (they are best effort).
 */
#ifndef CLIENT_TERMINAL_H
#define CLIENT_TERMINAL_H

#include "client/input.h"
#include "client/session.h"
#include "client/token.h"

struct terminal_options {
	const char *url; /* lives as long as the terminal */
	int64_t user_id;
	const int64_t *rooms; /* the first is spoken in */
	size_t room_count;
	int64_t from_seq;   /* -1: live only */
	int64_t wait_count; /* messages to see; 0: no such end */
	int64_t stop_ms;    /* 0: no such end */
	bool stay;	    /* after the end of stdin */
	bool as_json;
	const char *log;	     /* a history is appended there; or NULL */
	struct token_source *tokens; /* borrowed */
};

struct terminal {
	struct terminal_options opts;
	struct session session;
	struct history history;
	struct input input;
	uv_loop_t *loop;
	uv_timer_t stop, grace;
	uv_signal_t term, interrupt;
	struct buf line;
	int64_t room_id; /* spoken in */
	int64_t said, printed, refused;
	bool input_open, leaving, time_is_up, output_broken;
	bool no_room; /* all were refused */
	int end_code;
};

/* Begins; uv_stop() is called on the loop when it is done. Signals TERM and
 * INT, stdin and stdout are its own. */
int terminal_start(struct terminal *terminal, uv_loop_t *loop,
	const struct terminal_options *opts, struct err *err) MUST_CHECK;
/* Once it is done. */
int terminal_exit_code(const struct terminal *terminal);
/* Runs the loop until nothing is left. */
void terminal_release(struct terminal *terminal);

#endif
