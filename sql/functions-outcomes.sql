-- functions-outcomes.sql - how messages ended that became dead letters
-- (architecture, section 4.2). Applied again by each scripts/migrate.
--
-- A dead letter is known by the place of its original: topic, partition,
-- offset, timestamp. Two come with news of one: who reads the letters
-- (chat-store --outcomes) and who decides a record that was replayed from it
-- (chat-store). Either may be first, so whoever is first makes the row and the
-- other completes it: LETTER_UNREAD is the reason of a row whose letter has
-- been replayed, but not read yet. Rows are taken in the order of their key.

drop function if exists chat_dead(text[], integer[], bigint[], bigint[],
	bigint[], bigint[], text[], text[], text[]);

-- Letters, by the place of their originals, which may be no members, senders,
-- rooms that we know: null where the value does not say. Answers one row a
-- letter: is it news, and is its message stored all the same (a crash between
-- letter and commit leaves both)?
create function chat_dead(p_topic text[], p_partition integer[],
	p_offset bigint[], p_timestamp bigint[], p_room bigint[],
	p_sender bigint[], p_id text[], p_reason text[], p_detail text[])
returns table (i bigint, fresh boolean, stored boolean)
language sql volatile as $$
	with letters as (
		select * from unnest(p_topic, p_partition, p_offset,
			p_timestamp, p_room, p_sender, p_id, p_reason, p_detail)
			with ordinality as p (topic, part, off, ts, room,
			sender, id, reason, detail, i)
	), once as (
		select distinct on (topic, part, off, ts) * from letters
		order by topic, part, off, ts, i
	), made as (
		insert into message_outcomes as o (outcome, topic,
			record_partition, record_offset, record_timestamp,
			chat_room_id, sender_id, client_message_id, reason,
			detail)
		select 'dead', topic, part, off, ts, room, sender, id, reason,
			detail
		from once order by topic, part, off, ts
		on conflict (topic, record_partition, record_offset,
			record_timestamp) where outcome in ('dead', 'reused')
		do update set chat_room_id = excluded.chat_room_id,
			sender_id = excluded.sender_id,
			client_message_id = excluded.client_message_id,
			reason = excluded.reason, detail = excluded.detail
		where o.reason = 'LETTER_UNREAD'
		returning topic, record_partition, record_offset,
			record_timestamp
	)
	select l.i, m.topic is not null, exists (
		select from messages k where k.chat_room_id = l.room
		and k.sender_id = l.sender and k.client_message_id = l.id)
	from letters l
	left join once o on o.i = l.i
	left join made m on (m.topic, m.record_partition, m.record_offset,
		m.record_timestamp) = (o.topic, o.part, o.off, o.ts)
$$;

-- Places whose letters have been replayed, each when the replayed record is
-- stored, refused, or dead again. The first time counts.
create or replace function chat_replayed(p_topic text[], p_partition integer[],
	p_offset bigint[], p_timestamp bigint[])
returns void language sql volatile as $$
	insert into message_outcomes as o (outcome, topic, record_partition,
		record_offset, record_timestamp, reason, replayed_at)
	select distinct 'dead', topic, part, off, ts, 'LETTER_UNREAD', now()
	from unnest(p_topic, p_partition, p_offset, p_timestamp)
		as p (topic, part, off, ts)
	order by topic, part, off, ts
	on conflict (topic, record_partition, record_offset, record_timestamp)
		where outcome in ('dead', 'reused')
	do update set replayed_at = excluded.replayed_at
	where o.replayed_at is null
$$;
