/* io/stop.c - see stop.h. */
#include "io/stop.h"

#define QUIET_MS 1000
#define MOST_MS 10000

volatile sig_atomic_t stop_asked;
volatile sig_atomic_t stop_hup;
volatile sig_atomic_t stop_usr1;

static void
handle(int sig)
{
	if (sig == SIGHUP)
		stop_hup = 1;
	else if (sig == SIGUSR1)
		stop_usr1 = 1;
	else
		stop_asked = 1;
}

void
stop_init(void)
{
	static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	struct sigaction act = {.sa_handler = handle};
	size_t i;

	for (i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
}

void
stop_block(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, old);
}

void
stop_unblock(const sigset_t *old)
{
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

bool
stop_filter_over(struct stop_filter *stop, int64_t now_mono_ms)
{
	if (!stop_asked)
		return false;
	if (!stop->until_ms) {
		stop->until_ms = now_mono_ms + MOST_MS;
		stop->line_ms = now_mono_ms;
	}
	return now_mono_ms >= stop->until_ms ||
	       now_mono_ms >= stop->line_ms + QUIET_MS;
}
