/* base/status.c - see status.h. */
#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

static void
print(const struct status *s, struct buf *out)
{
	static const char *const names[] = {
		"starting", "ready", "waiting", "draining"};
	size_t i;

	buf_add_c(out, "{\"name\":");
	buf_add_json(out, str_c(s->name));
	buf_printf(out,
		",\"pid\":%d,\"version\":\"%s\",\"state\":\"%s\",\"why\":",
		(int)getpid(), VERSION, names[s->state]);
	buf_add_json(out, str_c(s->why));
	buf_printf(out, ",\"since\":%lld,\"at\":%lld", (long long)s->since_ms,
		(long long)clock_wall_ms());
	for (i = 0; i < s->count; i++)
		buf_printf(out, ",\"%s\":%lld", s->counters[i].name,
			(long long)*s->counters[i].value);
	if (s->more)
		s->more(s->data, out);
	buf_add_c(out, "}\n");
}

static int
write_file(const char *path, const struct buf *out, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	while (done < out->len && (n >= 0 || errno == EINTR)) {
		n = write(fd, out->data + done, out->len - done);
		if (n > 0)
			done += (size_t)n;
	}
	if (close(fd) < 0 || done < out->len)
		return err_sys(err, "cannot write '%s'", path);
	return 0;
}

/* Under another name first; -1: errno says whether it may pass. */
static int
write_aside(const char *path, const char *aside, const struct buf *out,
	struct err *err)
{
	int rc = write_file(aside, out, err), number;

	if (rc == 0 && rename(aside, path) < 0)
		rc = err_sys(err, "cannot rename '%s'", aside);
	if (rc < 0) {
		number = errno;
		unlink(aside);
		errno = number;
	}
	return rc;
}

static int
replace(struct status *s, struct err *err)
{
	struct buf out = {0}, aside = {0};
	int rc = -1;

	s->next_ms = clock_mono_ms() + STATUS_EVERY_MS;
	if (!s->path)
		return 0;
	buf_printf(&aside, "%s.%d.new", s->path, (int)getpid());
	print(s, &out);
	if (buf_bad(&out) || buf_bad(&aside)) {
		err_set(err, "out of memory");
		errno = ENOMEM;
	} else {
		rc = write_aside(s->path, aside.data, &out, err);
	}
	buf_release(&out);
	buf_release(&aside);
	return rc;
}

/* A disk that is full now will not be for ever. */
static void
say_lost(struct status *status, const struct err *err)
{
	if (!status->lost)
		LOG_ERROR("status", "status file lost", LOG_E(err));
	status->lost = true;
}

int
status_open(struct status *status, const char *path, const char *name,
	const struct status_counter *counters, size_t count, struct err *err)
{
	*status = (struct status){.path = path,
		.name = name,
		.counters = counters,
		.count = count,
		.since_ms = clock_wall_ms()};
	if (replace(status, err) == 0)
		return 0;
	if (!err_passes(errno))
		return -1;
	say_lost(status, err);
	return 0;
}

void
status_write(struct status *status)
{
	struct err err;

	if (replace(status, &err) == 0)
		status->lost = false;
	else
		say_lost(status, &err);
}

void
status_set(struct status *status, enum status_state state, const char *why)
{
	if (!why)
		why = "";
	if (status->state == state && !strcmp(status->why, why))
		return;
	if (status->state != state)
		status->since_ms = clock_wall_ms();
	status->state = state;
	snprintf(status->why, sizeof(status->why), "%s", why);
	status_write(status);
}

int64_t
status_tick(struct status *status, int64_t now_mono_ms)
{
	if (now_mono_ms >= status->next_ms)
		status_write(status);
	return status->next_ms;
}

void
status_close(struct status *status)
{
	if (status->path)
		unlink(status->path);
}
