-- functions-store.sql - stores a batch of messages (architecture, section 4).
-- Applied again by each scripts/migrate.
--
-- Lock, then look. The first statement locks the rooms in the order of their
-- ids; the second, whose snapshot is younger than the locks, decides, numbers
-- and inserts. In one statement the snapshot would be older than the lock, and
-- two runs of the same batch would leave holes. VOLATILE and READ COMMITTED
-- make it so: each statement of a volatile function has its own snapshot.
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
-- The plan is made once, for index look-ups: the statistics of a table that
-- has just been made would choose a sequential scan, for good.

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
begin
	-- Lock. A room that is not found now does not exist for this batch,
	-- though it may appear a moment later: nobody would hold its lock.
	select array_agg(x.id) into v_rooms from (
		select r.id from chat_rooms r
		where r.id = any (p_room) and r.deleted_at is null
		order by r.id for no key update) x;

	-- Look.
	return query
	with look as (
		select p.*, r.type as room_type, r.last_seq,
			coalesce(u.nickname, '') as nickname,
			k.id as k_id, k.seq as k_seq,
			k.client_message_raw as k_raw, k.type as k_type,
			k.content as k_content, k.sent_at as k_sent,
			(k.record_partition, k.record_offset,
				k.record_timestamp)
				= (p.part, p.off, p.ts) as k_same,
			f.reason as f_reason,
			case when k.id is not null then null
			when f.reason is not null then f.reason
			when r.id is null or m.user_id is null
				then 'NOT_A_MEMBER'
			when r.type = 'ONE_TO_ONE' and exists (
				select from one_to_one_chat_rooms t
				where t.room_id = p.room and chat_blocked(
					t.user_a_id, t.user_b_id))
				then 'BLOCKED'
			end as refusal
		from unnest(p_topic, p_partition, p_offset, p_timestamp,
				p_replayed, p_room, p_sender, p_id, p_raw,
				p_type::message_type[], p_content, p_sent)
			with ordinality as p (topic, part, off, ts, replayed,
				room, sender, id, raw, type, content, sent, i)
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
	), first as (
		-- Of several records of one identity the first stands for all:
		-- what is known of it is the same for each.
		select *, first_value(i) over (
			partition by room, sender, id order by i) as first_i
		from look
	), counted as (
		select *, k_id is null and refusal is null and first_i = i
				as fresh,
			last_seq + count(*) filter (where k_id is null
				and refusal is null and first_i = i) over (
				partition by room order by i) as new_seq
		from first
	), numbered as materialized (
		select *, case when fresh then nextval('messages_id_seq') end
			as new_id
		from counted
	), stored as (
		insert into messages (id, chat_room_id, seq, sender_id,
			client_message_id, client_message_raw, type, content,
			sent_at, record_partition, record_offset,
			record_timestamp)
		select new_id, room, new_seq, sender, id, raw, type, content,
			sent, part, off, ts
		from numbered where fresh
	), heads as (
		update chat_rooms r set last_seq = h.seq
		from (select room, max(new_seq) as seq from numbered
			where fresh group by room) h
		where r.id = h.room
	), returned as (
		-- A message in a 1:1 room brings the one who had left back in.
		update chat_room_members m
		set left_at = null, joined_at = now()
		from (select distinct room from numbered
			where fresh and room_type = 'ONE_TO_ONE') h
		where m.room_id = h.room and m.left_at is not null
	), answers as materialized (
		select n.*, case when n.fresh then 'stored'
			when n.refusal is not null then 'refused'
			when n.replayed or c.same then 'again'
			when (n.type, n.content) <> (c.type, c.content)
				then 'reused'
			else 'duplicate' end as outcome,
			c.id as c_id, c.seq as c_seq, c.raw as c_raw,
			c.type as c_type, c.content as c_content,
			c.sent as c_sent
		from numbered n left join lateral (
			-- What a record that is no new one is a copy of: the
			-- stored row, or the first of them in this batch.
			select n.k_id as id, n.k_seq as seq, n.k_raw as raw,
				n.k_type as type, n.k_content as content,
				n.k_sent as sent, n.k_same as same
			where n.k_id is not null
			union all
			select b.new_id, b.new_seq, b.raw, b.type, b.content,
				b.sent, (b.part, b.off, b.ts)
					= (n.part, n.off, n.ts)
			from numbered b
			where n.k_id is null and not n.fresh
				and n.refusal is null and b.i = n.first_i
		) c on true
	), outcomes as (
		insert into message_outcomes (outcome, topic, record_partition,
			record_offset, record_timestamp, chat_room_id,
			sender_id, client_message_id, reason)
		select a.outcome, a.topic, a.part, a.off, a.ts, a.room,
			a.sender, a.id, coalesce(a.refusal,
				'CLIENT_MESSAGE_ID_REUSED')
		from answers a
		where a.outcome = 'reused' or a.outcome = 'refused'
			and a.f_reason is null and a.first_i = a.i
		order by a.outcome, a.room, a.sender, a.id, a.i
		on conflict do nothing
	)
	select a.i, a.outcome,
		coalesce(a.new_id, a.c_id),
		case when a.outcome = 'stored' then a.new_seq else a.c_seq end,
		a.nickname,
		case when a.outcome = 'reused' then 'CLIENT_MESSAGE_ID_REUSED'
			else a.refusal end,
		case when a.outcome = 'again' then a.c_raw end,
		case when a.outcome = 'again' then a.c_type::text end,
		case when a.outcome = 'again' then a.c_content end,
		case when a.outcome = 'again' then a.c_sent end,
		(select e.epoch from store_epoch e where e.only_one)
	from answers a;
end $$;
