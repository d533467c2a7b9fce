/*
 * edge/produce.c - see produce.h.
 */
#include "edge/produce.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "edge/tell.h"
#include "io/crash.h"
#include "wire/record.h"
#include "wire/result.h"

#define ANSWER_LINE_MAX 65536

static struct str
ticket_receipt(const struct ticket *ticket)
{
	return (struct str){ticket->has_receipt ? ticket->bytes : NULL,
		ticket->receipt_len};
}

struct ticket *
ticket_new(int64_t room_id, struct str receipt, struct str id)
{
	struct ticket *ticket = malloc(sizeof(*ticket) + receipt.len + id.len);

	if (!ticket)
		return NULL;
	*ticket = (struct ticket){room_id, (uint32_t)receipt.len,
		(uint32_t)id.len, receipt.data != NULL};
	if (receipt.len)
		memcpy(ticket->bytes, receipt.data, receipt.len);
	if (id.len)
		memcpy(ticket->bytes + receipt.len, id.data, id.len);
	return ticket;
}

static void
line_out(void *arg, struct str line)
{
	struct edge *edge = arg;

	/* False means only that the line is behind; it has what we gave. */
	(void)dial_send(&edge->produce, line);
}

void
produce(struct session *session, struct ticket *ticket, struct str value)
{
	struct edge *edge = session->edge;
	char key[24], id[24];
	struct record record = {.topic = str_c(edge->conf.topic),
		.partition = -1,
		.offset = -1,
		.timestamp = -1,
		.value = value};

	if (session->lost) {
		free(ticket);
		return;
	}
	snprintf(key, sizeof(key), "%lld", (long long)ticket->room_id);
	snprintf(id, sizeof(id), "%lld",
		(long long)resend_next_id(&edge->resend));
	record.key = str_c(key);
	record.id = str_c(id);
	buf_reset(&edge->line);
	record_print(&edge->line, &record);
	if (buf_bad(&edge->line) ||
		!resend_add(
			&edge->resend, buf_str(&edge->line), session, ticket)) {
		free(ticket);
		session->lost = true;
		conn_kill(session->conn, "out of memory");
		return;
	}
	line_out(edge, buf_str(&edge->line));
}

static void
answered(struct edge *edge, struct resend_entry *entry,
	const struct answer *answer)
{
	struct session *session = entry->owner;
	struct ticket *ticket = entry->data;
	struct refusal_notice notice = {.code = "NOT_ACCEPTED",
		.message = STR("Kafka refused the record"),
		.retry_after_s = -1};

	resend_done(&edge->resend, entry);
	if (!session) {
		free(ticket);
		return;
	}
	crash_point("edge:before-receipt");
	if (answer->status == RESULT_DONE) {
		tell_receipt(session, ticket_receipt(ticket));
	} else {
		notice.room_id = ticket->room_id;
		notice.receipt = ticket_receipt(ticket);
		notice.client_message_id = (struct str){
			ticket->bytes + ticket->receipt_len, ticket->id_len};
		tell_refusal(session, &notice);
	}
	free(ticket);
	session_answered(session);
}

static void
on_line(struct dial *dial, struct str line)
{
	struct edge *edge = dial->data;
	struct resend_entry *entry = NULL;
	struct answer answer;
	struct err err;
	int64_t id;

	buf_reset(&edge->json);
	if (answer_parse(&answer, line, &edge->json, &err) < 0) {
		LOG_ERROR("produce", "broken answer of chat-produce",
			LOG_E(&err));
		return;
	}
	if (str_i64(answer.id, &id))
		entry = resend_find(&edge->resend, id);
	if (!entry)
		return; /* answered before: it was sent twice */
	if (answer.status != RESULT_DONE)
		LOG_WARN("produce", "record refused by kafka",
			LOG_STR("class", answer.error_class),
			LOG_STR("error", answer.error_message));
	answered(edge, entry, &answer);
}

static void
on_up(struct dial *dial)
{
	struct edge *edge = dial->data;

	resend_again(&edge->resend, line_out, edge);
	edge_state(edge);
}

static void
on_down(struct dial *dial, const char *reason)
{
	(void)reason;
	edge_state(dial->data);
}

void
produce_start(struct edge *edge)
{
	struct dial_options opts = {.path = edge->conf.produce,
		.hello = "chat-ws-edge",
		.max_line = ANSWER_LINE_MAX,
		.max_out = (size_t)edge->conf.hold_bytes * 2,
		.data = edge,
		.on_line = on_line,
		.on_up = on_up,
		.on_down = on_down};

	dial_start(&edge->produce, edge->loop, &opts);
}

static void
drop_ticket(void *data)
{
	free(data);
}

void
produce_stop(struct edge *edge)
{
	struct resend *resend = &edge->resend;
	int64_t id, last = resend_next_id(resend);
	struct resend_entry *entry;

	dial_stop(&edge->produce);
	for (id = resend->first; id < last; id++)
		if ((entry = resend_find(resend, id)))
			drop_ticket(entry->data);
	resend_release(resend);
}

void
produce_orphan(struct session *session)
{
	resend_orphan(&session->edge->resend, session, drop_ticket);
	session->unanswered = 0;
}
