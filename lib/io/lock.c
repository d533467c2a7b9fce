/* io/lock.c - see lock.h. */
#include "io/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static pid_t
read_owner(int fd)
{
	char text[24] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

int
lock_try(struct lock *lock, const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	lock->fd = -1;
	lock->owner = 0;
	if (fd < 0) {
		err_sys(err, "cannot open lock '%s'", path);
		return err_passes(errno) ? 0 : -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		bool busy = errno == EWOULDBLOCK;

		err_sys(err, "cannot lock '%s'", path);
		lock->owner = read_owner(fd);
		if (busy)
			err_set(err, "'%s' is held by process %d", path,
				(int)lock->owner);
		close(fd);
		return busy ? 0 : -1;
	}
	/* On a full disk it is held without its owner's name. */
	if ((ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) &&
		!err_passes(errno)) {
		err_sys(err, "cannot write lock '%s'", path);
		close(fd);
		return -1;
	}
	lock->fd = fd;
	return 1;
}

void
lock_release(struct lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	lock->fd = -1;
}
