-- functions-store.sql - stores a batch of messages (architecture, section 4).
-- Applied again by each scripts/migrate.
--
-- Lock, then look. The first statement locks the rooms in the order of their
-- ids; those after it, whose snapshots are younger than the locks, decide,
-- number and insert. In one statement the snapshot would be older than the
-- lock, and two runs of the same batch would leave holes. VOLATILE and READ
-- COMMITTED make it so: each statement of a volatile function has its own
-- snapshot.
--
-- The arrays have one element a record, records of a room in the order in
-- which they are to be numbered. Answers one row a record, in any order:
--
--   stored     the whole event goes out; the record's own words are right
--   again      it is in `messages` from this very record, or is a replay of it:
--              the whole event goes out again, from the row (content.. set)
--   duplicate  another record has stored it: message_id, seq are the first's
--   refused    reason says why; the same answer as the first time
--   reused     the identity is taken by another content
--
-- The plans are made once, for index look-ups: the statistics of a table that
-- has just been made would choose a sequential scan, for good. For the same
-- reason the records are always the outer side (left joins, none of which a
-- condition turns into an inner one).

-- Of a 1:1 room. No part of chat_store()'s plan, which it would make dearer for
-- all: it is called only where there is such a room.
create or replace function chat_pair_blocked(p_room bigint)
returns boolean language plpgsql stable as $$
begin
	return exists (select from one_to_one_chat_rooms t
		where t.room_id = p_room
		and chat_blocked(t.user_a_id, t.user_b_id));
end $$;

drop function if exists chat_store(text[], integer[], bigint[], bigint[],
	boolean[], bigint[], bigint[], text[], text[], text[], text[],
	timestamptz[]);

create function chat_store(p_topic text[], p_partition integer[],
	p_offset bigint[], p_timestamp bigint[], p_replayed boolean[],
	p_room bigint[], p_sender bigint[], p_id text[], p_raw text[],
	p_type text[], p_content text[], p_sent timestamptz[])
returns table (i bigint, outcome text, message_id bigint, seq bigint,
	nickname text, reason text, raw text, type text, content text,
	sent_at timestamptz, epoch text)
language plpgsql volatile
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_rooms bigint[];
	v_pairs bigint[]; -- the 1:1 ones of them
	v_mark bigint;
	v_stored bigint;
begin
	-- Lock. A room that is not found now does not exist for this batch,
	-- though it may appear a moment later: nobody would hold its lock.
	select array_agg(x.id),
			array_agg(x.id) filter (where x.type = 'ONE_TO_ONE')
		into v_rooms, v_pairs from (
		select r.id, r.type from chat_rooms r
		where r.id = any (p_room) and r.deleted_at is null
		order by r.id for no key update) x;
	-- What has a higher id, in these rooms, is from this call.
	v_mark := nextval('messages_id_seq');

	-- Look, for what is new; number it and store it. Mostly that is all,
	-- and all that is done. Of several records of one identity the first.
	return query
	with look as materialized (
		select p.*, r.type as room_type, r.last_seq, u.nickname,
			m.user_id as member, k.id as k_id, f.reason as f_reason
		from unnest(p_topic, p_partition, p_offset, p_timestamp,
				p_room, p_sender, p_id, p_raw,
				p_type::message_type[], p_content, p_sent)
			with ordinality as p (topic, part, off, ts, room,
				sender, id, raw, type, content, sent, i)
		left join chat_rooms r on r.id = p.room
			and r.id = any (v_rooms)
		left join chat_room_members m on m.room_id = p.room
			and m.user_id = p.sender and m.left_at is null
		left join users u on u.id = p.sender
		left join messages k on k.chat_room_id = p.room
			and k.sender_id = p.sender
			and k.client_message_id = p.id
		left join message_outcomes f on f.outcome = 'refused'
			and f.chat_room_id = p.room
			and f.sender_id = p.sender
			and f.client_message_id = p.id
	), fresh as (
		select distinct on (room, sender, id) *
		from look
		where room_type is not null and member is not null
			and k_id is null and f_reason is null
			and (room_type = 'GROUP' or not chat_pair_blocked(room))
		order by room, sender, id, i
	), numbered as materialized (
		select *, last_seq + row_number() over (
				partition by room order by i) as new_seq,
			nextval('messages_id_seq') as new_id
		from fresh
	), stored as (
		insert into messages (id, chat_room_id, seq, sender_id,
			client_message_id, client_message_raw, type, content,
			sent_at, record_partition, record_offset,
			record_timestamp)
		select new_id, room, new_seq, sender, id, raw, type, content,
			sent, part, off, ts
		from numbered
	), heads as (
		update chat_rooms r set last_seq = h.seq
		from (select room, max(new_seq) as seq from numbered
			group by room) h
		where r.id = h.room
	)
	select n.i, 'stored', n.new_id, n.new_seq, coalesce(n.nickname, ''),
		null::text, null::text, null::text, null::text,
		null::timestamptz,
		(select e.epoch from store_epoch e where e.only_one)
	from numbered n;
	get diagnostics v_stored = row_count;

	if v_stored < cardinality(p_room) then
		-- Look, for what became of the others. Whose message is not
		-- there, and who is a member that was not refused before, had
		-- been blocked.
		return query
		with look as (
			select p.*, coalesce(u.nickname, '') as nickname,
				k.id as k_id, k.seq as k_seq,
				k.client_message_raw as k_raw, k.type as k_type,
				k.content as k_content, k.sent_at as k_sent,
				f.reason as f_reason,
				row_number() over (partition by p.room,
					p.sender, p.id order by p.i) as nth,
				case when k.id is null then 'refused'
				when p.replayed or (k.record_partition,
						k.record_offset,
						k.record_timestamp)
					= (p.part, p.off, p.ts) then 'again'
				when (p.type, p.content) <> (k.type, k.content)
					then 'reused'
				else 'duplicate' end as outcome,
				case when k.id is not null
					then 'CLIENT_MESSAGE_ID_REUSED'
				when f.reason is not null then f.reason
				when m.user_id is null then 'NOT_A_MEMBER'
				else 'BLOCKED' end as reason
			from unnest(p_topic, p_partition, p_offset, p_timestamp,
					p_replayed, p_room, p_sender, p_id,
					p_type::message_type[], p_content)
				with ordinality as p (topic, part, off, ts,
					replayed, room, sender, id, type,
					content, i)
			left join chat_room_members m on m.room_id = p.room
				and m.room_id = any (v_rooms)
				and m.user_id = p.sender and m.left_at is null
			left join users u on u.id = p.sender
			left join messages k on k.chat_room_id = p.room
				and k.sender_id = p.sender
				and k.client_message_id = p.id
			left join message_outcomes f on f.outcome = 'refused'
				and f.chat_room_id = p.room
				and f.sender_id = p.sender
				and f.client_message_id = p.id
		), answers as materialized (
			select * from look where not (k_id > v_mark and nth = 1)
				or k_id is null
		), outcomes as (
			insert into message_outcomes (outcome, topic,
				record_partition, record_offset,
				record_timestamp, chat_room_id, sender_id,
				client_message_id, reason)
			select a.outcome, a.topic, a.part, a.off, a.ts, a.room,
				a.sender, a.id, a.reason
			from answers a
			where a.outcome = 'reused' or a.outcome = 'refused'
				and a.f_reason is null and a.nth = 1
			order by a.outcome, a.room, a.sender, a.id, a.i
			on conflict do nothing
		)
		select a.i, a.outcome, a.k_id, a.k_seq, a.nickname,
			case when a.outcome in ('reused', 'refused')
				then a.reason end,
			case when a.outcome = 'again' then a.k_raw end,
			case when a.outcome = 'again' then a.k_type::text end,
			case when a.outcome = 'again' then a.k_content end,
			case when a.outcome = 'again' then a.k_sent end,
			(select e.epoch from store_epoch e where e.only_one)
		from answers a;
	end if;

	if v_pairs is not null then
		-- A message in a 1:1 room brings the one who had left back in;
		-- what he said in this batch before was judged without.
		update chat_room_members m set left_at = null, joined_at = now()
		where m.room_id = any (v_pairs) and m.left_at is not null
			and (select max(k.id) from messages k
				where k.chat_room_id = m.room_id) > v_mark;
	end if;
end $$;
