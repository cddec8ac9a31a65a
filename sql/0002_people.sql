-- Accounts, their devices, and who is friends with whom.

create table users (
    id           bigint primary key,
    email        text not null,
    nickname     text not null,
    -- The form in which nicknames are compared (RFC 8265), made by the control API. Byte order, so
    -- that a prefix is a range of the index.
    nickname_key text collate "C" not null,
    about        text not null default '',
    created_at   timestamptz not null default now()
);
create unique index users_email_key on users (lower(email));
create unique index users_nickname_key on users (nickname_key);

-- Apart from users, so that nothing reads a hash along with a profile.
create table user_passwords (
    user_id bigint primary key references users on delete cascade,
    hash    text not null
);

-- A session is one signed-in device. Its refresh tokens are computed from seed and generation with
-- a key that the database does not hold; nothing here can be turned into one.
create table sessions (
    id                 bigint primary key,
    user_id            bigint not null references users on delete cascade,
    device_name        text not null default '',
    device_kind        text not null default '',
    refresh_seed       bytea not null,
    refresh_generation integer not null default 1,
    created_at         timestamptz not null default now(),
    last_seen_at       timestamptz not null default now(),
    expires_at         timestamptz not null,
    revoked_at         timestamptz
);
create index sessions_user on sessions (user_id) where revoked_at is null;
create index sessions_recent on sessions (last_seen_at desc) where revoked_at is null;

create table friend_requests (
    from_id    bigint not null references users on delete cascade,
    to_id      bigint not null references users on delete cascade,
    created_at timestamptz not null default now(),
    primary key (from_id, to_id),
    check (from_id <> to_id)
);
-- One request for a pair, whichever side asks first: two that race meet here.
create unique index friend_requests_pair
    on friend_requests (least(from_id, to_id), greatest(from_id, to_id));
create index friend_requests_to on friend_requests (to_id, from_id);

-- Two rows a friendship, so that either side's list is one range of the primary key.
create table friendships (
    user_id   bigint not null references users on delete cascade,
    friend_id bigint not null references users on delete cascade,
    since     timestamptz not null default now(),
    primary key (user_id, friend_id),
    check (user_id <> friend_id)
);
create index friendships_friend on friendships (friend_id);
