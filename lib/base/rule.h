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
	X(filter_holds_key, "a filter answers retry to all of a key it holds") \
	X(again_ends_hold, ".. until `again` comes")                           \
	X(revoked_ends_holds, ".. or its partition is revoked")                \
	X(retry_drains_first,                                                  \
		"a key's retry waits for all that are outstanding")            \
	X(ready_ones_stop, ".. and none of it is sent meanwhile")              \
	X(new_ones_wait, ".. nor what comes then")                             \
	X(one_of_a_key, "without --control one of a key is out")               \
	X(probe_says_again, "then its first goes alone, with `again`")         \
	X(only_first_retry_counts,                                             \
		"only the answer to that one counts as a try")                 \
	X(retry_is_retried, "three more tries, before it is dead")             \
	X(retry_waits, ".. a second after the first")                          \
	X(last_chance, "what waited behind a dead one has one try")            \
	X(filter_holds_on,                                                     \
		"the filter holds a key on, though its record died")           \
	X(revoked_forgets_holds, ".. until it was told `revoked`")             \
	X(restart_keeps_holds, "after a restart a key's records wait on")      \
	X(restart_keeps_order,                                                 \
		".. and those of other keys go again first, in order")         \
	X(new_filter_holds_nothing, ".. and it holds no key")                  \
	X(awaited_answers_only, "an answer that nobody awaits is ignored")     \
	X(emits_need_a_result, "emits without a result are dropped")           \
	X(commits_lowest_unfinished,                                           \
		"the commit is the lowest unfinished offset")                  \
	X(position_counts_markers, ".. or the position, markers too")          \
	X(commits_to_the_cut,                                                  \
		".. never beyond what was given back unfinished")              \
	X(emits_acked_first,                                                   \
		"emits are acked before their record is finished")             \
	X(letter_acked_first, "so is its dead letter")                         \
	X(x_up_to_the_lowest,                                                  \
		"-x: of a partition only up to the lowest unanswered")         \
	X(x_offset_goes_along, ".. its offset with it")                        \
	X(x_offsets_in_it, ".. in the transaction, not behind it")             \
	X(x_cut_says_nothing,                                                  \
		".. behind what was given back nothing is published")          \
	X(x_leaving_is_dropped, ".. what a lost partition said is dropped")    \
	X(x_aborted_commits_nothing, ".. what is aborted commits nothing")     \
	X(x_aborted_is_kept, ".. and its records go again")                    \
	X(x_refused_go_alone, ".. of a refused one each record goes alone")    \
	X(x_refused_twice, ".. refused alone twice: dead")                     \
	X(x_refused_waits, ".. a second apart")                                \
	X(x_aborts_end, ".. aborted again and again: the process ends")        \
	X(failed_is_not_asked, "who has failed does not end with 0")           \
	X(x_waits_while_full, ".. what is answered counts for the bound")      \
	X(x_one_always_goes, ".. but one record always goes")                  \
	X(x_strangers_commit_nothing,                                          \
		".. who is not in the group commits nothing")                  \
	X(one_letter, "one letter a record")                                   \
	X(refused_emit_is_death, "a refused emit makes its record dead")       \
	X(refused_letter_ends, "a refused letter ends the runner")             \
	X(log_went_back,                                                       \
		"a log that went back: what is held is of another past")       \
	X(set_back_is_told, ".. and the filter is told")                       \
	X(offset_beyond_end, "an offset beyond the log's end: from the start") \
	X(failed_commit_is_tried_again, "a commit that failed is tried again") \
	X(woken_is_no_silence,                                                 \
		"who was stopped itself kills no filter for it")               \
	X(choked_is_no_silence, "nor who does not read it")                    \
	X(new_filter_is_told, "a new filter is told of its partitions")        \
	X(silent_filter_is_killed, "30 s of silence with records: killed")     \
	X(waiting_is_no_silence, ".. but `waiting` is no silence")             \
	X(waiting_is_said, "an outage is told: waiting, every 5 s")            \
	X(outage_is_not_poison, "while the database is away nothing is dead")  \
	X(blamed_go_one_by_one,                                                \
		"three deaths with one oldest record: one at a time")          \
	X(kills_alone_is_dead,                                                 \
		"one that kills the filter alone twice is dead")               \
	X(filter_backs_off, "a filter is started again after 0.1 s to 5 s")    \
	X(only_its_deaths_count, "only a record's deaths count")               \
	X(child_dies_with_parent, "a filter dies with its runner")             \
	X(revoke_waits_for_answers, "a revoke waits for answers")              \
	X(revoke_commits_last, ".. and for the last commit")                   \
	X(revoke_waits_5_s_at_most, ".. 5 s at most")                          \
	X(revoked_sends_no_more, ".. and nothing more is sent")                \
	X(leaving_is_not_retried, ".. nor waited for, answered `retry`")       \
	X(lost_commits_nothing, "a lost partition commits nothing")            \
	X(control_lines, "the filter hears of assigned and revoked, in line")  \
	X(owed_answers_gate,                                                   \
		"a partition that is back waits for the answers owed")         \
	X(gate_waits_for_all, ".. for all of them")                            \
	X(late_answers_are_dropped, ".. which are dropped")                    \
	X(new_filter_owes_nothing, "a new filter owes nothing")                \
	X(refused_twice, "dead only when refused twice")                       \
	X(refused_waits, ".. a second apart")                                  \
	X(refused_alone, ".. the second time alone")                           \
	X(refused_batch_one_by_one, "after a refusal one record at a time")    \
	X(nothing_overtakes_refused,                                           \
		"nothing of its topic overtakes a refused one")                \
	X(trial_goes_alone, "nothing joins its topic before its second try")   \
	X(missing_is_asked_again, "a topic is missing when it is so twice")    \
	X(full_source_stops, "a source that is full stops")                    \
	X(half_empty_goes_on, ".. until it is half empty")                     \
	X(parked_go_first, "what was parked goes before what is ready")        \
	X(aborted_go_first, "what was aborted goes before what is ready")      \
	X(done_when_committed, "done when committed, not when delivered")      \
	X(producers_take_turns, "the two producers take turns")                \
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
	X(letter_is_one_row, "a letter becomes one row, read twice or not")    \
	X(place_has_its_time, ".. known by its original's timestamp, too")     \
	X(unread_is_completed, ".. though its replay came first")              \
	X(replay_is_marked, "what was replayed says so in that row")           \
	X(ready_after_positions, "ready not before the positions are known")   \
	X(ready_follows_again, "at ready all rooms are followed again")        \
	X(round_after_round, "a round of heads during a round follows it")     \
	X(heads_by_clock, ".. and by a clock, every 30 s")                     \
	X(failed_heads_are_asked_again,                                        \
		"heads that failed are asked for again")                       \
	X(lower_is_dropped, "an event at or below the cursor is dropped")      \
	X(asking_gets_no_events, "no event is given before the answer")        \
	X(higher_is_fetched, "one above cursor + 1 is fetched")                \
	X(rooms_remember_names,                                                \
		"a room remembers the highest seq that was named")             \
	X(event_names_seq, ".. by an event, though an answer is under way")    \
	X(answer_names_head, ".. by an answer")                                \
	X(lower_head_lowers, "a lower head lowers it")                         \
	X(later_asked_head_only, ".. only where it was asked for later")       \
	X(strangers_page_names_nothing,                                        \
		"a stranger's page says nothing of the head")                  \
	X(pages_when_there_is_room,                                            \
		"pages only while the queue is less than half full")           \
	X(answer_gives_what_is_next, "of an answer what comes next is given")  \
	X(ring_keeps_newest, "an old event takes no newer one's place")        \
	X(kick_ends_in_place, "a kick ends the subscription in its place")     \
	X(old_kick_is_history,                                                 \
		".. but not one below the head that found him in")             \
	X(ring_above_head, "the ring serves only above that head")             \
	X(event_above_head, ".. and so do events")                             \
	X(page_asks_for_membership, "each page asks for membership again")     \
	X(page_ends_with_kick, ".. and ends with the kick")                    \
	X(stuck_follows_anew, "a page that brings nothing: follows anew")      \
	X(other_epoch_resets, "a cursor of another life is reset")             \
	X(above_head_resets, "a cursor above the head is reset")               \
	X(living_reset_closes, "a living subscription that is reset: 1012")    \
	X(event_of_this_life, "an event of another life is not applied")       \
	X(new_epoch_is_asked_about, ".. and asked about, if never seen")       \
	X(first_epoch_asks_heads, ".. and of what came before the first")      \
	X(new_epoch_clears_rings, "a new life clears the rings")               \
	X(new_epoch_forgets_names, ".. and the names")                         \
	X(new_epoch_follows_anew, ".. and all follow anew")                    \
	X(page_brings_epoch, "a page brings it, too")                          \
	X(heads_bring_epoch, ".. and heads")                                   \
	X(page_of_old_life_is_nothing, "a page of the old life says nothing")  \
	X(failed_is_asked_again, "a failed question is asked again")           \
	X(failed_question_is_told, ".. and the failure is told")               \
	X(send_waits_for_subscribe, "a SEND waits for its room's SUBSCRIBE")   \
	X(refused_subscribe_frees_sends, ".. until it is refused, too")        \
	X(held_goes_on_without_client, ".. and goes on without its client")    \
	X(unanswered_go_again,                                                 \
		"after a cut the unanswered go again, in order")               \
	X(record_outlives_client, ".. though their client is gone")            \
	X(only_its_own_leave, ".. and nobody else is")                         \
	X(one_answer_a_record, "a second answer is nobody's")                  \
	X(sim_no_loss, "the checker: a record is not read")                    \
	X(sim_no_double, "the checker: a message goes out twice")              \
	X(sim_no_swap, "the checker: two records change places")               \
	X(sim_no_phantom, "the checker: a body that nobody sent")              \
	X(sim_no_hole, "the checker: a seq is left out")                       \
	X(sim_no_aborted_read, "the checker: what was aborted is read")        \
	X(sim_no_wrong_refusal, "the checker: a member is refused")            \
	X(sim_stable_offsets, "the checker: offsets are read too early")

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
