-- Blocks, and people whose nicknames are similar.

-- A block and a friendship of the same two exclude one another, as do a block and a request or an invite between them:
-- each is written under the lock of the pair.
create table blocks (
    user_id    bigint not null references users on delete cascade,
    blocked_id bigint not null references users on delete cascade,
    created_at timestamptz not null default now(),
    primary key (user_id, blocked_id),
    check (user_id <> blocked_id)
);
create index blocks_blocked on blocks (blocked_id, user_id);

-- The invites of one to one other.
drop index server_invites_inviter;
create index server_invites_inviter on server_invites (inviter_id, user_id);

create or replace function hum_may_write(p_a bigint, p_b bigint) returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
    select exists (select from friendships where user_id = p_a and friend_id = p_b)
       and not exists (select from blocks where user_id = p_a and blocked_id = p_b)
       and not exists (select from blocks where user_id = p_b and blocked_id = p_a)
$$;

create index users_similar on users using gin (nickname_key gin_trgm_ops);

-- People whose nicknames are similar to a key, but do not begin with it. As hum_similar_servers. Who has no nickname
-- (any more) is similar to nobody.
create function hum_similar_users(p_key text) returns table (id bigint, nickname_key text, rank integer)
language sql stable security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_indexscan = off set enable_indexonlyscan = off
set pg_trgm.word_similarity_threshold = 0.45 as $$
    select u.id, u.nickname_key, 10001 - (word_similarity(p_key, u.nickname_key) * 10000)::integer
    from (select * from users
          where nickname_key %> p_key and length(p_key) >= 3
          limit 2000) u
    where not starts_with(u.nickname_key, p_key)
$$;

revoke execute on all functions in schema public from public;
grant execute on function hum_similar_users(text) to hum_api_role;
grant select, insert, delete on blocks to hum_api_role;
