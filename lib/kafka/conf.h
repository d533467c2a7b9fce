/*
 * kafka/conf.h - from our options to librdkafka's configuration, and what all
 * clients share: its log and its errors become ours, refusals are told from
 * outages. librdkafka is included by lib/kafka only (its headers bring it).
 *
 * Threads: librdkafka calls the log callback from its own threads; they only
 * write a log line or set an atomic flag of struct kafka. All else happens in
 * the thread that polls.
 */
#ifndef KAFKA_CONF_H
#define KAFKA_CONF_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#include "base/base.h"
#include "base/err.h"
#include "base/opt.h"

/* The options -b, -X and -F, of every program that speaks to Kafka. */
struct kafka_options {
	const char *brokers;	    /* -b; NULL: $CHAT_BROKERS */
	struct opt_list properties; /* -X name=value, win over -F and ours */
	const char *file;	    /* -F: name=value lines, '#' comments */
};

/* Three rows for a program's table of options. */
#define KAFKA_OPTS(o)                                                          \
	{OPT_STRING, 'b', "brokers", &(o)->brokers, "HOST:PORT,..",            \
		"Kafka's brokers ($CHAT_BROKERS)", 0, 0},                      \
		{OPT_LIST, 'X', "property", &(o)->properties, "NAME=VALUE",    \
			"a property of librdkafka; may be repeated", 0, 0},    \
	{                                                                      \
		OPT_STRING, 'F', "properties", &(o)->file, "FILE",             \
			"a file of such properties, for passwords", 0, 0       \
	}

/* What one client has come to. Zero it; it must outlive the client. */
struct kafka {
	const char *logger; /* "producer", for the log */
	atomic_bool away;   /* no broker can be reached */
	atomic_bool grown;  /* a topic's partition count changed */
	/* private: the last error and when it was logged */
	rd_kafka_resp_err_t last;
	int64_t quiet_until_ms;
	int64_t look_ms; /* kafka_is_away(): the next look */
	void *owner;	 /* the client's own: delivery callback */
};

struct kafka_setting {
	const char *name, *value;
};

/*
 * Makes a configuration: settings common to all clients (kafka-notes §1), then
 * `settings` (count of them), then -F, then -X. The opaque of the client is
 * `kafka`; log and error callbacks are set. NULL with err: unknown property,
 * bad value, no brokers, unreadable file, or a file with a password that
 * others may read. The caller gives it to rd_kafka_new(), or destroys it.
 */
rd_kafka_conf_t *kafka_conf(const struct kafka_options *opts,
	struct kafka *kafka, const struct kafka_setting *settings, size_t count,
	struct err *err) MUST_CHECK;

/* rd_kafka_new() with signals blocked. Takes conf, on failure too. */
rd_kafka_t *kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
	struct err *err) MUST_CHECK;

/* An eventfd that becomes readable when `queue` (borrowed) gets something:
 * edge, not level: read it (kafka_wake_clear), then poll until empty. Close
 * it after the client. -1 with err. */
int kafka_wake_fd(rd_kafka_queue_t *queue, struct err *err) MUST_CHECK;
void kafka_wake_clear(int fd);

/* No broker can be reached, as far as is known. What is idle would not notice
 * that one is back: it is looked for twice a second, for 100 ms at most. */
bool kafka_is_away(struct kafka *kafka, rd_kafka_t *rk);

enum kafka_verdict {
	KAFKA_OK,
	KAFKA_REFUSED, /* a living broker said no to this record, for good */
	KAFKA_FAILED,  /* outage, time-out, fenced: outcome unknown, exit 111 */
	KAFKA_PERM,    /* only a person can put it right (no right to the id,
			* no transactions there): exit 100 */
};

/* What an error of one record means: OK, REFUSED or FAILED. */
enum kafka_verdict kafka_record_verdict(rd_kafka_resp_err_t code);
/* What a client's own error means: FAILED or PERM. */
enum kafka_verdict kafka_client_verdict(rd_kafka_resp_err_t code);

/* "MSG_SIZE_TOO_LARGE", the class of a dead record; static text. */
const char *kafka_class(rd_kafka_resp_err_t code);

#endif
