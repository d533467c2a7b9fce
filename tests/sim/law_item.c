/* tests/sim/law_item.c - see law.h: a record, from its sending to its end. */
#include <stdio.h>
#include <string.h>

#include "flow/runner.h"
#include "law.h"
#include "sends.h"

enum { REFUSED_MS = 1000 };

void
law_init(struct law *law, struct actor *actor, bool control, bool atomic)
{
	memset(law, 0, sizeof(*law));
	TAILQ_INIT(&law->items);
	law->actor = actor;
	law->control = control;
	law->atomic = atomic;
	law->backoff_ms = 100;
	law->said_ms = law->ticked_ms = w.now;
}

/* Valid until the next call. */
const char *
law_name(const struct law_item *i)
{
	static char text[60];

	snprintf(text, sizeof(text), "%.*s @%lld",
		STR_ARG(send_label(MESSAGES, &i->rec->record)),
		(long long)i->offset);
	return text;
}

struct law_item *
law_sent_item(struct law *law, int part, int64_t offset)
{
	struct law_item *i;

	TAILQ_FOREACH (i, &law->items, link)
		if (!i->left && i->part == part && i->offset == offset)
			return i;
	return NULL;
}

/* One that its partition has left behind may stay a while beside the same
 * record, polled again. */
struct law_item *
law_item_of(struct law *law, const void *item, const struct krec *rec)
{
	struct law_item *i, *found = NULL;

	TAILQ_FOREACH (i, &law->items, link)
		if (i->item == item)
			return i;
	TAILQ_FOREACH (i, &law->items, link)
		if (!i->item && i->rec == rec && (!found || !i->left))
			found = i;
	if (found)
		found->item = item;
	return found;
}

void
law_send(struct law *law, const void *item, const struct krec *rec, bool again)
{
	const struct law_part *part = &law->part[rec->record.partition];
	struct law_item *i = law_item_of(law, item, rec);

	if (!i || i->left || i->state != LAW_WAITS) {
		wrong("LAW", "%s sends %lld, which does not wait to be sent",
			law->actor->name, (long long)rec->record.offset);
		return;
	}
	if (law->control && (!part->told || part->stale))
		wrong("LAW", "%s sends %s of a partition that is not assigned",
			law->actor->name, law_name(i));
	if (part->leaving || law->draining)
		wrong("LAW", "%s sends %s of a partition that goes",
			law->actor->name, law_name(i));
	if (part->debts)
		wrong("LAW", "%s sends %s while answers are owed",
			law->actor->name, law_name(i));
	law_send_key(law, i, again);
	law_send_filter(law, i);
	i->state = LAW_SENT;
	i->sent_no = ++law->sent_no;
}

void
law_die(struct law *law, struct law_item *i)
{
	(void)law;
	if (i->lettered)
		return;
	i->letter = i->lettered = true;
}

void
law_finish(struct law *law, struct law_item *i)
{
	(void)law;
	if (i->state == LAW_ANSWERED && !i->acks && !i->letter)
		i->over = true;
}

static bool
is_cut(const struct law *law, const struct law_item *i)
{
	const struct law_part *part = &law->part[i->part];

	return law->atomic && part->cut >= 0 && i->offset > part->cut;
}

enum law_says
law_result(struct law *law, int part, int64_t offset, int status, int emits)
{
	struct law_item *i;

	if (law_pay(law, part, offset))
		return LAW_DROPS;
	i = law_sent_item(law, part, offset);
	if (!i || i->state != LAW_SENT)
		return LAW_DROPS;
	i->suspect = false;
	if (status == RUNNER_RETRY) {
		if (law_retry(law, i)) {
			i->state = LAW_ANSWERED;
			law_die(law, i);
			if (is_cut(law, i))
				law_leave(law, i);
		} else if (law->part[part].leaving || law->draining) {
			law_leave_unsent(law, part);
		}
		return LAW_NOTHING;
	}
	law->backoff_ms = 100;
	law_well(law, i);
	i->state = LAW_ANSWERED;
	if (status == RUNNER_DEAD)
		law_die(law, i);
	i->acks = emits;
	if (is_cut(law, i)) {
		law_leave(law, i);
		return LAW_DROPS;
	}
	law_finish(law, i);
	return emits ? LAW_TAKES : LAW_NOTHING;
}

void
law_kept(struct law *law, const void *item, size_t bytes)
{
	law_item_of(law, item, NULL)->bytes += bytes;
	law->bytes += bytes;
}

void
law_published(struct law *law, const void *item, bool letter, bool refused)
{
	struct law_item *i = law_item_of(law, item, NULL);

	if (!i)
		return;
	if (letter && !refused)
		i->letter = false;
	if (!letter)
		i->acks--;
	if (refused && !letter && !i->left)
		law_die(law, i);
	law_finish(law, i);
}

void
law_letter(struct law *law, const void *item, const struct krec *rec)
{
	struct law_item *i = law_item_of(law, item, rec);

	if (!i || !i->lettered || i->said)
		wrong("LAW", "%s makes a letter of @%lld, which is %s",
			law->actor->name, (long long)rec->record.offset,
			i && i->said ? "one" : "not dead");
	else
		i->said = true;
}

/* ---- -x ------------------------------------------------------------------ */

void
law_staged(struct law *law, const void *item)
{
	struct law_item *i = law_item_of(law, item, NULL), *other;

	if (!i || i->over || i->left || i->state != LAW_ANSWERED) {
		wrong("LAW", "%s publishes what is not answered",
			law->actor->name);
		return;
	}
	if (i->refusals && w.now < i->refused_ms + REFUSED_MS)
		wrong("LAW", "%s publishes %s again too soon", law->actor->name,
			law_name(i));
	i->staged = true;
	TAILQ_FOREACH (other, &law->items, link) {
		if (other == i)
			continue;
		if (other->staged && (other->solo || i->solo))
			wrong("LAW", "%s publishes %s with others",
				law->actor->name, law_name(i));
		if (!other->left && !other->staged && !other->over &&
			other->part == i->part && other->offset < i->offset)
			wrong("LAW", "%s publishes %s before an earlier one",
				law->actor->name, law_name(i));
	}
}

/* Of a transaction that was refused each goes alone; refused alone twice, it
 * is dead. */
void
law_refused(struct law *law)
{
	struct law_item *i;
	int count = 0;

	law->committing = false;
	law->aborts = 0;
	TAILQ_FOREACH (i, &law->items, link)
		count += i->staged;
	TAILQ_FOREACH (i, &law->items, link) {
		if (!i->staged)
			continue;
		i->staged = false;
		i->solo = true;
		if (i->left) {
			i->acks = 0;
			i->letter = false;
		}
		if (count > 1 || i->left)
			continue;
		i->refused_ms = w.now;
		if (++i->refusals > 1) {
			i->acks = i->refusals = 0;
			law_die(law, i);
		}
	}
}
