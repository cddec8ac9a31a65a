-- Erasure of an account: what is left of it, how it goes, and what keeps anything from coming to it afterwards. And
-- where somebody has been to write: what the export of their data looks through.

-- Who has erased their account is a row without a name, so that what they wrote still has an author.
alter table users
    add column erased_at timestamptz,
    alter column email drop not null,
    alter column nickname drop not null,
    alter column nickname_key drop not null,
    add constraint users_living check (case when erased_at is null
        then email is not null and nickname is not null and nickname_key is not null
        else email is null and nickname is null and nickname_key is null and about = ''
            and avatar_hash is null end);

-- The channels that somebody has ever joined. No index of messages tells who has written where.
create table channel_visits (
    user_id    bigint not null references users on delete cascade,
    channel_id bigint not null references channels on delete cascade,
    since      timestamptz not null default now(),
    primary key (user_id, channel_id)
);
create index channel_visits_channel on channel_visits (channel_id);
insert into channel_visits (user_id, channel_id, since)
    select user_id, channel_id, min(since)
    from (select user_id, channel_id, joined_at as since from channel_members
          union all
          select m.sender_id, m.room_id, min(m.sent_at)
          from channels c join messages m on m.room_id = c.id join users u on u.id = m.sender_id
          group by m.sender_id, m.room_id) x
    group by user_id, channel_id;

-- Those that have ended, too.
create index sessions_person on sessions (user_id, id);
create index set_aside_sender on set_aside (sender_id, id);

-- What is written about somebody says who by the id alone: the name they have now is filled in when it is read.
create function hum_notice(p_data jsonb) returns jsonb
language sql stable strict security definer set search_path = public, pg_temp as $$
    select case when p_data #>> '{user,id}' is null then p_data else
        jsonb_set(p_data, '{user,nickname}', to_jsonb(coalesce(
            (select u.nickname from users u where u.id = (p_data #>> '{user,id}')::bigint), 'deleted user')))
        end
$$;

update messages m set data = jsonb_set(m.data, '{user}', jsonb_build_object('id', m.data #> '{user,id}'))
from rooms r where r.kind = 4 and m.room_id = r.id and m.data #> '{user,nickname}' is not null;

-- What profiles have said, for their erasure.
create index events_profiles on events (actor_id) where kind = 'UserProfileUpdated' and data <> '{}';

create or replace function hum_room_tail(p_room bigint, p_after bigint, p_limit integer)
returns table (seq bigint, id bigint, sender_id bigint, kind smallint, nonce text, text text,
               ref_seq bigint, data text, sent_at_ms bigint, edited_at_ms bigint,
               deleted_at_ms bigint)
language sql stable security definer set search_path = public, pg_temp as $$
    select m.seq, m.id, m.sender_id, m.kind, m.nonce, m.text, m.ref_seq, hum_notice(m.data)::text,
           (extract(epoch from m.sent_at) * 1000)::bigint,
           (extract(epoch from m.edited_at) * 1000)::bigint,
           (extract(epoch from m.deleted_at) * 1000)::bigint
    from messages m
    where m.room_id = p_room and m.seq > p_after
    order by m.seq limit p_limit
$$;

-- Nothing new refers to somebody who has erased their account: erasure locks the row of users against all that look
-- here, so that each of them either is seen by it or sees it. The arguments are the columns with people.
create function hum_living() returns trigger language plpgsql as $$
begin
    for i in 0 .. tg_nargs - 1 loop
        perform from public.users
        where id = (to_jsonb(new) ->> tg_argv[i])::bigint and erased_at is null for key share;
        if not found then
            raise exception 'this account does not exist any more' using errcode = '23503', constraint = 'users_living';
        end if;
    end loop;
    return new;
end $$;

create trigger hum_living before insert on sessions for each row execute function hum_living('user_id');
create trigger hum_living before insert on friend_requests for each row execute function hum_living('from_id', 'to_id');
create trigger hum_living before insert on friendships for each row execute function hum_living('user_id', 'friend_id');
create trigger hum_living before insert on blocks for each row execute function hum_living('user_id', 'blocked_id');
create trigger hum_living before insert on dms for each row execute function hum_living('user_lo', 'user_hi');
create trigger hum_living before insert on servers for each row execute function hum_living('owner_id');
create trigger hum_living before insert on server_members for each row execute function hum_living('user_id');
create trigger hum_living before insert on server_bans for each row execute function hum_living('user_id');
create trigger hum_living before insert on server_invites
    for each row execute function hum_living('user_id', 'inviter_id');
create trigger hum_living before insert on invite_codes for each row execute function hum_living('creator_id');
create trigger hum_living before insert on channel_members for each row execute function hum_living('user_id');
create trigger hum_living before insert on channel_visits for each row execute function hum_living('user_id');

-- Read marks come in batches, and the others' must not fail: one that is too late goes again. Only a new mark can be:
-- those that were there are gone.
create function hum_living_mark() returns trigger language plpgsql as $$
begin
    perform from public.users where id = new.user_id and erased_at is null for key share;
    if not found then
        delete from public.read_marks where user_id = new.user_id and room_id = new.room_id;
    end if;
    return null;
end $$;

create trigger hum_living after insert on read_marks for each row execute function hum_living_mark();

create or replace function hum_set_aside(p_room bigint, p_sender bigint, p_nonce text, p_body bytea,
                                         p_reason text) returns void
language sql volatile security definer set search_path = public, pg_temp as $$
    select from users where id = p_sender for key share;
    insert into set_aside (room_id, sender_id, nonce, body, reason)
    select p_room, p_sender, p_nonce, p_body, p_reason
    where not exists (select from users where id = p_sender and erased_at is not null)
$$;

-- Kind 3: somebody has erased their account. tell: whom of it, in order.
alter table jobs drop constraint jobs_kind_check;
alter table jobs add constraint jobs_kind_check check (kind in (1, 2, 3));
alter table jobs add column tell bigint[];

-- Takes from a deleted server or channel, or an erased account (p_room: its id), what is left for later: at most p_limit
-- rows a call. True: there may be more. What was not deleted is left alone.
create or replace function hum_purge(p_room bigint, p_limit integer) returns boolean
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_channel bigint;
begin
    if exists (select from users where id = p_room and erased_at is not null) then
        return hum_purge_user(p_room, p_limit);
    end if;
    if not exists (select from servers where id = p_room and deleted_at is not null)
       and not exists (select from channels c join servers s on s.id = c.server_id
                       where c.id = p_room and (c.deleted_at is not null or s.deleted_at is not null)) then
        return false;
    end if;
    delete from channel_members where user_id in
        (select user_id from channel_members where channel_id = p_room limit p_limit);
    if found then return true; end if;
    delete from channel_visits where channel_id = p_room and user_id in
        (select user_id from channel_visits where channel_id = p_room limit p_limit);
    if found then return true; end if;
    delete from server_members where server_id = p_room and user_id in
        (select user_id from server_members where server_id = p_room limit p_limit);
    if found then return true; end if;
    delete from server_bans where server_id = p_room and user_id in
        (select user_id from server_bans where server_id = p_room limit p_limit);
    if found then return true; end if;
    delete from server_invites where id in
        (select id from server_invites where server_id = p_room limit p_limit);
    if found then return true; end if;
    delete from invite_codes where hash in
        (select hash from invite_codes where server_id = p_room limit p_limit);
    if found then return true; end if;
    v_channel := (select id from channels where server_id = p_room order by id limit 1);
    if v_channel is not null then
        perform hum_purge(v_channel, p_limit);
        return true;
    end if;
    delete from read_marks where room_id = p_room and user_id in
        (select user_id from read_marks where room_id = p_room limit p_limit);
    if found then return true; end if;
    return hum_purge_room(p_room, p_limit);
end $$;

-- The entries of a room, then the room.
create function hum_purge_room(p_room bigint, p_limit integer) returns boolean
language plpgsql volatile security definer set search_path = public, pg_temp as $$
begin
    delete from messages where room_id = p_room and seq in
        (select seq from messages where room_id = p_room order by seq limit p_limit);
    if found then return true; end if;
    -- Somebody whose right was still in the broker's memory may be writing: then once more. In order, or a plan for a
    -- room that has entries would look for one in all of the partition.
    perform from rooms where id = p_room for update;
    perform from messages where room_id = p_room order by seq limit 1;
    if found then return true; end if;
    delete from rooms where id = p_room;
    return false;
end $$;

create function hum_purge_user(p_user bigint, p_limit integer) returns boolean
language plpgsql volatile security definer set search_path = public, pg_temp as $$
begin
    delete from read_marks where user_id = p_user and room_id in
        (select room_id from read_marks where user_id = p_user limit p_limit);
    if found then return true; end if;
    delete from channel_visits where user_id = p_user and channel_id in
        (select channel_id from channel_visits where user_id = p_user limit p_limit);
    if found then return true; end if;
    delete from set_aside where id in (select id from set_aside where sender_id = p_user limit p_limit);
    if found then return true; end if;
    update events set data = '{}' where id in
        (select id from events where actor_id = p_user and kind = 'UserProfileUpdated' and data <> '{}' limit p_limit);
    if found then return true; end if;
    return hum_purge_room(p_user, p_limit);
end $$;

-- As before, and nothing for somebody who has erased their account.
create or replace function hum_set_avatar(p_user bigint, p_hash bytea, p_body bytea) returns boolean
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_old bytea;
begin
    select avatar_hash into v_old from users where id = p_user and erased_at is null for no key update;
    if not found or v_old is not distinct from p_hash then
        return false;
    end if;
    perform from avatars where hash in (v_old, p_hash) order by hash for update;
    if p_hash is not null then
        insert into avatars (hash, body) values (p_hash, p_body)
            on conflict (hash) do update set created_at = avatars.created_at;
    end if;
    update users set avatar_hash = p_hash where id = p_user;
    delete from avatars where hash = v_old and not exists (select from users where avatar_hash = v_old);
    return true;
end $$;

-- Friends hear of it at once, as far as their rights go; the notice comes by the job. In the order of the ids, so that
-- two friends who erase their accounts at once do not wait for each other.
create function hum_erase_friendships(p_user bigint) returns bigint[]
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_friends bigint[];
begin
    perform from friendships where user_id = p_user or friend_id = p_user order by user_id, friend_id for update;
    v_friends := array(select friend_id from friendships where user_id = p_user order by 1);
    delete from friendships where user_id = p_user or friend_id = p_user;
    perform pg_notify('hum', format('friend %s %s 0', f.id, p_user)) from unnest(v_friends) f(id);
    perform pg_notify('hum', format('access %s %s dm 1 %s 0', f.id, r.id, r.last_seq))
    from unnest(v_friends) f(id)
    join dms d on d.user_lo = least(f.id, p_user) and d.user_hi = greatest(f.id, p_user)
    join rooms r on r.id = d.room_id;
    return v_friends;
end $$;

-- As their owner deletes them: gone at once, and a job for each that tells the members and clears away.
create function hum_erase_servers(p_user bigint) returns void
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_server record;
begin
    for v_server in
        select id, name from servers where owner_id = p_user and deleted_at is null order by id for no key update
    loop
        update servers set deleted_at = now() where id = v_server.id;
        perform pg_notify('hum', format('gone %s', v_server.id));
        perform pg_notify('hum', format('gone %s', c.id))
        from channels c where c.server_id = v_server.id and c.deleted_at is null;
        insert into jobs (kind, room_id, actor_id, data)
        values (1, v_server.id, p_user, jsonb_build_object('reason', 'deleted', 'server',
            jsonb_build_object('id', v_server.id::text, 'name', v_server.name)));
        insert into events (kind, actor_id, subject_id, data)
        values ('ServerDeleted', p_user, v_server.id, jsonb_build_object('server', v_server.id::text));
    end loop;
end $$;

-- Erases an account. False: there is none with this id. The name and all that lets one in go in this transaction; the
-- inbox, what events say about the profile, and what no one else ever sees, by the job.
create function hum_erase(p_user bigint) returns boolean
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_friends bigint[];
begin
    perform from users where id = p_user and erased_at is null for update;
    if not found then return false; end if;
    -- From here on nothing new refers to the account (hum_living), and each statement sees all that does.
    perform hum_set_avatar(p_user, null, null);
    update users set erased_at = now(), email = null, nickname = null, nickname_key = null, about = ''
    where id = p_user;
    delete from user_passwords where user_id = p_user;
    delete from sessions where user_id = p_user;
    v_friends := hum_erase_friendships(p_user);
    delete from friend_requests where from_id = p_user or to_id = p_user;
    delete from blocks where user_id = p_user or blocked_id = p_user;
    delete from server_bans where user_id = p_user;
    delete from server_invites where user_id = p_user or inviter_id = p_user;
    delete from invite_codes where creator_id = p_user;
    perform hum_erase_servers(p_user);
    delete from channel_members where user_id = p_user;
    delete from server_members where user_id = p_user;
    insert into jobs (kind, room_id, actor_id, data, tell)
    values (3, p_user, p_user, jsonb_build_object('user', jsonb_build_object('id', p_user::text)), v_friends);
    insert into events (kind, actor_id, subject_id) values ('UserErased', p_user, p_user);
    -- Their connections: no session is left.
    perform pg_notify('hum', format('user %s', p_user));
    return true;
end $$;

revoke execute on all functions in schema public from public;
grant execute on function hum_erase(bigint), hum_notice(jsonb) to hum_api_role;
grant select, insert on channel_visits to hum_api_role;
grant select on set_aside to hum_api_role;
