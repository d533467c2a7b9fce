/*
 * client/usage.h - what processes use, from /proc: CPU (user and system, all
 * threads, children not), and memory.
 */
#ifndef CLIENT_USAGE_H
#define CLIENT_USAGE_H

#include "base/base.h"
#include "base/err.h"

struct usage {
	int64_t cpu_us;	   /* since the process began; in steps of 10 ms */
	int64_t pss_bytes; /* -1: not allowed to know */
	int64_t rss_bytes;
};

/* -1 where there is no such process. */
int usage_cpu(pid_t pid, int64_t *cpu_us, struct err *err) MUST_CHECK;
int usage_memory(pid_t pid, struct usage *usage, struct err *err) MUST_CHECK;

/* This process, exactly (getrusage(2)). */
int64_t usage_own_cpu_us(void);
/* MemAvailable of the whole machine, for what the kernel holds; -1 unknown. */
int64_t usage_available_bytes(void);

/* Makes room for that many descriptors, raising the soft limit, and the hard
 * one where that is allowed. */
int usage_allow_files(int64_t count, struct err *err) MUST_CHECK;

#endif
