/* client/usage.c - see usage.h. */
#include "client/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/fd.h"

#define PROC_MAX 65536

int
usage_cpu(pid_t pid, int64_t *cpu_us, struct err *err)
{
	unsigned long long user, sys;
	struct buf text = {0};
	char path[64];
	const char *at;
	int rc = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_file(path, PROC_MAX, &text, err) < 0)
		goto out;
	/* proc(5): the name, in brackets, may hold anything; 14 and 15. */
	at = text.data ? strrchr(text.data, ')') : NULL;
	if (!at || sscanf(at + 1,
			   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu "
			   "%llu",
			   &user, &sys) != 2) {
		err_set(err, "cannot understand '%s'", path);
		goto out;
	}
	*cpu_us = (int64_t)(user + sys) * (1000000 / sysconf(_SC_CLK_TCK));
	rc = 0;
out:
	buf_release(&text);
	return rc;
}

/* The number of KiB behind "Name:"; -1 where it is not there. */
static int64_t
field_bytes(const struct buf *text, const char *name)
{
	const char *at = text->data ? strstr(text->data, name) : NULL;

	return at ? strtoll(at + strlen(name), NULL, 10) * 1024 : -1;
}

int
usage_memory(pid_t pid, struct usage *usage, struct err *err)
{
	struct buf text = {0};
	struct err ignored;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	usage->pss_bytes = -1;
	if (fd_read_file(path, PROC_MAX, &text, &ignored) == 0)
		usage->pss_bytes = field_bytes(&text, "\nPss:");
	buf_reset(&text);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	rc = fd_read_file(path, PROC_MAX, &text, err);
	if (rc == 0)
		usage->rss_bytes = field_bytes(&text, "\nVmRSS:");
	buf_release(&text);
	return rc;
}

static int64_t
time_us(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

int64_t
usage_own_cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return time_us(r.ru_utime) + time_us(r.ru_stime);
}

int64_t
usage_available_bytes(void)
{
	struct buf text = {0};
	struct err ignored;
	int64_t bytes = -1;

	if (fd_read_file("/proc/meminfo", PROC_MAX, &text, &ignored) == 0)
		bytes = field_bytes(&text, "\nMemAvailable:");
	buf_release(&text);
	return bytes;
}

int
usage_allow_files(int64_t count, struct err *err)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)count;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return err_sys(err, "cannot read the limit of open files");
	if (limit.rlim_cur >= want)
		return 0;
	limit.rlim_cur = want;
	if (limit.rlim_max < want)
		limit.rlim_max = want;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return err_sys(err,
			"%lld open files are needed, and "
			"`ulimit -Hn` allows fewer",
			(long long)count);
	return 0;
}
