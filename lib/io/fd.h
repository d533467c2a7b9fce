/*
 * io/fd.h - descriptors: whole writes, flags, Unix sockets. EINTR is retried.
 */
#ifndef IO_FD_H
#define IO_FD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

/* read(2), again after a signal, and where the descriptor does not block. */
ssize_t fd_read(int fd, void *to, size_t len) MUST_CHECK;

/* Writes all of it, however long that takes. A closed pipe is an error like
 * any other (the program ignores SIGPIPE): "cannot write to stdout: ..". */
int fd_write_all(int fd, const char *name, const void *data, size_t len,
	struct err *err) MUST_CHECK;

/* Writes what out has to stdout, and empties it; its storage is kept where it
 * has `keep` bytes at most. An out that lacked memory is an error, too. */
int fd_print(struct buf *out, size_t keep, struct err *err) MUST_CHECK;
/* A word or two, to stdout. */
int fd_printf(struct err *err, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;

int fd_nonblock(int fd, bool on, struct err *err) MUST_CHECK;

/* Waits for events (poll(2)'s) until the deadline: 1 they are there, 0 not,
 * -1 with err. A signal that came ends the wait with 0. */
int fd_wait(
	int fd, short events, int64_t deadline_ms, struct err *err) MUST_CHECK;

/* A larger capacity for a pipe, so that a batch fits in; what is no pipe, or
 * what the system does not grant, stays as it is. */
void fd_pipe_grow(int fd, int bytes);

/* Connects to the Unix stream socket at path (at most 107 bytes). */
int fd_unix_connect(const char *path, struct err *err) MUST_CHECK;

/* Reads a whole file of at most max_bytes into out. */
int fd_read_file(const char *path, size_t max_bytes, struct buf *out,
	struct err *err) MUST_CHECK;

/* A secret from a file: raw bytes less one trailing newline; "base64:" in
 * front means encoded. Refuses a file that others may read (mode & 007).
 * The caller wipes it (explicit_bzero) when done. */
int fd_read_secret(
	const char *path, struct buf *out, struct err *err) MUST_CHECK;

#endif
