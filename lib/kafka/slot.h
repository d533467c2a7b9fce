/*
 * kafka/slot.h - one process a slot: the lock file that keeps two processes
 * from taking one transactional.id, or one group.instance.id, and fencing each
 * other for ever (kafka-notes §2).
 */
#ifndef KAFKA_SLOT_H
#define KAFKA_SLOT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/status.h"
#include "io/lock.h"

/* Appends "<program>.<group>.<host>.<slot>"; without a group (NULL) the part
 * is left out. A transactional.id is this and ".<k>". */
void slot_name(
	struct buf *out, const char *program, const char *group, int64_t slot);

/* Appends the lock's directory, `dir` or $CHAT_RUN/lock. -1: neither given. */
int slot_dir(struct buf *out, const char *dir, struct err *err) MUST_CHECK;

/*
 * Takes the lock "<dir>/<name>"; makes the directory. While another process
 * has it waits LOCK_WAIT_MS at most, in state `waiting` with its pid. 1 taken;
 * 0 asked to stop meanwhile (stop_asked); -1 err: still taken, or no place for
 * it (100 in both cases). The lock is held until the process ends.
 */
int slot_take(struct lock *lock, const char *dir, const char *name,
	struct status *status, struct err *err) MUST_CHECK;

/*
 * Takes the first slot of `program` that no other process has, of the first
 * SLOT_FREE_MAX (services have higher ones), and appends its name. Never waits.
 * 1 taken; -1 err (100): all are taken, or there is no place for the lock.
 */
#define SLOT_FREE_MAX 100
int slot_take_free(struct lock *lock, const char *dir, const char *program,
	struct buf *name, struct err *err) MUST_CHECK;

/* The same without waiting: 1 taken; 0 another process has it (lock->owner);
 * -1 err: no place for it. */
int slot_try(struct lock *lock, const char *dir, const char *name,
	struct err *err) MUST_CHECK;

#endif
