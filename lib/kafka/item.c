/* kafka/item.c - see item.h. */
#include "kafka/item.h"

#include <stdlib.h>
#include <string.h>

static struct str
put_bytes(char **at, struct str s)
{
	struct str copy = {*at, s.len};

	if (s.len)
		memcpy(*at, s.data, s.len);
	*at += s.len;
	return copy;
}

struct item *
item_new(const struct record *from)
{
	size_t heads = from->header_count * sizeof(*from->headers);
	size_t len = from->topic.len + from->key.len + from->value.len +
		     from->id.len;
	struct item *item;
	struct record *r;
	size_t i;
	char *at;

	for (i = 0; i < from->header_count; i++)
		len += from->headers[i].name.len + from->headers[i].value.len;
	item = malloc(sizeof(*item) + heads + len + 1);
	if (!item)
		return NULL;
	*item = (struct item){.record = *from,
		.group.bytes = sizeof(*item) + heads + len,
		.partition = -1,
		.offset = -1};
	r = &item->record;
	r->headers = (struct record_header *)(item + 1);
	at = (char *)(r->headers + r->header_count);
	r->topic = put_bytes(&at, from->topic);
	r->key = put_bytes(&at, from->key);
	r->value = put_bytes(&at, from->value);
	r->id = put_bytes(&at, from->id);
	for (i = 0; i < r->header_count; i++) {
		r->headers[i] = from->headers[i];
		r->headers[i].name = put_bytes(&at, from->headers[i].name);
		r->headers[i].value = put_bytes(&at, from->headers[i].value);
	}
	return item;
}
