/* dlq/turn.c - see turn.h. */
#include "dlq/turn.h"

#include <unistd.h>

#include "base/clock.h"
#include "io/stop.h"
#include "kafka/slot.h"

#define NAME "chat-dlq-replay"
#define NAP_MS 20
#define DYING_MS 500 /* so long may one that was killed hold its lock */

static int
take_lock(struct turn *turn, const char *run_dir,
	const struct writer_options *opts, struct err *err)
{
	int64_t deadline_ms = clock_mono_ms() + DYING_MS;
	struct buf name = {0};
	int rc = -1;

	slot_name(&name, NAME, opts->dlt, 0);
	if (buf_bad(&name))
		err_set(err, "out of memory");
	else
		do {
			rc = slot_try(&turn->lock, run_dir, name.data, err);
		} while (rc == 0 && clock_mono_ms() < deadline_ms &&
			 !stop_asked && !usleep(NAP_MS * 1000));
	buf_release(&name);
	/* Who only looks keeps nobody out. */
	if (rc == 1 && opts->dry)
		lock_release(&turn->lock);
	if (rc == 1)
		return 0;
	if (rc < 0)
		return EXIT_PERM;
	err_set(err, "another run is at work on '%s': process %d", opts->dlt,
		(int)turn->lock.owner);
	return EXIT_TEMP;
}

int
turn_take(struct turn *turn, const char *run_dir,
	const struct writer_options *opts, struct err *err)
{
	int code;

	*turn = (struct turn){.lock = {.fd = -1}};
	code = take_lock(turn, run_dir, opts, err);
	if (code)
		return code;
	turn->writer = writer_new(opts, err);
	return turn->writer ? writer_start(turn->writer, err) : EXIT_PERM;
}

void
turn_end(struct turn *turn, int code)
{
	/* Where Kafka has gone, the end of the process is the quicker one. */
	if (code != EXIT_TEMP)
		writer_free(turn->writer);
	lock_release(&turn->lock);
}
