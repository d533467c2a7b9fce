/* kafka/conf.c - see conf.h. */
#include "kafka/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/fd.h"
#include "io/stop.h"

#define FILE_MAX (1 << 20)
#define LOOK_MS 100
#define LOOK_EVERY_MS 500
#define QUIET_MS 10000 /* the same error again is not logged for so long */

static const struct kafka_setting common[] = {
	{"socket.nagle.disable", "true"},
	{"reconnect.backoff.ms", "20"},
	{"reconnect.backoff.max.ms", "1000"},
	/* A partition count that changed is seen within half a minute. */
	{"topic.metadata.refresh.interval.ms", "30000"},
	{"log.connection.close", "false"},
};

/* ---- what the client says ---------------------------------------------- */

static enum log_level
level_of(int syslog_level)
{
	if (syslog_level <= 3)
		return LOG_WARN; /* its "errors" are mostly one broker's */
	return syslog_level <= 4 ? LOG_INFO : LOG_DEBUG;
}

static void
on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	struct kafka *kafka = rd_kafka_opaque(rk);

	/* The one place where librdkafka says so, and it says so before it
	 * partitions by the new count: known from its log only. */
	if (!strcmp(fac, "PARTCNT"))
		atomic_store(&kafka->grown, true);
	LOG_AT(level_of(level), kafka->logger, "librdkafka says",
		LOG_S("facility", fac), LOG_S("text", text));
}

static void
on_fatal(struct kafka *kafka, rd_kafka_t *rk)
{
	char why[300];
	rd_kafka_resp_err_t code = rd_kafka_fatal_error(rk, why, sizeof(why));

	LOG_ERROR(kafka->logger, "fatal error of the client",
		LOG_S("class", kafka_class(code)), LOG_S("error", why));
}

/* Each reconnect says the same again, up to 50 times a second. */
static bool
said_lately(struct kafka *kafka, rd_kafka_resp_err_t code)
{
	int64_t now = clock_mono_ms();

	if (code == kafka->last && now < kafka->quiet_until_ms)
		return true;
	kafka->last = code;
	kafka->quiet_until_ms = now + QUIET_MS;
	return false;
}

static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kafka *kafka = opaque;

	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		on_fatal(kafka, rk);
		return;
	}
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		atomic_store(&kafka->away, true);
	if (said_lately(kafka, code))
		return;
	LOG_WARN(kafka->logger, "trouble with kafka",
		LOG_S("class", kafka_class(code)), LOG_S("error", reason));
}

/* ---- the configuration ------------------------------------------------- */

static int
set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
	char why[300];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) ==
		RD_KAFKA_CONF_OK)
		return 0;
	return err_set(err, "property '%s': %s", name, why);
}

static int
set_all(rd_kafka_conf_t *conf, const struct kafka_setting *settings,
	size_t count, struct err *err)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (set(conf, settings[i].name, settings[i].value, err) < 0)
			return -1;
	return 0;
}

/* "name=value", white space around both ignored; text is cut to pieces. */
static int
set_pair(rd_kafka_conf_t *conf, char *text, struct err *err)
{
	char *value = strchr(text, '='), *end;

	if (!value)
		return err_set(err, "'%s' is no name=value", text);
	*value++ = '\0';
	text += strspn(text, " \t");
	end = text + strcspn(text, " \t");
	*end = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return set(conf, text, value, err);
}

static int
set_lines(rd_kafka_conf_t *conf, char *text, struct err *err)
{
	char *line, *save;

	for (line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t\r");
		if (*line && *line != '#' && set_pair(conf, line, err) < 0)
			return -1;
	}
	return 0;
}

/* What holds a password is for its owner and group. */
static int
check_mode(const char *path, const char *text, struct err *err)
{
	struct stat st;

	if (!strstr(text, "password") || stat(path, &st) < 0 ||
		!(st.st_mode & 007))
		return 0;
	return err_set(err, "'%s' may be read by others: chmod o-rwx", path);
}

static int
set_file(rd_kafka_conf_t *conf, const char *path, struct err *err)
{
	struct buf text = {0};
	int rc = -1;

	if (fd_read_file(path, FILE_MAX, &text, err) < 0)
		goto out;
	buf_add_char(&text, '\n');
	if (buf_bad(&text)) {
		err_set(err, "out of memory");
		goto out;
	}
	if (check_mode(path, text.data, err) < 0)
		goto out;
	rc = set_lines(conf, text.data, err);
	if (rc < 0)
		err_prefix(err, "'%s'", path);
out:
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
	return rc;
}

static int
set_properties(
	rd_kafka_conf_t *conf, const struct opt_list *list, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < list->count; i++) {
		char *copy;

		/* Everybody can read a command line. */
		if (strstr(list->item[i], "password="))
			return err_set(err, "a password belongs in a file, "
					    "option '-F'");
		copy = strdup(list->item[i]);
		if (!copy)
			return err_set(err, "out of memory");
		rc = set_pair(conf, copy, err);
		free(copy);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
set_brokers(rd_kafka_conf_t *conf, const struct kafka_options *opts,
	struct err *err)
{
	const char *brokers = opts->brokers;
	char have[8];
	size_t size = sizeof(have);

	if (!brokers)
		brokers = getenv("CHAT_BROKERS");
	if (brokers && *brokers)
		return set(conf, "bootstrap.servers", brokers, err);
	if (rd_kafka_conf_get(conf, "bootstrap.servers", NULL, &size) ==
			RD_KAFKA_CONF_OK &&
		size > 1)
		return 0;
	return err_set(err, "no brokers: give -b, or set CHAT_BROKERS");
}

rd_kafka_conf_t *
kafka_conf(const struct kafka_options *opts, struct kafka *kafka,
	const struct kafka_setting *settings, size_t count, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_opaque(conf, kafka);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	if (set_all(conf, common, ARRAY_LEN(common), err) == 0 &&
		set_all(conf, settings, count, err) == 0 &&
		(!opts->file || set_file(conf, opts->file, err) == 0) &&
		set_properties(conf, &opts->properties, err) == 0 &&
		set_brokers(conf, opts, err) == 0)
		return conf;
	rd_kafka_conf_destroy(conf);
	return NULL;
}

rd_kafka_t *
kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *err)
{
	char why[300];
	rd_kafka_t *rk;
	sigset_t old;

	stop_block(&old);
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	stop_unblock(&old);
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		err_set(err, "cannot make a kafka client: %s", why);
	}
	return rk;
}

int
kafka_wake_fd(rd_kafka_queue_t *queue, struct err *err)
{
	static const uint64_t one = 1;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return err_sys(err, "cannot make an eventfd");
	rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof(one));
	return fd;
}

void
kafka_wake_clear(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return; /* EAGAIN: it was clear */
}

bool
kafka_is_away(struct kafka *kafka, rd_kafka_t *rk)
{
	const struct rd_kafka_metadata *md;
	int64_t now = clock_mono_ms();

	if (!atomic_load(&kafka->away) || now < kafka->look_ms)
		return atomic_load(&kafka->away);
	if (!rd_kafka_metadata(rk, 0, NULL, &md, LOOK_MS)) {
		rd_kafka_metadata_destroy(md);
		atomic_store(&kafka->away, false);
	}
	kafka->look_ms = clock_mono_ms() + LOOK_EVERY_MS;
	return atomic_load(&kafka->away);
}

/* ---- what an error means ------------------------------------------------ */

/* Codes that a living broker gives, but that speak of time, or of the
 * producer's own state, and not of the record. */
static bool
passing(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
	case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
	case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
	case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
	case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
	case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
	case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
	case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
	case RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER:
	case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
	case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
	case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
	case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
	case RD_KAFKA_RESP_ERR_TRANSACTION_COORDINATOR_FENCED:
	case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
	case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
	case RD_KAFKA_RESP_ERR_REASSIGNMENT_IN_PROGRESS:
	case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
	case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
	case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
	case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
	case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
	/* Says nothing of the reason: better a restart than a false letter. */
	case RD_KAFKA_RESP_ERR_UNKNOWN:
		return true;
	default:
		return false;
	}
}

enum kafka_verdict
kafka_record_verdict(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return KAFKA_OK;
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR__INVALID_ARG:
		return KAFKA_REFUSED; /* by the metadata that a broker gave */
	default:
		return code > 0 && !passing(code) ? KAFKA_REFUSED
						  : KAFKA_FAILED;
	}
}

enum kafka_verdict
kafka_client_verdict(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
	case RD_KAFKA_RESP_ERR__INVALID_ARG:
		return KAFKA_PERM;
	default:
		return KAFKA_FAILED;
	}
}

const char *
kafka_class(rd_kafka_resp_err_t code)
{
	if (code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return "UNKNOWN_TOPIC";
	return rd_kafka_err2name(code);
}
