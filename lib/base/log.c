/* base/log.c - see log.h. */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define ROOM_MS 100 /* a reader that is only slow */

static struct {
	const char *app;
	const char *env;
	enum log_level level;
	int64_t lost, told; /* lines; those of them that were told of */
	bool full;	    /* there was no room the last time */
} logger_state = {"chat", "dev", LOG_INFO, 0, 0, false};

void
log_open(const char *app)
{
	const char *env = getenv("CHAT_ENV");

	logger_state.app = app;
	logger_state.env = env && *env ? env : "dev";
}

void
log_level(enum log_level level)
{
	logger_state.level = level;
}

bool
log_shows(enum log_level level)
{
	return level >= logger_state.level;
}

int64_t
log_lost(void)
{
	return logger_state.lost;
}

static void
add_timestamp(struct buf *line)
{
	int64_t now = clock_wall_ms();
	time_t seconds = now / 1000;
	struct tm tm;
	char text[40];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(
		line, "{\"@timestamp\":\"%s.%03dZ\"", text, (int)(now % 1000));
}

static void
add_text(struct buf *line, const char *name, struct str value)
{
	buf_add_char(line, ',');
	buf_add_json(line, str_c(name));
	buf_add_char(line, ':');
	buf_add_json(line, value);
}

static void
add_field(struct buf *line, const struct log_field *f)
{
	if (f->kind == LOG_KIND_STR)
		add_text(line, f->name, f->text);
	else if (f->kind == LOG_KIND_INT)
		buf_printf(line, ",\"%s\":%lld", f->name, (long long)f->number);
	else
		buf_printf(line, ",\"%s\":%.6g", f->name, f->real);
}

/* A pipe that nobody reads (a supervisor that stands still) must not hold a
 * program up: a line waits a moment for room, the next ones not at all. */
static bool
has_room(void)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	logger_state.full = poll(&p, 1, logger_state.full ? 0 : ROOM_MS) == 0;
	return !logger_state.full;
}

/* In one write, so that lines of several programs do not mix. */
static void
write_line(const struct buf *line)
{
	ssize_t n = -1;

	if (!buf_bad(line) && has_room())
		do
			n = write(STDERR_FILENO, line->data, line->len);
		while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n < line->len)
		logger_state.lost++;
}

static void
print_line(enum log_level level, const char *logger, const char *message,
	const struct log_field *fields, size_t count)
{
	static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
	struct buf line = {0};
	size_t i;

	add_timestamp(&line);
	add_text(&line, "level", str_c(names[level]));
	add_text(&line, "logger", str_c(logger));
	add_text(&line, "message", str_c(message));
	add_text(&line, "app", str_c(logger_state.app));
	add_text(&line, "env", str_c(logger_state.env));
	buf_printf(&line, ",\"pid\":%d", (int)getpid());
	for (i = 0; i < count; i++)
		add_field(&line, &fields[i]);
	buf_add_c(&line, "}\n");
	write_line(&line);
	buf_release(&line);
}

void
log_event(enum log_level level, const char *logger, const char *message,
	const struct log_field *fields, size_t count)
{
	int64_t lost = logger_state.lost;

	if (level < logger_state.level)
		return;
	print_line(level, logger, message, fields, count);
	if (logger_state.lost > lost || lost == logger_state.told)
		return;
	logger_state.told = lost; /* there is room again */
	LOG_WARN("log", "lines were lost", LOG_I("lines", lost));
}
