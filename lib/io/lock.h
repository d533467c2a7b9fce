/*
 * io/lock.h - one process at a time: flock(2) on a file that holds the pid of
 * its owner. Freed by the kernel when the process dies; the file stays.
 */
#ifndef IO_LOCK_H
#define IO_LOCK_H

#include "base/base.h"
#include "base/err.h"

#define LOCK_WAIT_MS 35000 /* a predecessor's drain of 30 s, and 5 more */

struct lock {
	int fd;
	pid_t owner; /* who has it, when lock_try() said no; 0 unknown */
};

/* 1 taken; 0 not now, err says why: somebody has it (owner says who), or the
 * disk is full, or the like (owner 0); -1 err. */
int lock_try(struct lock *lock, const char *path, struct err *err) MUST_CHECK;
void lock_release(struct lock *lock);

#endif
