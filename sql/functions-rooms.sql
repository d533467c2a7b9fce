-- functions-rooms.sql - rooms and who is in them. Applied again by each
-- scripts/migrate.
--
-- A membership changes under the lock of its room, and writes its SYSTEM_
-- message with its seq, and that message's event into the outbox, in the same
-- transaction: so a message stored after a kick has a higher seq than it.
-- p_actor is who asks; null is the administrator, who may do everything and
-- acts in the name of the room's creator. Each function answers with a code:
-- OK, or what chat-api(7) lists. Everything is written with the session's
-- TimeZone, which lib/pg sets to $CHAT_TZ.

-- The event's text of one stored message, the very object that wire/shown.h
-- prints.
create or replace function chat_event_message(p_room bigint, p_message bigint)
returns text language sql stable as $$
	select '{"event":"message","epoch":' || to_json(e.epoch)
		|| ',"message":{"messageId":' || m.id || ',"seq":' || m.seq
		|| ',"roomId":' || m.chat_room_id
		|| ',"senderId":' || m.sender_id
		|| ',"senderNickname":' || to_json(coalesce(u.nickname, ''))
		|| ',"clientMessageId":' || coalesce(m.client_message_raw,
			to_json(m.client_message_id)::text, 'null')
		|| ',"content":' || to_json(m.content)
		|| ',"type":"' || m.type
		|| '","sentAt":"'
		|| to_char(m.sent_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS')
		|| '","sentAtMs":'
		|| floor(extract(epoch from m.sent_at) * 1000)::bigint
		|| coalesce(',"targets":' || m.targets, '') || '}}'
	from messages m cross join store_epoch e
		left join users u on u.id = m.sender_id
	where m.chat_room_id = p_room and m.id = p_message
$$;

-- Writes one SYSTEM_ message and its event. Only for those who have the lock.
create or replace function chat_say(p_room bigint, p_actor bigint,
	p_type message_type, p_content text, p_target bigint)
returns void language plpgsql as $$
declare
	v_seq bigint;
	v_id bigint;
begin
	update chat_rooms set last_seq = last_seq + 1 where id = p_room
		returning last_seq into v_seq;
	insert into messages (chat_room_id, seq, sender_id, type, content,
			targets, sent_at)
		select p_room, v_seq, p_actor, p_type, p_content,
			('[{"userId":' || u.id || ',"nickname":'
				|| to_json(u.nickname) || '}]')::json,
			date_trunc('milliseconds', clock_timestamp())
		from users u where u.id = p_target
		returning id into strict v_id;
	insert into outbox (topic, key, value) values ('chat-events', p_room,
		chat_event_message(p_room, v_id));
end $$;

-- The lock, for what follows in the same transaction. ROOM_NOT_FOUND also for
-- who is no member: nobody learns which rooms there are.
create or replace function chat_lock(p_room bigint, p_actor bigint,
	out code text, out type chat_room_type, out creator_id bigint)
language plpgsql as $$
begin
	select 'OK', r.type, r.creator_id into code, type, creator_id
		from chat_rooms r where r.id = p_room and r.deleted_at is null
		for no key update;
	if not found or p_actor is not null and not exists (
			select from chat_room_members m where m.room_id = p_room
			and m.user_id = p_actor and m.left_at is null) then
		code := 'ROOM_NOT_FOUND';
	end if;
end $$;

create or replace function chat_blocked(p_a bigint, p_b bigint)
returns boolean language sql stable as $$
	select exists (select from user_blocks
			where blocker_id = p_a and blocked_id = p_b)
		or exists (select from user_blocks
			where blocker_id = p_b and blocked_id = p_a)
$$;

-- Gets or makes the 1:1 room of two users; who asks is back in if he had left.
create or replace function chat_open_pair(p_actor bigint, p_other bigint,
	out code text, out room_id bigint, out created boolean)
language plpgsql as $$
begin
	created := false;
	if p_actor = p_other then
		code := 'INVALID_TARGET';
		return;
	end if;
	if (select count(*) from users where id in (p_actor, p_other)) < 2 then
		code := 'USER_NOT_FOUND';
		return;
	end if;
	if chat_blocked(p_actor, p_other) then
		code := 'BLOCKED';
		return;
	end if;
	-- Both may ask at the same instant: one at a time for this pair.
	perform pg_advisory_xact_lock(hashtextextended('chat pair '
		|| least(p_actor, p_other) || ' '
		|| greatest(p_actor, p_other), 0));
	code := 'OK';
	select p.room_id into room_id from one_to_one_chat_rooms p
		where least(user_a_id, user_b_id) = least(p_actor, p_other)
		and greatest(user_a_id, user_b_id) = greatest(p_actor, p_other);
	if found then
		perform chat_lock(room_id, null);
		update chat_room_members m
			set left_at = null, joined_at = now()
			where m.room_id = chat_open_pair.room_id
			and m.user_id = p_actor and m.left_at is not null;
		return;
	end if;
	insert into chat_rooms (type, creator_id)
		values ('ONE_TO_ONE', p_actor) returning id into room_id;
	insert into one_to_one_chat_rooms (room_id, user_a_id, user_b_id)
		values (chat_open_pair.room_id, p_actor, p_other);
	insert into chat_room_members (room_id, user_id)
		values (chat_open_pair.room_id, p_actor),
			(chat_open_pair.room_id, p_other);
	created := true;
end $$;

-- Makes a group of the asker and p_users. Without an asker (the administrator)
-- the first of p_users is the creator.
create or replace function chat_create_group(p_actor bigint, p_name text,
	p_users bigint[], out code text, out room_id bigint)
language plpgsql as $$
declare
	v_users bigint[];
begin
	select array_agg(distinct x) into v_users
		from unnest(p_actor || p_users) x where x is not null;
	if v_users is null or (select count(*) from users
			where id = any (v_users)) < cardinality(v_users) then
		code := 'USER_NOT_FOUND';
		return;
	end if;
	insert into chat_rooms (type, name, creator_id)
		values ('GROUP', p_name, coalesce(p_actor, p_users[1]))
		returning id into room_id;
	insert into chat_room_members (room_id, user_id)
		select chat_create_group.room_id, x from unnest(v_users) x;
	code := 'OK';
end $$;

-- Invites into a group: one SYSTEM_INVITE for each who was not in.
create or replace function chat_invite(p_actor bigint, p_room bigint,
	p_users bigint[], out code text, out invited bigint[])
language plpgsql as $$
declare
	v_room record;
	v_actor bigint;
	v_user record;
begin
	select * into v_room from chat_lock(p_room, p_actor);
	code := v_room.code;
	if code = 'OK' and v_room.type <> 'GROUP' then
		code := 'NOT_A_GROUP';
	elsif code = 'OK' and exists (select from unnest(p_users) x
			where not exists (select from users where id = x)) then
		code := 'USER_NOT_FOUND';
	end if;
	if code <> 'OK' then
		return;
	end if;
	v_actor := coalesce(p_actor, v_room.creator_id);
	invited := '{}';
	for v_user in select u.id, u.nickname, a.nickname as by_nickname
			from users u left join users a on a.id = v_actor
			where u.id = any (p_users) and not exists (
				select from chat_room_members m
				where m.room_id = p_room and m.user_id = u.id
				and m.left_at is null)
			order by array_position(p_users, u.id) loop
		insert into chat_room_members as m (room_id, user_id)
			values (p_room, v_user.id)
			on conflict (room_id, user_id) do update
			set left_at = null, joined_at = now();
		perform chat_say(p_room, coalesce(v_actor, v_user.id),
			'SYSTEM_INVITE', coalesce(v_user.by_nickname, '')
			|| ' invited ' || v_user.nickname, v_user.id);
		invited := invited || v_user.id;
	end loop;
end $$;

create or replace function chat_kick(p_actor bigint, p_room bigint,
	p_user bigint, out code text)
language plpgsql as $$
declare
	v_room record;
	v_nick text;
begin
	select * into v_room from chat_lock(p_room, p_actor);
	code := v_room.code;
	if code = 'OK' and v_room.type <> 'GROUP' then
		code := 'NOT_A_GROUP';
	elsif code = 'OK' and p_actor <> v_room.creator_id then
		code := 'NOT_CREATOR';
	elsif code = 'OK' and p_actor = p_user then
		code := 'KICK_SELF';
	end if;
	if code <> 'OK' then
		return;
	end if;
	update chat_room_members m set left_at = now() from users u
		where m.room_id = p_room and m.user_id = p_user
		and m.left_at is null and u.id = m.user_id
		returning u.nickname into v_nick;
	if not found then
		code := 'MEMBER_NOT_FOUND';
		return;
	end if;
	perform chat_say(p_room, coalesce(p_actor, v_room.creator_id, p_user),
		'SYSTEM_KICK', v_nick || ' was removed', p_user);
end $$;

-- Leaves any room. When the creator goes, the longest member becomes it.
create or replace function chat_leave(p_actor bigint, p_room bigint,
	out code text)
language plpgsql as $$
declare
	v_room record;
begin
	select * into v_room from chat_lock(p_room, p_actor);
	code := v_room.code;
	if code <> 'OK' then
		return;
	end if;
	update chat_room_members set left_at = now()
		where room_id = p_room and user_id = p_actor;
	perform chat_say(p_room, p_actor, 'SYSTEM_LEAVE',
		(select nickname from users where id = p_actor) || ' left',
		p_actor);
	if v_room.creator_id = p_actor and v_room.type = 'GROUP' then
		update chat_rooms set updated_at = now(), creator_id = coalesce(
			(select user_id from chat_room_members
			where room_id = p_room and left_at is null
			order by joined_at, user_id limit 1), creator_id)
			where id = p_room;
	end if;
end $$;
