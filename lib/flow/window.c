/* flow/window.c - see window.h. */
#include "flow/window.h"

#include "base/rule.h"

static int
compare(const struct window_slot *a, const struct window_slot *b)
{
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

RB_GENERATE_INTERNAL(window_tree, window_slot, entry, compare,
	__attribute__((unused)) static)

void
window_init(struct window *window)
{
	RB_INIT(&window->open);
	window->count = 0;
	window->next = WINDOW_NONE;
	window->cut = WINDOW_NONE;
}

bool
window_add(struct window *window, struct window_slot *slot, int64_t offset)
{
	if (offset < window->next)
		return false;
	slot->offset = offset;
	RB_INSERT(window_tree, &window->open, slot);
	window->count++;
	window->next = offset + 1;
	return true;
}

struct window_slot *
window_find(struct window *window, int64_t offset)
{
	struct window_slot key = {.offset = offset};

	return RB_FIND(window_tree, &window->open, &key);
}

struct window_slot *
window_first(struct window *window)
{
	return RB_MIN(window_tree, &window->open);
}

struct window_slot *
window_after(struct window_slot *slot)
{
	return RB_NEXT(window_tree, NULL, slot);
}

void
window_finish(struct window *window, struct window_slot *slot)
{
	RB_REMOVE(window_tree, &window->open, slot);
	window->count--;
}

void
window_cut(struct window *window, struct window_slot *slot)
{
	window_finish(window, slot);
	if (window->cut == WINDOW_NONE || slot->offset < window->cut)
		window->cut = slot->offset;
}

void
window_position(struct window *window, int64_t offset)
{
	if (offset > window->next && RULE(position_counts_markers))
		window->next = offset;
}

bool
window_behind_cut(const struct window *window, int64_t offset)
{
	return window->cut != WINDOW_NONE && offset > window->cut;
}

int64_t
window_commit_after(struct window *window, struct window_slot *slot)
{
	const struct window_slot *first =
		slot ? window_after(slot) : window_first(window);
	int64_t at = first && RULE(commits_lowest_unfinished) ? first->offset
							      : window->next;

	return window_behind_cut(window, at) && RULE(commits_to_the_cut)
		       ? window->cut
		       : at;
}

int64_t
window_commit(struct window *window)
{
	return window_commit_after(window, NULL);
}

int64_t
window_span(struct window *window)
{
	return window->next - window_commit(window);
}
