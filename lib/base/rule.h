/*
 * base/rule.h - rules that tests/sim can switch off, each alone, to see that it
 * is missed:
 *
 *	if (RULE(emits_acked_first) && item->publishing)
 *		return;
 *
 * In all builds but those with -DCHAT_RULES it is the constant true, and the
 * compiler leaves it out. `sim --list-rules` prints the table.
 */
#ifndef BASE_RULE_H
#define BASE_RULE_H

#include "base/base.h"

#define RULES(X)                                                               \
	X(unknown_end_exits, "a transaction of unknown end: the process ends") \
	X(fenced_exits, "a fenced producer: the process ends")                 \
	X(lock_then_look, "the store locks the rooms, then looks")             \
	X(membership_locks, "a member's change takes the same lock")           \
	X(identity, "what is stored is known")                                 \
	X(same_record_again, "the same record again: the whole event again")   \
	X(replay_again, "a replay of a known one: the whole event again")      \
	X(refused_for_ever, "refused once is refused for ever")                \
	X(store_decides_who_may_speak, "the store decides who may speak")      \
	X(retry_takes_the_room_along, "a retry takes its room's rest along")   \
	X(waiting_is_said, "an outage is told: waiting, every 5 s")            \
	X(other_epoch_resets, "a cursor of another life is reset")             \
	X(above_head_resets, "a cursor above the head is reset")               \
	X(page_ends_with_kick, "a page of who was kicked ends with the kick")  \
	X(lost_commits_nothing, "a lost partition commits nothing")            \
	X(ready_after_positions, "ready not before the positions are known")   \
	X(ready_follows_again, "at ready all rooms are followed again")        \
	X(heads_by_clock, ".. and by a clock")                                 \
	X(send_waits_for_subscribe, "a SEND waits for its room's SUBSCRIBE")   \
	X(held_goes_on_without_client, ".. and goes on without its client")    \
	X(refused_subscribe_frees_sends, ".. and when that was refused")       \
	X(failed_question_is_asked_again, "a failed question is asked again")  \
	X(living_reset_closes, "a living subscription that is reset: 1012")

#ifdef CHAT_RULES
enum rule {
#define RULE_NAME(name, text) RULE_##name,
	RULES(RULE_NAME)
#undef RULE_NAME
		RULE_COUNT
};
extern bool rule_off[RULE_COUNT];
#define RULE(name) (!rule_off[RULE_##name])
#else
#define RULE(name) (true)
#endif

#endif
