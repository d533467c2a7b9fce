/*
 * client/show.h - a message as a line for people: "[57] Kim: hi". Pure.
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

#endif
