/* kafka/slot.c - see slot.h. */
#include "kafka/slot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/stop.h"

#define TRY_EVERY_MS 50

void
slot_name(struct buf *out, const char *program, const char *group, int64_t slot)
{
	char host[256] = "";

	/* A name that does not fit is cut, which is as good an id. */
	if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
		snprintf(host, sizeof(host), "localhost");
	buf_printf(out, "%s.%s%s%s.%lld", program, group ? group : "",
		group ? "." : "", host, (long long)slot);
}

int
slot_dir(struct buf *out, const char *dir, struct err *err)
{
	const char *run = getenv("CHAT_RUN");

	if (dir)
		buf_add_c(out, dir);
	else if (run && *run)
		buf_printf(out, "%s/lock", run);
	else
		return err_set(err, "no place for the lock file: give "
				    "--run-dir, or set CHAT_RUN");
	return buf_bad(out) ? err_set(err, "out of memory") : 0;
}

static int
wait_for(struct lock *lock, const char *path, struct status *status,
	struct err *err)
{
	int64_t deadline_ms = clock_mono_ms() + LOCK_WAIT_MS;
	pid_t told = -1;
	int rc;

	while ((rc = lock_try(lock, path, err)) == 0) {
		if (stop_asked)
			return 0;
		if (lock->owner && clock_mono_ms() >= deadline_ms)
			return -1;
		if (lock->owner != told) {
			told = lock->owner;
			LOG_INFO("slot", "waiting for the lock of a slot",
				LOG_S("lock", path), LOG_I("owner", told),
				LOG_E(err));
			status_set(status, STATUS_WAITING, err->text);
		}
		status_tick(status, clock_mono_ms());
		usleep(TRY_EVERY_MS * 1000);
	}
	return rc;
}

/* Appends the lock's path; its directory is there then. */
static int
lock_path(struct buf *path, const char *dir, const char *name, struct err *err)
{
	if (slot_dir(path, dir, err) < 0)
		return -1;
	if (mkdir(path->data, 0755) < 0 && errno != EEXIST)
		return err_sys(err, "cannot make '%s'", path->data);
	buf_printf(path, "/%s", name);
	return buf_bad(path) ? err_set(err, "out of memory") : 0;
}

int
slot_take(struct lock *lock, const char *dir, const char *name,
	struct status *status, struct err *err)
{
	struct buf path = {0};
	int rc = lock_path(&path, dir, name, err);

	if (rc == 0)
		rc = wait_for(lock, path.data, status, err);
	buf_release(&path);
	return rc;
}

int
slot_try(struct lock *lock, const char *dir, const char *name, struct err *err)
{
	struct buf path = {0};
	int rc = lock_path(&path, dir, name, err);

	if (rc == 0)
		rc = lock_try(lock, path.data, err);
	buf_release(&path);
	return rc;
}

int
slot_take_free(struct lock *lock, const char *dir, const char *program,
	struct buf *name, struct err *err)
{
	size_t len = name->len;
	int64_t slot;
	int rc = 0;

	for (slot = 0; slot < SLOT_FREE_MAX && rc == 0; slot++) {
		name->len = len;
		slot_name(name, program, NULL, slot);
		rc = buf_bad(name) ? err_set(err, "out of memory")
				   : slot_try(lock, dir, name->data, err);
	}
	return rc ? rc : err_set(err, "all %d slots are taken", SLOT_FREE_MAX);
}
