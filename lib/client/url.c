/* client/url.c - see url.h. */
#include "client/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "host:port", "[::1]:port"; the port may be missing. */
static int
parse_authority(struct url *url, struct str text, struct err *err)
{
	struct str host = text, port = {NULL, 0};
	const char *end;
	int64_t n;

	if (text.len && text.data[0] == '[') {
		end = memchr(text.data, ']', text.len);
		if (!end)
			return err_set(err, "no ']' behind the address");
		host = (struct str){
			text.data + 1, (size_t)(end - text.data) - 1};
		port = (struct str){end + 1, text.len - host.len - 2};
		if (port.len && port.data[0] != ':')
			return err_set(err, "no ':' behind the address");
		if (port.len)
			port = (struct str){port.data + 1, port.len - 1};
	} else {
		(void)str_cut(text, ':', &host, &port);
	}
	if (!host.len || host.len >= sizeof(url->host))
		return err_set(err, "no host, or one that is too long");
	if (!port.len)
		port = str_c(url->tls ? "443" : "80");
	if (!str_i64(port, &n) || n < 1 || n > 65535)
		return err_set(err, "'%.*s' is no port", STR_ARG(port));
	snprintf(url->host, sizeof(url->host), "%.*s", STR_ARG(host));
	snprintf(url->port, sizeof(url->port), "%.*s", STR_ARG(port));
	return 0;
}

int
url_parse(struct url *url, struct str text, struct err *err)
{
	struct str rest = text;
	size_t i, skip, len;

	memset(url, 0, sizeof(*url));
	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= ' ' ||
			text.data[i] == 0x7f || text.data[i] == '#')
			return err_set(err,
				"'%.*s' has a character that no "
				"address has",
				STR_ARG(text));
	url->tls = str_starts(text, "wss://");
	if (!url->tls && !str_starts(text, "ws://"))
		return err_set(err,
			"'%.*s' does not begin with ws:// or "
			"wss://",
			STR_ARG(text));
	skip = url->tls ? 6 : 5;
	rest = (struct str){text.data + skip, text.len - skip};
	for (len = 0; len < rest.len; len++)
		if (rest.data[len] == '/' || rest.data[len] == '?')
			break;
	url->authority = (struct str){rest.data, len};
	url->target = (struct str){rest.data + len, rest.len - len};
	if (memchr(rest.data, '@', len))
		return err_set(err, "user information in an address is not "
				    "taken");
	return parse_authority(url, url->authority, err);
}

int
url_of_server(
	struct url *url, const char *given, const char **text, struct err *err)
{
	*text = given ? given : getenv("CHAT_URL");
	if (!*text)
		return err_set(err, "no server: give -c URL or $CHAT_URL");
	if (url_parse(url, str_c(*text), err) < 0)
		return -1;
	if (url->tls)
		return err_set(err, "'%s': only ws:// is spoken", *text);
	return 0;
}
