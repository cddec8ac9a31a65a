-- What the broker's plugin reads. It has no access to any table: these functions are its view.

-- Message kinds above 15, by the names that clients see.
create table notification_kinds (
    kind smallint primary key check (kind >= 16),
    name text not null unique
);
insert into notification_kinds values
    (16, 'friend_request_received'), (17, 'friend_request_accepted'),
    (18, 'friend_request_declined'), (19, 'friend_removed'), (20, 'dm_opened'),
    (21, 'server_invite_received'), (22, 'server_removed'), (23, 'channel_removed');

-- Whether two people may write to each other.
create function hum_may_write(p_a bigint, p_b bigint) returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
    select exists (select from friendships where user_id = p_a and friend_id = p_b)
$$;

-- All that some users may do, for the plugin's memory. what: 's' a living session (id; last_seq is
-- its end in seconds since 1970), 'r' a room (id, kind, rights 1 read + 2 send, last_seq, server_id of a channel), 'f' a friend (id), 't' the last id
-- that had been handed out (id): a session with a higher one may be too young to be among these.
create function hum_access(p_users bigint[])
returns table (user_id bigint, what "char", id bigint, kind smallint, rights smallint,
               last_seq bigint, server_id bigint)
language sql stable security definer set search_path = public, pg_temp as $$
    select u.id, 't'::"char", (select last_value from hum_last_id), 0::smallint, 0::smallint, 0::bigint,
           0::bigint
    from unnest(p_users) u(id)
    union all
    select s.user_id, 's', s.id, 0::smallint, 0::smallint,
           extract(epoch from s.expires_at)::bigint, 0
    from sessions s
    where s.user_id = any (p_users) and s.revoked_at is null and s.expires_at > now()
    union all
    select r.id, 'r', r.id, r.kind, 1::smallint, r.last_seq, 0
    from rooms r where r.id = any (p_users) and r.kind = 4
    union all
    select u.id, 'r', r.id, r.kind,
           (case when exists (select from friendships f
                         where f.user_id = d.user_lo and f.friend_id = d.user_hi)
                 then 3 else 1 end)::smallint, r.last_seq, 0
    from unnest(p_users) u(id)
    join dms d on d.user_lo = u.id
    join rooms r on r.id = d.room_id
    union all
    select u.id, 'r', r.id, r.kind,
           (case when exists (select from friendships f
                         where f.user_id = d.user_lo and f.friend_id = d.user_hi)
                 then 3 else 1 end)::smallint, r.last_seq, 0
    from unnest(p_users) u(id)
    join dms d on d.user_hi = u.id
    join rooms r on r.id = d.room_id
    union all
    select f.user_id, 'f', f.friend_id, 0::smallint, 0::smallint, 0, 0
    from friendships f where f.user_id = any (p_users)
$$;

-- The users whose sessions were seen last, youngest first, for the broker's start.
create function hum_recent_users(p_limit integer) returns setof bigint
language sql stable security definer set search_path = public, pg_temp as $$
    select user_id from (
        select s.user_id, max(s.last_seen_at) as seen
        from (select * from sessions
              where revoked_at is null and expires_at > now()
              order by last_seen_at desc limit p_limit * 4) s
        group by s.user_id) u
    order by seen desc limit p_limit
$$;

-- A piece of a room's log, in order.
create function hum_room_tail(p_room bigint, p_after bigint, p_limit integer)
returns table (seq bigint, id bigint, sender_id bigint, kind smallint, nonce text, text text,
               ref_seq bigint, data text, sent_at_ms bigint, edited_at_ms bigint,
               deleted_at_ms bigint)
language sql stable security definer set search_path = public, pg_temp as $$
    select m.seq, m.id, m.sender_id, m.kind, m.nonce, m.text, m.ref_seq, m.data::text,
           (extract(epoch from m.sent_at) * 1000)::bigint,
           (extract(epoch from m.edited_at) * 1000)::bigint,
           (extract(epoch from m.deleted_at) * 1000)::bigint
    from messages m
    where m.room_id = p_room and m.seq > p_after
    order by m.seq limit p_limit
$$;

-- The last numbers of some rooms: what the plugin compares after it has lost its connection.
create function hum_room_heads(p_rooms bigint[]) returns table (id bigint, last_seq bigint)
language sql stable security definer set search_path = public, pg_temp as $$
    select r.id, r.last_seq from rooms r where r.id = any (p_rooms)
$$;

-- Read marks, each user and room once. They only move up, and not past the end of the log. Returns those that
-- have moved.
create function hum_mark_read(p_users bigint[], p_rooms bigint[], p_seqs bigint[])
returns table (user_id bigint, room_id bigint, seq bigint)
language sql volatile security definer set search_path = public, pg_temp as $$
    insert into read_marks (user_id, room_id, seq)
    select u.id, r.id, least(m.seq, r.last_seq)
    from unnest(p_users, p_rooms, p_seqs) m(user_id, room_id, seq)
    join users u on u.id = m.user_id
    join rooms r on r.id = m.room_id
    where least(m.seq, r.last_seq) > 0
    order by u.id, r.id
    on conflict (user_id, room_id) do update set seq = excluded.seq
    where read_marks.seq < excluded.seq
    returning read_marks.user_id, read_marks.room_id, read_marks.seq
$$;

-- Messages that were taken and cannot be stored, with the reason: for the operator to look at. The text is kept as
-- bytes, since its being no text may be the reason.
create table set_aside (
    id        bigint primary key default hum_id(),
    room_id   bigint not null,
    sender_id bigint not null,
    nonce     text not null,
    body      bytea not null,
    reason    text not null,
    at        timestamptz not null default now()
);

create function hum_set_aside(p_room bigint, p_sender bigint, p_nonce text, p_body bytea,
                              p_reason text) returns void
language sql volatile security definer set search_path = public, pg_temp as $$
    insert into set_aside (room_id, sender_id, nonce, body, reason)
    values (p_room, p_sender, p_nonce, p_body, p_reason)
$$;
