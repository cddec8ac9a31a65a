-- Rooms are logs; messages are their entries. Kinds: 1 dm, 2 server, 3 channel, 4 inbox.

-- last_seq changes with every message. The free space in each page, and no index on that column,
-- keep these updates within the page (HOT) and off the index.
create table rooms (
    id         bigint primary key,
    kind       smallint not null check (kind between 1 and 4),
    last_seq   bigint not null default 0,
    created_at timestamptz not null default now()
) with (fillfactor = 70);

create table dms (
    room_id bigint primary key references rooms on delete cascade,
    user_lo bigint not null references users on delete cascade,
    user_hi bigint not null references users on delete cascade,
    unique (user_lo, user_hi),
    check (user_lo < user_hi)
);
-- A person's DMs in the order of their ids, whichever side the person is.
create index dms_user_lo on dms (user_lo, room_id);
create index dms_user_hi on dms (user_hi, room_id);

-- Message kinds: 1 text, 2 edit, 3 delete; 16 and up are notifications (see hum_message_kind).
--
-- dedup_key is the first half of SHA-256 over sender and nonce: 16 bytes whatever the nonce's
-- length. It is null for what the system writes. Rows come only from hum_append, which holds the
-- room's lock; a foreign key to rooms would cost a look-up a message and add nothing.
create table messages (
    room_id    bigint not null,
    seq        bigint not null,
    id         bigint not null,
    sender_id  bigint,
    kind       smallint not null,
    nonce      text,
    dedup_key  uuid,
    text       text,
    ref_seq    bigint,      -- what a text replies to, or what an edit or delete is about
    data       jsonb,
    sent_at    timestamptz not null,
    edited_at  timestamptz,
    deleted_at timestamptz,
    primary key (room_id, seq),
    constraint messages_dedup unique (room_id, dedup_key)
) partition by hash (room_id);

do $$
begin
    for i in 0..15 loop
        execute format('create table messages_%s partition of messages '
                       'for values with (modulus 16, remainder %s)', lpad(i::text, 2, '0'), i);
    end loop;
end $$;

create table read_marks (
    user_id bigint not null references users on delete cascade,
    room_id bigint not null references rooms on delete cascade,
    seq     bigint not null,
    primary key (user_id, room_id)
) with (fillfactor = 70);

-- What happened, for other systems: written in the transaction of the change itself. Readers go by
-- (xid, id) below pg_snapshot_xmin, so that a transaction that commits late is not skipped.
create table events (
    id         bigint primary key default hum_id(),
    xid        xid8 not null default pg_current_xact_id(),
    kind       text not null,
    actor_id   bigint,
    subject_id bigint,
    data       jsonb not null default '{}',
    at         timestamptz not null default now()
);
create index events_order on events (xid, id);
