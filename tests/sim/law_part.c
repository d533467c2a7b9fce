/* tests/sim/law_part.c - see law.h: partitions, and what is committed. */
#include <string.h>

#include "law.h"

enum { REVOKE_MS = 5000, DRAIN_MS = 30000, ABORTS = 5 };

/* ---- the group ----------------------------------------------------------- */

static void
begin(struct law_part *part, int64_t offset)
{
	part->next = part->committed = offset;
	part->cut = -1;
}

void
law_assigned(struct law *law, int p, int64_t offset)
{
	struct law_part *part = &law->part[p];

	part->owned = true;
	part->leaving = false;
	begin(part, offset);
	if (law->draining)
		law_revoked(law, p);
}

/* What it has told the filter is not so any more. */
static void
untell(struct law_part *part)
{
	part->stale |= part->told;
	part->told = false;
}

/* It leaves unfinished: nothing behind it is committed. */
void
law_leave(struct law *law, struct law_item *i)
{
	struct law_part *part = &law->part[i->part];

	i->left = true;
	i->suspect = false;
	if (part->cut < 0 || i->offset < part->cut)
		part->cut = i->offset;
	if (law->atomic && !i->staged) {
		i->acks = 0;
		i->letter = false;
	}
}

void
law_leave_unsent(struct law *law, int p)
{
	struct law_item *i;

	TAILQ_FOREACH (i, &law->items, link)
		if (i->part == p && !i->left && i->state == LAW_WAITS)
			law_leave(law, i);
	TAILQ_FOREACH (i, &law->items, link)
		if (law->atomic && i->part == p && !i->left && !i->over &&
			!i->staged && i->state == LAW_ANSWERED &&
			law->part[p].cut >= 0 && i->offset > law->part[p].cut)
			law_leave(law, i);
}

void
law_revoked(struct law *law, int p)
{
	if (!law->revoking)
		law->revoke_ms = w.now + REVOKE_MS;
	law->revoking = true;
	law->part[p].leaving = true;
	untell(&law->part[p]);
	law_leave_unsent(law, p);
}

/* What is out is owed from now on. */
void
law_drop(struct law *law, int p)
{
	struct law_item *i;

	law_leave_unsent(law, p);
	/* Until then answers came to what was sent before that word. */
	if (!law->part[p].stale)
		law_keys_forget(law, p);
	TAILQ_FOREACH (i, &law->items, link) {
		if (i->part != p || i->left || i->over)
			continue;
		law_leave(law, i);
		if (i->state != LAW_SENT)
			continue;
		if (!law->debts)
			law->owed_ms = w.now;
		law->debt[law->debts++] = (struct law_debt){p, i->offset};
		law->part[p].debts++;
	}
}

void
law_lost(struct law *law, int p)
{
	struct law_part *part = &law->part[p];

	untell(part);
	law_drop(law, p);
	part->owned = part->leaving = false;
}

bool
law_pay(struct law *law, int p, int64_t offset)
{
	struct law_debt *debt = law->debt, *end = debt + law->debts;

	while (debt < end && (debt->part != p || debt->offset != offset))
		debt++;
	if (debt == end)
		return false;
	*debt = end[-1];
	law->debts--;
	law->part[p].debts--;
	law->owed_ms = w.now;
	return true;
}

void
law_control(struct law *law, int p, bool assigned)
{
	struct law_part *part = &law->part[p];

	if (assigned ? part->told || part->stale || !part->owned ||
				part->leaving
		     : !part->stale)
		wrong("LAW", "%s says that %d is %s", law->actor->name, p,
			assigned ? "assigned" : "revoked");
	part->told = assigned;
	part->stale = false;
	if (!assigned && !part->leaving)
		law_keys_forget(law, p);
}

/* ---- records ------------------------------------------------------------- */

void
law_polled(struct law *law, int p, const struct krec *rec, bool too_long)
{
	struct law_part *part = &law->part[p];
	struct law_item *i;
	int64_t offset = rec->record.offset;

	if (!part->owned || part->leaving || law->draining)
		return;
	if (++law->count > LAW_ITEMS)
		wrong("LAW", "%s holds %d records", law->actor->name,
			law->count);
	if (offset < part->next) { /* the log went back */
		untell(part);
		law_drop(law, p);
		begin(part, -1);
	}
	i = sim_alloc(sizeof(*i));
	*i = (struct law_item){.rec = rec,
		.part = p,
		.offset = offset,
		.bytes = rec->record.value.len + rec->record.key.len,
		.key = law_key_of(law, p, rec->record.key)};
	law->bytes += i->bytes;
	TAILQ_INSERT_TAIL(&law->items, i, link);
	part->next = offset + 1;
	if (!too_long)
		return;
	i->state = LAW_ANSWERED;
	law_die(law, i);
}

void
law_position(struct law *law, int p, int64_t offset)
{
	struct law_part *part = &law->part[p];

	if (part->owned && !part->leaving && !law->draining &&
		offset > part->next)
		part->next = offset;
}

void
law_done(struct law *law, const struct krec *rec)
{
	struct law_item *i;

	TAILQ_FOREACH (i, &law->items, link)
		if (i->rec == rec &&
			(i->over || (i->left && !i->staged && !i->acks &&
					    !i->letter))) {
			TAILQ_REMOVE(&law->items, i, link);
			law->count--;
			law->bytes -= i->bytes;
			return;
		}
	wrong("LAW", "%s has done with @%lld, which is unfinished",
		law->actor->name, (long long)rec->record.offset);
}

/* ---- commits ------------------------------------------------------------- */

/* How far it may be committed. */
static int64_t
limit(struct law *law, int p)
{
	const struct law_part *part = &law->part[p];
	int64_t at = part->next;
	struct law_item *i;

	TAILQ_FOREACH (i, &law->items, link)
		if (i->part == p && !i->left && !i->over && !i->staged &&
			i->offset < at)
			at = i->offset;
	return part->cut >= 0 && part->cut < at ? part->cut : at;
}

void
law_commit(struct law *law, int p, int64_t offset)
{
	const struct law_part *part = &law->part[p];

	if (!part->owned || offset > limit(law, p))
		wrong("LAW", "%s commits %d@%lld, not %lld", law->actor->name,
			p, (long long)offset, (long long)limit(law, p));
	if (offset == part->committed)
		wrong("LAW", "%s commits %d@%lld again", law->actor->name, p,
			(long long)offset);
	if (law->atomic && law->aborts > ABORTS)
		wrong("LAW", "%s goes on, aborted again and again",
			law->actor->name);
	law->committing = true;
}

void
law_committed(struct law *law, bool ok)
{
	struct law_item *i;

	law->committing = false;
	law->aborts = ok ? 0 : law->aborts + 1;
	TAILQ_FOREACH (i, &law->items, link) {
		if (!i->staged)
			continue;
		i->staged = false;
		if (!ok && !i->left)
			continue;
		i->acks = 0;
		i->letter = false;
		law_finish(law, i);
	}
}

/* ---- the end ------------------------------------------------------------- */

/* It lets go when the answers have come, or after 5 s. */
static void
must_rest(struct law *law, int64_t until_ms)
{
	struct law_item *i;

	TAILQ_FOREACH (i, &law->items, link)
		if (law->part[i->part].leaving && !i->left && !i->over &&
			w.now < until_ms)
			wrong("LAW", "%s lets go before %s is finished",
				law->actor->name, law_name(i));
	if (law->committing && w.now < until_ms + REVOKE_MS)
		wrong("LAW", "%s lets go during its last commit",
			law->actor->name);
}

void
law_let_go(struct law *law)
{
	int p;

	must_rest(law, law->revoke_ms);
	law->revoking = false;
	for (p = 0; p < PARTS; p++)
		if (law->part[p].leaving) {
			law_drop(law, p);
			law->part[p].owned = law->part[p].leaving = false;
		}
}

void
law_stop(struct law *law)
{
	int p;

	if (law->draining)
		return;
	law->draining = true;
	law->drain_ms = w.now + DRAIN_MS;
	for (p = 0; p < PARTS; p++)
		if (law->part[p].owned && !law->part[p].leaving) {
			law->part[p].leaving = true;
			untell(&law->part[p]);
			law_leave_unsent(law, p);
		}
}

void
law_exit(struct law *law, int code, const char *why)
{
	if (code == EXIT_DONE)
		must_rest(law, law->drain_ms);
	else if (strstr(why, "again and again") && law->aborts <= ABORTS)
		wrong("LAW", "%s ends, aborted %d times", law->actor->name,
			law->aborts);
}

/* It could do all that it had to do. */
void
law_turned(struct law *law)
{
	if (law->revoking && !law->atomic && !law->committing &&
		w.now >= law->revoke_ms)
		wrong("LAW", "%s does not let go", law->actor->name);
}
