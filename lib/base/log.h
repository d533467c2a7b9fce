/*
 * base/log.h - JSON Lines on stderr, a line an event (chat-log(7)).
 *
 *	LOG_INFO("producer", "transaction committed",
 *		LOG_I("records", n), LOG_S("topic", topic));
 *
 * gives {"@timestamp":..,"level":"INFO","logger":"producer","message":..,
 * "app":"chat-produce","env":..,"pid":..,"records":3,"topic":".."} in one
 * write(2). The message is constant text, lower case; what varies is a field.
 * Never a token, a password or a message's content. A line that cannot be
 * written (a full pipe: after 100 ms) is counted (log_lost()), not waited for. Not thread-safe but for
 * being one write: call it from the program's own thread, or accept order.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_kind { LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_NUM };

struct log_field {
	const char *name;
	enum log_kind kind;
	struct str text;
	int64_t number;
	double real;
};

#define LOG_S(n, c) ((struct log_field){(n), LOG_KIND_STR, str_c(c), 0, 0})
#define LOG_STR(n, s) ((struct log_field){(n), LOG_KIND_STR, (s), 0, 0})
#define LOG_I(n, i) \
	((struct log_field){(n), LOG_KIND_INT, {NULL, 0}, (int64_t)(i), 0})
#define LOG_F(n, f) ((struct log_field){(n), LOG_KIND_NUM, {NULL, 0}, 0, (f)})
/* Why: the field "error" from a struct err. */
#define LOG_E(e) LOG_S("error", (e)->text)

/* Sets "app", and "env" from $CHAT_ENV (default "dev"). Borrows app. */
void log_open(const char *app);
/* Messages below it are dropped; LOG_INFO at first. */
void log_level(enum log_level level);
bool log_shows(enum log_level level);
/* Lines that could not be written since the start. */
int64_t log_lost(void);

void log_event(enum log_level level, const char *logger, const char *message,
	const struct log_field *fields, size_t count);

#define LOG_AT(level, logger, message, ...)                                \
	log_event(level, logger, message,                                  \
		(const struct log_field[]){{0}, ##__VA_ARGS__} + 1,        \
		sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) /   \
				sizeof(struct log_field) - 1)

#define LOG_DEBUG(logger, message, ...) \
	LOG_AT(LOG_DEBUG, logger, message, ##__VA_ARGS__)
#define LOG_INFO(logger, message, ...) \
	LOG_AT(LOG_INFO, logger, message, ##__VA_ARGS__)
#define LOG_WARN(logger, message, ...) \
	LOG_AT(LOG_WARN, logger, message, ##__VA_ARGS__)
#define LOG_ERROR(logger, message, ...) \
	LOG_AT(LOG_ERROR, logger, message, ##__VA_ARGS__)

#endif
