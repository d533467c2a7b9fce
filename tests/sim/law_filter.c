/* tests/sim/law_filter.c - see law.h: a filter's life. */
#include <signal.h>
#include <sys/wait.h>

#include "law.h"

enum {
	SILENCE_MS = 30000,
	JUMP_MS = 3000,
	BACKOFF_MS = 100,
	BACKOFF_MAX_MS = 5000,
	SAME_DEATHS = 3,
	ALONE_DEATHS = 2,
};

static int
count(struct law *law, bool suspects)
{
	struct law_item *i;
	int n = 0;

	TAILQ_FOREACH (i, &law->items, link)
		n += !i->left && (suspects ? i->suspect : i->state == LAW_SENT);
	return n;
}

void
law_started(struct law *law)
{
	if (w.now < law->start_ms)
		wrong("LAW", "%s starts its filter too soon", law->actor->name);
	law->runs = law->starting = true;
	law->silent = false;
	law->said_ms = w.now;
}

void
law_up(struct law *law)
{
	law->starting = false;
	law->said_ms = w.now;
}

void
law_said(struct law *law, bool waiting)
{
	law->said_ms = w.now;
	if (waiting)
		law->owed_ms = w.now;
}

void
law_choke(struct law *law, bool choked)
{
	if (law->choked && !choked)
		law_said(law, true);
	law->choked = choked;
}

/* After a death that it is blamed for all go one by one. */
void
law_send_filter(struct law *law, struct law_item *i)
{
	int out = count(law, false);

	if (out && count(law, true))
		wrong("LAW", "%s sends %s, and not alone", law->actor->name,
			law_name(i));
	if (out && law->atomic && law->bytes >= (size_t)w.plan.window_bytes)
		wrong("LAW", "%s sends %s, and is full", law->actor->name,
			law_name(i));
	if (law->choked)
		wrong("LAW", "%s sends %s, and reads no answers",
			law->actor->name, law_name(i));
	if (!out)
		law->said_ms = w.now;
}

static bool
silent(struct law *law)
{
	if (!law->runs || law->choked)
		return false;
	if ((law->starting || count(law, false)) &&
		w.now >= law->said_ms + SILENCE_MS)
		return true;
	return law->debts && w.now >= law->owed_ms + SILENCE_MS;
}

/* Who was stopped itself could not hear it; who is to let go waits 5 s. */
void
law_tick(struct law *law)
{
	int p;

	if (w.now - law->ticked_ms > JUMP_MS)
		law_said(law, true);
	law->ticked_ms = w.now;
	law->silent |= silent(law);
	for (p = 0; p < PARTS; p++)
		if (law->part[p].leaving &&
			((law->revoking && w.now >= law->revoke_ms) ||
				(law->draining && w.now >= law->drain_ms)))
			law_drop(law, p);
}

void
law_ticked(struct law *law, bool killing)
{
	if (law->silent && law->runs && !killing)
		wrong("LAW", "%s lets a silent filter live", law->actor->name);
}

void
law_killed(struct law *law)
{
	if (!law->silent && !(law->draining && w.now >= law->drain_ms))
		wrong("LAW", "%s kills a filter that speaks", law->actor->name);
}

/* ---- its end ------------------------------------------------------------- */

static bool
is_of_a_record(int status, bool killed)
{
	static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE};
	size_t s;

	if (killed)
		return true;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == EXIT_BUG;
	for (s = 0; s < ARRAY_LEN(signals); s++)
		if (WTERMSIG(status) == signals[s])
			return true;
	return false;
}

static struct law_item *
oldest(struct law *law)
{
	struct law_item *i, *first = NULL;

	TAILQ_FOREACH (i, &law->items, link)
		if (!i->left && i->state == LAW_SENT &&
			(!first || i->sent_no < first->sent_no))
			first = i;
	return first;
}

static void
suspect_all(struct law *law)
{
	struct law_item *i;

	TAILQ_FOREACH (i, &law->items, link)
		i->suspect |= !i->left && i->state == LAW_SENT;
}

static void
blame(struct law *law)
{
	struct law_item *i = oldest(law);

	if (!i)
		return;
	if (count(law, true)) {
		if (++i->alone < ALONE_DEATHS)
			return;
		i->suspect = false;
		law_well(law, i);
		i->state = LAW_ANSWERED;
		law_die(law, i);
		return;
	}
	if (law->blamed_part != i->part || law->blamed_offset != i->offset)
		law->blamed = 0;
	law->blamed_part = i->part;
	law->blamed_offset = i->offset;
	if (++law->blamed < SAME_DEATHS)
		return;
	law->blamed = 0;
	suspect_all(law);
}

void
law_gone(struct law *law, int status, bool killed)
{
	struct law_item *i;
	int p;

	if (is_of_a_record(status, killed))
		blame(law);
	law->runs = law->starting = false;
	law->debts = 0;
	law->start_ms = w.now + law->backoff_ms;
	law->backoff_ms *= 2;
	if (law->backoff_ms > BACKOFF_MAX_MS)
		law->backoff_ms = BACKOFF_MAX_MS;
	TAILQ_FOREACH (i, &law->items, link)
		if (i->state == LAW_SENT)
			i->state = LAW_WAITS;
	for (p = 0; p < PARTS; p++) {
		law->part[p].debts = 0;
		law->part[p].told = law->part[p].stale = false;
		if (law->part[p].leaving)
			law_leave_unsent(law, p);
	}
	law_keys_restart(law);
}
