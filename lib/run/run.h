/*
 * run/run.h - what chat-consume is made of: to look (view), to run a filter
 * (runner), to feed one that answers nothing (feed), to set a group's offsets
 * (from). Each runs until it ends and returns the exit code; err says why where
 * it is not 0.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "flow/fuse.h"
#include "kafka/conf.h"
#include "kafka/positions.h"

struct run_options {
	struct kafka_options kafka;
	struct opt_list topics;
	const char *group;    /* NULL: none */
	struct spec from, to; /* -o, -e */
	struct spec set;      /* --from */
	bool dry_run, json;   /* for it */
	bool uncommitted;
	int64_t window_records, window_bytes;
	int64_t hang_ms;
	int64_t slot;
	const char *run_dir;	 /* of lock files; NULL: $CHAT_RUN/lock */
	const char *status_path; /* NULL: none */
	bool control;
	bool atomic;		/* -x */
	struct fuse_limit fuse; /* -f */
	char *const *filter;	/* argv */
};

/* Records to stdout. */
int run_view(const struct run_options *opts, struct err *err);
/* A filter whose answers decide (chat-record(7)). */
int run_runner(const struct run_options *opts, struct err *err);
/* A filter that gets all records and answers none. */
int run_feed(const struct run_options *opts, struct err *err);
/* The group's offsets of the topics become those of opts->set, while nobody is
 * in the group; a table of them to stdout. With dry_run nothing is set. */
int run_from(const struct run_options *opts, struct err *err);

#endif
