/* base/err.c - see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
err_clear(struct err *err)
{
	err->text[0] = '\0';
}

int
err_set(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int
err_sys(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t used;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s",
		strerror(saved));
	errno = saved;
	return -1;
}

bool
err_passes(int number)
{
	static const int passing[] = {ENOSPC, EDQUOT, EROFS, EIO, EMFILE,
		ENFILE, ENOMEM, ENOBUFS, EAGAIN, EINTR};
	size_t i;

	for (i = 0; i < ARRAY_LEN(passing); i++)
		if (number == passing[i])
			return true;
	return false;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
	struct err old;
	va_list ap;
	size_t used;

	if (!err)
		return -1;
	old = *err;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", old.text);
	return -1;
}
