/*
 * client/load.h - a run of the load generator: many members connect, subscribe
 * and then either send at a constant rate, or stay idle.
 *
 *	RAMP --all subscribed--> SETTLE --> RUN --all sent--> DRAIN --> DONE
 *	  ^                        |
 *	  '-- next step -- IDLE <--'   (load_options.idle)
 *
 * Connection i is member i % members of room i / members: user first_user + i,
 * room first_room + i / members. One thread; a lost connection is not opened
 * again, for what it missed would be called lost.
 */
#ifndef CLIENT_LOAD_H
#define CLIENT_LOAD_H

#include <netdb.h>
#include <uv.h>

#include "base/opt.h"
#include "client/conn.h"
#include "client/hist.h"
#include "client/schedule.h"
#include "client/tally.h"
#include "client/template.h"
#include "client/tick.h"
#include "client/token.h"
#include "client/url.h"
#include "client/usage.h"
#include "proto/stomp.h"
#include "proto/stomp_in.h"

#define LOAD_HEADERS_MAX 16
#define LOAD_STEPS_MAX 16
#define LOAD_PIDS_MAX 64
#define LOAD_NAME_MAX 64
#define LOAD_CONNECTIONS_MAX 1000000

struct load_pid {
	char name[LOAD_NAME_MAX];
	pid_t pid;
	int64_t cpu_from_us, cpu_us; /* cpu_us: used since cpu_from_us */
	struct usage before, after;
	bool gone;
};

struct load_header {
	const char *name;
	struct template value;
};

struct load_options {
	struct url url;
	struct template target, destination, subscribe, body;
	struct load_header headers[LOAD_HEADERS_MAX]; /* of CONNECT */
	size_t header_count;
	const char *errors; /* a queue of error objects; "" none */
	const char *protocols;
	struct token_source *tokens;
	int64_t rooms, members, first_room, first_user;
	int64_t rate;	    /* messages/s */
	int64_t ramp;	    /* connections/s; 0: as fast as they come up */
	int64_t per_source; /* connections a source address of 127/8 */
	int64_t pad;	    /* bytes of {pad} */
	int64_t beat_ms;    /* heart-beat each way; 0: none */
	int64_t warm_ms, time_ms, drain_ms, settle_ms;
	bool receipts;
	int64_t idle[LOAD_STEPS_MAX]; /* connections of each step */
	size_t idle_count;	      /* 0: a run with messages */
	struct load_pid pids[LOAD_PIDS_MAX];
	size_t pid_count;
};

/* From lists of a command line: "NAME:TEMPLATE" (none: a Bearer token), which
 * are borrowed; "NAME=PID" of living processes; rising numbers, for which rooms
 * and members must be set before. -1: one of them is none. */
int load_take_headers(struct load_options *opts, struct opt_list *headers,
	struct err *err) MUST_CHECK;
int load_take_pids(struct load_options *opts, const struct opt_list *pids,
	struct err *err) MUST_CHECK;
int load_take_steps(struct load_options *opts, const struct opt_list *idle,
	struct err *err) MUST_CHECK;

/* One of its templates asks for a token. */
bool load_wants_token(const struct load_options *opts);
/* What a run would do, for -n. */
void load_plan(
	struct buf *out, const struct load_options *opts, const char *url);

enum load_phase {
	LOAD_RAMP,
	LOAD_SETTLE,
	LOAD_RUN,
	LOAD_DRAIN,
	LOAD_IDLE,
	LOAD_DONE
};

struct load_member;

struct load {
	struct load_options opts;
	enum load_phase phase;
	/* what came of it, besides the tally */
	int64_t target;	      /* connections of this step */
	int64_t ready, lost;  /* subscribed; gone afterwards */
	int64_t opened;	      /* connections opened in this step */
	int64_t ramp_us;      /* from its first connect to the last ready */
	struct hist ramp;     /* of each: from its connect */
	int64_t sent, unsent; /* unsent: its connection was gone */
	int64_t refused;      /* error objects and ERROR frames */
	int64_t run_us;	      /* from the first due time to the last answer */
	int64_t own_cpu_us;   /* while measured */
	int64_t kernel_before, kernel_after; /* MemAvailable, idle */
	struct tally tally;
	struct err why; /* the first thing that went wrong */
	/* private */
	void (*on_step)(struct load *load);
	void *data;
	uv_loop_t *loop;
	struct conn_hub hub;
	struct tick tick;
	uv_timer_t timer;
	struct addrinfo *found;
	struct load_member *member;
	struct schedule schedule;
	int64_t opening, began_us, ramp_from_us, own_from_us, drain_until_ms;
	int64_t last_answer_us;
	uint64_t run;
	char mark[STAMP_MARK_MAX];
	size_t mark_len, step;
	struct buf body, text, token;
	struct stomp_in in;
	struct stomp_frame frame;
	bool stopping, complete;
};

/* Resolves and begins. The options are copied; what they point to is borrowed.
 * on_step: a step of an idle run is measured, or the run is over (phase
 * LOAD_DONE): read the figures there. */
int load_start(struct load *load, uv_loop_t *loop,
	const struct load_options *opts, void (*on_step)(struct load *load),
	void *data, struct err *err) MUST_CHECK;

/* Sends no more, drains, and is done. */
void load_stop(struct load *load);

/* Nothing is missing, double, out of order, refused or lost. */
bool load_clean(const struct load *load);
int64_t load_expected(const struct load *load); /* deliveries */

/* After LOAD_DONE; the loop must be run until nothing is left. */
void load_close(struct load *load);
void load_release(struct load *load);

#endif
