/*
 * client/url.h - ws://host[:port][/path][?query], as RFC 6455 §3 has it.
 */
#ifndef CLIENT_URL_H
#define CLIENT_URL_H

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"

struct url {
	bool tls;
	char host[256]; /* without the brackets of IPv6 */
	char port[8];
	struct str authority; /* as it stands in the text: for "Host:" */
	struct str target;    /* path and query; "" where there is none */
};

/* Views text, which must live as long as url. Refuses a fragment, user
 * information, white space and control characters. */
int url_parse(struct url *url, struct str text, struct err *err) MUST_CHECK;

/* The server of a program: what it was given, or else $CHAT_URL. Refuses wss://
 * too, which is not spoken here. *text gets what was chosen. */
int url_of_server(struct url *url, const char *given, const char **text,
	struct err *err) MUST_CHECK;

#endif
