/*
 * client/show.h - what came as a line on stdout, for people ("[57] Kim: hi") or
 * as JSON. Pure.
 */
#ifndef CLIENT_SHOW_H
#define CLIENT_SHOW_H

#include "base/base.h"
#include "base/buf.h"

/*
 * Appends a line with its newline. with_room: "[1:57] Kim: hi". A message of
 * the system: "[58] * Kim invited Lee"; one that was deleted: "[59] -". What is
 * no message object is shown as it is. A newline in the content becomes "\n",
 * any other control character '?': a stranger's text must not reach a terminal
 * as commands.
 */
void show_message(struct buf *out, struct str json, bool with_room);

/* {"name":json}, or json alone where name is NULL. */
void show_object(struct buf *out, const char *name, struct str json);

/* {"receipt":{"roomId":1,"clientMessageId":".."}} */
void show_receipt(struct buf *out, int64_t room_id, const char *id);

#endif
