/*
 * audit/files.h - sources that are files: histories, records as chat-consume
 * prints them, and tables as JSON Lines
 * (psql -Atc 'select row_to_json(m) from messages m').
 *
 * Each reads all of it into the audit, which then has that source. 0, or an
 * exit code with err, "FILE line N: ..": EXIT_PERM where the file is none or a
 * line says nothing, EXIT_TEMP for want of memory and the like. A last line
 * without its newline counts where it is a whole object, else it is passed
 * over.
 */
#ifndef AUDIT_FILES_H
#define AUDIT_FILES_H

#include "audit/audit.h"

/* number: another one for each file. */
int audit_read_history(struct audit *audit, const char *path, uint32_t number,
	struct err *err) MUST_CHECK;
/* AUDIT_MESSAGES, _UNCOMMITTED, _EVENTS, _LETTERS. */
int audit_read_records(struct audit *audit, enum audit_source source,
	const char *path, struct err *err) MUST_CHECK;
/* AUDIT_ROWS, _OUTCOMES, _ROOMS, _MEMBERS, _GROUPS. */
int audit_read_table(struct audit *audit, enum audit_source source,
	const char *path, struct err *err) MUST_CHECK;

#endif
