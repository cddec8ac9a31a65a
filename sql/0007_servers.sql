-- Servers, who is in them, who is kept out, how one is let in; their channels; work left for later.

-- Similar names (operator %>). Trusted since PostgreSQL 13: the database's owner may create it.
create extension if not exists pg_trgm;

-- The id of a server is the id of the room of its posts. A server that was deleted counts as gone at once; its rows go
-- piece by piece (hum_purge), the room's last, and with it this one.
create table servers (
    id         bigint primary key references rooms on delete cascade,
    owner_id   bigint not null references users,
    name       text not null,
    -- The form that is searched. Byte order, so that a prefix is a range of the index.
    name_key   text collate "C" not null
        generated always as (lower(normalize(name, NFKC) collate "und-x-icu") collate "C") stored,
    about      text not null default '',
    public     boolean not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);
create index servers_owner on servers (owner_id, id);
create index servers_name on servers (name_key, id) where public and deleted_at is null;
create index servers_similar on servers using gin (name_key gin_trgm_ops)
    where public and deleted_at is null;

-- The owner is a member, too.
create table server_members (
    server_id bigint not null references servers on delete cascade,
    user_id   bigint not null references users on delete cascade,
    joined_at timestamptz not null default now(),
    primary key (server_id, user_id)
);
create index server_members_user on server_members (user_id, server_id);

create table server_bans (
    server_id bigint not null references servers on delete cascade,
    user_id   bigint not null references users on delete cascade,
    banned_at timestamptz not null default now(),
    primary key (server_id, user_id)
);
create index server_bans_user on server_bans (user_id);

create table server_invites (
    id         bigint primary key default hum_id(),
    server_id  bigint not null references servers on delete cascade,
    user_id    bigint not null references users on delete cascade,
    inviter_id bigint not null references users on delete cascade,
    created_at timestamptz not null default now(),
    unique (server_id, user_id)
);
create index server_invites_user on server_invites (user_id, id);
create index server_invites_inviter on server_invites (inviter_id);

-- Of a code only its SHA-256 is kept: who reads this table cannot use any.
create table invite_codes (
    hash       bytea primary key check (octet_length(hash) = 32),
    server_id  bigint not null references servers on delete cascade,
    creator_id bigint not null references users on delete cascade,
    max_uses   integer check (max_uses > 0), -- null: no bound
    uses       integer not null default 0,
    expires_at timestamptz not null,
    check (uses <= max_uses)
);
create index invite_codes_creator on invite_codes (server_id, creator_id);
create index invite_codes_user on invite_codes (creator_id);
create index invite_codes_end on invite_codes (expires_at);

create table channels (
    id         bigint primary key references rooms on delete cascade,
    server_id  bigint not null references servers on delete cascade,
    name       text not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);
create index channels_server on channels (server_id, id);

-- Whatever races, nobody is in two channels: that is the primary key. And nobody is in a channel of a server that they
-- are not in: that is the second foreign key.
create table channel_members (
    user_id    bigint primary key references users on delete cascade,
    channel_id bigint not null references channels on delete cascade,
    server_id  bigint not null,
    joined_at  timestamptz not null default now(),
    foreign key (server_id, user_id) references server_members on delete cascade
);
create index channel_members_channel on channel_members (channel_id, user_id);

-- What must reach many, or takes long: committed with the change itself, done in pieces by a worker. Kinds: 1 a server
-- is gone, 2 a channel is gone.
create table jobs (
    id         bigint primary key default hum_id(),
    kind       smallint not null check (kind in (1, 2)),
    room_id    bigint not null,
    actor_id   bigint not null,
    data       jsonb not null,              -- of the notifications
    told       boolean not null default false,
    told_upto  bigint not null default 0,   -- the last user who has been told
    attempts   integer not null default 0,  -- in a row that have failed
    run_at     timestamptz not null default now()
);
create index jobs_order on jobs (run_at, id);

-- A room that goes takes its read marks along.
create index read_marks_room on read_marks (room_id);

-- Public servers whose names are similar to a folded text of at least three characters, which make a trigram, but do
-- not begin with it; the lower the rank (1 to 10001), the more so. Of many, those among the first 2,000 that the index
-- yields: a word that half of all names hold must not cost more than another. With a limit, reading all of the table
-- looks cheap to the planner, and is not when few names match: only the index of trigrams is left to it.
create function hum_similar_servers(p_key text) returns table (id bigint, name_key text, rank integer)
language sql stable security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_indexscan = off set enable_indexonlyscan = off
set pg_trgm.word_similarity_threshold = 0.45 as $$
    select s.id, s.name_key, 10001 - (word_similarity(p_key, s.name_key) * 10000)::integer
    from (select * from servers
          where public and deleted_at is null and name_key %> p_key and length(p_key) >= 3
          limit 2000) s
    where not starts_with(s.name_key, p_key)
$$;

-- Removes a piece of a server or channel that was deleted: at most p_limit rows a call. True: there may be more. What
-- was not deleted is left alone.
create function hum_purge(p_room bigint, p_limit integer) returns boolean
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_channel bigint;
begin
    if not exists (select from servers where id = p_room and deleted_at is not null)
       and not exists (select from channels c join servers s on s.id = c.server_id
                       where c.id = p_room and (c.deleted_at is not null or s.deleted_at is not null)) then
        return false;
    end if;
    delete from channel_members where user_id in
        (select user_id from channel_members where channel_id = p_room limit p_limit);
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
    delete from messages where room_id = p_room and seq in
        (select seq from messages where room_id = p_room order by seq limit p_limit);
    if found then return true; end if;
    -- Somebody whose right was still in the broker's memory may be writing: then once more.
    perform from rooms where id = p_room for update;
    if exists (select from messages where room_id = p_room) then return true; end if;
    delete from rooms where id = p_room;
    return false;
end $$;

-- As before, and servers and channels. What: see 0005.
create or replace function hum_access(p_users bigint[])
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
    select m.user_id, 'r', r.id, r.kind,
           (case s.owner_id when m.user_id then 3 else 1 end)::smallint, r.last_seq, 0
    from server_members m
    join servers s on s.id = m.server_id and s.deleted_at is null
    join rooms r on r.id = m.server_id
    where m.user_id = any (p_users)
    union all
    select m.user_id, 'r', r.id, r.kind, 3::smallint, r.last_seq, c.server_id
    from channel_members m
    join channels c on c.id = m.channel_id and c.deleted_at is null
    join servers s on s.id = c.server_id and s.deleted_at is null
    join rooms r on r.id = m.channel_id
    where m.user_id = any (p_users)
    union all
    select f.user_id, 'f', f.friend_id, 0::smallint, 0::smallint, 0, 0
    from friendships f where f.user_id = any (p_users)
$$;

revoke execute on all functions in schema public from public;
grant execute on function hum_purge(bigint, integer), hum_similar_servers(text) to hum_api_role;
-- To change a row is also to lock it: what is deleted later holds still while somebody joins or posts.
grant select, insert on servers, channels to hum_api_role;
grant update (name, about, public, deleted_at) on servers to hum_api_role;
grant update (deleted_at) on channels to hum_api_role;
grant select, insert, delete on server_members, server_bans, server_invites, invite_codes,
    channel_members, jobs to hum_api_role;
grant update (uses) on invite_codes to hum_api_role;
grant update (channel_id, server_id, joined_at) on channel_members to hum_api_role;
grant update (told, told_upto, attempts, run_at) on jobs to hum_api_role;
